"""A frozen chain of 3x3 convolutions, ReLUs and 2x2 poolings: the shape that VGG-16, VGG-19 and `compact` share."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from typing import get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.base import LayerInfo, Sums, Window
from impasto.encoders.operations import Padding, Pooling, padded_convolution, pool2d
from impasto.encoders.preprocessing import IDENTITY, Preprocessing
from impasto.encoders.walk import Link, Route, Walk
from impasto.errors import ImageError, UnknownNameError, WeightsError
from impasto.statistics import Moments


def _blocks(tensors: Mapping[str, Tensor]) -> Iterator[Link]:
    """The links named by `conv{block}_{i}.weight` and `.bias`, with a pooling between blocks and after the last."""
    names = sorted(key.removesuffix(".weight") for key in tensors if key.startswith("conv") and key.endswith(".weight"))
    previous = ""
    for name in names:
        block = name[4:].split("_")[0]
        if previous and block != previous:
            yield Link(f"pool{previous}")
        previous = block
        yield Link("relu" + name[4:], tensors[f"{name}.weight"], tensors[f"{name}.bias"])
    yield Link(f"pool{previous}")


def _layer_infos(operations: Collection[Link]) -> dict[str, LayerInfo]:
    """Channels, stride and receptive field of every link."""
    infos, channels, stride, field = {}, 3, 1, 1
    for operation in operations:
        if operation.weight is not None:
            channels, field = operation.weight.shape[0], field + 2 * stride
        else:
            field, stride = field + stride, stride * 2
        infos[operation.name] = LayerInfo(channels, stride, field)
    return infos


def _as_convolution(preprocessing: Preprocessing) -> tuple[Tensor, Tensor]:
    """The weight (3, 3, 1, 1) and bias (3,) of a 1x1 convolution that does the same, in float64."""
    matrix, offset = (torch.tensor(part, dtype=torch.float64) for part in (preprocessing.matrix, preprocessing.offset))
    return matrix[:, :, None, None], offset


def _everywhere(stride: int) -> tuple[slice, slice]:
    return slice(None), slice(None)


class ChainEncoder:
    """Features of a chain of convolutions, after each ReLU (`relu3_1`) and pooling (`pool3`).

    `tensors` holds `conv{block}_{i}.weight` (C', C, 3, 3) and `.bias` (C'); the tree of names is the topology.
    Weights are kept channels_last, without grad, in `dtype`; features come in `dtype`.

    Raises:
        WeightsError: `tensors` is no chain from 3 channels on.
        UnknownNameError: no such pooling or padding.
    """

    def __init__(
        self,
        name: str,
        tensors: Mapping[str, Tensor],
        preprocessing: Preprocessing,
        *,
        pooling: Pooling = "max",
        padding: Padding = "zeros",
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ):
        if pooling not in get_args(Pooling):
            raise UnknownNameError("pooling", pooling, get_args(Pooling))
        if padding not in get_args(Padding):
            raise UnknownNameError("padding", padding, get_args(Padding))
        self.name = name
        self.pooling: Pooling = pooling
        self.padding: Padding = padding
        self.device = torch.device(device)
        self.dtype = dtype
        self._operations = [self._placed(operation) for operation in _blocks(tensors)]
        self._check_chain()
        colors = torch.promote_types(dtype, torch.float32)
        # First to a type that the device has: not every one has float64.
        self._colors = [part.to(colors).to(self.device) for part in _as_convolution(preprocessing)]
        self._takes_rgb = preprocessing == IDENTITY
        self._layers = _layer_infos(self._operations)

    def with_padding(self, padding: Padding) -> ChainEncoder:
        """The same network with other borders; the weights are shared."""
        other = copy.copy(self)
        other.padding = padding
        return other

    @property
    def layers(self) -> Mapping[str, LayerInfo]:
        """The layers that can be asked for, shallow to deep."""
        return self._layers

    def smallest_side(self, layer: str) -> int:
        """The fewest pixels per side an image must have for `layer`: a convolution that reflects borders needs two."""
        reflected = self.padding == "reflect" and layer.startswith("relu")
        return self._layers[layer].stride * (2 if reflected else 1)

    def __call__(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Features of the named layers, computed no deeper than the deepest.

        Shape: (N, 3, H, W), sRGB in [0, 1] -> {name: (N, C, H', W')}.

        Raises:
            UnknownNameError: a layer the chain does not have.
            ImageError: the image is too small for a layer.
        """
        wanted = set(layers)
        self._check_request(image, wanted)
        x = self._preprocessed(image).to(self.dtype).contiguous(memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        for operation in self._operations:
            if len(found) == len(wanted):
                break
            if operation.weight is None:
                x = pool2d(x, self.pooling)
            else:
                x = padded_convolution(x, operation.weight, operation.bias, self.padding).relu_()
            if operation.name in wanted:
                found[operation.name] = x
        return found

    def sums(
        self, image: Tensor, summed: Collection[Sums], layers: Collection[str] = (), window: Window | None = None
    ) -> tuple[dict[Sums, Moments], dict[str, Tensor]]:
        """Moments as `summed` says, features of `layers`: `__call__` and `moments` in less time and memory.

        Only positions inside the `window` are summed, and weights are as large as it is.  The gradient can be asked for
        once.  Raises as `__call__` does.
        """
        summed, layers = tuple(dict.fromkeys(summed)), tuple(dict.fromkeys(layers))
        wanted = {*(each.layer for each in summed), *layers}
        self._check_request(image, wanted)
        names = [link.name for link in self._operations]
        links = self._operations[: max((names.index(name) + 1 for name in wanted), default=0)]
        strides = {layer: self._layers[layer].stride for layer in wanted}
        route = Route(links, summed, layers, strides, self.pooling, self.padding, window or _everywhere)
        x = self._preprocessed(image).to(self.dtype).contiguous(memory_format=torch.channels_last)
        found = iter(Walk.apply(x, route))  # type: ignore[no-untyped-call]
        sums = {each: Moments(next(found), next(found), next(found)) for each in summed}
        return sums, dict(zip(layers, found, strict=True))

    def _preprocessed(self, image: Tensor) -> Tensor:
        """The colors the network was trained with, at least in float32, on its device."""
        weight, bias = self._colors
        image = image.to(self.device, weight.dtype, non_blocking=self.device.type == "cuda")
        return image if self._takes_rgb else F.conv2d(image, weight, bias)

    def _placed(self, operation: Link) -> Link:
        if operation.weight is None or operation.bias is None:
            return operation
        weight = operation.weight.detach().to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        turned = weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)
        return Link(operation.name, weight, operation.bias.detach().to(self.device, self.dtype), turned)

    def _check_chain(self) -> None:
        channels = 3
        for operation in self._operations:
            if operation.weight is None:
                continue
            filters, *shape = operation.weight.shape
            if shape != [channels, 3, 3]:
                found = (filters, *shape)
                raise WeightsError(f"{operation.name} of {self.name} has filters {found}, not (N, {channels}, 3, 3).")
            channels = filters

    def _check_request(self, image: Tensor, wanted: Collection[str]) -> None:
        height, width = image.shape[-2:]
        for layer in sorted(wanted, reverse=True):
            if layer not in self._layers:
                raise UnknownNameError("layer", layer, self._layers, of=self.name)
            least = self.smallest_side(layer)
            if min(height, width) < least:
                needs = f"layer {layer!r} of {self.name} needs at least {least} pixels per side."
                raise ImageError(f"Image is {width}x{height} but {needs}")
