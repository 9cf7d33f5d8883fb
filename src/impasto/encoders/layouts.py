"""Keys and shapes -> VGG's convolutions in their order, under one naming, with the preprocessing they need.

Four ways of naming are known, each alone or behind `module.`:

    features.N.weight          torchvision, and conversions from Caffe (N counts ReLUs and poolings, too)
    convB_I.weight             the authors' `vgg_conv.pth`, and other depths; with `rgb_to_bgr.*`, a 1x1 layer is first
    N.weight                   an unnamed chain: `features` alone, or the normalised VGG that begins with a 1x1 layer
    blockB_convI/kernel        Keras (HWIO); layers with other names, such as conv2d_3, count in their order
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.encoders.preprocessing import Preprocessing
from impasto.encoders.vgg import convolution_names
from impasto.errors import WeightsError

ARCHITECTURES = ("vgg19", "vgg16")  # where a file could be the beginning of both, it is the first
MOST = 1 << 26  # numbers in all layers; VGG-19's convolutions have 20 million
OWN = "chain"  # blocks deeper than a VGG's

State = Mapping[str, Tensor]
Parts = dict[str, Tensor]  # `weight` and `bias` of a layer


@dataclass(frozen=True, eq=False)
class Chain:
    """VGG's convolutions as a file has them.  `style` is the way of naming: features, names, chain or Keras."""

    style: str
    architecture: str
    tensors: dict[str, Tensor]
    color: Preprocessing | None = None


def feature_indices(architecture: str) -> dict[int, str]:
    """Where torchvision's `features` have their convolutions: {0: conv1_1, 2: conv1_2, 5: conv2_1, ...}."""
    names = convolution_names(architecture)
    return {2 * i + int(name[4]) - 1: name for i, name in enumerate(names)}


def find_chain(tensors: State) -> Chain:
    """VGG's convolutions among `tensors`, checked to be an unbroken chain from conv1_1 on; the rest is ignored.

    Shape: weights (out, in, 3, 3), biases (out,).

    Raises:
        WeightsError: there are none, or something about them is wrong; the message says what.
    """
    state = {key.removeprefix("module."): tensor for key, tensor in tensors.items()}
    if any(re.fullmatch(r"features\.\d+\.running_mean", key) for key in state):
        raise WeightsError("it has batch normalisation (vgg16_bn, vgg19_bn), which is not supported; use the plain VGG")
    if features := _layers(state, r"features\.(\d+)\.(weight|bias)"):
        return _chain("features", _by_index(features))
    if named := _layers(state, r"(conv\d_\d)\.(weight|bias)"):
        return _chain("names", named, _layers(state, r"(rgb_to_bgr)\.(weight|bias)").get("rgb_to_bgr"))
    if numbered := _layers(state, r"(\d+)\.(weight|bias)"):
        if any(feature_indices(known).keys() >= set(map(int, numbered)) for known in ARCHITECTURES):
            return _chain("features", _by_index(numbered))
        first, *others = (numbered[number] for number in sorted(numbered, key=int))
        if "weight" in first and first["weight"].shape == (3, 3, 1, 1):
            return _chain("chain", _by_order(others or [{}]), first)
        return _chain("chain", _by_order([first, *others]))
    if keras := _keras_layers(state):
        names = {f"conv{m[1]}_{m[2]}": keras[m[0]] for m in map(_KERAS_NAME.fullmatch, keras) if m}
        return _chain("Keras", names or _by_order(list(keras.values())))
    some = ", ".join(list(state)[:3]) or "none"
    raise WeightsError(f"there are no layers of VGG-16 or VGG-19 in it; its keys: {some}, ...")


# --- the ways of naming ---


_KERAS_NAME = re.compile(r"(?:.*[/.])?block(\d)_conv(\d)")


def _layers(state: State, pattern: str) -> dict[str, Parts]:
    """The layers whose keys match `pattern`, by its first group; the second names the part."""
    layers: dict[str, Parts] = {}
    for key, tensor in state.items():
        if match := re.fullmatch(pattern, key):
            layers.setdefault(match[1], {})[match[2]] = tensor
    return layers


def _keras_layers(state: State) -> dict[str, Parts]:
    layers = {}
    for name, parts in _layers(state, r"(.+?)[/.](kernel|bias)(?::0)?").items():
        if "kernel" in parts and parts["kernel"].ndim == 4:
            layers[name] = {**parts, "weight": parts["kernel"].permute(3, 2, 0, 1)}
    return layers


def _by_index(layers: Mapping[str, Parts]) -> dict[str, Parts]:
    """Layers with the numbers of torchvision's features, under VGG's names."""
    indices = sorted(map(int, layers))
    for architecture in ARCHITECTURES:
        names = feature_indices(architecture)
        if names.keys() >= set(indices):
            return {names[i]: layers[str(i)] for i in indices}
    raise WeightsError(f"its features have layers at {indices}, which is neither VGG-16 nor VGG-19")


def _by_order(layers: Sequence[Parts]) -> dict[str, Parts]:
    """Layers without telling names, under VGG's in their order; the widths tell VGG-19 from VGG-16."""
    widths = [parts["weight"].shape[0] if "weight" in parts else 0 for parts in layers]
    names = convolution_names(next((known for known in ARCHITECTURES if _widths_fit(widths, known)), "vgg19"))
    if len(layers) > len(names):
        raise WeightsError(f"it has {len(layers)} convolutions; VGG-19 has {len(names)}")
    return dict(zip(names, layers, strict=False))


def _widths_fit(widths: Sequence[int], architecture: str) -> bool:
    """Whether the layers of each block are equally wide, and there are not too many of them."""
    names = convolution_names(architecture)
    blocks = {(name[:5], width) for name, width in zip(names, widths, strict=False)}
    return len(widths) <= len(names) and len(blocks) == len({block for block, _ in blocks})


def _architecture(names: Collection[str]) -> str:
    """Whose names these are: of the beginning of VGG-19 or VGG-16, or of other depths of blocks."""
    for architecture in ARCHITECTURES:
        if set(names) == set(convolution_names(architecture)[: len(names)]):
            return architecture
    blocks = {name[:5] for name in names}
    follows = all(name[-1] == "1" or f"{name[:-1]}{int(name[-1]) - 1}" in names for name in names)
    unbroken = follows and blocks == {f"conv{i}" for i in range(1, len(blocks) + 1)}
    if unbroken and not set(names) <= set(convolution_names("vgg19")):
        return OWN
    return "vgg19" if any(name.endswith("_4") for name in names) else "vgg16"


# --- is it whole ---


def _chain(style: str, layers: Mapping[str, Parts], colors: Parts | None = None) -> Chain:
    """A chain of layers under VGG's names: tensors in their order, each a contiguous copy of its own."""
    architecture = _architecture(layers)
    names = sorted(layers) if architecture == OWN else convolution_names(architecture)[: len(layers)]
    total = sum(part.numel() for parts in layers.values() for part in parts.values())
    if total > MOST:  # before any is read
        raise WeightsError(f"its layers have {total:,} numbers, far more than any VGG's")
    tensors: dict[str, Tensor] = {}
    width = 3
    for name in names:
        if name not in layers:
            raise WeightsError(f"{name} is missing between the layers up to {max(layers)} of {architecture}")
        weight, bias = (_tensor(layers[name], name, part) for part in ("weight", "bias"))
        _check_shapes(name, weight, bias, width)
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = weight, bias
        width = weight.shape[0]
    return Chain(style, architecture, tensors, _color_map(colors) if colors else None)


def _tensor(parts: Parts, name: str, part: str) -> Tensor:
    key = f"{name}.{part}"
    if part not in parts:
        raise WeightsError(f"{key} is missing")
    tensor = parts[part]
    if tensor.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise WeightsError(f"{key} is {str(tensor.dtype).removeprefix('torch.')}, not float32 (or float16, bfloat16)")
    if not tensor.numel():
        raise WeightsError(f"{key} has shape {tuple(tensor.shape)}, which is empty")
    if not torch.isfinite(tensor).all():
        raise WeightsError(f"{key} has NaN or infinite values")
    # A copy, so that the mapped file can be let go.
    return tensor.to(torch.float32, copy=True, memory_format=torch.contiguous_format)


def _check_shapes(name: str, weight: Tensor, bias: Tensor, channels: int) -> None:
    if weight.ndim != 4 or weight.shape[2:] != (3, 3):
        raise WeightsError(f"{name}.weight has shape {tuple(weight.shape)}; the filters of VGG are 3x3")
    if weight.shape[1] != channels:
        raise WeightsError(f"{name}.weight takes {weight.shape[1]} channels, but the layer before gives {channels}")
    if bias.shape != weight.shape[:1]:
        raise WeightsError(f"{name}.bias has shape {tuple(bias.shape)}, but the layer has {weight.shape[0]} filters")


def _color_map(parts: Parts) -> Preprocessing:
    """A 1x1 layer on colors as the preprocessing it is."""
    weight, bias = (_tensor(parts, "its layer on colors", part) for part in ("weight", "bias"))
    if (weight.shape, bias.shape) != ((3, 3, 1, 1), (3,)):
        raise WeightsError("its layer on colors is no 1x1 convolution of 3 channels")
    return Preprocessing(tuple(map(tuple, weight[:, :, 0, 0].tolist())), tuple(bias.tolist()))
