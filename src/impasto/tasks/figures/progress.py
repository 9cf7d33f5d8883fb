"""The picture as it grows, with its loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from impasto.loading import Encoders
from impasto.recipe import Recipe
from impasto.run import Run
from impasto.schedule import Pyramid
from impasto.sources import ImageSource
from impasto.tasks.figures.bands import Curve, Row
from impasto.tasks.figures.captions import summed
from impasto.tasks.figures.figure import Event, Figure, prepare_materials
from impasto.tasks.figures.plate import Panel, Plate

ONE_SIZE = Pyramid(most=1, evaluations=500)
COLUMNS = 6


def prepare_progress(
    content: ImageSource, style: ImageSource, recipe: Recipe | None = None, encoders: Encoders | None = None
) -> Figure:
    """A transfer at one size, beginning as the recipe says or with noise, seen after 0, 1, 2, 5, ... evaluations.

    Raises: as `prepare_materials`.
    """
    recipe = replace(recipe or Recipe(init="random"), schedule=ONE_SIZE, blank_schedule=None)
    materials = prepare_materials([content, style], recipe, encoders)
    run = materials.run(recipe, *materials.pictures)

    def arrange(panels: Sequence[Panel]) -> Plate:
        shown = (*materials.panels(), *panels)
        rows = tuple(Row(shown[i : i + COLUMNS]) for i in range(0, len(shown), COLUMNS))
        text = f"The picture begins with: {recipe.init}. Losses are weighted, and of the best picture so far."
        return Plate(rows, COLUMNS, materials.footnote(text))

    return Figure("progress", materials, (run,), partial(watched, run), arrange)


def marks(evaluations: int) -> tuple[int, ...]:
    """0, 1, 2, 5, 10, 20, 50, ... up to `evaluations`, and `evaluations` itself."""
    series = (factor * 10**power for power in range(len(str(evaluations))) for factor in (1, 2, 5))
    return (0, *(mark for mark in series if mark < evaluations), evaluations)


def watched(run: Run) -> Iterator[Event]:
    """The steps of a run, a panel of the picture after each of `marks`, and at the end the curve of its losses."""
    wanted = marks(run.plan.evaluations)
    yield Event(panel=Panel(run.problem.initial(run.plan.levels[0]), "0 evaluations"))
    history: list[dict[str, float]] = []
    for step in run:
        yield Event(step)
        sums = {"total": step.loss, **summed(step.terms)}
        history.append(min([*history[-1:], sums], key=lambda each: each["total"]))
        if step.done in wanted:
            yield Event(panel=Panel(step.image, str(step.done), measures={"loss": history[-1]["total"]}))
    plotted = [name for name in history[0] if any(sums[name] > 1e-3 * sums["total"] for sums in history)]
    yield Event(curve=Curve({name: [sums[name] for sums in history] for name in plotted}, wanted))
