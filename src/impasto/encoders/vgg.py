"""VGG-16 and VGG-19 (Simonyan & Zisserman 2014), from one table, and what their layers are called."""

from __future__ import annotations

import re

# Convolutions per block and their channels; a 2x2 pooling follows each block.
BLOCK_CHANNELS = (64, 128, 256, 512, 512)
BLOCK_DEPTHS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}


def convolution_names(architecture: str) -> tuple[str, ...]:
    """`conv1_1`, `conv1_2`, ... of an architecture, shallow to deep."""
    return tuple(
        f"conv{block}_{i}" for block, depth in enumerate(BLOCK_DEPTHS[architecture], 1) for i in range(1, depth + 1)
    )


# The public names of VGG-19's layers, of which VGG-16's are some.
VGG_LAYERS = tuple(name.replace("conv", "relu") for name in convolution_names("vgg19"))

_ALIASES = (
    (re.compile(r"^conv(\d)_(\d)$"), r"relu\1_\2"),  # the papers: "convX_Y" is after the ReLU there
    (re.compile(r"^block(\d)_conv(\d)$"), r"relu\1_\2"),  # Keras: its convolutions include the ReLU
    (re.compile(r"^block(\d)_pool$"), r"pool\1"),
)


def canonical_layer(name: str) -> str:
    """The public name of a layer: `conv4_2` (papers) and `block4_conv2` (Keras) both mean `relu4_2`."""
    for pattern, replacement in _ALIASES:
        if pattern.match(name):
            return pattern.sub(replacement, name)
    return name
