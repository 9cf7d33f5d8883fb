"""Style transfer: the content of one picture, the style of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PIL import Image

from impasto.encoders.download import Progress
from impasto.errors import UnknownNameError
from impasto.images import Picture
from impasto.presets import Preset
from impasto.tasks.encoders import load_encoder, weights_notes
from impasto.tasks.fitting import check_sizes, fitted, grown, levels_that_fit, scaled
from impasto.tasks.problem import TransferProblem
from impasto.tasks.provenance import request_record
from impasto.tasks.run import Run, settled
from impasto.tasks.settings import INITS, TransferConfig
from impasto.tasks.sources import SWATCH, ImageSource, image_notes, open_picture

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
    picture = open_picture(content, size=config.size or recipe.size, max_pixels=config.max_pixels)
    height, width = scaled(picture.pixels, _result_size(config, recipe, picture))
    swatch_size = round(max(height, width) * config.style_scale)
    style_pictures = [open_picture(s, size=swatch_size, max_pixels=config.max_pixels) for s in styles]
    recipe = grown(recipe, max(height, width), config.iterations)
    weights, encoder = load_encoder(recipe, config, download=download, progress=progress)
    recipe, notes = fitted(recipe, encoder, config.asked_layers())
    levels = levels_that_fit(recipe, encoder, height, width, [p.pixels for p in style_pictures], config.style_scale)
    check_sizes(encoder, recipe, levels[0], [p.pixels for p in style_pictures], config.style_scale)
    start = _start(config)
    problem = TransferProblem(
        encoder,
        recipe,
        picture.pixels,
        [p.pixels for p in style_pictures],
        strength=config.strength,
        style_weights=config.style_weights,
        style_scale=config.style_scale,
        start=start.pixels if start else None,
        seed=config.seed,
    )
    told = (*image_notes((content, *styles), (picture, *style_pictures)), *weights_notes(config, weights), *notes)
    used = [("content", content, picture), *(("style", *each) for each in zip(styles, style_pictures, strict=True))]
    if start and config.init is not None:
        used.append(("init", config.init, start))
    return Run(
        problem,
        settled(problem, recipe, encoder, levels, told, config.memory_bytes),
        picture.alpha,
        careful=partial(prepare, picture, style_pictures, replace(config, dtype="float32"), download=download),
        record=request_record("transfer", config, used, weights),
    )


def stylize(content: ImageSource, style: ImageSource | Sequence[ImageSource], **settings: object) -> Image.Image:
    """`content` in the style of `style` (one image or a list of them), as a PIL image.

    Images are paths, `swatch:NAME`, PIL images, NumPy arrays or tensors; `settings` are those of `TransferConfig`.
    """
    styles = list(style) if isinstance(style, list | tuple) else [style]
    return prepare(content, styles, TransferConfig(**settings)).picture()  # type: ignore[arg-type]


def _result_size(config: TransferConfig, recipe: Preset, picture: Picture) -> int:
    """The long side asked for; else the preset's, but no larger than the photograph."""
    return config.size or min(recipe.size, max(picture.pixels.shape[-2:]))


def _start(config: TransferConfig) -> Picture | None:
    """The image to begin with, if `init` is one rather than the name of a way to make one."""
    init = config.init
    if init is None or (isinstance(init, str) and init in INITS):
        return None
    if isinstance(init, str) and not (init.startswith(SWATCH) or Path(init).suffix or Path(init).exists()):
        raise UnknownNameError("init", init, (*INITS, "or an image file"))
    return open_picture(init, max_pixels=config.max_pixels)
