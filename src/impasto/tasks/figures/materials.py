"""What all runs of a figure share: pictures at their size, and the encoder that looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from impasto.encoders.chain import ChainEncoder
from impasto.encoders.vgg import canonical_layer
from impasto.images import Picture, resize, size_for
from impasto.loading import Encoders
from impasto.preparation import Pictures, prepare
from impasto.recipe import Recipe
from impasto.run import Run
from impasto.sources import ImageSource, image_notes, open_picture
from impasto.tasks.figures.sheet import Panel

SIZE = 256


@dataclass(frozen=True)
class Materials:
    """Pictures with a long side of `size`, and the encoder that all runs of a figure share."""

    encoders: Encoders = field(repr=False)
    encoder: ChainEncoder = field(repr=False)
    pictures: tuple[Picture, ...] = field(repr=False)
    size: int
    notes: tuple[str, ...] = ()

    def run(self, recipe: Recipe, content: Picture | None = None, *styles: Picture) -> Run:
        """A run of `recipe`, with the size of the content or else of the style.

        Raises:
            UsageError: a required layer is missing, or a picture too small for it.
        """
        return prepare(replace(recipe, size=self.size, by_size=()), Pictures(content, styles), self.encoders)

    def panels(self) -> tuple[Panel, ...]:
        """The pictures themselves, content and style."""
        pixels = (picture.pixels for picture in self.pictures)
        return tuple(map(Panel, pixels, ("content image", "style image")))

    def footnote(self, text: str) -> str:
        """The encoder and the size, and `text`."""
        return f"{self.encoder.name} encoder, {self.encoder.pooling} pooling, {self.size} px. {text}"


def prepare_materials(sources: Sequence[ImageSource], recipe: Recipe, encoders: Encoders | None = None) -> Materials:
    """Read the pictures, load the encoder.  The size is the recipe's, or `SIZE`.

    Raises:
        UsageError: settings that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    size, encoders = recipe.long_side or SIZE, encoders or Encoders()
    read = [open_picture(source, size=size, max_pixels=recipe.max_pixels) for source in sources]
    scaled = tuple(Picture(_scaled(picture.pixels, size)) for picture in read)
    return Materials(encoders, encoders.load(recipe), scaled, size, image_notes(sources, read))


def _scaled(image: Tensor, size: int) -> Tensor:
    height, width = image.shape[-2:]
    return resize(image, *size_for(height, width, size))


def in_papers_words(layer: str) -> str:
    """`conv4_2` for `relu4_2`: the papers name a layer after its convolution, and mean the features after the ReLU."""
    return canonical_layer(layer).replace("relu", "conv")


def content_in_words(run: Run) -> str:
    """`conv4_2`, or all content layers of a run with commas."""
    return ", ".join(map(in_papers_words, run.plan.recipe.content_layers))


def style_in_words(run: Run) -> str:
    """`conv1_1`, then `conv1_1, 2_1`, then `conv1_1 ... 5_1`: the style layers of a run, shallow to deep."""
    first, *others = map(in_papers_words, run.plan.recipe.style_layers)
    if not others:
        return first
    return first + (", " if len(others) == 1 else " \N{HORIZONTAL ELLIPSIS} ") + others[-1].removeprefix("conv")
