"""The picture as it grows, with its loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from impasto.encoders.download import Progress
from impasto.errors import named
from impasto.schedule import SINGLE
from impasto.tasks.figures.bench import prepare_bench
from impasto.tasks.figures.figure import Figure, Item
from impasto.tasks.figures.measures import summed
from impasto.tasks.figures.panel import Curve, Panel, original, pictures
from impasto.tasks.figures.plate import Plate, Row
from impasto.tasks.run import Run
from impasto.tasks.settings import INITS, TransferConfig
from impasto.tasks.sources import ImageSource

ITERATIONS = 500
COLUMNS = 6


def prepare_progress(
    content: ImageSource,
    style: ImageSource,
    config: TransferConfig | None = None,
    *,
    download: bool = True,
    progress: Progress | None = None,
) -> Figure:
    """A transfer at one size, beginning with the config's `init` or noise, looked at after 0, 1, 2, 5, ... evaluations.

    Raises:
        UsageError: settings that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    config = config or TransferConfig()
    init = named("init", str(config.init or "random"), {name: name for name in INITS})
    recipe = replace(config.recipe(), init=init, schedule=SINGLE, iterations=config.iterations or ITERATIONS)
    bench = prepare_bench([content, style], config, download=download, progress=progress)
    photograph, painting = bench.pictures
    run = bench.run(recipe, photograph, painting, config.asked_layers())

    def arrange(items: Sequence[Panel | Curve]) -> Plate:
        panels = [original(photograph, "content image"), original(painting, "style image"), *pictures(items)]
        rows = [Row(_filled(panels[i : i + COLUMNS])) for i in range(0, len(panels), COLUMNS)]
        curves = [item for item in items if isinstance(item, Curve)]
        footnote = (
            f"{bench.in_words()}. The picture begins with: {init}. Losses are weighted, and of the best picture so far."
        )
        return Plate((*rows, *curves), columns=COLUMNS, size=bench.size, footnote=footnote)

    return Figure("progress", bench, (run,), partial(watched, run), arrange)


def marks(evaluations: int) -> tuple[int, ...]:
    """0, 1, 2, 5, 10, 20, 50, ... up to `evaluations`, and `evaluations` itself."""
    series = (factor * 10**power for power in range(len(str(evaluations))) for factor in (1, 2, 5))
    return (0, *(mark for mark in series if mark < evaluations), evaluations)


def watched(run: Run) -> Iterator[Item]:
    """The steps of a run, a panel of the picture after each of `marks`, and at the end the curve of its losses."""
    wanted = marks(run.plan.evaluations)
    yield Panel(run.problem.initial(run.plan.levels[0]).clamp(0, 1).cpu(), caption="0 evaluations")
    best: dict[str, float] = {}
    history: list[dict[str, float]] = []
    for step in run:
        yield step
        sums = {"total": step.loss, **summed(step.terms)}
        best = sums if not best or sums["total"] < best["total"] else best
        history.append(best)
        if step.done in wanted:
            measures = {"loss": best["total"]}
            yield Panel(step.image.clamp(0, 1).cpu(), caption=str(step.done), measures=measures)
    yield Curve({name: [values[name] for values in history] for name in _shown(history)}, wanted)


def _shown(history: Sequence[dict[str, float]]) -> list[str]:
    """The names of what is ever more than a thousandth of the total."""
    return [name for name in history[0] if any(values[name] > 1e-3 * values["total"] for values in history)]


def _filled(panels: Sequence[Panel]) -> tuple[Panel | None, ...]:
    return (*panels, *[None] * (COLUMNS - len(panels)))
