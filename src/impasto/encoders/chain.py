"""A frozen chain of 3x3 convolutions, ReLUs and 2x2 poolings: the shape that VGG-16, VGG-19 and `compact` share."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from typing import get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.base import LayerInfo, Sums, Window
from impasto.encoders.preprocessing import IDENTITY, Preprocessing
from impasto.encoders.walk import Borders, Link, Padding, Pooling, Route, Walk, padded_convolution, pool2d
from impasto.errors import ImageError, UnknownNameError, WeightsError
from impasto.statistics import Moments


def _links(tensors: Mapping[str, Tensor], device: torch.device, dtype: torch.dtype) -> Iterator[Link]:
    """The links named by `conv{block}_{i}.weight` and `.bias`, with a pooling between blocks and after the last."""
    names = sorted(key.removesuffix(".weight") for key in tensors if key.startswith("conv") and key.endswith(".weight"))
    for block, convolutions in groupby(names, lambda name: name[4:].split("_")[0]):
        for name in convolutions:
            weight, bias = (tensors[f"{name}.{part}"].detach().to(device, dtype) for part in ("weight", "bias"))
            weight = weight.contiguous(memory_format=torch.channels_last)
            turned = weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)
            yield Link("relu" + name[4:], weight, bias, turned)
        yield Link(f"pool{block}")


def _layer_infos(links: Collection[Link], network: str) -> dict[str, LayerInfo]:
    """Channels, stride and receptive field of every link.

    Raises:
        WeightsError: one does not take what the one before gives.
    """
    infos, channels, stride, field = {}, 3, 1, 1
    for link in links:
        if link.weight is None:
            field, stride = field + stride, stride * 2
        else:
            filters, *shape = link.weight.shape
            if shape != [channels, 3, 3]:
                found = (filters, *shape)
                raise WeightsError(f"{link.name} of {network} has filters {found}, not (N, {channels}, 3, 3).")
            channels, field = filters, field + 2 * stride
        infos[link.name] = LayerInfo(channels, stride, field)
    return infos


def _as_convolution(preprocessing: Preprocessing) -> tuple[Tensor, Tensor]:
    """The weight (3, 3, 1, 1) and bias (3,) of a 1x1 convolution that does the same, in float64."""
    matrix, offset = (torch.tensor(part, dtype=torch.float64) for part in (preprocessing.matrix, preprocessing.offset))
    return matrix[:, :, None, None], offset


class ChainEncoder:
    """Features of a chain of convolutions, after each ReLU (`relu3_1`) and pooling (`pool3`).

    `tensors` holds `conv{block}_{i}.weight` (C', C, 3, 3) and `.bias` (C'); the tree of names is the topology.
    Weights are kept channels_last, without grad, in `dtype`; features come in `dtype`.  `layers` are those that can be
    asked for, shallow to deep.

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
        for kind, chosen, choices in (("pooling", pooling, get_args(Pooling)), ("padding", padding, get_args(Padding))):
            if chosen not in choices:
                raise UnknownNameError(kind, chosen, choices)
        self.name = name
        self.pooling: Pooling = pooling
        self.padding: Padding = padding
        self.borders: Borders = padding, padding
        self.device = torch.device(device)
        self.dtype = dtype
        self._links = list(_links(tensors, self.device, dtype))
        self.layers = _layer_infos(self._links, name)
        colors = torch.promote_types(dtype, torch.float32)
        # First to a type that the device has: not every one has float64.
        self._colors = [part.to(colors).to(self.device) for part in _as_convolution(preprocessing)]
        self._takes_rgb = preprocessing == IDENTITY

    def repeating(self, axes: str) -> ChainEncoder:
        """The same network for pictures that repeat along `axes`: x, y, or xy; the weights are shared."""
        other = copy.copy(self)
        other.borders = "circular" if "y" in axes else self.padding, "circular" if "x" in axes else self.padding
        return other

    def smallest_side(self, layer: str) -> int:
        """The fewest pixels per side an image must have for `layer`: a convolution that reflects borders needs two."""
        reflected = "reflect" in self.borders and layer.startswith("relu")
        return self.layers[layer].stride * (2 if reflected else 1)

    def __call__(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Features of the named layers, computed no deeper than the deepest.

        Shape: (N, 3, H, W), sRGB in [0, 1] -> {name: (N, C, H', W')}.

        Raises:
            UnknownNameError: a layer the chain does not have.
            ImageError: the image is too small for a layer.
        """
        wanted = set(layers)
        x = self._entering(image, wanted)
        found: dict[str, Tensor] = {}
        for link in self._links:
            if len(found) == len(wanted):
                break
            if link.weight is None:
                x = pool2d(x, self.pooling)
            else:
                x = padded_convolution(x, link.weight, link.bias, self.borders).relu_()
            if link.name in wanted:
                found[link.name] = x
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
        x = self._entering(image, wanted)
        names = [link.name for link in self._links]
        links = self._links[: max((names.index(name) + 1 for name in wanted), default=0)]
        strides = {layer: self.layers[layer].stride for layer in wanted}
        route = Route(links, summed, layers, strides, self.pooling, self.borders, window)
        found = iter(Walk.apply(x, route))  # type: ignore[no-untyped-call]
        sums = {each: Moments(next(found), next(found), next(found)) for each in summed}
        return sums, dict(zip(layers, found, strict=True))

    def _entering(self, image: Tensor, wanted: Collection[str]) -> Tensor:
        """The colors the network was trained with, made at least in float32, if `wanted` can be had of `image`."""
        height, width = image.shape[-2:]
        for layer in sorted(wanted, reverse=True):
            if layer not in self.layers:
                raise UnknownNameError("layer", layer, self.layers, of=self.name)
            least = self.smallest_side(layer)
            if min(height, width) < least:
                needs = f"layer {layer!r} of {self.name} needs at least {least} pixels per side."
                raise ImageError(f"Image is {width}x{height} but {needs}")
        weight, bias = self._colors
        image = image.to(self.device, weight.dtype, non_blocking=self.device.type == "cuda")
        colors = image if self._takes_rgb else F.conv2d(image, weight, bias)
        return colors.to(self.dtype).contiguous(memory_format=torch.channels_last)
