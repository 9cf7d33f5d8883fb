"""Keys and shapes -> VGG's convolutions in their order, under one naming, with the preprocessing they need.

Four ways of naming are known, each alone or behind `module.`:

    features.N.weight          torchvision, and conversions from Caffe (N counts ReLUs and poolings, too)
    convB_I.weight             the authors' `vgg_conv.pth`, and other depths; with `rgb_to_bgr.*`, a 1x1 layer is first
    N.weight                   an unnamed chain: `features` alone, or the normalised VGG that begins with a 1x1 layer
    blockB_convI/kernel        Keras (HWIO); layers with other names, such as conv2d_3, count in their order
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.encoders.preprocessing import Preprocessing
from impasto.encoders.vgg import convolution_names
from impasto.errors import WeightsError

ARCHITECTURES = ("vgg19", "vgg16")  # where a file could be the beginning of both, it is the first
OWN = "chain"  # blocks deeper than a VGG's

State = Mapping[str, Tensor]


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
    for read in _STYLES:
        chain = read(state)
        if chain is not None:
            return Chain(chain.style, chain.architecture, _checked(chain), chain.color)
    some = ", ".join(list(state)[:3]) or "none"
    raise WeightsError(f"there are no layers of VGG-16 or VGG-19 in it; its keys: {some}, ...")


# --- the ways of naming ---


def _from_features(state: State) -> Chain | None:
    found = _numbered(state, r"features\.(\d+)\.(weight|bias)")
    if not found:
        return None
    if any(re.fullmatch(r"features\.\d+\.running_mean", key) for key in state):
        raise WeightsError("it has batch normalisation (vgg16_bn, vgg19_bn), which is not supported; use the plain VGG")
    architecture = _architecture_of_indices(found)
    if architecture is None:
        raise WeightsError(f"its features have layers at {sorted(found)}, which is neither VGG-16 nor VGG-19")
    return Chain("features", architecture, _renamed(found, feature_indices(architecture)))


def _from_names(state: State) -> Chain | None:
    tensors = {key: tensor for key, tensor in state.items() if re.fullmatch(r"conv\d_\d\.(weight|bias)", key)}
    if not tensors:
        return None
    color = (
        _color_map(state["rgb_to_bgr.weight"], state.get("rgb_to_bgr.bias")) if "rgb_to_bgr.weight" in state else None
    )
    return Chain("names", _architecture_of_names({key.split(".")[0] for key in tensors}), tensors, color)


def _from_chain(state: State) -> Chain | None:
    found = _numbered(state, r"(\d+)\.(weight|bias)")
    if not found:
        return None
    architecture = _architecture_of_indices(found)
    if architecture is not None:
        return Chain("features", architecture, _renamed(found, feature_indices(architecture)))
    first, *others = (found[index] for index in sorted(found))
    color = None
    if "weight" in first and first["weight"].shape == (3, 3, 1, 1):
        color = _color_map(first["weight"], first.get("bias"))
        first, *others = others or [{}]
    return _counted("chain", [first, *others], color)


def _from_keras(state: State) -> Chain | None:
    layers: dict[str, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        match = re.fullmatch(r"(.+?)[/.](kernel|bias)(?::0)?", key)
        if match:
            part = "weight" if match[2] == "kernel" else "bias"
            layers.setdefault(match[1], {})[part] = tensor.permute(3, 2, 0, 1) if tensor.ndim == 4 else tensor
    layers = {name: parts for name, parts in layers.items() if "weight" not in parts or parts["weight"].ndim == 4}
    named = {_block_name(name): parts for name, parts in layers.items() if _block_name(name)}
    if named:
        return Chain("Keras", _architecture_of_names(named), dict(_flat(named)))
    kernels = [parts for parts in layers.values() if "weight" in parts]
    return _counted("Keras", kernels) if kernels else None


_STYLES: tuple[Callable[[State], Chain | None], ...] = (_from_features, _from_names, _from_chain, _from_keras)


def _numbered(state: State, pattern: str) -> dict[int, dict[str, Tensor]]:
    """{index: {"weight": ..., "bias": ...}} of the keys that match `pattern`."""
    found: dict[int, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        match = re.fullmatch(pattern, key)
        if match:
            found.setdefault(int(match[1]), {})[match[2]] = tensor
    return found


def _renamed(found: Mapping[int, Mapping[str, Tensor]], names: Mapping[int, str]) -> dict[str, Tensor]:
    return dict(_flat({names[index]: parts for index, parts in found.items()}))


def _flat(layers: Mapping[str, Mapping[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    for name, parts in layers.items():
        for part, tensor in parts.items():
            yield f"{name}.{part}", tensor


def _block_name(layer: str) -> str:
    """`conv2_1` for `block2_conv1`, wherever it stands in a path; empty for other layers."""
    match = re.fullmatch(r"(?:.*[/.])?block(\d)_conv(\d)", layer)
    return f"conv{match[1]}_{match[2]}" if match else ""


def _counted(
    style: str, layers: list[Mapping[str, Tensor]] | list[dict[str, Tensor]], color: Preprocessing | None = None
) -> Chain:
    """Layers without telling names, taken in their order; the widths tell VGG-19 from VGG-16."""
    widths = [parts["weight"].shape[0] if "weight" in parts else 0 for parts in layers]
    architecture = next((known for known in ARCHITECTURES if _widths_fit(widths, known)), "vgg19")
    names = convolution_names(architecture)
    if len(layers) > len(names):
        raise WeightsError(f"it has {len(layers)} convolutions; VGG-19 has {len(names)}")
    return Chain(style, architecture, dict(_flat(dict(zip(names, layers, strict=False)))), color)


def _widths_fit(widths: list[int], architecture: str) -> bool:
    """Whether the layers of each block are equally wide, and there are not too many of them."""
    names = convolution_names(architecture)
    blocks: dict[str, set[int]] = {}
    for name, width in zip(names, widths, strict=False):
        blocks.setdefault(name[:5], set()).add(width)
    return len(widths) <= len(names) and all(len(block) == 1 for block in blocks.values())


# --- which architecture, and is it whole ---


def _architecture_of_indices(indices: Iterable[int]) -> str | None:
    return next((known for known in ARCHITECTURES if set(indices) <= set(feature_indices(known))), None)


def _architecture_of_names(names: Iterable[str]) -> str:
    """The architecture whose beginning `names` are (VGG-19 where both would do), or OWN if a VGG has no such names."""
    names = set(names)
    for architecture in ARCHITECTURES:
        if names == set(convolution_names(architecture)[: len(names)]):
            return architecture
    if not names <= set(convolution_names("vgg19")) and _unbroken(names):
        return OWN
    return "vgg19" if any(name.endswith("_4") for name in names) else "vgg16"


def _unbroken(names: Collection[str]) -> bool:
    """Whether the numbers of every block, and those of the blocks, begin with 1 and leave none out."""
    blocks = {name[:5] for name in names}
    follows = all(name[-1] == "1" or f"{name[:-1]}{int(name[-1]) - 1}" in names for name in names)
    return follows and blocks == {f"conv{i}" for i in range(1, len(blocks) + 1)}


def _order(chain: Chain, present: Collection[str]) -> Sequence[str]:
    """The names the chain must have, shallow to deep, given how many there are."""
    return sorted(present) if chain.architecture == OWN else convolution_names(chain.architecture)[: len(present)]


def _checked(chain: Chain) -> dict[str, Tensor]:
    """The chain's tensors in their order, each a contiguous copy of its own."""
    present = {key.split(".")[0] for key in chain.tensors}
    ordered: dict[str, Tensor] = {}
    width = 3
    for name in _order(chain, present):
        if name not in present:
            deepest = max(present)
            raise WeightsError(f"{name} is missing between the layers up to {deepest} of {chain.architecture}")
        weight, bias = (_tensor(chain.tensors, f"{name}.{part}") for part in ("weight", "bias"))
        _check_shapes(name, weight, bias, width)
        ordered[f"{name}.weight"], ordered[f"{name}.bias"] = weight, bias
        width = weight.shape[0]
    return ordered


def _tensor(tensors: State, key: str) -> Tensor:
    if key not in tensors:
        raise WeightsError(f"{key} is missing")
    tensor = tensors[key]
    if tensor.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise WeightsError(f"{key} is {str(tensor.dtype).removeprefix('torch.')}, not float32 (or float16, bfloat16)")
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


def _color_map(weight: Tensor, bias: Tensor | None) -> Preprocessing:
    """A 1x1 layer on colors as the preprocessing it is."""
    if weight.shape != (3, 3, 1, 1) or bias is None or bias.shape != (3,):
        raise WeightsError("its layer on colors is no 1x1 convolution of 3 channels with a bias")
    if not (torch.isfinite(weight).all() and torch.isfinite(bias).all()):
        raise WeightsError("its layer on colors has NaN or infinite values")
    red, green, blue = bias.tolist()
    rows = [tuple(row) for row in weight[:, :, 0, 0].tolist()]
    return Preprocessing((rows[0], rows[1], rows[2]), (red, green, blue))
