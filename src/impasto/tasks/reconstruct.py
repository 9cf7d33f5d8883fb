"""Reconstruction: what a layer, or a set of layers, knows of a picture (Gatys, Ecker & Bethge 2015, figure 1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

from PIL import Image

from impasto.encoders.download import Progress
from impasto.errors import UsageError, named
from impasto.losses import gram_error
from impasto.presets import STYLE_LOSSES, Preset
from impasto.presets.preset import FIVE_LAYERS
from impasto.schedule import SINGLE
from impasto.tasks.encoders import load_encoder, weights_notes
from impasto.tasks.fitting import check_sizes, fitted, levels_that_fit, scaled
from impasto.tasks.problem import TransferProblem
from impasto.tasks.provenance import request_record
from impasto.tasks.run import Run, settled
from impasto.tasks.settings import AUTO, PATIENCE, MethodConfig, check_at_least_one, parse_layers
from impasto.tasks.sources import ImageSource, image_notes, open_picture

Representation = Literal["content", "style"]
LAYERS = {"content": ("relu4_2",), "style": FIVE_LAYERS}
AUTHORS_NOISE = 1 / 255
ITERATIONS = 300


@dataclass(frozen=True)
class ReconstructConfig(MethodConfig):
    """Settings of a reconstruction, beside those of every `MethodConfig`.  None means: as the preset has it.

    * `representation`: content, the features of the layers themselves; style, their Gram matrices.
    * `layers`: names, or name=weight; None is relu4_2 for content, relu1_1 ... relu5_1 for style.
    * `size`: long side in pixels; None is the preset's, but no more than the image has.
    * `noise`: standard deviation of the white noise around mid-gray that it begins with, in [0, 1] units; the authors'
      is 1/255, which can hardly be seen.
    * `style_loss`: one of `STYLE_LOSSES`; None is the Gram matrices alone.

    There is one level, the full size, unless `levels` says otherwise.
    """

    representation: Representation = "content"
    layers: tuple[str, ...] | None = None
    size: int | None = None
    noise: float = AUTHORS_NOISE
    style_loss: str | None = None

    def recipe(self) -> Preset:
        """The preset with everything that was asked for, and with one side of its terms only."""
        base = super().recipe()
        layers = parse_layers(self.layers or LAYERS[self.representation])
        style = self.representation == "style"
        return replace(
            base,
            content_layers={} if style else layers,
            style_layers=layers if style else {},
            style_losses=STYLE_LOSSES[self.style_loss] if self.style_loss else (gram_error,),
            schedule=base.schedule if self.levels else SINGLE,
            iterations=self.iterations or (PATIENCE if self.until else 1) * ITERATIONS,
            dtype="float32" if self.dtype == AUTO else self.dtype,
            init="random",
            noise=self.noise,
            tv_weight=0.0,
            stretch_style=False,
        )

    def asked_layers(self) -> tuple[str, ...]:
        """The layers that were asked for by name."""
        return tuple(parse_layers(self.layers or ()))

    def _check_ranges(self) -> None:
        super()._check_ranges()
        named("representation", self.representation, {name: name for name in get_args(Representation)})
        check_at_least_one("size", self.size)
        if not 0 <= self.noise <= 1:
            raise UsageError(f"noise is {self.noise:g}; it goes from 0 to 1, and 0.25 is plainly visible.")


def prepare_reconstruction(
    image: ImageSource,
    config: ReconstructConfig | None = None,
    *,
    download: bool = True,
    progress: Progress | None = None,
) -> Run:
    """Read the picture, load the encoder, settle the plan; nothing is optimised yet.

    Raises:
        UsageError: settings that cannot be met.
        ImageError, WeightsError: the picture or the weights cannot be read.
    """
    config = config or ReconstructConfig()
    recipe = config.recipe()
    picture = open_picture(image, size=config.size or recipe.size, max_pixels=config.max_pixels)
    height, width = scaled(picture.pixels, config.size or min(recipe.size, max(picture.pixels.shape[-2:])))
    weights, encoder = load_encoder(recipe, config, download=download, progress=progress)
    recipe, notes = fitted(recipe, encoder, config.asked_layers())
    levels = levels_that_fit(recipe, encoder, height, width)
    content, styles = (picture.pixels, []) if config.representation == "content" else (None, [picture.pixels])
    check_sizes(encoder, recipe, levels[0], styles, 1.0)
    problem = TransferProblem(encoder, recipe, content, styles, seed=config.seed)
    told = (*image_notes([image], [picture]), *weights_notes(config, weights), *notes)
    return Run(
        problem,
        settled(problem, recipe, encoder, levels, told, config.memory_bytes),
        careful=partial(prepare_reconstruction, picture, replace(config, dtype="float32"), download=download),
        record=request_record("reconstruct", config, [("image", image, picture)], weights),
    )


def reconstruct(image: ImageSource, **settings: object) -> Image.Image:
    """A picture with the content, or the style, that some layers see in `image`, from noise, as a PIL image.

    `image` is a path, `swatch:NAME`, a PIL image, a NumPy array or a tensor; `settings` are those of
    `ReconstructConfig`, as in `reconstruct(photo, representation="content", layers=("relu3_1",))`.
    """
    return prepare_reconstruction(image, ReconstructConfig(**settings)).picture()  # type: ignore[arg-type]
