"""What all runs of a figure share: pictures at their size, and the encoder that looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

from torch import Tensor

from impasto.encoders.base import canonical_layer
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.download import Progress
from impasto.images import resize
from impasto.presets import Preset
from impasto.tasks.encoders import load_encoder, weights_notes
from impasto.tasks.fitting import check_sizes, fitted, levels_that_fit, nearest_layer, scaled
from impasto.tasks.problem import TransferProblem
from impasto.tasks.run import Plan, Run
from impasto.tasks.settings import MethodConfig
from impasto.tasks.sources import ImageSource, image_notes, open_picture

SIZE = 256


class Loading(TypedDict, total=False):
    """Whether weights that are not here may be downloaded, by default yes, and who is told how far they are."""

    download: bool
    progress: Progress | None


@dataclass(frozen=True)
class Materials:
    """Pictures, (1, 3, H, W) each with a long side of `size`, and the encoder that all runs of a figure share."""

    encoder: ChainEncoder = field(repr=False)
    pictures: tuple[Tensor, ...] = field(repr=False)
    size: int
    seed: int
    notes: tuple[str, ...] = ()

    def run(self, recipe: Preset, content: Tensor | None, style: Tensor | None, asked: Sequence[str] = ()) -> Run:
        """A run of `recipe`, with the size of the content or else of the style; layers in `asked` must be there.

        Raises:
            UsageError: a layer is missing, or a picture too small for it.
        """
        recipe, notes = fitted(recipe, self.encoder, asked)
        picture = content if content is not None else style
        assert picture is not None, "a run needs a picture to look at"
        styles = [] if style is None else [style]
        levels = levels_that_fit(recipe, self.encoder, *scaled(picture, self.size))
        check_sizes(self.encoder, recipe, levels[0], styles, 1.0)
        problem = TransferProblem(self.encoder, recipe, content, styles, seed=self.seed)
        return Run(problem, Plan(recipe, self.encoder, recipe.solver, levels, notes))

    def in_words(self) -> str:
        """The encoder and the size, for a footnote."""
        return f"{self.encoder.name} encoder, {self.encoder.pooling} pooling, {self.size} px"

    def nearest(self, layers: Sequence[str]) -> tuple[str, ...]:
        """The encoder's layers nearest to `layers`, each once."""
        there = (name if name in self.encoder.layers else nearest_layer(name, self.encoder) for name in layers)
        return tuple(dict.fromkeys(there))


def prepare_materials(sources: Sequence[ImageSource], config: MethodConfig, **loading: Unpack[Loading]) -> Materials:
    """Read the pictures, load the encoder.  The size is the config's, or `SIZE`.

    Raises:
        UsageError: settings that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    recipe, size = config.recipe(), getattr(config, "size", None) or SIZE
    read = [open_picture(source, size=size, max_pixels=config.max_pixels) for source in sources]
    weights, encoder = load_encoder(recipe, config, **loading)
    pictures = (resize(picture.pixels, *scaled(picture.pixels, size)).to(encoder.device) for picture in read)
    notes = (*image_notes(sources, read), *weights_notes(config, weights))
    return Materials(encoder, tuple(pictures), size, config.seed, notes)


def in_papers_words(layer: str) -> str:
    """`conv4_2` for `relu4_2`: the papers name a layer after its convolution, and mean the features after the ReLU."""
    return canonical_layer(layer).replace("relu", "conv")


def nested_in_words(layers: Sequence[str]) -> str:
    """`conv1_1`, then `conv1_1, 2_1`, then `conv1_1 ... 5_1`: a set of layers, shallow to deep."""
    first, last = in_papers_words(layers[0]), in_papers_words(layers[-1]).removeprefix("conv")
    return {1: first, 2: f"{first}, {last}"}.get(len(layers), f"{first} \N{HORIZONTAL ELLIPSIS} {last}")
