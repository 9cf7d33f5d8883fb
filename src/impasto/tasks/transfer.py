"""Style transfer: the content of one picture, the style of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from impasto.devices import resolve_device, resolve_dtype
from impasto.encoders.catalog import build_encoder, find_weights
from impasto.encoders.download import Progress
from impasto.errors import UnknownNameError
from impasto.images import Picture
from impasto.presets import Preset
from impasto.tasks.fitting import check_sizes, fitted, levels_that_fit, scaled
from impasto.tasks.problem import TransferProblem
from impasto.tasks.run import Plan, Run
from impasto.tasks.settings import AUTO, INITS, TransferConfig
from impasto.tasks.sources import SWATCH, ImageSource, open_picture, source_label

__all__ = ["TransferConfig", "prepare", "stylize"]


def prepare(
    content: ImageSource,
    styles: Sequence[ImageSource],
    config: TransferConfig | None = None,
    *,
    download: bool = True,
    progress: Progress | None = None,
) -> Run:
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
    return Run(problem, plan, picture.alpha)


def stylize(content: ImageSource, style: ImageSource | Sequence[ImageSource], **settings: object) -> Image.Image:
    """`content` in the style of `style` (one image or a list of them), as a PIL image.

    Images are paths, `swatch:NAME`, PIL images, NumPy arrays or tensors; `settings` are those of `TransferConfig`.
    """
    styles = list(style) if isinstance(style, list | tuple) else [style]
    return prepare(content, styles, TransferConfig(**settings)).picture()  # type: ignore[arg-type]


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
