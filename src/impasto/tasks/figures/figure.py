"""A figure: pictures at one size, runs on them, the panels that come of these, and how the panels lie on the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from impasto.choices import ORIGINAL
from impasto.encoders.chain import ChainEncoder
from impasto.engine import Step
from impasto.images import Picture, resize, size_for
from impasto.loading import Encoders
from impasto.preparation import Pictures, prepare
from impasto.quantities import duration
from impasto.recipe import Recipe
from impasto.run import Run
from impasto.schedule import Level
from impasto.sources import ImageSource, image_notes, open_picture
from impasto.tasks.figures.bands import Curve
from impasto.tasks.figures.plate import Panel, Plate

SIZE = 192
TIMED = 3  # runs whose time is measured, to tell that of all


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
    size = max(read[0].pixels.shape) if recipe.size == ORIGINAL else size
    scaled = []
    for picture in read:
        height, width = picture.pixels.shape[-2:]
        scaled.append(Picture(resize(picture.pixels, *size_for(height, width, size))))
    return Materials(encoders, encoders.load(recipe), tuple(scaled), size, image_notes(sources, read))


@dataclass(frozen=True)
class Event:
    """What is new in a figure: a step of one of its runs, or a panel, or a curve.  The other two are None."""

    step: Step | None = None
    panel: Panel | None = None
    curve: Curve | None = None

    def record(self) -> dict[str, Any]:
        """Which of them it is, and that one as plain JSON values."""
        ((kind, news),) = ((kind, news) for kind, news in vars(self).items() if news is not None)
        return {"event": kind, **news.record()}


@dataclass(frozen=True)
class Figure:
    """A figure that is ready to be computed.

    Iterating it carries out its runs, and gives each step, numbered over all runs with a run in the place of a level,
    each panel and each curve as soon as it is known.  `arrange` lays the panels out; curves stand below them.
    """

    name: str
    materials: Materials = field(repr=False)
    runs: tuple[Run, ...] = field(repr=False)
    events: Callable[[], Iterator[Event]] = field(repr=False)
    arrange: Callable[[Sequence[Panel]], Plate] = field(repr=False)

    def __iter__(self) -> Iterator[Event]:
        began, before, number = time.perf_counter(), 0, 1
        for event in self.events():
            step = event.step
            if step is None:
                yield event
                continue
            place: Any = {"level": number, "levels": len(self.runs), "iteration": step.done, "iterations": step.total}
            done, seconds = before + step.done, time.perf_counter() - began
            yield Event(replace(step, **place, done=done, total=self.evaluations, seconds=seconds))
            if step.last:
                before, number = done, number + 1

    @property
    def levels(self) -> tuple[Level, ...]:
        """One for each run: the size of its result, and its evaluations."""
        return tuple(replace(run.plan.levels[-1], iterations=run.plan.evaluations) for run in self.runs)

    @property
    def evaluations(self) -> int:
        """Evaluations of all runs."""
        return sum(run.plan.evaluations for run in self.runs)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know before the figure is computed, each once."""
        return tuple(dict.fromkeys((*self.materials.notes, *(note for run in self.runs for note in run.plan.notes))))

    def plate(self, events: Sequence[Event]) -> Plate:
        """What iterating gave, laid out."""
        plate = self.arrange([event.panel for event in events if event.panel is not None])
        curves = (event.curve for event in events if event.curve is not None)
        return replace(plate, bands=(*plate.bands, *curves))

    def computed(self) -> Plate:
        """The whole figure, without a word meanwhile."""
        return self.plate([event for event in self if event.step is None])

    def summary(self) -> dict[str, str]:
        """What will be done, in words."""
        encoder, sizes = self.materials.encoder, dict.fromkeys(f"{level.width}x{level.height}" for level in self.levels)
        return {
            "figure": self.name,
            "encoder": f"{encoder.name} ({encoder.pooling} pooling, {encoder.padding} padding)",
            "device": str(encoder.device),
            "size": ", ".join(sizes) or str(self.materials.size),
            "pictures to make": str(len(self.runs)),
            "evaluations": str(self.evaluations),
        } | self._time()

    def _time(self) -> dict[str, str]:
        """About how long it will take, from some of the runs, if there are any."""
        timed = [run for run in self.runs[:: max(1, len(self.runs) // TIMED)] if run.plan.estimate]
        if not timed:
            return {}
        seconds = sum(run.plan.estimate.seconds for run in timed if run.plan.estimate)
        return {"time": f"about {duration(seconds * self.evaluations / sum(run.plan.evaluations for run in timed))}"}
