"""Style transfer: the content of one picture, the style of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import torch
from PIL import Image
from torch import Tensor

from impasto.color import matched_colors
from impasto.devices import describe_device, resolve_device, resolve_dtype
from impasto.encoders.base import canonical_layer, resolve_layers
from impasto.encoders.catalog import build_encoder, check_encoder_name, find_weights
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.download import Progress
from impasto.engine import Step, iterate
from impasto.errors import UnknownNameError, UsageError
from impasto.images import Picture, resize, size_for, to_pil
from impasto.losses import ContentTerm, ImageTerm, MomentLoss, StyleTerm, Term, energy, weighted_sum
from impasto.objective import FeatureObjective
from impasto.presets import PRESETS, SOLVERS, STYLE_LOSSES, Preset, preset
from impasto.schedule import Level, Pyramid
from impasto.solvers import LBFGS, Solver
from impasto.statistics import Moments, blend, moments
from impasto.tasks.sources import ImageSource, open_picture, source_label

T = TypeVar("T")
INITS = ("matched", "content", "random", "gray", "style")
ALL_LAYERS = "*"
AUTO = "auto"


@dataclass(frozen=True)
class TransferConfig:
    """Settings of a transfer.  None means: as the preset has it.

    * `preset`: a name from `impasto presets`, the base of everything below.
    * `size`: long side of the result in pixels; None is the preset's, but no more than the content image has.
    * `strength`: 0 gives the content back, 0.5 is the preset's own balance, 1 leaves out the content.
    * `style_weights`: how much of each style image, in any unit; None is equal parts.
    * `style_scale`: long side of the style image relative to the result's: larger means larger strokes.
    * `init`: the picture to begin with, one of `INITS` or an image.
    * `encoder`: a name from `impasto weights list`, or `compact`; `weights`: a weight file instead.
    * `pooling`: max, average or l2; `padding`: zeros, reflect or replicate.
    * `content_layers`, `style_layers`: names, or name=weight; `*` for every layer there is.
    * `style_loss`, `solver`: names of `STYLE_LOSSES` and `SOLVERS`.
    * `content_weight`, `style_weight`, `tv_weight`: factors of the three kinds of terms.
    * `iterations`: evaluations in all; `levels`: the most sizes of the coarse-to-fine pyramid.
    * `seed`: of the random start; `device`: `auto` is the fastest; `dtype`: of features, `auto` is the preset's.
    * `max_pixels`: the largest image file that is read.
    """

    preset: str = "default"
    size: int | None = None
    strength: float = 0.5
    style_weights: tuple[float, ...] | None = None
    style_scale: float = 1.0
    init: ImageSource | None = None
    encoder: str | None = None
    weights: str | Path | None = None
    pooling: str | None = None
    padding: str | None = None
    content_layers: tuple[str, ...] | None = None
    style_layers: tuple[str, ...] | None = None
    style_loss: str | None = None
    content_weight: float | None = None
    style_weight: float | None = None
    tv_weight: float | None = None
    solver: str | None = None
    iterations: int | None = None
    levels: int | None = None
    seed: int = 0
    device: str = "auto"
    dtype: str = "auto"
    max_pixels: int = 100_000_000

    def recipe(self) -> Preset:
        """The preset with everything that was asked for put in place.

        Raises:
            UsageError: a value out of its range, or an unknown name.
        """
        self._check_ranges()
        base = preset(self.preset)
        changes: dict[str, object] = {
            name: value
            for name in ("pooling", "padding", "content_weight", "style_weight", "tv_weight", "iterations", "encoder")
            if (value := getattr(self, name)) is not None
        }
        if isinstance(self.init, str) and self.init in INITS:
            changes["init"] = self.init
        if self.content_layers is not None:
            changes["content_layers"] = parse_layers(self.content_layers)
        if self.style_layers is not None:
            changes["style_layers"] = parse_layers(self.style_layers)
        if self.style_loss is not None:
            changes["style_losses"] = _named("style loss", self.style_loss, STYLE_LOSSES)
        if self.solver is not None:
            changes["solver"] = _named("solver", self.solver, SOLVERS)
        if self.levels is not None:
            changes["schedule"] = replace(_coarse_to_fine(base.schedule), most=self.levels)
        check_encoder_name(str(changes.get("encoder", base.encoder)))
        return replace(base, **changes)  # type: ignore[arg-type]

    def _check_ranges(self) -> None:
        if not 0 <= self.strength <= 1:
            raise UsageError(f"strength is {self.strength:g}; it goes from 0 (the content) to 1 (the style alone).")
        if not 0 < self.style_scale < float("inf"):
            raise UsageError(f"style_scale is {self.style_scale:g}; it must be a number above 0, such as 1.")
        if not 0 <= self.seed < 2**63:
            raise UsageError(f"seed is {self.seed}; it must be a whole number from 0 to {2**63 - 1}.")
        for name in ("size", "iterations", "levels"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}; it must be at least 1.")
        for name in ("content_weight", "style_weight", "tv_weight"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < float("inf"):
                raise UsageError(f"{name} is {value:g}; it must be a number of at least 0.")


@dataclass(frozen=True)
class Plan:
    """What a run will do, settled before it starts."""

    recipe: Preset
    encoder: ChainEncoder = field(repr=False)
    device: torch.device
    dtype: torch.dtype
    solver: Solver
    levels: tuple[Level, ...]
    notes: tuple[str, ...] = ()

    @property
    def evaluations(self) -> int:
        """Evaluations in all."""
        return sum(level.iterations for level in self.levels)

    @property
    def memory(self) -> int:
        """Estimated bytes at the largest level: activations kept for the gradient, statistics and solver state."""
        last = self.levels[-1]
        pixels = last.height * last.width
        per_pixel = sum(
            layer.channels / layer.stride**2 for name, layer in self.encoder.layers.items() if name in self._used
        )
        activations = 2.2 * per_pixel * self.dtype.itemsize * pixels
        return round(activations + pixels * 3 * 4 * (12 + 2 * _history(self.solver)))

    @property
    def _used(self) -> frozenset[str]:
        """Every link of the chain up to the deepest layer that is asked for."""
        names = list(self.encoder.layers)
        asked = [names.index(n) for n in (*self.recipe.content_layers, *self.recipe.style_layers)]
        return frozenset(names[: max(asked, default=-1) + 1])

    def summary(self) -> dict[str, str]:
        """The plan in words, in the order a reader wants it."""
        recipe, last = self.recipe, self.levels[-1]
        sizes = ", ".join(f"{level.width}x{level.height} ({level.iterations})" for level in self.levels)
        return {
            "preset": recipe.name,
            "encoder": f"{self.encoder.name} ({self.encoder.pooling} pooling, {self.encoder.padding} padding)",
            "device": describe_device(self.device),
            "dtype": str(self.dtype).removeprefix("torch."),
            "size": f"{last.width}x{last.height}",
            "levels": sizes,
            "evaluations": str(self.evaluations),
            "solver": str(self.solver),
            "content layers": ", ".join(recipe.content_layers),
            "style layers": ", ".join(recipe.style_layers),
            "style losses": " + ".join(loss.__name__.replace("_", " ") for loss in recipe.style_losses),
            "memory": f"about {self.memory / 2**20:.0f} MB beside the program itself",
        }


class TransferProblem:
    """Content and style images at any size, and what a picture is to have of each (an `engine.Problem`)."""

    def __init__(
        self,
        encoder: ChainEncoder,
        recipe: Preset,
        content: Tensor,
        styles: Sequence[Tensor],
        *,
        strength: float = 0.5,
        style_weights: Sequence[float] | None = None,
        style_scale: float = 1.0,
        start: Tensor | None = None,
        seed: int = 0,
    ):
        self._encoder = encoder
        self._recipe = recipe
        self._content = content.to(encoder.device)
        self._styles = [style.to(encoder.device) for style in styles]
        self._strength = strength
        self._style_weights = tuple(style_weights or [1.0] * len(styles))
        self._style_scale = style_scale
        self._start = None if start is None else start.to(encoder.device)
        self._seed = seed

    def initial(self, level: Level) -> Tensor:
        """The picture to begin with.  Shape: (1, 3, level.height, level.width)."""
        if self._start is not None:
            return resize(self._start, level.height, level.width)
        content = self._content_at(level)
        if self._recipe.init == "content":
            return content.clone()
        if self._recipe.init == "gray":
            return torch.full_like(content, 0.5)
        if self._recipe.init == "style":
            return resize(self._styles[0], level.height, level.width)
        if self._recipe.init == "random":
            generator = torch.Generator().manual_seed(self._seed)
            noise = torch.randn(content.shape, generator=generator).to(content.device)
            return 0.5 + self._recipe.noise * noise
        return self._matched(content, level)

    def enlarged(self, image: Tensor, level: Level) -> Tensor:
        """The picture so far at the next level's size."""
        return resize(image, level.height, level.width)

    def objective(self, level: Level) -> FeatureObjective:
        """Content terms, style terms and image terms at this level, targets computed once."""
        with torch.no_grad():
            return FeatureObjective(
                self._encoder, [*self._content_terms(level), *self._style_terms(level), *self._image_terms()]
            )

    def _matched(self, content: Tensor, level: Level) -> Tensor:
        """The content in the styles' colors; below half strength only part of the way, none at zero."""
        target = blend([moments(style) for style in self._styles_at(level)], self._style_weights)
        amount = min(1.0, 2 * self._strength)
        return matched_colors(content, moments(content), target, amount).clamp(0, 1)

    def _content_at(self, level: Level) -> Tensor:
        return resize(self._content, level.height, level.width)

    def _styles_at(self, level: Level) -> list[Tensor]:
        if self._recipe.stretch_style:
            return [resize(style, level.height, level.width) for style in self._styles]
        size = max(1, round(level.size * self._style_scale))
        return [resize(style, *_scaled(style, size)) for style in self._styles]

    def _content_terms(self, level: Level) -> list[Term]:
        recipe, factor = self._recipe, (2 * (1 - self._strength)) ** 2
        layers = recipe.content_layers
        features = self._encoder(self._content_at(level), layers) if layers else {}
        scale = factor * recipe.content_weight / (sum(layers.values()) if recipe.relative and layers else 1)
        return [
            ContentTerm(layer, features[layer].float(), scale * weight, recipe.content_loss)
            for layer, weight in layers.items()
            if scale * weight > 0
        ]

    def _style_terms(self, level: Level) -> list[Term]:
        recipe, factor = self._recipe, (2 * self._strength) ** 2
        layers = recipe.style_layers
        scale = factor * recipe.style_weight / (sum(layers.values()) if recipe.relative and layers else 1)
        if scale == 0 or not layers:
            return []
        targets = self._style_targets(level)
        losses = recipe.style_losses
        return [
            StyleTerm(layer, targets[layer], scale * weight, _in_units(losses, targets[layer], recipe.relative))
            for layer, weight in layers.items()
        ]

    def _style_targets(self, level: Level) -> dict[str, Moments]:
        """The blended moments of the style images, by layer."""
        layers = self._recipe.style_layers
        features = [self._encoder(style, layers) for style in self._styles_at(level)]
        return {layer: blend([moments(f[layer]) for f in features], self._style_weights) for layer in layers}

    def _image_terms(self) -> list[Term]:
        recipe = self._recipe
        terms = [
            ImageTerm("tv", recipe.tv_weight, recipe.tv_loss),
            ImageTerm("range", recipe.range_weight, recipe.range_loss),
        ]
        return [term for term in terms if term.weight > 0]


def _in_units(losses: Sequence[MomentLoss], target: Moments, relative: bool) -> MomentLoss:
    """The sum of `losses`, each in units of its target's energy if `relative`."""
    return weighted_sum(*((1 / max(float(energy(f, target)), 1e-12) if relative else 1.0, f) for f in losses))


# From a request to a run --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Transfer:
    """A transfer that is ready to run: its pictures are read, its network loaded, its plan made.

    Iterating runs it, one `Step` per evaluation; a second iteration runs it again from the start.
    """

    problem: TransferProblem = field(repr=False)
    plan: Plan
    content: Picture = field(repr=False)

    def __iter__(self) -> Iterator[Step]:
        return iterate(self.problem, self.plan.solver, self.plan.levels)

    def alpha(self) -> Tensor | None:
        """The content's transparency at the size of the result.  Shape: (1, 1, H, W)."""
        if self.content.alpha is None:
            return None
        last = self.plan.levels[-1]
        return resize(self.content.alpha, last.height, last.width)


def prepare(
    content: ImageSource,
    styles: Sequence[ImageSource],
    config: TransferConfig | None = None,
    *,
    download: bool = True,
    progress: Progress | None = None,
) -> Transfer:
    """Read the pictures, load the encoder, settle the plan; nothing is optimised yet.

    `download` allows weights to be fetched; `progress` is told of the bytes while they are.

    Raises:
        UsageError: settings that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    config = config or TransferConfig()
    recipe = config.recipe()
    _check_styles(styles, config)
    device = resolve_device(config.device)
    dtype = resolve_dtype(recipe.dtype if config.dtype == AUTO else config.dtype, device)
    picture = open_picture(content, size=config.size or recipe.size, max_pixels=config.max_pixels)
    height, width = _scaled(picture.pixels, _result_size(config, recipe, picture))
    swatch_size = round(max(height, width) * config.style_scale)
    style_pictures = [open_picture(s, size=swatch_size, max_pixels=config.max_pixels) for s in styles]
    weights = find_weights(recipe.encoder, config.weights, download=download, progress=progress)
    encoder = build_encoder(
        weights,
        pooling=recipe.pooling,
        padding=recipe.padding,
        preprocessing=recipe.preprocessing,
        device=device,
        dtype=dtype,
    )
    recipe, notes = _fitted(recipe, encoder)
    levels = _levels_that_fit(recipe, encoder, height, width)
    _check_sizes(encoder, recipe, levels[0], [p.pixels for p in style_pictures], config.style_scale)
    problem = TransferProblem(
        encoder,
        recipe,
        picture.pixels,
        [p.pixels for p in style_pictures],
        strength=config.strength,
        style_weights=config.style_weights,
        style_scale=config.style_scale,
        start=_start(config),
        seed=config.seed,
    )
    read = zip((content, *styles), (picture, *style_pictures), strict=True)
    told = [f"{source_label(source)}: {note}" for source, p in read for note in p.notes]
    if config.weights is not None:
        told.append(f"{Path(config.weights).name}: {weights.architecture} weights, {weights.layout} layout.")
    plan = Plan(recipe, encoder, device, dtype, recipe.solver, levels, (*told, *notes))
    return Transfer(problem, plan, picture)


def stylize(content: ImageSource, style: ImageSource | Sequence[ImageSource], **settings: object) -> Image.Image:
    """`content` in the style of `style` (one image or a list of them), as a PIL image.

    Images are paths, `swatch:NAME`, PIL images, NumPy arrays or tensors; `settings` are those of `TransferConfig`.
    """
    styles = list(style) if isinstance(style, list | tuple) else [style]
    transfer = prepare(content, styles, TransferConfig(**settings))  # type: ignore[arg-type]
    image = None
    for step in transfer:
        image = step.image
    assert image is not None
    return to_pil(image, transfer.alpha())


def parse_layers(names: Sequence[str]) -> dict[str, float]:
    """`relu4_2` or `relu4_2=0.5` to {public name: weight}.

    Raises:
        UsageError: a weight that is no number of at least 0.
    """
    layers = {}
    for item in names:
        name, _, weight = item.partition("=")
        try:
            value = float(weight or 1)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise UsageError(f"{item!r}: a layer's weight is a number of at least 0, as in {name}=0.5.")
        layers[canonical_layer(name.strip())] = value
    return layers


def _named(kind: str, name: str, choices: Mapping[str, T]) -> T:
    if name not in choices:
        raise UnknownNameError(kind, name, choices)
    return choices[name]


def _coarse_to_fine(schedule: Pyramid) -> Pyramid:
    """`schedule` if it has several levels, else the default's."""
    return schedule if schedule.most > 1 else PRESETS["default"].schedule


def _check_styles(styles: Sequence[ImageSource], config: TransferConfig) -> None:
    if not styles:
        raise UsageError("A transfer needs at least one style image.")
    weights = config.style_weights
    if weights is None:
        return
    if len(weights) != len(styles):
        one = "1 entry" if len(weights) == 1 else f"{len(weights)} entries"
        images = "1 style image" if len(styles) == 1 else f"{len(styles)} style images"
        raise UsageError(
            f"style_weights has {one} but there {'is' if len(styles) == 1 else 'are'} {images}; give one for each."
        )
    if not (min(weights) >= 0 and 0 < sum(weights) < float("inf")):
        raise UsageError(
            f"style_weights are {', '.join(f'{w:g}' for w in weights)}; none may be below 0, and not all 0."
        )


def _result_size(config: TransferConfig, recipe: Preset, picture: Picture) -> int:
    """The long side asked for; else the preset's, but no larger than the photograph."""
    return config.size or min(recipe.size, max(picture.pixels.shape[-2:]))


def _start(config: TransferConfig) -> Tensor | None:
    """The image to begin with, if `init` is one rather than the name of a way to make one."""
    if config.init is None or (isinstance(config.init, str) and config.init in INITS):
        return None
    if isinstance(config.init, str) and not Path(config.init).exists() and Path(config.init).suffix == "":
        raise UnknownNameError("init", config.init, (*INITS, "or an image file"))
    return open_picture(config.init, max_pixels=config.max_pixels).pixels


def _fitted(recipe: Preset, encoder: ChainEncoder) -> tuple[Preset, tuple[str, ...]]:
    """The recipe with layers this encoder has: `*` spelled out, missing ones of a preset mapped to the nearest."""
    style, notes = _present(recipe.style_layers, encoder)
    content, more = _present(recipe.content_layers, encoder)
    return replace(recipe, style_layers=style, content_layers=content), (*notes, *more)


def _present(layers: Mapping[str, float], encoder: ChainEncoder) -> tuple[dict[str, float], tuple[str, ...]]:
    if ALL_LAYERS in layers:
        return {name: layers[ALL_LAYERS] for name in encoder.layers if name.startswith("relu")}, ()
    return {name: layers[name] for name in resolve_layers(encoder, layers)}, ()


def _levels_that_fit(recipe: Preset, encoder: ChainEncoder, height: int, width: int) -> tuple[Level, ...]:
    """The schedule's levels, without the coarse ones at which a narrow picture is too small for the encoder."""
    needed = _needed(encoder, recipe)
    levels = recipe.schedule.levels(height, width, recipe.iterations)
    fitting = sum(min(level.height, level.width) >= needed for level in levels)
    schedule = replace(recipe.schedule, most=max(1, fitting))
    return schedule.levels(height, width, recipe.iterations)


def _needed(encoder: ChainEncoder, recipe: Preset) -> int:
    """The fewest pixels per side that every layer in use can work with."""
    return max((encoder.smallest_side(layer) for layer in (*recipe.content_layers, *recipe.style_layers)), default=1)


def _check_sizes(
    encoder: ChainEncoder, recipe: Preset, level: Level, styles: Sequence[Tensor], style_scale: float
) -> None:
    """Raise while nothing has been computed if a picture is too small for the encoder."""
    needed = _needed(encoder, recipe)
    _check_side("content", level.height, level.width, needed, encoder.name)
    for style in styles if not recipe.stretch_style else ():
        _check_side("style", *_scaled(style, max(1, round(level.size * style_scale))), needed, encoder.name)


def _check_side(what: str, height: int, width: int, needed: int, encoder: str) -> None:
    if min(height, width) < needed:
        remedy = "choose a larger --size" if what == "content" else "choose a larger --size or --style-scale"
        raise UsageError(
            f"The {what} image would be {width}x{height} pixels, but {encoder} needs at least {needed} per side: "
            f"{remedy}, or crop the image to a less extreme shape."
        )


def _scaled(image: Tensor, size: int) -> tuple[int, int]:
    """Height and width of `image` with a long side of `size`."""
    height, width = image.shape[-2:]
    return size_for(height, width, size)


def _history(solver: Solver) -> int:
    """Images that a solver keeps two of per iteration remembered."""
    inner = getattr(solver, "solver", solver)
    inner = getattr(inner, "solver", inner)
    return inner.history if isinstance(inner, LBFGS) else 2
