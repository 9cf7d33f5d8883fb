"""`impasto transfer`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from impasto.cli.parameters import Names, Numbers, debug_option

if TYPE_CHECKING:
    from torch import Tensor

    from impasto.engine import Step
    from impasto.tasks.transfer import Transfer

INTERRUPTED = 130


@cloup.command()
@cloup.argument("content", help="The photograph: an image file.")
@cloup.argument("styles", nargs=-1, required=True, metavar="STYLE...", help="Image files, or swatch:NAME.")
@cloup.option_group(
    "Look",
    cloup.option("-s", "--strength", type=float, default=0.5, help="From 0, the content, to 1, the style alone."),
    cloup.option(
        "--size",
        type=int,
        metavar="N",
        help="Long side of the result in pixels.  [default: 512, or the photograph's if that is smaller]",
        show_default=False,
    ),
    cloup.option("--style-weights", type=Numbers(), help="How much of each style image.  [default: equal parts]"),
    cloup.option(
        "--style-scale", type=float, default=1.0, help="Size of the style's strokes; 2 makes them twice as large."
    ),
    cloup.option(
        "--init",
        metavar="WAY|FILE",
        help="Begin with the content in the style's colors (matched), or with "
        "content, random, gray, style, or an image file.  [default: matched]",
    ),
)
@cloup.option_group(
    "Method",
    cloup.option("--preset", default="default", help="The base of all settings; see `impasto presets`."),
    cloup.option("--content-layers", type=Names(), help="Layers that hold the content, as relu4_2 or relu4_2=0.5."),
    cloup.option("--style-layers", type=Names(), help="Layers that hold the style; '*' for all."),
    cloup.option(
        "--style-loss", metavar="NAME", help="gram, gram+mean-std, covariance, wasserstein2 or gram+wasserstein2."
    ),
    cloup.option("--content-weight", type=float, help="Factor of the content terms."),
    cloup.option("--style-weight", type=float, help="Factor of the style terms."),
    cloup.option("--tv-weight", type=float, help="Factor of the smoothness term."),
)
@cloup.option_group(
    "Network",
    cloup.option(
        "--encoder",
        metavar="NAME",
        help="compact, vgg19, vgg16, or a name from `impasto weights list`.  [default: compact]",
    ),
    cloup.option("--weights", metavar="FILE", help="A weight file of VGG-19 or VGG-16, in any of its usual layouts."),
    cloup.option("--pooling", metavar="KIND", help="max, average or l2.  [default: max]"),
    cloup.option("--padding", metavar="KIND", help="zeros, reflect or replicate.  [default: as trained]"),
)
@cloup.option_group(
    "Optimisation",
    cloup.option("--iterations", type=int, metavar="N", help="Evaluations in all.  [default: 210]"),
    cloup.option("--levels", type=int, metavar="N", help="The most sizes, coarse to fine; 1 for the full size alone."),
    cloup.option("--solver", metavar="NAME", help="lbfgs, adam or rmsprop.  [default: lbfgs]"),
    cloup.option("--seed", type=int, default=0, help="Of a random start."),
    cloup.option("--device", default="auto", help="auto, cpu, cuda, mps or xpu."),
    cloup.option("--dtype", default="auto", help="Of features: auto, float32, bfloat16 or float64."),
)
@cloup.option_group(
    "Files and reports",
    cloup.option(
        "-o",
        "--output",
        metavar="OUT",
        help="The result; its ending sets the format.  [default: a new CONTENT-STYLE.png here]",
    ),
    cloup.option("--force", is_flag=True, help="Overwrite OUT if it exists."),
    cloup.option(
        "--save-every", type=click.IntRange(min=1), metavar="N", help="Also save OUT-00N.png, ... every N evaluations."
    ),
    cloup.option("--max-pixels", type=int, default=100_000_000, help="Refuse larger image files."),
    cloup.option("-q", "--quiet", is_flag=True, help="No progress."),
    cloup.option("--json", "as_json", is_flag=True, help="One JSON record per evaluation on standard output."),
    cloup.option("--dry-run", is_flag=True, help="Say what would be done, and stop."),
    debug_option,
)
def transfer(
    content: str,
    styles: tuple[str, ...],
    output: str | None,
    force: bool,
    save_every: int | None,
    quiet: bool,
    as_json: bool,
    dry_run: bool,
    **settings: Any,
) -> int:
    """Paint CONTENT in the style of STYLE."""
    from impasto.images import check_output
    from impasto.tasks.transfer import TransferConfig, prepare

    began = time.perf_counter()
    path = Path(output) if output else _new_path(content, styles[0])
    config = TransferConfig(**settings)
    config.recipe()
    if not dry_run:
        check_output(path, force=force)
    ready = prepare(content, styles, config, download=not dry_run, progress=None if quiet or as_json else _download())
    if dry_run:
        _show_plan(ready, as_json)
        return 0
    snapshots = _Snapshots(path, save_every, ready, force)
    for note in () if quiet or as_json else ready.plan.notes:
        click.echo(f"Note: {note}", err=True)
    return _run(ready, path, snapshots, force=force, quiet=quiet, as_json=as_json, began=began)


def _run(
    ready: Transfer, path: Path, snapshots: _Snapshots, *, force: bool, quiet: bool, as_json: bool, began: float
) -> int:
    """Optimise, save, report.  Ctrl-C saves the picture so far."""
    from impasto.cli.progress import reporter

    last: Step | None = None
    interrupted = False
    try:
        with reporter(ready.plan.levels, quiet=quiet, as_json=as_json) as report:
            for step in ready:
                last = step
                report.step(step)
                snapshots.step(step)
    except KeyboardInterrupt:
        if last is None:
            raise
        interrupted = True
    assert last is not None
    _save(ready, last.image, path, force)
    _say_saved(path, last, interrupted, quiet=quiet, as_json=as_json, seconds=time.perf_counter() - began)
    return INTERRUPTED if interrupted else 0


def _save(ready: Transfer, image: Tensor, path: Path, force: bool) -> None:
    """The picture at its full size, even if it was interrupted at a coarser one."""
    from impasto.images import resize, save_image

    final = ready.plan.levels[-1]
    save_image(resize(image, final.height, final.width), path, alpha=ready.alpha(), force=force)


def _say_saved(path: Path, last: Step, interrupted: bool, *, quiet: bool, as_json: bool, seconds: float) -> None:
    if as_json:
        click.echo(json.dumps({"event": "saved", "path": str(path), "interrupted": interrupted, "done": last.done}))
    elif interrupted:
        click.echo(f"Interrupted after {last.done} of {last.total} evaluations; the picture so far is in {path}")
    elif not quiet:
        click.echo(f"Wrote {path} in {seconds:.1f} s ({last.total} evaluations, loss {last.loss:.4g})")


class _Snapshots:
    """The pictures of `--save-every`: OUT-0050.png, OUT-0100.png, ...; none may exist unless overwriting is allowed."""

    def __init__(self, path: Path, every: int | None, ready: Transfer, force: bool):
        from impasto.images import check_output

        self._path, self._every, self._ready, self._force = path, every, ready, force
        for done in range(every, ready.plan.evaluations, every) if every else ():
            check_output(self._name(done), force=force)

    def step(self, step: Step) -> None:
        """Save, if it is time; the last step is OUT itself."""
        if self._every and step.done % self._every == 0 and not step.last:
            _save(self._ready, step.image, self._name(step.done), self._force)

    def _name(self, done: int) -> Path:
        digits = max(4, len(str(self._ready.plan.evaluations)))
        return self._path.with_stem(f"{self._path.stem}-{done:0{digits}}")


def _new_path(content: str, style: str) -> Path:
    """CONTENT-STYLE.png in the current folder, numbered if there is one already."""
    from impasto.tasks.sources import source_name

    stem = f"{source_name(content)}-{source_name(style)}"
    path, number = Path(f"{stem}.png"), 2
    while path.exists():
        path, number = Path(f"{stem}-{number}.png"), number + 1
    return path


def _show_plan(ready: Transfer, as_json: bool) -> None:
    summary = ready.plan.summary()
    if as_json:
        click.echo(json.dumps({"event": "plan", **summary, "notes": list(ready.plan.notes)}))
        return
    width = max(len(name) for name in summary)
    for name, value in summary.items():
        click.echo(f"{name:<{width}}  {value}")
    for note in ready.plan.notes:
        click.echo(f"Note: {note}")


def _download() -> Any:
    from impasto.cli.weights import DownloadBar

    return DownloadBar()
