"""Regions: which part of the content is painted in which style, and which is kept as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, count

import torch
from torch import Tensor

from impasto.color import luminance
from impasto.errors import UsageError
from impasto.images import Picture, resize, size_for
from impasto.losses import blurred
from impasto.sources import ImageSource, Resampled, given_name, source_name

LARGE = 1024  # long side at which the borders between regions are drawn; they are soft
SOFT = 0.005  # of the long side, to which borders are blurred
LEAST, FEWEST = 16, 64  # pixels: a mask's side, and how many there have to be in it
SHAPES_ALIKE = 0.02  # by how much the sides' ratio may differ
REST = "rest"  # the name of what no region has
HARDLY_LEFT = 1e-3  # of the picture
FAINTEST = 1.5 / 255  # what is nowhere more is not meant as white


@dataclass(frozen=True)
class Region:
    """The part of the content where `mask` is white is painted in `style`, of which the part in `style_mask` counts.

    A mask is any image as large as the picture it belongs to, or of its shape: white is in, black is out; of one with
    transparency that counts instead.
    """

    mask: ImageSource
    style: ImageSource
    style_mask: ImageSource | None = None


@dataclass(frozen=True)
class Area:
    """A region as it is used: where it is, and the numbers of its styles with their shares.

    Shape: where (1, 1, H, W) at any size.

    Raises:
        UsageError: none of its styles weighs anything.
    """

    name: str
    where: Resampled = field(repr=False)
    styles: tuple[int, ...]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        if not sum(self.shares) > 0:
            what, remedy = f"the region {self.name}", "leave the region out"
            if self.name == REST:
                what, remedy = "the rest", "name no style for the rest, which then stays as it is"
            raise UsageError(f"style_weights have 0 for every style of {what}. Give one of them more, or {remedy}.")


@dataclass(frozen=True)
class Masks:
    """What of a picture is kept, if anything, and which styles count where.  Shape: keep (1, 1, H, W)."""

    keep: Tensor | None = field(default=None, repr=False)
    areas: tuple[Area, ...] = ()


def moving_areas(
    masks: Sequence[Picture], content: Picture, rest: Sequence[float], weights: Sequence[float]
) -> tuple[Area, ...]:
    """As `areas_of` has it, of masks that are frames of clips: any may be black, and each is a region of its own.

    Raises:
        UsageError: a mask is not one of the content.
    """
    there = [mask_of(mask, f"of region {i}", content, "the frame", least=0) for i, mask in enumerate(masks, 1)]
    parts, left = apart(there, (content.pixels.shape[-2], content.pixels.shape[-1]))
    areas = [
        Area(f"region-{i + 1}", Resampled(where, resize), (len(rest) + i,), (weights[i],))
        for i, where in enumerate(parts)
    ]
    return (*areas, Area(REST, Resampled(left, resize), tuple(range(len(rest))), tuple(rest))) if rest else tuple(areas)


def areas_of(
    masks: Sequence[tuple[ImageSource, Picture]], content: Picture, rest: Sequence[float], weights: Sequence[float]
) -> tuple[Area, ...]:
    """Where which styles count: those that weigh `rest` where no mask is white, then one for each of the `masks`.

    Masks that are alike are one region, whose styles are blended by their `weights`.

    Raises:
        UsageError: a mask is not one of the content, or nothing in it can be painted.
    """
    named: dict[str, Tensor] = {}
    given: dict[str, str] = {}
    styles: dict[str, list[int]] = {}
    for number, (source, picture) in enumerate(masks):
        name, file = source_name(source), given_name(source)
        mask = mask_of(picture, file, content, "the photograph")
        same = (other for other, there in named.items() if torch.equal(mask, there))
        free = (each for each in chain([name], (f"{name}-{i}" for i in count(2))) if each not in (REST, *named))
        known = next(same, None) or next(free)
        named[known], given[known] = mask, file
        styles.setdefault(known, []).append(number)
    parts, left = apart(list(named.values()), (content.pixels.shape[-2], content.pixels.shape[-1]))
    shown = None if content.alpha is None else resize(content.alpha, *left.shape[-2:])
    areas = []
    for (name, numbers), where in zip(styles.items(), parts, strict=True):
        check_seen(resize(named[name], *left.shape[-2:]), shown, given[name], content)
        shares = tuple(weights[i] for i in numbers)
        areas.append(Area(name, Resampled(where, resize), tuple(len(rest) + i for i in numbers), shares))
    if rest and float((left if shown is None else left * shown).mean()) > HARDLY_LEFT:
        areas.append(Area(REST, Resampled(left, resize), tuple(range(len(rest))), tuple(rest)))
    return tuple(areas)


def unpainted(areas: Sequence[Area], shape: tuple[int, int]) -> Tensor | None:
    """Where no style counts, of a picture of `shape`, height and width; None if that is hardly anywhere.

    Shape: (1, 1, H, W).
    """
    if not areas or any(area.name == REST for area in areas):
        return None
    left = (1 - torch.stack([area.where.at(*shape) for area in areas]).sum(0)).clamp(0, 1)
    return left if float(left.mean()) > HARDLY_LEFT else None


def mask_of(picture: Picture, name: str, of: Picture, whose: str, least: float = FEWEST) -> Tensor:
    """A mask as numbers from 0, out, to 1, in, at its own size.  Shape: (1, 1, H, W).

    Raises:
        UsageError: it does not have the shape of the picture that it is `of`, or less than `least` pixels are in it.
    """
    mask = picture.alpha if picture.alpha is not None else luminance(picture.pixels)
    (height, width), (rows, columns) = mask.shape[-2:], of.pixels.shape[-2:]
    same = (height, width) == (rows, columns)
    if not same and (min(height, width) < LEAST or abs(width / height * rows / columns - 1) > SHAPES_ALIKE):
        raise UsageError(
            f"The mask {name} is {width}x{height} pixels, but {whose} is {columns}x{rows}. Make it as large, or of the "
            "same shape."
        )
    if least and 0 < float(mask.max()) < FAINTEST:
        most = f"no more than {float(mask.max()) * 255:.2g} of 255"
        rule = "What is in it is 255 in 8 bits, 65535 in 16 bits, 1 in floats, or True."
        raise UsageError(f"The mask {name} is black, or nearly: it has {most}. {rule}")
    if float(mask.mean()) * rows * columns < least:
        raise UsageError(f"The mask {name} is black, or nearly. Paint white what is to be in it.")
    return mask


def kept_part(mask: Tensor, name: str, content: Picture) -> Tensor:
    """A mask of what is kept, as large as the content.  Shape: (1, 1, H, W).

    Raises:
        UsageError: nothing is left to be painted.
    """
    kept = resize(mask, *content.pixels.shape[-2:])
    free = (1 - kept) if content.alpha is None else (1 - kept) * content.alpha
    if float(free.mean()) * kept.numel() < FEWEST:
        raise UsageError(f"The mask {name} keeps the whole picture. Paint black what is to be painted.")
    return kept


def check_seen(mask: Tensor, shown: Tensor | None, name: str, content: Picture) -> None:
    """Raise UsageError unless something of a region can be painted: it is not transparent, and not kept."""
    seen = mask if shown is None else mask * shown
    seen = seen * (seen > mask.amax() / 2)  # without the gray borders that two masks have in common
    if float(seen.mean()) * content.pixels[0, 0].numel() < FEWEST:
        raise UsageError(f"Nothing in the mask {name} can be painted: there the photograph is transparent, or kept.")


def apart(masks: Sequence[Tensor], shape: tuple[int, int]) -> tuple[list[Tensor], Tensor]:
    """Masks of one picture with soft borders, whose sum is 1 at most, and what they leave.

    `shape` is the picture's height and width.

    Shape: (1, 1, H, W), of any size -> (1, 1, H', W') each, H' and W' alike.
    """
    size = size_for(*shape, min(LARGE, max(shape)))
    soft = [blurred(resize(mask, *size), max(1.0, SOFT * max(size))).clamp(0, 1) for mask in masks]
    total = torch.stack(soft).sum(0)
    return [mask / total.clamp_min(1) for mask in soft], (1 - total).clamp_min(0)
