"""The one place where a recipe, pictures and encoders are wired into a run, for every task and figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from impasto import record
from impasto.choices import INSTANT, TEXTURE
from impasto.color import gray, in_palette
from impasto.devices import own_modes
from impasto.encoders.base import resolve_layers
from impasto.errors import UsageError
from impasto.fitting import Shape, Views, levels_that_fit, repeating_levels, style_scales
from impasto.footprint import Look, Work
from impasto.given import Given
from impasto.images import RESAMPLERS, Picture, Resampler, resize, wrapping
from impasto.loading import Encoders, weights_notes
from impasto.pictures import (
    STYLES,
    WITH_TEXTURE,
    Opened,
    check_pictures,
    masked,
    masked_styles,
    named_styles,
    open_all,
    shape_of,
)
from impasto.pictures import Pictures as Pictures  # noqa: PLC0414 - for those who prepare
from impasto.plan import Plan, within_memory
from impasto.problem import PictureProblem
from impasto.recipe import Recipe
from impasto.run import Run
from impasto.schedule import Level
from impasto.solvers import solver_of, with_history
from impasto.sources import Resampled, image_notes, recorded_input
from impasto.statistics import moments

ENLARGED = 1.1  # times its own size, from which on it is told that a style is enlarged


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
    encoders = encoders or Encoders()
    planned = _planned(recipe, pictures, encoders, as_planned)
    opened, problem, plan = planned.opened, planned.problem, planned.plan

    def precise() -> PictureProblem:
        return problem.seen_by(Views(recipe, lambda seen: encoders.load(seen, "float32")))

    problem.keep_only(plan.levels)
    alpha = opened[0].picture.alpha if opened[0].role == "content" else None
    return Run(
        recipe=recipe,
        problem=problem,
        plan=plan,
        precise=precise,
        inputs=tuple(recorded_input(each.role, each.source, each.picture) for each in opened),
        networks=planned.networks,
        exif=opened[0].picture.exif if opened[0].role == "content" else b"",
        alpha=None if alpha is None else resize(alpha, plan.levels[-1].height, plan.levels[-1].width),
    )


@own_modes()
def check_plan(recipe: Recipe, pictures: Pictures, encoders: Encoders) -> None:
    """Raise what `prepare` raises before it scales the pictures, which takes most of its time."""
    _planned(recipe, pictures, encoders, None)


@dataclass(frozen=True)
class _Planned:
    """The opened pictures of a run, the problem that they pose, how it is gone about, and with which networks."""

    opened: Sequence[Opened]
    problem: PictureProblem
    plan: Plan
    networks: tuple[record.EncoderUsed, ...]


def _planned(recipe: Recipe, pictures: Pictures, encoders: Encoders, as_planned: record.Plan | None) -> _Planned:
    check_pictures(recipe, pictures)
    opened, shape = open_all(recipe, pictures)
    views = Views(recipe, encoders.load)
    styles = [shape_of(each.picture) for each in opened if each.role in STYLES]
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
    networks = [record.EncoderUsed(each.name, each.sha256) for each in used]
    networks += [record.EncoderUsed(INSTANT, instant.sha256)] if instant else []
    return _Planned(opened, problem, plan, tuple(networks))


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


def _given(recipe: Recipe, opened: Sequence[Opened], *, moving: bool) -> Given:
    resample = RESAMPLERS[recipe.resample]

    def scalable(picture: Picture, resample: Resampler = resample) -> Resampled:
        shown = picture.alpha is not None and bool(picture.alpha.any())  # what is transparent everywhere is plain gray
        return Resampled(picture.pixels, resample, alpha=picture.alpha if shown else None)

    def repeating(picture: Picture) -> Resampled:
        return scalable(picture, wrapping(resample, recipe.repeats))

    of = {role: [each.picture for each in opened if each.role == role] for role in ("content", "style", "init")}
    content, masks = masked(recipe, opened, next(iter(of["content"]), None), len(of["style"]), moving=moving)
    textures = [each.picture for each in opened if each.role == WITH_TEXTURE]
    styles, own = [*of["style"], *masked_styles(opened), *textures], None
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
        masks.areas,
        None if masks.keep is None else Resampled(masks.keep, resize),
        own,
        textured=bool(textures),
    )


def _notes(recipe: Recipe, opened: Sequence[Opened], given: Given, shapes: Sequence[Shape]) -> Iterator[str]:
    """What is told of the pictures; `shapes` are those of the styles where they are looked at largest."""
    yield from image_notes([each.source for each in opened], [each.picture for each in opened])
    names = named_styles(opened)
    yield from _unused(given, names)
    largest = zip(names, given.styles, shapes, strict=True)
    for name, style, shape in largest if not recipe.stretch_style else ():
        yield from _enlarged(name, style, shape)


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
