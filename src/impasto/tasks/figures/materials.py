"""What all runs of a figure share: pictures at their size, and the encoder that looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from impasto.encoders.chain import ChainEncoder
from impasto.encoders.vgg import canonical_layer
from impasto.fitting import nearest_layer
from impasto.images import Picture, resize, size_for
from impasto.loading import Encoders
from impasto.preparation import Pictures, prepare
from impasto.recipe import Recipe
from impasto.run import Run
from impasto.sources import ImageSource, image_notes, open_picture

SIZE = 256


@dataclass(frozen=True)
class Materials:
    """Pictures, (1, 3, H, W) each with a long side of `size`, and the encoder that all runs of a figure share."""

    encoders: Encoders = field(repr=False)
    encoder: ChainEncoder = field(repr=False)
    pictures: tuple[Tensor, ...] = field(repr=False)
    size: int
    notes: tuple[str, ...] = ()

    def run(self, recipe: Recipe, content: Tensor | None, style: Tensor | None) -> Run:
        """A run of `recipe`, with the size of the content or else of the style.

        Raises:
            UsageError: a required layer is missing, or a picture too small for it.
        """
        pictures = Pictures(
            None if content is None else Picture(content.cpu()), [] if style is None else [Picture(style.cpu())]
        )
        return prepare(replace(recipe, size=self.size), pictures, self.encoders)

    def in_words(self) -> str:
        """The encoder and the size, for a footnote."""
        return f"{self.encoder.name} encoder, {self.encoder.pooling} pooling, {self.size} px"

    def nearest(self, layers: Sequence[str]) -> tuple[str, ...]:
        """The encoder's layers nearest to `layers`, each once."""
        there = (name if name in self.encoder.layers else nearest_layer(name, self.encoder) for name in layers)
        return tuple(dict.fromkeys(there))


def prepare_materials(sources: Sequence[ImageSource], recipe: Recipe, encoders: Encoders | None = None) -> Materials:
    """Read the pictures, load the encoder.  The size is the recipe's, or `SIZE`.

    Raises:
        UsageError: settings that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    size, encoders = recipe.long_side or SIZE, encoders or Encoders()
    read = [open_picture(source, size=size, max_pixels=recipe.max_pixels) for source in sources]
    encoder = encoders.load(recipe)
    scaled = (_scaled(picture.pixels, size) for picture in read)
    return Materials(
        encoders, encoder, tuple(each.to(encoder.device) for each in scaled), size, image_notes(sources, read)
    )


def _scaled(image: Tensor, size: int) -> Tensor:
    height, width = image.shape[-2:]
    return resize(image, *size_for(height, width, size))


def in_papers_words(layer: str) -> str:
    """`conv4_2` for `relu4_2`: the papers name a layer after its convolution, and mean the features after the ReLU."""
    return canonical_layer(layer).replace("relu", "conv")


def nested_in_words(layers: Sequence[str]) -> str:
    """`conv1_1`, then `conv1_1, 2_1`, then `conv1_1 ... 5_1`: a set of layers, shallow to deep."""
    first, last = in_papers_words(layers[0]), in_papers_words(layers[-1]).removeprefix("conv")
    return {1: first, 2: f"{first}, {last}"}.get(len(layers), f"{first} \N{HORIZONTAL ELLIPSIS} {last}")
