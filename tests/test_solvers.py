"""Solvers: each formula step by step, each promise of the protocol, and every solver on every problem."""

import math
from itertools import pairwise

import pytest
import torch

from impasto.solvers import (
    LBFGS,
    SGD,
    Adam,
    Averaged,
    Clamped,
    InUnits,
    RMSprop,
    changed,
    history,
    two_loop,
    with_history,
)

SHAPE = (1, 3, 4, 5)


def counted(function):
    """The (value, gradient) of a function of an image, and the list of images it was asked for."""
    seen = []

    def value_and_grad(image):
        seen.append(image)
        x = image.detach().requires_grad_()
        value = function(x)
        (grad,) = torch.autograd.grad(value, x)
        return value.detach(), grad

    return value_and_grad, seen


def trajectory(solver, function, image, steps):
    """The images a solver looks at, the first one included, and its final result."""
    value_and_grad, state, images = counted(function)[0], solver.init(image), [image]
    for _ in range(steps):
        image, state = solver.step(value_and_grad, image, state)
        images.append(image)
    return images, solver.result(image, state)


def quadratic(x):
    """Minimum 0 at 0.3, with curvatures from 1 to 1000."""
    return (torch.logspace(0, 3, x.numel(), dtype=x.dtype).reshape(x.shape) * (x - 0.3) ** 2).sum() / 2


def rosenbrock(x):
    """Minimum 0 at 1, at the end of a bent valley."""
    a, b = x.flatten()[::2], x.flatten()[1::2]
    return (100 * (b - a**2) ** 2 + (1 - a) ** 2).sum()


def convex(x):
    """Minimum 0 at 0.3, flat there: log cosh and a fourth power."""
    return ((x - 0.3).cosh().log() + (x - 0.3) ** 4).sum()


PROBLEMS = {
    "quadratic": (quadratic, torch.full(SHAPE, 0.6, dtype=torch.float64)),
    "rosenbrock": (rosenbrock, torch.tensor([-1.2, 1.0] * 5, dtype=torch.float64).reshape(1, 1, 2, 5)),
    "convex": (convex, torch.linspace(-1, 2, 60, dtype=torch.float64).reshape(SHAPE)),
}
SOLVERS = {
    "lbfgs": LBFGS(),
    "lbfgs of 3 pairs": LBFGS(history=3),
    "adam": Adam(),
    "rmsprop": RMSprop(lr=5e-3),
    "sgd": SGD(lr=1e-3, decay=0.99),
    "averaged adam": Averaged(Adam(), decay=0.95),
    "lbfgs in units": InUnits(LBFGS(), 255.0),
}


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_comes_down_with_one_evaluation_per_step(name, problem):
    (function, image), solver = PROBLEMS[problem], SOLVERS[name]
    start, state = function(image), solver.init(image)
    value_and_grad, seen = counted(function)
    for _ in range(150):
        before = image.clone()
        looked_at = image
        image, state = solver.step(value_and_grad, image, state)
        assert torch.equal(looked_at, before), "a solver leaves its image as it is"
    assert len(seen) == 150
    assert function(solver.result(image, state)) < 0.7 * start


@pytest.mark.parametrize("history", [10, 20])
def test_lbfgs_reaches_the_minimum_of_rosenbrock(history):
    function, image = PROBLEMS["rosenbrock"]
    _, result = trajectory(LBFGS(history=history), function, image, 200)
    assert function(result) < 1e-4


@pytest.mark.parametrize("problem", ["quadratic", "convex"])
def test_lbfgs_reaches_the_minimum_of_what_is_convex(problem):
    function, image = PROBLEMS[problem]
    _, result = trajectory(LBFGS(), function, image, 300)
    torch.testing.assert_close(result, torch.full_like(result, 0.3), rtol=0, atol=1e-4)


# First-order solvers, step by step


def against_torch(solver, optimiser, steps=20):
    """The largest distance between the images of a solver and those of a torch.optim class."""
    function, image = PROBLEMS["convex"]
    images, _ = trajectory(solver, function, image, steps)
    x = image.clone().requires_grad_()
    optimiser, worst = optimiser([x]), 0.0
    for ours in images[1:]:
        optimiser.zero_grad()
        function(x).backward()
        optimiser.step()
        worst = max(worst, float((x.detach() - ours).abs().max()))
    return worst


def test_adam_is_that_of_torch():
    theirs = lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.9, 0.99), eps=1e-8)  # noqa: E731
    assert against_torch(Adam(lr=0.02, beta1=0.9, beta2=0.99, epsilon=1e-8), theirs) < 1e-10


def test_rmsprop_with_epsilon_outside_is_that_of_torch():
    theirs = lambda p: torch.optim.RMSprop(p, lr=1e-2, alpha=0.9, eps=1e-3)  # noqa: E731
    assert against_torch(RMSprop(lr=1e-2, rho=0.9, epsilon=1e-3, epsilon_placement="outside"), theirs) < 1e-10


def test_rmsprop_is_that_of_keras():
    """v = rho v + (1 - rho) g^2;  x = x - lr g / sqrt(v + epsilon), number by number."""
    lr, rho, epsilon = 1e-2, 0.9, 1e-3
    function, image = PROBLEMS["convex"]
    images, _ = trajectory(RMSprop(lr=lr, rho=rho, epsilon=epsilon), function, image, 20)
    x, v = image.flatten().tolist(), [0.0] * image.numel()
    for ours in images[1:]:
        for i, value in enumerate(x):
            g = math.tanh(value - 0.3) + 4 * (value - 0.3) ** 3
            v[i] = rho * v[i] + (1 - rho) * g * g
            x[i] -= lr * g / math.sqrt(v[i] + epsilon)
        assert ours.flatten().tolist() == pytest.approx(x, abs=1e-12)


def test_sgd_decays_by_its_factor_per_decay_steps():
    """With a gradient of 1 the steps are the rates: lr * decay^(step / decay_steps)."""
    image = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    images, _ = trajectory(SGD(lr=2.0, decay=0.5, decay_steps=4), torch.sum, image, 9)
    rates = [float(a - b) for a, b in pairwise(images)]
    assert rates == pytest.approx([2 * 0.5 ** (step / 4) for step in range(9)])


# L-BFGS


def dense_inverse_hessian(pairs):
    """H = V^T H V + rho s s^T from H_0 = (s.y / y.y) I of the newest pair (Nocedal & Wright, equation 6.17)."""
    s, y, _ = pairs[-1]
    identity = torch.eye(s.numel(), dtype=s.dtype)
    h = (s.flatten() @ y.flatten()) / (y.flatten() @ y.flatten()) * identity
    for s, y, _ in pairs:
        s, y = s.flatten(), y.flatten()
        rho = 1 / (s @ y)
        v = identity - rho * torch.outer(y, s)
        h = v.T @ h @ v + rho * torch.outer(s, s)
    return h


@pytest.mark.parametrize("count", [1, 2, 5])
def test_two_loop_is_the_dense_bfgs_matrix_times_the_gradient(count, normal):
    pairs = []
    for _ in range(count):
        s, m = normal(1, 3, 2, 2), normal(12, 12)
        y = ((m @ m.T + torch.eye(12)) @ s.flatten()).reshape(s.shape)
        pairs.append((s, y, 1 / float((s * y).sum())))
    grad = normal(1, 3, 2, 2)
    expected = (dense_inverse_hessian(pairs) @ grad.flatten()).reshape(grad.shape)
    torch.testing.assert_close(two_loop(grad, tuple(pairs)), expected, rtol=1e-9, atol=1e-9)


def test_two_loop_without_pairs_is_the_gradient(normal):
    grad = normal(1, 3, 2, 2)
    assert torch.equal(two_loop(grad, ()), grad)


def test_lbfgs_moves_as_dense_bfgs_does(normal):
    """First min(1, 1/|g|_1) along the gradient, then -H g with all pairs so far."""
    m, b = normal(12, 12), normal(12)
    hessian = m @ m.T / 12 + torch.eye(12)

    def function(x):
        return x.flatten() @ hessian @ x.flatten() / 2 - b @ x.flatten()

    image = normal(1, 3, 2, 2)
    images, _ = trajectory(LBFGS(tolerance=math.inf), function, image, 6)
    x, g, pairs = image.flatten(), hessian @ image.flatten() - b, []
    moved = x - min(1, 1 / float(g.abs().sum())) * g
    for ours in images[1:]:
        torch.testing.assert_close(ours.flatten(), moved, rtol=1e-8, atol=1e-8)
        before, x, before_g = x, moved, g
        g = hessian @ x - b
        pairs.append((x - before, g - before_g, None))
        moved = x - dense_inverse_hessian(pairs) @ g


def test_lbfgs_remembers_no_more_pairs_than_asked():
    function, image = PROBLEMS["convex"]
    solver = LBFGS(history=3)
    value_and_grad, state = counted(function)[0], solver.init(image)
    for _ in range(10):
        image, state = solver.step(value_and_grad, image, state)
    assert len(state.pairs) == 3


def slope(x):
    """Nearly straight far from its minimum 0 at 0.3, so that a quasi-Newton step leaps far beyond it."""
    return (x - 0.3).cosh().log().sum()


def cliff(x):
    """`slope`, but no number beyond its minimum."""
    return slope(x) + torch.where(x < 0.25, torch.nan, 0.0).sum()


def wall(x):
    """`slope`, but for a wall beyond its minimum."""
    return slope(x) + 1e6 * (x < 0.25).sum()


@pytest.mark.parametrize("function", [cliff, wall])
def test_lbfgs_backs_off_from_where_the_loss_breaks(function):
    image, solver = torch.full(SHAPE, 3.0, dtype=torch.float64), LBFGS()
    value_and_grad, seen = counted(function)
    state, values = solver.init(image), []
    for _ in range(60):
        image, state = solver.step(value_and_grad, image, state)
        values.append(float(function(solver.result(image, state))))
    assert any(not float(function(x)) < 1e5 for x in seen), "the trap was met"
    assert all(value < 1e5 for value in values), "and never kept"
    assert values[-1] < 0.1


def test_lbfgs_keeps_no_point_that_raises_the_loss_by_more_than_its_tolerance():
    function, image = PROBLEMS["rosenbrock"]
    solver = LBFGS()
    value_and_grad, state, kept = counted(function)[0], solver.init(image), [math.inf]
    for _ in range(100):
        image, state = solver.step(value_and_grad, image, state)
        kept.append(float(function(solver.result(image, state))))
    assert all(b <= 1.01 * a for a, b in pairwise(kept))


def test_lbfgs_goes_on_from_a_flat_place():
    image = torch.ones(SHAPE)
    images, result = trajectory(LBFGS(), lambda x: 0 * x.sum(), image, 3)
    assert torch.equal(result, image)
    assert all(torch.equal(x, image) for x in images)


# Wrappers


def test_averaged_gives_the_corrected_moving_average():
    """(1 - d) sum d^(n - k) x_k / (1 - d^n), over the images after each step."""
    function, image = PROBLEMS["convex"]
    images, result = trajectory(Averaged(Adam(), decay=0.9), function, image, 7)
    weights = [0.9 ** (7 - k) for k in range(1, 8)]
    expected = sum(w * x for w, x in zip(weights, images[1:], strict=True)) / sum(weights)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)
    plain, _ = trajectory(Adam(), function, image, 7)
    assert torch.equal(images[-1], plain[-1])


def test_averaged_before_the_first_step_gives_the_image():
    _, result = trajectory(Averaged(Adam()), convex, torch.ones(SHAPE), 0)
    assert torch.equal(result, torch.ones(SHAPE))


@pytest.mark.parametrize("solver", [LBFGS(), Adam(lr=2.0), RMSprop(lr=1.0), SGD(lr=0.5)], ids=str)
def test_in_units_is_the_same_solver_on_the_scaled_problem(solver):
    """InUnits(solver, s) on f(x) is solver on g(y) = f(y / s)."""
    function, image = PROBLEMS["convex"]
    ours, result = trajectory(InUnits(solver, 255.0), function, image, 12)
    theirs, their_result = trajectory(solver, lambda y: function(y / 255.0), 255.0 * image, 12)
    for x, y in zip(ours, theirs, strict=True):
        torch.testing.assert_close(x, y / 255.0, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(result, their_result / 255.0, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("inner", [Adam(lr=0.3), LBFGS(lr=2.0), SGD(lr=1.0)], ids=str)
def test_clamped_stays_in_the_displayable_range(inner):
    image = torch.linspace(0, 1, 60, dtype=torch.float64).reshape(SHAPE)
    images, result = trajectory(Clamped(inner), lambda x: ((x - 1.7) ** 2).sum() + x.sum() ** 2 / 9, image, 20)
    assert all(x.min() >= 0 and x.max() <= 1 for x in (*images, result))


# Between pyramid levels


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_goes_on_at_the_next_size(name):
    solver, image = SOLVERS[name], torch.full((1, 3, 4, 5), 0.9, dtype=torch.float64)
    value_and_grad, state = counted(convex)[0], solver.init(image)
    for _ in range(3):
        image, state = solver.step(value_and_grad, image, state)
    larger = torch.full((1, 3, 9, 11), 0.9, dtype=torch.float64)
    state = solver.rescale(state, larger)
    assert torch.equal(solver.result(larger, state), larger) or "units" in name
    for _ in range(3):
        larger, state = solver.step(value_and_grad, larger, state)
    result = solver.result(larger, state)
    assert result.shape == (1, 3, 9, 11)
    assert convex(result) < convex(torch.full_like(result, 0.9))


def test_adam_takes_its_moments_to_the_next_size():
    image, solver = torch.full((1, 3, 4, 4), 0.9, dtype=torch.float64), Adam()
    value_and_grad, state = counted(convex)[0], solver.init(image)
    for _ in range(5):
        image, state = solver.step(value_and_grad, image, state)
    warm = solver.rescale(state, torch.zeros(1, 3, 8, 8, dtype=torch.float64))
    assert warm.steps == 5
    for name in ("first", "second"):
        value = getattr(warm, name)
        assert value.shape == (1, 3, 8, 8)
        torch.testing.assert_close(value, torch.full_like(value, float(getattr(state, name)[0, 0, 0, 0])))


def test_lbfgs_leaves_a_summit_with_growing_steps():
    """Where the objective curves downwards there is no curvature to learn from, and steps of the first one's length
    would never end."""

    def hill(x):
        return (-((x - 0.5) ** 2)).exp().sum()

    images, _ = trajectory(LBFGS(), hill, torch.full(SHAPE, 0.501, dtype=torch.float64), 12)
    moves = [float((b - a).abs().max()) for a, b in pairwise(images)]
    assert moves[3] > 10 * moves[1]
    assert abs(float(images[-1].mean()) - 0.5) > 0.2


def test_lbfgs_bears_gradients_whose_squares_are_too_small_for_float32():
    def faint(x):
        return (1e-25 * (x - 0.3) ** 2).sum()

    images, _ = trajectory(LBFGS(), faint, torch.full(SHAPE, 0.6), 5)
    assert all(torch.isfinite(image).all() for image in images)


def test_lbfgs_backs_off_from_a_gradient_that_is_no_number():
    image, solver = torch.full(SHAPE, 0.6, dtype=torch.float64), LBFGS()
    value_and_grad, state = counted(quadratic)[0], solver.init(image)
    for _ in range(3):
        image, state = solver.step(value_and_grad, image, state)
    kept = solver.result(image, state)
    nearer, state = solver.step(lambda x: (torch.zeros((), dtype=x.dtype), x * torch.nan), image, state)
    assert torch.equal(solver.result(nearer, state), kept)
    torch.testing.assert_close(nearer - kept, 0.35 * (image - kept))


# What is inside


def test_a_field_is_changed_in_a_solver_and_in_all_that_it_wraps():
    double = lambda value: 2 * value  # noqa: E731
    assert changed(Averaged(Clamped(Adam(lr=0.5))), "lr", double) == Averaged(Clamped(Adam(lr=1.0)))
    assert changed(InUnits(LBFGS(history=3), 2.0), "history", double) == InUnits(LBFGS(history=6), 2.0)
    assert changed(InUnits(InUnits(SGD(), 3.0), 2.0), "scale", double) == InUnits(InUnits(SGD(), 6.0), 4.0)
    assert changed(Clamped(SGD()), "history", double) == Clamped(SGD())


def test_the_history_of_a_wrapped_solver_is_known_and_shortened():
    assert [history(s) for s in (Adam(), LBFGS(history=7), Averaged(InUnits(LBFGS(history=9), 2.0)))] == [0, 7, 9]
    assert with_history(Averaged(LBFGS(history=9)), 4) == Averaged(LBFGS(history=4))
    assert with_history(LBFGS(history=3), 4) == LBFGS(history=3)
    assert with_history(Adam(), 4) == Adam()
