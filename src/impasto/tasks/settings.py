"""What can be asked of a task, and the recipe that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from impasto.encoders.base import canonical_layer
from impasto.encoders.catalog import COMPACT, check_encoder_name
from impasto.errors import UsageError, named
from impasto.memory import parse_bytes
from impasto.presets import PRESETS, SOLVERS, STOPS, STYLE_LOSSES, Preset, for_noise, preset
from impasto.schedule import Pyramid
from impasto.tasks.fitting import ALL_LAYERS
from impasto.tasks.sources import ImageSource

INITS = ("matched", "content", "random", "gray", "style")
BLANK = ("random", "gray")  # those that show nothing yet
AUTO = "auto"
PATIENCE = 5  # times the preset's evaluations, until a level has converged
LAYER_FIELDS = ("content_layers", "style_layers")
_AS_THEY_ARE = ("pooling", "padding", "content_weight", "style_weight", "tv_weight", "iterations", "encoder")


@dataclass(frozen=True)
class MethodConfig:
    """How a picture is made, whatever the task.  None means: as the preset has it.

    * `preset`: a name from `impasto presets`, the base of everything below.
    * `encoder`: a name from `impasto weights list`, or `compact`; `weights`: a weight file instead.
    * `pooling`: max, average or l2; `padding`: zeros, reflect or replicate.
    * `solver`: one of `SOLVERS`; `iterations`: evaluations in all.
    * `until`: `converged` ends each level once it improves no more, after `iterations` at the latest.
    * `levels`: the most sizes of the coarse-to-fine pyramid.
    * `seed`: of the random start; `device`: `auto` is the fastest; `dtype`: of features, `auto` is the preset's.
    * `memory`: the most the program may take, as 4GB; None is what the machine has to spare.
    * `max_pixels`: the largest image file that is read.
    """

    preset: str = "default"
    encoder: str | None = None
    weights: str | Path | None = None
    pooling: str | None = None
    padding: str | None = None
    solver: str | None = None
    iterations: int | None = None
    until: str | None = None
    levels: int | None = None
    seed: int = 0
    device: str = "auto"
    dtype: str = "auto"
    memory: str | None = None
    max_pixels: int = 100_000_000

    @property
    def memory_bytes(self) -> int | None:
        """`memory` as a number.

        Raises:
            UsageError: it is no size.
        """
        return None if self.memory is None else parse_bytes(self.memory)

    def recipe(self) -> Preset:
        """The preset with everything that was asked for put in place.

        Raises:
            UsageError: a value out of its range, or an unknown name.
        """
        self._check_ranges()
        base, init = preset(self.preset), getattr(self, "init", None)
        if isinstance(init, str | None) and (init or base.init) in BLANK:
            base = for_noise(base)
        changes = {name: value for name in _AS_THEY_ARE if (value := getattr(self, name, None)) is not None}
        changes |= {
            name: parse_layers(value) for name in LAYER_FIELDS if (value := getattr(self, name, None)) is not None
        }
        if self.encoder not in (None, base.encoder, COMPACT):
            changes["preprocessing"] = None  # weights of another origin see colors as they were trained to
        if isinstance(init, str) and init in INITS:
            changes["init"] = init
        if (loss := getattr(self, "style_loss", None)) is not None:
            changes["style_losses"] = named("style loss", loss, STYLE_LOSSES)
        if self.solver is not None:
            changes["solver"] = named("solver", self.solver, SOLVERS)
        if self.dtype != AUTO:
            changes["dtype"] = self.dtype
        if self.until is not None:
            changes["until"] = named("stop", self.until, STOPS)
            changes["iterations"] = self.iterations or PATIENCE * base.iterations
        if self.levels is not None:
            changes["schedule"] = replace(_coarse_to_fine(base.schedule), most=self.levels)
        check_encoder_name(str(changes.get("encoder", base.encoder)))
        return replace(base, **changes)

    def asked_layers(self) -> tuple[str, ...]:
        """The layers that were asked for by name, not those of the preset."""
        asked = [name for field in LAYER_FIELDS for name in getattr(self, field, None) or ()]
        return tuple(name for name in parse_layers(asked) if name != ALL_LAYERS)

    def check_styles(self, count: int) -> None:
        """Raise UsageError unless there are styles, and as many `style_weights` if there are any."""
        if count == 0:
            raise UsageError("A transfer needs at least one style image.")
        weights = getattr(self, "style_weights", None)
        if weights is None:
            return
        if len(weights) != count:
            one = "1 entry" if len(weights) == 1 else f"{len(weights)} entries"
            there_are = "there is 1 style image" if count == 1 else f"there are {count} style images"
            raise UsageError(f"style_weights has {one} but {there_are}; give one for each.")
        if not (min(weights) >= 0 and 0 < sum(weights) < float("inf")):
            listed = ", ".join(f"{w:g}" for w in weights)
            raise UsageError(f"style_weights are {listed}; none may be below 0, and not all 0.")

    def _check_ranges(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise UsageError(f"seed is {self.seed}; it must be a whole number from 0 to {2**63 - 1}.")
        _ = self.memory_bytes
        for name in ("iterations", "levels"):
            check_at_least_one(name, getattr(self, name))


@dataclass(frozen=True)
class TransferConfig(MethodConfig):
    """Settings of a transfer, beside those of every `MethodConfig`.  None means: as the preset has it.

    * `size`: long side of the result in pixels; None is the preset's, but no more than the content image has.
    * `strength`: 0 gives the content back, 0.5 is the preset's own balance, 1 leaves out the content.
    * `style_weights`: how much of each style image, in any unit; None is equal parts.
    * `style_scale`: long side of the style image relative to the result's: larger means larger strokes.
    * `init`: the picture to begin with, one of `INITS` or an image.
    * `content_layers`, `style_layers`: names, or name=weight; `*` for every layer there is.
    * `style_loss`: one of `STYLE_LOSSES`.
    * `content_weight`, `style_weight`, `tv_weight`: factors of the three kinds of terms.
    """

    size: int | None = None
    strength: float = 0.5
    style_weights: tuple[float, ...] | None = None
    style_scale: float = 1.0
    init: ImageSource | None = None
    content_layers: tuple[str, ...] | None = None
    style_layers: tuple[str, ...] | None = None
    style_loss: str | None = None
    content_weight: float | None = None
    style_weight: float | None = None
    tv_weight: float | None = None

    def _check_ranges(self) -> None:
        super()._check_ranges()
        if not 0 <= self.strength <= 1:
            raise UsageError(f"strength is {self.strength:g}; it goes from 0 (the content) to 1 (the style alone).")
        check_style_scale(self.style_scale)
        check_at_least_one("size", self.size)
        for name in ("content_weight", "style_weight", "tv_weight"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < float("inf"):
                raise UsageError(f"{name} is {value:g}; it must be a number of at least 0.")


def check_style_scale(value: float) -> None:
    """Raise UsageError unless `value` is a size relative to another."""
    if not 0 < value < float("inf"):
        raise UsageError(f"style_scale is {value:g}; it must be a number above 0, such as 1.")


def check_at_least_one(name: str, value: int | None) -> None:
    """Raise UsageError if `value` is a number below 1."""
    if value is not None and value < 1:
        raise UsageError(f"{name} is {value}; it must be at least 1.")


def parse_layers(names: Sequence[str]) -> dict[str, float]:
    """`relu4_2` or `relu4_2=0.5` to {public name: weight}.

    Raises:
        UsageError: a weight that is no number of at least 0.
    """
    layers = {}
    for item in names:
        name, _, weight = item.partition("=")
        try:
            value = float(weight or 1)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise UsageError(f"{item!r}: a layer's weight is a number of at least 0, as in {name}=0.5.")
        layers[canonical_layer(name.strip())] = value
    return layers


def _coarse_to_fine(schedule: Pyramid) -> Pyramid:
    """`schedule` if it has several levels, else the default's."""
    return schedule if schedule.most > 1 else PRESETS["default"].schedule
