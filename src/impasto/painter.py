"""Pictures from Python: a painter that loads its networks once, and functions for those who make one picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, Never, TypeAlias, Unpack, overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from impasto import masks
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.download import Progress
from impasto.encoders.registry import VGG19
from impasto.engine import Step
from impasto.errors import UnknownNameError, UsageError
from impasto.loading import Encoders
from impasto.painting import Painting
from impasto.preparation import Pictures
from impasto.preparation import prepare as prepare_run
from impasto.presets import preset as named_preset
from impasto.presets.own import STUDY
from impasto.ranges import one_of
from impasto.recipe import Recipe
from impasto.regions import Region
from impasto.request import Settings, asked
from impasto.run import Run
from impasto.sources import ImageSource, open_picture
from impasto.tasks.reconstruct import reconstruction_of
from impasto.tasks.texture import texture_of

Callback = Callable[[Step], object]
Styles: TypeAlias = ImageSource | Sequence[ImageSource]
OUTPUTS = ("pil", "numpy", "torch")


class Request(Settings, total=False):
    """The settings of a recipe, and the preset, or the recipe of one's own, that has those which are not said."""

    preset: str | Recipe


class Watched(Request, total=False):
    """A request, what is told of its steps, which parts of the content are painted otherwise, and whose texture."""

    callback: Callback | None
    regions: Sequence[Region]
    keep: ImageSource | None
    texture: ImageSource | None


class Painter:
    """Makes pictures on one device, in one number format, with networks that are loaded once and kept.

    `device`, one of auto, cpu, cuda, mps and xpu, and `dtype` take the places of the presets', unless they are None.
    `download` allows weights to be fetched; `progress` is told of the bytes while they are.

        painter = impasto.Painter()
        for photo in photos:
            painter.stylize(photo, "painting.jpg").save(...)

    Raises:
        UsageError: another argument.
    """

    def __init__(
        self,
        device: str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
        *,
        download: bool = True,
        progress: Progress | None = None,
        **others: Never,
    ):
        for name in others:
            raise UnknownNameError("argument", name, ("device", "dtype", "download", "progress"), of="a painter")
        self._device, self._dtype = device, dtype
        self._encoders = Encoders(download=download, progress=progress)

    @overload
    def stylize(
        self, content: ImageSource, style: Styles, *, output: Literal["pil"] = ..., **request: Unpack[Watched]
    ) -> Painting: ...
    @overload
    def stylize(
        self, content: ImageSource, style: Styles, *, output: Literal["numpy"], **request: Unpack[Watched]
    ) -> np.ndarray[Any, Any]: ...
    @overload
    def stylize(
        self, content: ImageSource, style: Styles, *, output: Literal["torch"], **request: Unpack[Watched]
    ) -> Tensor: ...
    def stylize(
        self,
        content: ImageSource,
        style: Styles,
        *,
        callback: Callback | None = None,
        output: str = "pil",
        **request: Any,
    ) -> Any:
        """`content` in the style of `style`, one image or a list of them.

        Images are paths, `swatch:NAME`, PIL images, NumPy arrays or tensors. With `regions`, each a `Region`, `style`
        is for the rest, and may be an empty list; where the mask `keep` is white the content stays. Up to the layer
        `texture_up_to` the strokes are those of the style `texture`, in the others' colors. `request` has settings of
        `Recipe`, and as `preset` a name or a recipe that has the others. `callback` is called with each `Step`; if it
        returns False, the picture so far is the result. `output` is `pil`, a `Painting`; `numpy`, (H, W, 3) float32 in
        [0, 1]; or `torch`, (1, 3, H, W) float32 in [0, 1].

        Raises:
            UsageError: settings that cannot be met.
            ImageError, WeightsError: a picture or the weights cannot be read.
        """
        return _made(lambda: self.prepare(content, style, **request), callback, output)

    def synthesize(
        self, style: Styles, *, callback: Callback | None = None, output: str = "pil", **request: Unpack[Request]
    ) -> Any:
        """A texture that has nothing but the style of `style`; arguments and result as those of `stylize`."""
        return _made(lambda: self.prepare_texture(style, **request), callback, output)

    def reconstruct(
        self,
        image: ImageSource,
        *,
        representation: str = "content",
        layers: Sequence[str] | None = None,
        callback: Callback | None = None,
        output: str = "pil",
        **request: Unpack[Request],
    ) -> Any:
        """A picture with the content, or the style, that `layers` see in `image`, from noise; else as `stylize`."""
        prepare = self.prepare_reconstruction
        return _made(lambda: prepare(image, representation=representation, layers=layers, **request), callback, output)

    def prepare(
        self,
        content: ImageSource,
        style: Styles,
        *,
        regions: Sequence[Region] = (),
        keep: ImageSource | None = None,
        texture: ImageSource | None = None,
        **request: Unpack[Request],
    ) -> Run:
        """The run of `stylize`, ready to be iterated; nothing is optimised yet."""
        recipe, init = self._asked(request)
        pictures = Pictures(content, _listed(style), init, _apart(regions), keep, texture)
        return prepare_run(recipe, pictures, self._encoders)

    def prepare_texture(self, style: Styles, **request: Unpack[Request]) -> Run:
        """The run of `synthesize`, ready to be iterated."""
        recipe, _ = self._asked(request, texture_of)
        return prepare_run(recipe, Pictures(styles=_listed(style)), self._encoders)

    def prepare_reconstruction(
        self,
        image: ImageSource,
        *,
        representation: str = "content",
        layers: Sequence[str] | None = None,
        **request: Unpack[Request],
    ) -> Run:
        """The run of `reconstruct`, ready to be iterated."""
        one_of("representation", ("content", "style"))("representation", representation)
        of = partial(reconstruction_of, representation=representation, layers=layers)
        recipe, _ = self._asked(request, of, STUDY.name)
        pictures = Pictures(image) if representation == "content" else Pictures(styles=[image])
        return prepare_run(recipe, pictures, self._encoders)

    def find_subject(self, photo: ImageSource) -> Image.Image:
        """A mask of what a photograph is of, to keep or to paint, as far as that can be guessed; see `impasto.masks`.

        Raises:
            UsageError: it is of one color.
            ImageError: it cannot be read.
        """
        return _mask(masks.subject(open_picture(photo).pixels, self._deep()))

    def find_parts(self, photo: ImageSource, count: int) -> list[Image.Image]:
        """Masks of so many parts of a photograph, from the topmost to the lowest; fewer if it has no more.

        Raises:
            UsageError: there cannot be so many, or it is of one color.
            ImageError: it cannot be read.
        """
        return [_mask(each) for each in masks.parts(open_picture(photo).pixels, self._deep(), count)]

    def _deep(self) -> ChainEncoder:
        """The network that masks are found with, which is in the package."""
        return self._encoders.load(Recipe(encoder=VGG19).override(device=self._device, dtype="float32"))

    def _asked(
        self, request: Any, of: Callable[[Recipe], Recipe] = lambda base: base, usual: str = "default"
    ) -> tuple[Recipe, Any]:
        """The recipe of a request, and the picture to begin with if `init` is one; without a preset it is `usual`."""
        base = of(named_preset(request.pop("preset", usual)))
        said = {name: value for name, value in request.items() if value is not None}
        return asked(base, {"device": self._device, "dtype": self._dtype} | said)


def _made(prepare: Callable[[], Run], callback: Callback | None, output: str) -> Any:
    """The result of a run as `output` has it, made to the end or until `callback` returns False."""
    one_of("output", OUTPUTS)("output", output)
    if callback is not None and not callable(callback):
        raise UsageError(f"callback is {callback!r}; it must be a function of a Step.")
    run, step = prepare(), None
    for step in run:
        if callback is not None and callback(step) is False:
            break
    assert step is not None, "a run has at least one step"
    picture = run.painting(step)
    if output == "torch":
        return picture.pixels
    return picture.pixels[0].permute(1, 2, 0).numpy() if output == "numpy" else picture


def _mask(mask: Tensor) -> Image.Image:
    """Shape: (1, 1, H, W) -> 8 bits of gray."""
    return Image.fromarray((255 * mask[0, 0]).round().to(torch.uint8).numpy())


def _listed(style: Styles) -> list[Any]:
    return list(style) if isinstance(style, list | tuple | Iterator) else [style]


def _apart(regions: Any) -> tuple[Region, ...]:
    """Regions as they are given: several, one, or None."""
    given = [regions] if hasattr(regions, "mask") else list(regions or ())
    for each in given:
        if not hasattr(each, "mask"):
            raise UsageError(f"regions has {each!r:.60}, which is no Region; give impasto.Region(mask, style).")
    return tuple(given)


_painter = Painter()
stylize, synthesize, reconstruct = _painter.stylize, _painter.synthesize, _painter.reconstruct
prepare_texture, prepare_reconstruction = _painter.prepare_texture, _painter.prepare_reconstruction
prepare = _painter.prepare
find_subject, find_parts = _painter.find_subject, _painter.find_parts
