"""Pictures from Python: a painter that loads its networks once, and functions for those who make one picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Unpack, overload

import numpy as np
from torch import Tensor

from impasto.encoders.download import Progress
from impasto.engine import Step
from impasto.errors import UsageError
from impasto.loading import Encoders
from impasto.painting import Painting, painting, result_of
from impasto.preparation import Pictures
from impasto.preparation import prepare as prepare_run
from impasto.presets import preset as named_preset
from impasto.ranges import one_of
from impasto.recipe import Recipe
from impasto.request import Settings, asked
from impasto.run import Run
from impasto.sources import ImageSource
from impasto.tasks.reconstruct import reconstruction_of
from impasto.tasks.texture import texture_of

Callback = Callable[[Step], object]
OUTPUTS = ("pil", "numpy", "torch")


class Painter:
    """Makes pictures on one device, in one number format, with networks that are loaded once and kept.

    `device`, one of auto, cpu, cuda, mps and xpu, and `dtype` take the places of the presets', unless they are None.
    `download` allows weights to be fetched; `progress` is told of the bytes while they are.

        painter = impasto.Painter()
        for photo in photos:
            painter.stylize(photo, "painting.jpg").save(...)
    """

    def __init__(
        self,
        device: str | None = None,
        dtype: str | None = None,
        *,
        download: bool = True,
        progress: Progress | None = None,
    ):
        self._device, self._dtype = device, dtype
        self._encoders = Encoders(download=download, progress=progress)

    @overload
    def stylize(
        self,
        content: ImageSource,
        style: ImageSource | Sequence[ImageSource],
        *,
        preset: str | Recipe = ...,
        callback: Callback | None = ...,
        output: Literal["pil"] = ...,
        **settings: Unpack[Settings],
    ) -> Painting: ...
    @overload
    def stylize(
        self,
        content: ImageSource,
        style: ImageSource | Sequence[ImageSource],
        *,
        preset: str | Recipe = ...,
        callback: Callback | None = ...,
        output: Literal["numpy"],
        **settings: Unpack[Settings],
    ) -> np.ndarray[Any, Any]: ...
    @overload
    def stylize(
        self,
        content: ImageSource,
        style: ImageSource | Sequence[ImageSource],
        *,
        preset: str | Recipe = ...,
        callback: Callback | None = ...,
        output: Literal["torch"],
        **settings: Unpack[Settings],
    ) -> Tensor: ...
    def stylize(
        self,
        content: ImageSource,
        style: ImageSource | Sequence[ImageSource],
        *,
        preset: str | Recipe = "default",
        callback: Callback | None = None,
        output: str = "pil",
        **settings: Unpack[Settings],
    ) -> Any:
        """`content` in the style of `style`, one image or a list of them.

        Images are paths, `swatch:NAME`, PIL images, NumPy arrays or tensors; `settings` are those of `Recipe`.
        `callback` is called with each `Step`; if it returns False, the picture so far is the result. `output` is `pil`,
        a `Painting`; `numpy`, (H, W, 3) float32 in [0, 1]; or `torch`, (1, 3, H, W) float32 in [0, 1].

        Raises:
            UsageError: settings that cannot be met.
            ImageError, WeightsError: a picture or the weights cannot be read.
        """
        check_result(callback, output)
        return made(self.prepare(content, style, preset=preset, **settings), callback, output)

    def synthesize(
        self,
        style: ImageSource | Sequence[ImageSource],
        *,
        preset: str | Recipe = "default",
        callback: Callback | None = None,
        output: str = "pil",
        **settings: Unpack[Settings],
    ) -> Any:
        """A texture that has nothing but the style of `style`; arguments and result as those of `stylize`."""
        check_result(callback, output)
        return made(self.prepare_texture(style, preset=preset, **settings), callback, output)

    def reconstruct(
        self,
        image: ImageSource,
        *,
        representation: str = "content",
        layers: Sequence[str] | None = None,
        preset: str | Recipe = "default",
        callback: Callback | None = None,
        output: str = "pil",
        **settings: Unpack[Settings],
    ) -> Any:
        """A picture with the content, or the style, that `layers` see in `image`, from noise; else as `stylize`."""
        check_result(callback, output)
        run = self.prepare_reconstruction(
            image, representation=representation, layers=layers, preset=preset, **settings
        )
        return made(run, callback, output)

    def prepare(
        self,
        content: ImageSource,
        style: ImageSource | Sequence[ImageSource],
        *,
        preset: str | Recipe = "default",
        **settings: Unpack[Settings],
    ) -> Run:
        """The run of `stylize`, ready to be iterated; nothing is optimised yet."""
        recipe, init = self._asked(named_preset(preset), settings)
        return prepare_run(recipe, Pictures(content, _listed(style), init), self._encoders)

    def prepare_texture(
        self,
        style: ImageSource | Sequence[ImageSource],
        *,
        preset: str | Recipe = "default",
        **settings: Unpack[Settings],
    ) -> Run:
        """The run of `synthesize`, ready to be iterated."""
        recipe, _ = self._asked(texture_of(named_preset(preset)), settings)
        return prepare_run(recipe, Pictures(styles=_listed(style)), self._encoders)

    def prepare_reconstruction(
        self,
        image: ImageSource,
        *,
        representation: str = "content",
        layers: Sequence[str] | None = None,
        preset: str | Recipe = "default",
        **settings: Unpack[Settings],
    ) -> Run:
        """The run of `reconstruct`, ready to be iterated."""
        one_of("representation", ("content", "style"))("representation", representation)
        recipe, _ = self._asked(reconstruction_of(named_preset(preset), representation, layers), settings)
        pictures = Pictures(image) if representation == "content" else Pictures(styles=[image])
        return prepare_run(recipe, pictures, self._encoders)

    def _asked(self, base: Recipe, settings: Any) -> tuple[Recipe, ImageSource | None]:
        """The recipe of a request, and the picture to begin with if `init` is one."""
        said = {name: value for name, value in settings.items() if value is not None}
        return asked(base, {"device": self._device, "dtype": self._dtype} | said)


def check_result(callback: Callback | None, output: str) -> None:
    """Raise UsageError unless `callback` can be called and `output` is a kind of output."""
    one_of("output", OUTPUTS)("output", output)
    if callback is not None and not callable(callback):
        raise UsageError(f"callback is {callback!r}; it must be a function of a Step.")


def made(run: Run, callback: Callback | None = None, output: str = "pil") -> Any:
    """Run to the end, or until `callback` returns False; the result as `output` has it."""
    step = None
    for step in run:
        if callback is not None and callback(step) is False:
            break
    assert step is not None, "a run has at least one step"
    image = run.full_size(step.image).detach().cpu().clamp(0, 1)
    if output == "torch":
        return image
    if output == "numpy":
        return image[0].permute(1, 2, 0).numpy()
    return painting(image, run.alpha, run.record(result_of(image, run.alpha, step.record())))


def _listed(style: ImageSource | Sequence[ImageSource]) -> list[ImageSource]:
    return list(style) if isinstance(style, list | tuple) else [style]  # type: ignore[list-item]


_painter = Painter()
stylize, synthesize, reconstruct = _painter.stylize, _painter.synthesize, _painter.reconstruct
prepare_texture, prepare_reconstruction = _painter.prepare_texture, _painter.prepare_reconstruction
prepare = _painter.prepare
