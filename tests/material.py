"""A network and pictures that come out the same everywhere, to the last bit: for comparing programs.

Needs NumPy alone, so that a program in another environment can use it too (benchmarks/fidelity does).
"""

import numpy as np

DEPTHS, WIDTHS = (2, 2, 4, 4, 4), (64, 128, 256, 512, 512)  # VGG-19


def filters(widths=WIDTHS, gain=1.0):
    """(name, kernel (out, in, 3, 3), bias (out,)) of each convolution of a VGG-19 in turn, random, float32.

    Kernels keep activations as large as the first layer makes them (He et al. 2015), about `gain` times its input. The
    raw numbers of PCG64 are promised to stay what they are.
    """
    generator, channels = np.random.PCG64(19), 3
    for block, (depth, width) in enumerate(zip(DEPTHS, widths, strict=True), 1):
        for i in range(1, depth + 1):
            bound = (6 / (9 * channels)) ** 0.5 * (gain if channels == 3 else 1.0)
            kernel = _uniform(generator, width * channels * 9) * np.float32(bound)
            bias = _uniform(generator, width) * np.float32(0.1)
            yield f"conv{block}_{i}", kernel.reshape(width, channels, 3, 3), bias
            channels = width


def _uniform(generator, count):
    """Numbers in [-1, 1), multiples of 2^-23."""
    return (generator.random_raw(count) >> 40).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)


def content(height=48, width=64):
    """Broad slanted bands.  Shape: (height, width, 3), RGB, uint8."""
    return _bands(height, width, ((3, 5), (7, -2), (-4, 6)))


def style(height=80, width=96):
    """Narrow bands of other colors.  Shape: (height, width, 3), RGB, uint8."""
    return _bands(height, width, ((29, 13), (-17, 41), (23, -37)))


def _bands(height, width, slopes):
    y, x = np.mgrid[:height, :width]
    return np.stack([np.abs((a * x + b * y + 90 * a * a) % 510 - 255) for a, b in slopes], axis=2).astype(np.uint8)
