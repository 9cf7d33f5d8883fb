"""VGG-16 and VGG-19 (Simonyan & Zisserman 2014), from one table."""

from __future__ import annotations

# Convolutions per block and their channels; a 2x2 pooling follows each block.
BLOCK_CHANNELS = (64, 128, 256, 512, 512)
BLOCK_DEPTHS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}


def convolution_names(architecture: str) -> tuple[str, ...]:
    """`conv1_1`, `conv1_2`, ... of an architecture, shallow to deep."""
    return tuple(
        f"conv{block}_{i}" for block, depth in enumerate(BLOCK_DEPTHS[architecture], 1) for i in range(1, depth + 1)
    )
