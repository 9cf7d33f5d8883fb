"""Style transfer: the content of one picture, the style of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from impasto.devices import describe_device, resolve_device, resolve_dtype
from impasto.encoders.catalog import build_encoder, find_weights
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.download import Progress
from impasto.engine import Step, iterate
from impasto.errors import UnknownNameError
from impasto.images import Picture, resize, to_pil
from impasto.presets import Preset
from impasto.schedule import Level
from impasto.solvers import LBFGS, Solver
from impasto.tasks.fitting import check_sizes, fitted, levels_that_fit, scaled
from impasto.tasks.problem import TransferProblem
from impasto.tasks.settings import AUTO, INITS, TransferConfig
from impasto.tasks.sources import SWATCH, ImageSource, open_picture, source_label

__all__ = ["Plan", "Transfer", "TransferConfig", "prepare", "stylize"]


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
    config.check_styles(len(styles))
    device = resolve_device(config.device)
    dtype = resolve_dtype(recipe.dtype if config.dtype == AUTO else config.dtype, device)
    picture = open_picture(content, size=config.size or recipe.size, max_pixels=config.max_pixels)
    height, width = scaled(picture.pixels, _result_size(config, recipe, picture))
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
    recipe, notes = fitted(recipe, encoder, config.asked_layers())
    levels = levels_that_fit(recipe, encoder, height, width)
    check_sizes(encoder, recipe, levels[0], [p.pixels for p in style_pictures], config.style_scale)
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


def _result_size(config: TransferConfig, recipe: Preset, picture: Picture) -> int:
    """The long side asked for; else the preset's, but no larger than the photograph."""
    return config.size or min(recipe.size, max(picture.pixels.shape[-2:]))


def _start(config: TransferConfig) -> Tensor | None:
    """The image to begin with, if `init` is one rather than the name of a way to make one."""
    init = config.init
    if init is None or (isinstance(init, str) and init in INITS):
        return None
    if isinstance(init, str) and not (init.startswith(SWATCH) or Path(init).suffix or Path(init).exists()):
        raise UnknownNameError("init", init, (*INITS, "or an image file"))
    return open_picture(init, max_pixels=config.max_pixels).pixels


def _history(solver: Solver) -> int:
    """Images that a solver keeps two of per iteration remembered."""
    inner = getattr(solver, "solver", solver)
    inner = getattr(inner, "solver", inner)
    return inner.history if isinstance(inner, LBFGS) else 2
