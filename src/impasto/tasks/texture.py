"""Texture synthesis: a style alone, at any size (Gatys, Ecker & Bethge 2015, "Texture Synthesis Using CNNs")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from PIL import Image

from impasto.encoders.download import Progress
from impasto.errors import UsageError, named
from impasto.images import Picture
from impasto.presets import Preset
from impasto.schedule import Level
from impasto.tasks.encoders import load_encoder, weights_notes
from impasto.tasks.fitting import check_sizes, fitted, grown, levels_that_fit, scaled
from impasto.tasks.problem import TransferProblem
from impasto.tasks.provenance import request_record
from impasto.tasks.run import Run, settled
from impasto.tasks.settings import MethodConfig, check_style_scale
from impasto.tasks.sources import ImageSource, image_notes, open_picture

TEXTURE_INITS = ("random", "gray", "style")


@dataclass(frozen=True)
class TextureConfig(MethodConfig):
    """Settings of a texture, beside those of every `MethodConfig`.  None means: as the preset has it.

    * `size`: (width, height) in pixels; None is the style image's own shape, its long side at most the preset's size.
    * `tileable`: opposite borders of the result fit each other; both sides must be multiples of the deepest stride.
    * `style_weights`: how much of each style image, in any unit; None is equal parts.
    * `style_scale`: size of the strokes; at 1, a style image has its own size, or the result's if less.
    * `init`: the picture to begin with, one of `TEXTURE_INITS`.
    * `style_layers`: names, or name=weight; `*` for every layer there is.  `style_loss`: one of `STYLE_LOSSES`.
    """

    size: tuple[int, int] | None = None
    tileable: bool = False
    style_weights: tuple[float, ...] | None = None
    style_scale: float = 1.0
    init: str = "random"
    style_layers: tuple[str, ...] | None = None
    style_loss: str | None = None
    tv_weight: float | None = None

    def recipe(self) -> Preset:
        """The preset with everything that was asked for, and without content."""
        return replace(super().recipe(), content_layers={}, init=self.init, stretch_style=False)

    def _check_ranges(self) -> None:
        super()._check_ranges()
        check_style_scale(self.style_scale)
        named("init", self.init, {name: name for name in TEXTURE_INITS})
        if self.size and min(self.size) < 1:
            raise UsageError(f"size is {self.size[0]}x{self.size[1]}; both sides must be at least 1 pixel.")
        if self.tileable and self.padding:
            raise UsageError(f"padding is {self.padding}, but a tileable picture has no borders to pad; leave one out.")


def prepare_texture(
    styles: Sequence[ImageSource],
    config: TextureConfig | None = None,
    *,
    download: bool = True,
    progress: Progress | None = None,
) -> Run:
    """Read the pictures, load the encoder, settle the plan; nothing is optimised yet.

    Raises:
        UsageError: settings that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    config = config or TextureConfig()
    recipe = config.recipe()
    config.check_styles(len(styles))
    longest = max(config.size) if config.size else recipe.size
    pictures = [open_picture(s, size=longest, max_pixels=config.max_pixels) for s in styles]
    width, height = config.size or _own_size(pictures[0], recipe.size)
    recipe = grown(recipe, max(width, height), config.iterations)
    weights, encoder = load_encoder(recipe, config, download=download, progress=progress)
    recipe, notes = fitted(recipe, encoder, config.asked_layers())
    own = max(max(picture.pixels.shape[-2:]) for picture in pictures)
    style_scale = config.style_scale * min(1.0, own / max(width, height))
    levels = levels_that_fit(recipe, encoder, height, width, [p.pixels for p in pictures], style_scale)
    check_sizes(encoder, recipe, levels[0], [p.pixels for p in pictures], style_scale)
    painter = encoder
    if config.tileable:
        stride = max(encoder.layers[layer].stride for layer in recipe.style_layers)
        levels = _repeating(levels, stride)
        painter = encoder.with_padding("circular")
    problem = TransferProblem(
        painter,
        recipe,
        None,
        [p.pixels for p in pictures],
        style_encoder=encoder,
        style_weights=config.style_weights,
        style_scale=style_scale,
        seed=config.seed,
    )
    told = (*image_notes(styles, pictures), *weights_notes(config, weights), *notes)
    used = [("style", *each) for each in zip(styles, pictures, strict=True)]
    return Run(
        problem,
        settled(problem, recipe, painter, levels, told, config.memory_bytes),
        careful=partial(prepare_texture, pictures, replace(config, dtype="float32"), download=download),
        record=request_record("texture", config, used, weights),
    )


def synthesize(style: ImageSource | Sequence[ImageSource], **settings: object) -> Image.Image:
    """A texture that has nothing but the style of `style` (one image or a list of them), as a PIL image.

    Images are paths, `swatch:NAME`, PIL images, NumPy arrays or tensors; `settings` are those of `TextureConfig`.
    """
    styles = list(style) if isinstance(style, list | tuple) else [style]
    return prepare_texture(styles, TextureConfig(**settings)).picture()  # type: ignore[arg-type]


def _own_size(picture: Picture, most: int) -> tuple[int, int]:
    """The picture's width and height, scaled down to a long side of `most` if it is larger."""
    height, width = scaled(picture.pixels, min(most, max(picture.pixels.shape[-2:])))
    return width, height


def _repeating(levels: Sequence[Level], stride: int) -> tuple[Level, ...]:
    """The levels with sides that a picture can repeat at: multiples of `stride`.

    Raises:
        UsageError: the last level is none, and would not have the size that was asked for.
    """
    rounded = [
        replace(level, height=_multiple(level.height, stride), width=_multiple(level.width, stride)) for level in levels
    ]
    asked, possible = levels[-1], rounded[-1]
    if (asked.height, asked.width) != (possible.height, possible.width):
        raise UsageError(
            f"size is {asked.width}x{asked.height}, but the sides of a tileable picture must be multiples of {stride}: "
            f"{possible.width}x{possible.height} would do."
        )
    return tuple(rounded)


def _multiple(side: int, stride: int) -> int:
    return max(1, round(side / stride)) * stride
