"""The one place where a recipe, pictures and encoders are wired into a run, for every task and figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from impasto import record
from impasto.choices import IMAGE, INSTANT, ORIGINAL, TEXTURE, TRANSFER, WITHOUT_CONTENT
from impasto.color import gray, in_palette
from impasto.devices import own_modes
from impasto.encoders.base import resolve_layers
from impasto.errors import UnknownNameError, UsageError
from impasto.fitting import Shape, Views, check_entries, levels_that_fit, repeating_levels, style_scales
from impasto.footprint import Look, Work
from impasto.given import Given
from impasto.images import RESAMPLERS, Picture, Resampler, filled, resize, size_for, wrapping
from impasto.loading import Encoders, weights_notes
from impasto.plan import Plan, within_memory
from impasto.problem import PictureProblem
from impasto.recipe import Recipe
from impasto.regions import Area, Masks, Region, areas_of, kept_part, mask_of, moving_areas
from impasto.run import Run
from impasto.schedule import Level
from impasto.solvers import solver_of, with_history
from impasto.sources import ImageSource, Resampled, image_notes, open_picture, recorded_input, source_name
from impasto.statistics import moments


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
ENLARGED = 1.1  # times its own size, from which on it is told that a style is enlarged


@dataclass(frozen=True)
class _Opened:
    role: str
    source: ImageSource
    picture: Picture

    def cropped(self) -> _Opened:
        """The same with what can be seen of it alone."""
        return replace(self, picture=self.picture.cropped())


@own_modes()
def prepare(
    recipe: Recipe, pictures: Pictures, encoders: Encoders | None = None, as_planned: record.Plan | None = None
) -> Run:
    """Open the pictures, load the encoder, plan the levels and their memory; nothing is optimised yet.

    Pictures are scaled to the sizes that the run looks at them, and their originals let go. `as_planned` is the plan of
    a run that is made again: its levels, tiles and history are taken as they were.

    Raises:
        UsageError: settings that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    check_pictures(recipe, pictures)
    encoders = encoders or Encoders()
    opened, shape = _open_all(recipe, pictures)
    views = Views(recipe, encoders.load)
    styles = [_shape(each.picture) for each in opened if each.role in STYLES]
    scales = _style_scales(recipe, shape, styles)
    levels = _planned_levels(as_planned) if as_planned else _levels(recipe, views, shape, styles, scales)
    seen = tuple(views.at(level.size) for level in levels)
    for view in seen if pictures.texture is not None else ():
        resolve_layers(view.encoder, [recipe.texture_up_to])
    given = _given(recipe, opened, moving=pictures.moving)
    instant = encoders.instant(recipe) if recipe.init == INSTANT else None
    problem = PictureProblem(recipe, given, views, style_scales=scales, instant=instant)
    used = list({id(each): each for each in (encoders.weights(view.recipe) for view in seen)}.values())
    said = (
        *_notes(recipe, opened, given, problem.style_shapes(levels[-1])),
        *(note for each in used for note in weights_notes(recipe, each)),
        *dict.fromkeys(note for view in seen for note in view.notes),
    )

    def precise() -> PictureProblem:
        return problem.seen_by(Views(recipe, lambda seen: encoders.load(seen, "float32")))

    solver = solver_of(recipe.solver)
    if as_planned:
        plan = Plan(seen, with_history(solver, as_planned.history), levels, said)
    else:
        shapes = tuple(tuple(problem.style_shapes(level)) for level in levels)
        others = sum(each.role not in STYLES for each in opened)
        looks = {view.size: Look(view.encoder, *_used(view.recipe)) for view in seen}
        work = Work(tuple(looks[view.size] for view in seen), shapes, others)
        plan = Plan(seen, solver, levels, said)
        plan = within_memory(plan, work, problem.small_evaluation, recipe.memory_bytes)
    problem.keep_only(levels)
    alpha = opened[0].picture.alpha if opened[0].role == "content" else None
    return Run(
        recipe=recipe,
        problem=problem,
        plan=plan,
        precise=precise,
        inputs=tuple(recorded_input(each.role, each.source, each.picture) for each in opened),
        networks=(
            *(record.EncoderUsed(each.name, each.sha256) for each in used),
            *([record.EncoderUsed(INSTANT, instant.sha256)] if instant else []),
        ),
        exif=opened[0].picture.exif if opened[0].role == "content" else b"",
        alpha=None if alpha is None else resize(alpha, levels[-1].height, levels[-1].width),
    )


def _used(recipe: Recipe) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The layers that weigh anything, of the style, its places included, and of the content."""
    style, content = (
        tuple(layer for layer, weight in side.items() if weight > 0)
        for side in ({**recipe.style_layers, **recipe.matched_layers}, recipe.content_layers)
    )
    return style, content


def _planned_levels(plan: record.Plan) -> tuple[Level, ...]:
    return tuple(Level(each.height, each.width, each.evaluations, each.tile) for each in plan.levels)


def _levels(
    recipe: Recipe, views: Views, shape: Shape, styles: Sequence[Shape], scales: Sequence[float]
) -> tuple[Level, ...]:
    levels = levels_that_fit(recipe, views, shape, styles, scales)
    if not recipe.repeats:
        return levels
    seen = [views.at(level.size) for level in levels]
    strides = (
        view.encoder.layers[layer].stride
        for view in seen
        for layer in (*view.recipe.style_layers, *(view.recipe.content_layers if recipe.wrap else ()))
    )
    return repeating_levels(levels, max(strides), recipe.repeats)


def check_pictures(recipe: Recipe, pictures: Pictures) -> None:
    """Raise UsageError unless there are the pictures that the recipe looks at, and a weight and a scale for each style.

    None is opened for that.
    """
    count = len(pictures.styles)
    if recipe.task != TRANSFER and (pictures.regions or pictures.keep is not None):
        raise UsageError(f"A {recipe.task} has no content, so it has no regions and nothing to keep.")
    if recipe.task != TRANSFER and pictures.texture is not None:
        raise UsageError(f"A {recipe.task} has one scale of strokes; leave the texture out.")
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
    if recipe.style_weights is not None and len(recipe.style_weights) != count + len(pictures.regions):
        check_entries("style_weights", recipe.style_weights, count)
    style_scales(recipe, count + len(pictures.regions) + (pictures.texture is not None))


def _open_all(recipe: Recipe, pictures: Pictures) -> tuple[list[_Opened], Shape]:
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


def _open(role: str, source: ImageSource, size: int, recipe: Recipe) -> _Opened:
    """A picture; what is wrong with one that a program gives is said of its role."""
    try:
        return _Opened(role, source, open_picture(source, size=size, max_pixels=recipe.max_pixels))
    except UsageError as error:
        if isinstance(source, str | Path):
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
    own = _shape(picture)
    if recipe.size == ORIGINAL:
        return own
    return size_for(*own, recipe.long_side or min(recipe.usual_size, max(own)))


def _style_scales(recipe: Recipe, shape: Shape, styles: Sequence[Shape]) -> tuple[float, ...]:
    """The styles' long sides relative to the result's.  A texture's styles have their own size, unless it is larger.

    Raises:
        UsageError: a style image would be larger than any image file may be.
    """
    own = min(1.0, max(map(max, styles), default=0) / max(shape)) if recipe.task == TEXTURE else 1.0
    asked = style_scales(recipe, len(styles))
    for style, scale in zip(styles, asked, strict=True):
        side = max(shape) * scale * own
        pixels = side * side * min(style) / max(style)
        if scale * own > 1 and not recipe.stretch_style and pixels > recipe.max_pixels:
            raise UsageError(
                f"style_scale is {scale:g}, with which a style image would have {pixels:,.0f} pixels; the limit is "
                f"{recipe.max_pixels:,}. Choose a smaller --style-scale or --size."
            )
    return tuple(scale * own for scale in asked)


def masks_of(recipe: Recipe, pictures: Pictures) -> Masks:
    """The masks of another frame of a clip, which are `moving`, as a run of its first has them.

    Raises:
        UsageError: a mask is not one of the content.
    """
    sources = [("content", pictures.content), *((REGION, each.mask) for each in pictures.regions)]
    sources += [(KEEP, pictures.keep)] if pictures.keep is not None else []
    opened = [_open(role, source, recipe.usual_size, recipe) for role, source in sources if source is not None]
    content, keep = _with_kept(opened[0].picture, opened, moving=True)
    return Masks(keep, _areas(recipe, opened, content, len(pictures.styles), moving=True))


def _with_kept(content: Picture, opened: Sequence[_Opened], *, moving: bool) -> tuple[Picture, Tensor | None]:
    """The content, of which what is kept does not count, and the mask of that, if there is one."""
    for each in opened:
        if each.role == KEEP:
            name = source_name(each.source)
            if moving:
                keep = resize(mask_of(each.picture, name, content, "the frame", least=0), *_shape(content))
            else:
                keep = kept_part(mask_of(each.picture, name, content, "the photograph"), name, content)
            return replace(content, alpha=(1 - keep) * (1 if content.alpha is None else content.alpha)), keep
    return content, None


def _given(recipe: Recipe, opened: Sequence[_Opened], *, moving: bool) -> Given:
    resample = RESAMPLERS[recipe.resample]

    def scalable(picture: Picture, resample: Resampler = resample) -> Resampled:
        shown = picture.alpha is not None and bool(picture.alpha.any())  # what is transparent everywhere is plain gray
        return Resampled(picture.pixels, resample, alpha=picture.alpha if shown else None)

    def repeating(picture: Picture) -> Resampled:
        return scalable(picture, wrapping(resample, recipe.repeats))

    of = {role: [each.picture for each in opened if each.role == role] for role in ("content", "style", "init")}
    content, keep = next(iter(of["content"]), None), None
    if content is not None:
        content, keep = _with_kept(content, opened, moving=moving)
    textures = [each.picture for each in opened if each.role == WITH_TEXTURE]
    styles, own = [*of["style"], *_masked_styles(opened), *textures], None
    if recipe.colors == "luminance" and content:
        own, content = repeating(content), replace(content, pixels=gray(content.pixels))
        styles = [replace(style, pixels=gray(style.pixels)) for style in styles]
    if recipe.colors in ("luminance", "content") and content:
        wanted = moments(content.pixels, content.alpha)
        styles = [replace(style, pixels=in_palette(style.pixels, style.alpha, wanted)) for style in styles]
    return Given(
        repeating(content) if content else None,
        tuple(map(scalable, styles)),
        next(map(repeating, of["init"]), None),
        _areas(recipe, opened, content, len(of["style"]), moving=moving),
        None if keep is None else Resampled(keep, resize),
        own,
        textured=bool(textures),
    )


def _masked_styles(opened: Sequence[_Opened]) -> list[Picture]:
    """The regions' styles, of which only what is in their masks can be seen."""
    styles: list[Picture] = []
    for each in opened:
        if each.role == REGION_STYLE:
            styles.append(each.picture)
        if each.role == STYLE_MASK:
            style, name = styles.pop(), source_name(each.source)
            mask = resize(mask_of(each.picture, name, style, "its style"), *style.pixels.shape[-2:])
            alpha = mask * (1 if style.alpha is None else style.alpha)
            styles.append(replace(style, pixels=filled(style.pixels, alpha), alpha=alpha).cropped())
    return styles


def _areas(
    recipe: Recipe, opened: Sequence[_Opened], content: Picture | None, rest: int, *, moving: bool
) -> tuple[Area, ...]:
    """Where which of the styles count, of which the first `rest` are for what no region has."""
    masks = [(source_name(each.source), each.picture) for each in opened if each.role == REGION]
    if not masks or content is None:
        return ()
    weights = recipe.style_weights or (1.0,) * rest
    shares = weights[rest:] or (1.0,) * len(masks)
    if moving:
        return moving_areas([mask for _, mask in masks], content, weights[:rest], shares)
    return areas_of(masks, content, weights[:rest], shares)


def _shape(picture: Picture) -> Shape:
    height, width = picture.pixels.shape[-2:]
    return height, width


def _notes(recipe: Recipe, opened: Sequence[_Opened], given: Given, shapes: Sequence[Shape]) -> Iterator[str]:
    """What is told of the pictures; `shapes` are those of the styles where they are looked at largest."""
    yield from image_notes([each.source for each in opened], [each.picture for each in opened])
    names = _named_styles(opened)
    yield from _unused(given, names)
    largest = zip(names, given.styles, shapes, strict=True)
    for name, style, shape in largest if not recipe.stretch_style else ():
        yield from _enlarged(name, style, shape)


def _named_styles(opened: Iterable[_Opened]) -> list[str]:
    """What a person calls each of the styles, in the order of their numbers."""
    return [source_name(each.source) for each in opened if each.role in STYLES]


def _unused(given: Given, names: Sequence[str]) -> list[str]:
    """Notes of styles that have no place."""
    used = {number for area in given.areas for number in area.styles}
    there = names[: len(names) - given.textured] if given.areas else []
    return [f"The regions leave no place for the style {name}." for i, name in enumerate(there) if i not in used]


def _enlarged(name: str, style: Resampled, shape: Shape) -> tuple[str, ...]:
    """A note of a style that is looked at larger than it is."""
    (height, width), (rows, columns) = style.shape, shape
    if rows < ENLARGED * height:
        return ()
    return (
        f"The style {name} has {width}x{height} pixels and is enlarged to {columns}x{rows}, by which its strokes get "
        "soft. A larger file, or a smaller --style-scale, keeps them sharp.",
    )
