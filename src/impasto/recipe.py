"""What is asked for: one frozen Recipe.  A preset is a named Recipe, a request is overrides of it.

A recipe is plain data, so that the command's defaults and help, records and programs all read it here: a default stands
in one place, and a new setting is one field and one use. What it names (losses, solvers, encoders) is looked up where a
run is prepared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from impasto import ranges, settings
from impasto.choices import (
    ALL_LAYERS,
    BLANK,
    COLORS,
    CONTENT_LOSSES,
    DEVICES,
    DTYPES,
    IMAGE,
    INITS,
    MOST_EVALUATIONS,
    MOST_LEVELS,
    ORIGINAL,
    PADDINGS,
    PATIENCE,
    POOLINGS,
    RECONSTRUCT,
    RESAMPLERS,
    SMOOTHNESS,
    SOLVERS,
    STOPS,
    STYLE_LOSSES,
    TASKS,
    TEXTURE,
    TRANSFER,
    UNLIMITED,
    WRAPS,
    Above,
    Milestones,
    SolverSpec,
)
from impasto.encoders.preprocessing import Preprocessing
from impasto.encoders.registry import VGG19, encoder_names, see_alike
from impasto.errors import UnknownNameError, UsageError
from impasto.ranges import parse_bytes
from impasto.schedule import Pyramid
from impasto.settings import EVALUATIONS, setting
from impasto.untrusted import printable

# Forms are made while the picture is small; what is left are strokes, which shallow layers see; at last only sharpness.
SHALLOW = {
    "style_layers": dict.fromkeys(("relu1_1", "relu2_1", "relu3_1"), 1.0),
    "content_layers": {"relu3_1": 1.0},
}
_STROKE = {
    **SHALLOW,
    "content_weight": 0.07,
    "neighbor_layers": dict.fromkeys(("relu2_1", "relu3_1"), 1.0),
    "neighbor_weight": 0.5,
    "style_smoothing": 0.02,
}
_NEXT = {**SHALLOW, "content_weight": 0.2, "style_weight": 8.0, "neighbor_weight": 0.0}  # frames that follow others
_FINER = {**_NEXT, "style_smoothing": 0.02}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a picture is made.  What is not said is as in the preset `default`, whose numbers these are.

    * With `relative`, each style loss is divided by its target's energy and each side's layers are averaged, so that
      weights mean the same for every size, style and encoder. Without, every number is taken as the source prints it.
    * `preprocessing` is what a source feeds its network; None is what the weights were trained with.
    * With `normalize`, every channel's mean activation over the given pictures is 1.
    * `schedule` has the sizes, coarse to fine, and how many evaluations there are at a long side of `usual_size`; the
      further levels of a larger picture have their share on top. `blank_schedule` is that of pictures that begin with
      noise or gray, None the same. `iterations` replaces the number, `levels` limits the sizes.
    * `detail` is how much of the start's finer detail is added whenever the picture is enlarged; beyond half strength
      ever less of it, and none at full strength.
    * Pictures larger than `style_enlarged_up_to` look at a style enlarged to twice its own pixels at most: by then they
      have their forms, and a style that is enlarged further has no fine paint.
    * `style_smoothing` takes texture of a pixel or two and less contrast than this from the styles: a canvas's weave.
    * `by_size` has what differs once the picture is larger than a size: of its entries, the last such one counts.
    * `following` has what differs in the frames of a clip after its first, which are made at one size.
    * `required_layers` must be there; other layers that an encoder lacks give way to the nearest.
    * `milestones` is what a source's program prints and saves on its way.

    Raises:
        UsageError: a value out of its range, or an unknown name; the message names the setting.
    """

    name: str = "default"
    summary: str = "Large forms and clean strokes in seconds: VGG-19, deep while the picture is small, then shallow."
    source: str = "chosen by measurement, see docs/decisions/0010-pictures.md"
    differences: tuple[str, ...] = ()
    task: str = TRANSFER

    # The picture
    size: str | int | tuple[int, int] | None = setting(
        None,
        ranges.sides,
        "Long side of the result in pixels, or original.",
        shown="{recipe.usual_size}, or the picture's own if that is less",
        metavar="N|original",
        choices=[ORIGINAL],
    )
    strength: float = setting(
        0.5,
        ranges.number(0, 1, rule="it goes from 0 (the content) to 1 (the style alone)."),
        "From 0, the content as it is, to 1, the style alone.",
        only=[TRANSFER],
    )
    style_weights: tuple[float, ...] | None = setting(
        None, ranges.shares, "How much of each style.", only=[TRANSFER, TEXTURE], shown="equal parts"
    )
    style_scale: float | tuple[float, ...] = setting(
        1.0,
        ranges.one_or_more(ranges.number(above=0, rule="it must be a number above 0, such as 1.")),
        "Size of the style's strokes; 2 is twice as large; 0.5,2 for two styles.",
        only=[TRANSFER, TEXTURE],
    )
    texture_up_to: str = setting(
        "relu2_1", ranges.layer, "The deepest layer at which the style is that of --texture.", only=[TRANSFER]
    )
    init: str = setting(
        "matched",
        ranges.one_of("init", (*INITS, IMAGE)),
        "What to begin with: matched (the content in the style's colors), content, instant (what a network paints at "
        "once), random, gray, style, or an image file.",
        metavar="WAY|FILE",
        choices=INITS,
    )
    colors: str = setting(
        "style", ranges.one_of("colors mode", COLORS), "Whose: {choices}.", only=[TRANSFER], choices=COLORS
    )
    tileable: bool = setting(
        False, ranges.truth, "Let opposite borders fit each other, so that the result repeats.", only=[TEXTURE]
    )
    wrap: str | None = setting(
        None,
        ranges.one_of("wrap", WRAPS),
        "x: let the left border fit the right one, as in a panorama of 360 degrees.",
        only=[TRANSFER],
        shown="no borders fit",
        metavar="x",
        choices=WRAPS,
    )
    noise: float = setting(
        0.25,
        ranges.number(0, 1, rule="it goes from 0 to 1, and 0.25 is plainly visible."),
        "Standard deviation of the noise it begins with; 0.25 can be seen plainly.",
    )

    # What is minimised
    content_layers: Mapping[str, float] = setting(
        {"relu4_2": 1.0}, ranges.layers, "Layers that hold the content: relu4_2, or relu4_2=0.5.", varies=True
    )
    content_loss: str = setting("relative squared error", ranges.one_of("content loss", CONTENT_LOSSES), varies=True)
    content_weight: float = setting(
        0.5, settings.weight, "Factor of the content terms.", only=[TRANSFER, RECONSTRUCT], varies=True
    )
    style_layers: Mapping[str, float] = setting(
        dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1"), 1.0),
        ranges.layers,
        "Layers that hold the style; '*' for all.",
        varies=True,
    )
    style_loss: str = setting(
        "gram+mean-std", ranges.one_of("style loss", STYLE_LOSSES), "{choices}.", varies=True, choices=STYLE_LOSSES
    )
    style_weight: float = setting(8.0, settings.weight, "Factor of the style terms.", varies=True)
    relative: bool = setting(True, ranges.truth, varies=True)
    neighbor_layers: Mapping[str, float] = setting(
        dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1"), 1.0),
        ranges.layers,
        "Layers by which places are matched with the style's nearest.",
        only=[TRANSFER],
        varies=True,
    )
    neighbor_weight: float = setting(1.5, settings.weight, "Factor of nearest places.", only=[TRANSFER], varies=True)
    tv_weight: float = setting(0.0, settings.weight, "Factor of the smoothness term.", varies=True)
    tv_loss: str = setting("total variation", ranges.one_of("smoothness", SMOOTHNESS), varies=True)
    calm: float = setting(
        100.0, settings.weight, "How much flat areas stay flat below half strength.", only=[TRANSFER], varies=True
    )
    palette_weight: float = setting(1000.0, settings.weight, varies=True)
    range_weight: float = setting(100.0, settings.weight, varies=True)
    required_layers: tuple[str, ...] = ()
    extra_terms: tuple[Any, ...] = setting((), settings.terms)

    # The network
    encoder: str = setting(
        VGG19,
        ranges.one_of("encoder", encoder_names()),
        "vgg19 or compact (in the package), vgg16, or one of `impasto weights list`.",
        varies=True,
        choices=encoder_names(),
    )
    weights: str | None = setting(
        None, ranges.text, "A weight file of VGG-19 or VGG-16, in any usual layout.", metavar="FILE"
    )
    preprocessing: Preprocessing | None = setting(None, settings.preprocessing, varies=True)
    pooling: str | None = setting(
        None, ranges.one_of("pooling", POOLINGS), "{choices}.", shown="max", varies=True, choices=POOLINGS
    )
    padding: str | None = setting(
        "replicate", ranges.one_of("padding", PADDINGS), "{choices}.", shown="as trained", varies=True, choices=PADDINGS
    )
    normalize: bool = setting(False, ranges.truth, varies=True)

    by_size: tuple[Above, ...] = setting((Above(256, _STROKE), Above(1024, _FINER)), settings.by_size(lambda: SETTINGS))

    # The frames of a clip after the first, which begin with the one before.
    temporal_weight: float = setting(
        400.0, settings.weight, "How firmly a frame holds to the one before it.", only=[TRANSFER]
    )
    frame_iterations: int = setting(
        6, ranges.whole(1, MOST_EVALUATIONS), "Evaluations of each frame that follows others.", only=[TRANSFER]
    )
    keyframe_interval: int = setting(
        8,
        ranges.whole(1, 32),  # so many frames are in memory
        "Every N-th frame is painted before those between, which hold to it; 1 for none.",
        only=[TRANSFER],
    )
    following: Mapping[str, Any] = setting(_NEXT, settings.varying(lambda: SETTINGS))

    # The way there
    solver: SolverSpec = setting(SolverSpec("lbfgs", {"history": 10}), settings.solver, "{choices}.", choices=SOLVERS)
    schedule: Pyramid = setting(Pyramid(128, 2.0, (18, 18, 11), evaluations=47), settings.pyramid)
    # Large forms that no content gives have to be found while the picture is small.
    blank_schedule: Pyramid | None = setting(Pyramid(128, 2.0, (60, 40, 15), evaluations=115), settings.pyramid)
    iterations: int | None = setting(None, ranges.whole(1, MOST_EVALUATIONS), "Evaluations in all.", shown=EVALUATIONS)
    until: str | None = setting(
        None,
        ranges.one_of("stop", STOPS),
        "converged: leave a size once 10 evaluations win less than 1 %.",
        shown="--iterations are done",
        metavar="WHEN",
        choices=STOPS,
    )
    levels: int | None = setting(
        None, ranges.whole(1, MOST_LEVELS), "The most sizes, coarse to fine; 1 for the full size alone."
    )
    usual_size: int = setting(512, ranges.whole(1, UNLIMITED))
    detail: float = setting(1.0, settings.weight)
    resample: str = setting("bicubic", ranges.one_of("resampling", RESAMPLERS))
    stretch_style: bool = setting(False, ranges.truth)
    style_enlarged_up_to: int = setting(512, ranges.whole(1, UNLIMITED))
    style_smoothing: float = setting(0.0, settings.weight, varies=True)
    seed: int = setting(
        0,
        ranges.whole(0, 2**63 - 1, rule=f"it must be a whole number from 0 to {2**63 - 1}."),
        "Of a random beginning.",
    )
    milestones: Milestones | None = setting(None, settings.milestones)

    # The machine
    device: str = setting("auto", ranges.named_by_torch, "{choices}; cuda:1 is the second.", choices=DEVICES)
    dtype: str = setting("auto", ranges.named_by_torch, "{choices}.", choices=DTYPES)
    memory: str | None = setting(
        None,
        ranges.memory_size,
        "The most to take, as 6GB; large pictures are made in tiles (impasto plan tells what they need).",
        shown="what is free",
        metavar="SIZE",
    )
    max_pixels: int = setting(200_000_000, ranges.whole(), "Refuse larger image files.")

    def __post_init__(self) -> None:
        for name, about in SETTINGS.items():
            value = getattr(self, name)
            if value is not None or name not in _OPTIONAL:
                object.__setattr__(self, name, about["check"](name, value))

    def override(self, **changes: Any) -> Recipe:
        """This recipe with other settings, in any spelling that their checks read; None leaves one as it is.

        What is said holds at every size. Layers that are named must then be there. Weights of another origin than the
        recipe's see colors as they were trained to.

        Raises:
            UsageError: a setting that there is none of, or that the task does not have, or a value out of range.
        """
        changes = {name: value for name, value in changes.items() if value is not None}
        for name in changes:
            if name not in SETTINGS:
                raise UnknownNameError("setting", name, SETTINGS)
            if self.task not in SETTINGS[name]["only"]:
                raise UsageError(f"The run is a {self.task}, which has no {name}; leave that out.")
        if not see_alike(changes.get("encoder", self.encoder), self.encoder):
            changes.setdefault("preprocessing", None)
        changes.setdefault("by_size", settings.without(self.by_size, changes))
        changes.setdefault("following", settings.unsaid(self.following, changes))
        layers = [ranges.layers(name, changes[name]) for name in LAYERS if name in changes]
        required = [layer for side in layers for layer in side if layer != ALL_LAYERS]
        return replace(self, **changes, required_layers=(*self.required_layers, *required))

    def at(self, size: int) -> Recipe:
        """The recipe as it is while the picture's long side is `size` pixels."""
        settings_above = {each.size: each.settings for each in self.by_size}
        return replace(self, by_size=(), **settings_above.get(self.bound(size), {}))

    def bound(self, size: int) -> int:
        """The largest size below `size` at which `by_size` has a change; 0 if there is none."""
        return max((each.size for each in self.by_size if size > each.size), default=0)

    @property
    def matched_layers(self) -> Mapping[str, float]:
        """The layers by which neighbors are found, if that weighs anything."""
        return {layer: share for layer, share in self.neighbor_layers.items() if share * self.neighbor_weight > 0}

    @property
    def restraint(self) -> float:
        """1 at no strength, where the content must come back as it was; 0 from half strength on."""
        return max(0.0, 1 - 2 * self.strength)

    @property
    def freedom(self) -> float:
        """0 to half strength; 1 at full strength, where nothing of the content needs to stay."""
        return max(0.0, 2 * self.strength - 1)

    @property
    def sides(self) -> tuple[int, int] | None:
        """`size` as (width, height), where both were asked for."""
        return self.size if isinstance(self.size, tuple) else None

    @property
    def long_side(self) -> int | None:
        """The long side that was asked for."""
        return self.size if isinstance(self.size, int) else max(self.sides or (), default=None)

    @property
    def blank(self) -> bool:
        """Whether the picture begins with what shows nothing yet."""
        return self.init in BLANK

    @property
    def repeats(self) -> str:
        """The axes along which opposite borders fit each other: none, x, or xy."""
        return "xy" if self.tileable else self.wrap or ""

    @property
    def pyramid(self) -> Pyramid:
        """The sizes and evaluations of this recipe, for its beginning and its limit of sizes."""
        chosen = self.schedule
        if self.blank and self.blank_schedule:
            chosen = replace(self.blank_schedule, fewest=min(2, self.iterations or 2))  # one alone leaves noise's grain
        if self.levels is None:
            return chosen
        coarse_to_fine = chosen if chosen.most > 1 else Recipe().schedule
        return replace(coarse_to_fine, most=self.levels, evaluations=chosen.evaluations)

    def evaluations(self, size: int) -> int:
        """How many there are, at most, for a result with this long side."""
        pyramid = self.pyramid
        usual = pyramid.evaluations * (PATIENCE if self.until else 1)
        return self.iterations or pyramid.iterations_at(usual, self.usual_size, size)

    @property
    def memory_bytes(self) -> int | None:
        """`memory` as a number."""
        return None if self.memory is None else parse_bytes(self.memory)

    def to_json(self) -> dict[str, Any]:
        """Every setting as plain JSON values, and the preset's name; terms of a caller's own by their names."""
        values = {name: settings.to_json(getattr(self, name)) for name in SETTINGS if name not in _NOT_IN_JSON}
        own = {"extra_terms": [term.name for term in self.extra_terms]} if self.extra_terms else {}
        return {"preset": self.name} | values | own


SETTINGS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {each.name: each.metadata for each in fields(Recipe) if "check" in each.metadata}
)
_NOT_IN_JSON = {"extra_terms", "milestones"}
_OPTIONAL = {each.name for each in fields(Recipe) if "None" in str(each.type)}
LAYERS = ("content_layers", "style_layers", "neighbor_layers")


def from_json(task: str, values: Mapping[str, Any], base: Callable[[str], Recipe]) -> Recipe:
    """The recipe that `Recipe.to_json` gave for a `task`; what it does not say is as `base(preset)` has it.

    Raises:
        UsageError: it says what no recipe can.
    """
    if own := values.get("extra_terms"):
        raise UsageError(f"It was made with terms of one's own: {own!r}. Only the program that has them can make it.")
    said = {name: settings.from_json(values[name]) for name in values.keys() & (SETTINGS.keys() - _NOT_IN_JSON)}
    known = {name: value for name, value in said.items() if value is not None or name in _OPTIONAL}
    name = str(values.get("preset", "default"))
    try:
        recipe = base(name)
    except UnknownNameError:
        if not known.keys() >= SETTINGS.keys() - _NOT_IN_JSON:
            raise
        recipe = Recipe(name=printable(name))  # of somebody's own, all of whose settings are there
    return replace(recipe, task=ranges.one_of("task", TASKS)("task", task), **known)
