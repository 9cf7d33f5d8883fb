"""What the sources print, written down a second time: values with their gradients, derived by hand, in NumPy.

Features are (C, M), a row per channel. Each function gives the value and its gradient with respect to the features.
"""

import numpy as np


def content(f, p, factor):
    """factor * sum (F - P)^2; equation (2) of Gatys et al. 2016 for a factor of 1/2."""
    return factor * ((f - p) ** 2).sum(), 2 * factor * (f - p)


def style(f, s, factor):
    """factor * sum (G/M - A/M')^2 with G = F F^T; equation (6) for a factor of 1/(4 N^2)."""
    m = f.shape[1]
    difference = f @ f.T / m - s @ s.T / s.shape[1]
    return factor * (difference**2).sum(), 4 * factor * difference.T @ f / m


def mean_and_deviation(f, s, factor):
    """factor * mean over channels of (mu - mu')^2 + (sigma - sigma')^2."""
    (mu, sigma), (mu_s, sigma_s) = ((x.mean(1, keepdims=True), (x.var(1, keepdims=True) + 1e-8) ** 0.5) for x in (f, s))
    value = ((mu - mu_s) ** 2 + (sigma - sigma_s) ** 2).mean()
    grad = (mu - mu_s) + (sigma - sigma_s) * (f - mu) / sigma
    return factor * value, factor * 2 / f.size * grad


def wasserstein(f, s, factor):
    """factor/C * (|mu - mu'|^2 + tr (S + S' - 2 (S'^1/2 S S'^1/2)^1/2)), both covariances raised as the loss states."""
    c, m = f.shape
    mu, mu_s = f.mean(1, keepdims=True), s.mean(1, keepdims=True)
    ridge = (1e-3 * s.var(1).mean() + 1e-4 * (s**2).mean()) * np.eye(c)
    a, b = np.cov(f, bias=True) + ridge, np.cov(s, bias=True) + ridge
    root = power(b, 0.5)
    value = ((mu - mu_s) ** 2).sum() + np.trace(a + b - 2 * power(root @ a @ root, 0.5))
    transport = root @ power(root @ a @ root, -0.5) @ root
    grad = 2 * (mu - mu_s) / m + 2 * (np.eye(c) - transport) @ (f - mu) / m
    return factor / c * value, factor / c * grad


def power(matrix, exponent):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values**exponent) @ vectors.T


# Of an image (3, H, W)


def keras_smoothness(x, factor):
    """factor * sum ((x - below)^2 + (x - right)^2)^1.25 of an image in [0, 255]; x is in [0, 1]."""
    y = 255 * x
    down, right = y[:, :-1, :-1] - y[:, 1:, :-1], y[:, :-1, :-1] - y[:, :-1, 1:]
    outer = 2.5 * (down**2 + right**2) ** 0.25
    grad = np.zeros_like(x)
    grad[:, :-1, :-1] += outer * (down + right)
    grad[:, 1:, :-1] -= outer * down
    grad[:, :-1, 1:] -= outer * right
    return factor * ((down**2 + right**2) ** 1.25).sum(), factor * 255 * grad


def johnson_smoothness(x, factor):
    """The gradient as neural-style has it, of an image in [0, 256], and what it is the gradient of."""
    y = 256 * x
    down, right = y[:, :-1, :-1] - y[:, 1:, :-1], y[:, :-1, :-1] - y[:, :-1, 1:]
    grad = np.zeros_like(x)
    grad[:, :-1, :-1] += down + right
    grad[:, 1:, :-1] -= down
    grad[:, :-1, 1:] -= right
    return factor * ((down**2).sum() + (right**2).sum()) / 2, factor * 256 * grad


def nine_points(x, factor):
    """factor * 2 * (mean right^2 / 3 + mean down^2 / 3 + mean falling^2 / 12 + mean rising^2 / 12), borders repeat."""
    _, height, width = x.shape
    y = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="edge")
    grad, value = np.zeros_like(y), 0.0
    rows, columns = slice(1, height + 1), slice(1, width + 1)
    everything = slice(0, -1), slice(1, None)
    for here, there, weight in (
        ((rows, columns), (rows, slice(2, None)), 2 / 3),
        ((rows, columns), (slice(2, None), columns), 2 / 3),
        ((everything[0], everything[0]), (everything[1], everything[1]), 1 / 6),
        ((everything[0], everything[1]), (everything[1], everything[0]), 1 / 6),
    ):
        step = y[(slice(None), *there)] - y[(slice(None), *here)]
        value += weight * (step**2).mean()
        grad[(slice(None), *there)] += 2 * weight * step / step.size
        grad[(slice(None), *here)] -= 2 * weight * step / step.size
    for axis in (1, 2):  # what the repeated borders felt, the border feels
        grad = np.moveaxis(grad, axis, 0)
        grad[1] += grad[0]
        grad[-2] += grad[-1]
        grad = np.moveaxis(grad[1:-1], 0, axis)
    return factor * value, factor * grad


def out_of_range(x, factor):
    """factor * mean squared excess over [0, 1]."""
    excess = x - x.clip(0, 1)
    return factor * (excess**2).mean(), 2 * factor * excess / x.size
