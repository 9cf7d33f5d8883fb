"""What a run is made of: its pictures, opened at the sizes of their use; masks, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from impasto.choices import IMAGE, MOST_STYLES, ORIGINAL, TEXTURE, TRANSFER, WITHOUT_CONTENT
from impasto.errors import UnknownNameError, UsageError
from impasto.fitting import Shape, check_entries, style_scales
from impasto.images import Picture, filled, resize, size_for
from impasto.recipe import Recipe
from impasto.regions import Area, Masks, Region, areas_of, kept_part, mask_of, moving_areas, unpainted
from impasto.sources import ImageSource, given_name, open_picture, source_name


@dataclass(frozen=True)
class Pictures:
    """What a run is made of: the content, the styles, an image to begin with; files, swatches or images in memory.

    `regions` have styles of their own, `styles` are for the rest; what `keep` is white at stays the content. `texture`
    has the fine strokes of all of it, whose coarse ones and colors are the styles'. Masks that are `moving` are frames
    of clips, as the content is: they may be black.
    """

    content: ImageSource | None = None
    styles: Sequence[ImageSource] = ()
    init: ImageSource | None = None
    regions: Sequence[Region] = ()
    keep: ImageSource | None = None
    texture: ImageSource | None = None
    moving: bool = False


# Roles of pictures, in the order of records.
REGION, REGION_STYLE, STYLE_MASK, KEEP = "region", "region style", "region style mask", "keep"
WITH_TEXTURE = "texture"
STYLES = ("style", REGION_STYLE, WITH_TEXTURE)
_FINDS = {"subject": "impasto.find_subject(photo)", "auto": "impasto.find_parts(photo, 3)"}


@dataclass(frozen=True)
class Opened:
    """A picture, where it came from, and its role."""

    role: str
    source: ImageSource
    picture: Picture

    def cropped(self) -> Opened:
        """The same with what can be seen of it alone."""
        return replace(self, picture=self.picture.cropped())


def check_pictures(recipe: Recipe, pictures: Pictures) -> None:
    """Raise UsageError unless there are the pictures that the recipe looks at, and a weight and a scale for each style.

    None is opened for that.
    """
    count = len(pictures.styles)
    if recipe.task != TRANSFER and (pictures.regions or pictures.keep is not None):
        raise UsageError(f"A {recipe.task} has no content, so it has no regions and nothing to keep.")
    if recipe.task != TRANSFER and pictures.texture is not None:
        raise UsageError(f"A {recipe.task} has one scale of strokes; leave the texture out.")
    if (many := count + len(pictures.regions)) > MOST_STYLES:
        raise UsageError(f"{many} styles are too many: {MOST_STYLES} are the most, with those of regions.")
    if recipe.style_layers and count == 0 and not pictures.regions:
        raise UsageError(f"A {recipe.task} needs at least one style image.")
    aims = {"content_weight": recipe.content_layers, "style_weight": recipe.style_layers}
    for name in [name for name, layers in aims.items() if layers and recipe.task != TRANSFER]:
        if not getattr(recipe, name):
            raise UsageError(f"{name} is 0, so that nothing makes a {recipe.task} of noise; choose another --preset.")
    if pictures.content is None and recipe.task == TRANSFER:
        raise UsageError("A transfer needs a content image.")
    if pictures.content is None and recipe.init not in (*WITHOUT_CONTENT, IMAGE):
        raise UnknownNameError("init", recipe.init, WITHOUT_CONTENT, of=f"a {recipe.task}")
    if recipe.sides and recipe.task != TEXTURE:
        raise UsageError(f"size is {recipe.sides}; a {recipe.task} has one size, the long side, such as 512.")
    if recipe.style_weights is not None and len(recipe.style_weights) != count:  # without those of regions, which are 1
        check_entries("style_weights", recipe.style_weights, count + len(pictures.regions))
    style_scales(recipe, count + len(pictures.regions) + (pictures.texture is not None))


def check_masks(recipe: Recipe, pictures: Pictures) -> None:
    """Raise UsageError unless the masks fit what they are of, and leave something to be painted.

    They are opened for that, with the photograph, and the styles of which a part is masked.
    """
    if pictures.content is None or (pictures.keep is None and not pictures.regions):
        return
    roles = [("content", pictures.content), *((REGION, each.mask) for each in pictures.regions)]
    for each in pictures.regions:
        roles += [] if each.style_mask is None else [(REGION_STYLE, each.style), (STYLE_MASK, each.style_mask)]
    roles += [] if pictures.keep is None else [(KEEP, pictures.keep)]
    opened = [_open(role, source, recipe.usual_size, recipe) for role, source in roles]
    masked_styles(opened)
    masked(recipe, opened, opened[0].picture, len(pictures.styles))


def open_all(recipe: Recipe, pictures: Pictures) -> tuple[list[Opened], Shape]:
    """All pictures, the one that gives the result its shape first; and that shape."""
    longest = recipe.long_side or recipe.usual_size
    roles = [("content", pictures.content)] if pictures.content is not None else []
    roles += [("style", style) for style in pictures.styles]
    (role, source), *others = roles
    first, count = _open(role, source, longest, recipe), len(pictures.styles)
    shape = _result_shape(recipe, first.picture)
    scales = style_scales(recipe, count + len(pictures.regions) + (pictures.texture is not None))
    drawn = [longest if recipe.task == TEXTURE else _drawn(max(shape) * each, recipe.max_pixels) for each in scales]
    opened = [first]
    for (role, source), side in zip(others, drawn[count - len(others) : count], strict=True):
        opened.append(_open(role, source, side, recipe).cropped())
    for region, side in zip(pictures.regions, drawn[count:], strict=False):
        opened.append(_open(REGION, region.mask, longest, recipe))
        style = _open(REGION_STYLE, region.style, side, recipe)
        opened.append(style.cropped() if region.style_mask is None else style)
        if region.style_mask is not None:
            opened.append(_open(STYLE_MASK, region.style_mask, longest, recipe))
    if pictures.texture is not None:
        opened.append(_open(WITH_TEXTURE, pictures.texture, drawn[-1], recipe).cropped())
    if pictures.keep is not None:
        opened.append(_open(KEEP, pictures.keep, longest, recipe))
    if pictures.init is not None:
        opened.append(_open("init", pictures.init, max(shape), recipe))
    return opened, shape


def _open(role: str, source: ImageSource, size: int, recipe: Recipe) -> Opened:
    """A picture; what is wrong with one that a program gives, or that has no name, is said of its role.

    A program that gives the word for a mask that is found, as the command has it, is told what finds it.
    """
    try:
        return Opened(role, source, open_picture(source, size=size, max_pixels=recipe.max_pixels))
    except UsageError as error:
        finds = _FINDS.get(str(source).partition(":")[0]) if role in (REGION, KEEP) else None
        if finds:
            raise UsageError(f"{role}: {error} From Python, such a mask is found by {finds}.") from error
        if isinstance(source, str | Path) and source:
            raise
        raise UsageError(f"{role}: {error}") from error


def _drawn(side: float, max_pixels: int) -> int:
    """The side that a swatch is drawn with: that of its use, unless that will be refused."""
    return round(side) if side * side <= 2 * max_pixels else 1


def _result_shape(recipe: Recipe, picture: Picture) -> Shape:
    """The size asked for, by the picture's own shape; else the usual one, but no larger than the picture."""
    if recipe.sides:
        width, height = recipe.sides
        return height, width
    own = shape_of(picture)
    if recipe.size == ORIGINAL:
        return own
    return size_for(*own, recipe.long_side or min(recipe.usual_size, max(own)))


def masked(
    recipe: Recipe, opened: Sequence[Opened], content: Picture | None, rest: int, *, moving: bool = False
) -> tuple[Picture | None, Masks]:
    """The content, of which what is kept cannot be seen; and what that is, and which styles count where.

    The first `rest` of the styles are for what no region has; without any that is kept.  The masks may be `moving`.

    Raises:
        UsageError: a mask is not one of the content, or nothing in it can be painted.
    """
    keep = None
    for each in opened:
        if each.role == KEEP:
            assert content is not None, "only a transfer keeps anything"
            name = given_name(each.source)
            if moving:
                keep = resize(mask_of(each.picture, name, content, "the frame", least=0), *shape_of(content))
            else:
                keep = kept_part(mask_of(each.picture, name, content, "the photograph"), name, content)
            content = replace(content, alpha=_seen(content, 1 - keep))
    found = _areas(recipe, opened, content, rest, moving=moving)
    left = None if content is None else unpainted(found, shape_of(content))
    if content is not None and left is not None:
        content = replace(content, alpha=_seen(content, 1 - left))
        keep = left if keep is None else torch.maximum(keep, left)
    return content, Masks(keep, found)


def _seen(picture: Picture, where: Tensor) -> Tensor:
    """How much of a picture can be seen, if only what is there can be.  Shape: (1, 1, H, W)."""
    return where if picture.alpha is None else where * picture.alpha


def masked_styles(opened: Sequence[Opened]) -> list[Picture]:
    """The regions' styles, of which only what is in their masks can be seen."""
    styles: list[Picture] = []
    for each in opened:
        if each.role == REGION_STYLE:
            styles.append(each.picture)
        if each.role == STYLE_MASK:
            style, name = styles.pop(), given_name(each.source)
            mask = resize(mask_of(each.picture, name, style, "its style"), *style.pixels.shape[-2:])
            alpha = _seen(style, mask)
            styles.append(replace(style, pixels=filled(style.pixels, alpha), alpha=alpha).cropped())
    return styles


def _areas(
    recipe: Recipe, opened: Sequence[Opened], content: Picture | None, rest: int, *, moving: bool
) -> tuple[Area, ...]:
    masks = [(each.source, each.picture) for each in opened if each.role == REGION]
    if not masks or content is None:
        return ()
    weights = recipe.style_weights or (1.0,) * rest
    shares = weights[rest:] or (1.0,) * len(masks)
    if moving:
        return moving_areas([mask for _, mask in masks], content, weights[:rest], shares)
    return areas_of(masks, content, weights[:rest], shares)


def masks_of(recipe: Recipe, pictures: Pictures) -> Masks:
    """The masks of another frame of a clip, which are `moving`, as a run of its first has them.

    Raises:
        UsageError: a mask is not one of the content.
    """
    sources = [("content", pictures.content), *((REGION, each.mask) for each in pictures.regions)]
    sources += [(KEEP, pictures.keep)] if pictures.keep is not None else []
    opened = [_open(role, source, recipe.usual_size, recipe) for role, source in sources if source is not None]
    _, masks = masked(recipe, opened, opened[0].picture, len(pictures.styles), moving=True)
    return masks


def named_styles(opened: Iterable[Opened]) -> list[str]:
    """What a person calls each of the styles, in the order of their numbers."""
    return [source_name(each.source) for each in opened if each.role in STYLES]


def shape_of(picture: Picture) -> Shape:
    """Its height and width."""
    height, width = picture.pixels.shape[-2:]
    return height, width
