"""`impasto transfer`."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from impasto.cli import interrupts
from impasto.cli.parameters import Names, Number, Numbers, Whole, debug_option
from impasto.errors import ImpastoError, UsageError, WeightsError

if TYPE_CHECKING:
    from impasto.cli.saving import Snapshots
    from impasto.engine import Step
    from impasto.tasks.transfer import Plan, Transfer

_EXAMPLES = """\b
Examples:
  impasto transfer photo.jpg painting.jpg -o out.png
  impasto transfer photo.jpg swatch:mosaic --strength 0.7 --size 1024
  impasto transfer photo.jpg a.jpg b.jpg --style-weights 2,1
"""


@cloup.command(epilog=_EXAMPLES)
@cloup.argument("content", help="The photograph: an image file.")
@cloup.argument(
    "styles",
    nargs=-1,
    required=True,
    metavar="STYLE...",
    help="One or more image files, or swatch:NAME to have one drawn.",
)
@cloup.option_group(
    "Look",
    cloup.option(
        "-s",
        "--strength",
        type=Number(),
        default=0.5,
        help="From 0, the content as it is, to 1, the style alone.  [default: 0.5]",
    ),
    cloup.option(
        "--size",
        type=Whole(),
        help="Long side of the result in pixels.  [default: 512, or the photograph's own if that is less]",
    ),
    cloup.option("--style-weights", type=Numbers(), help="How much of each style.  [default: equal parts]"),
    cloup.option(
        "--style-scale",
        type=Number(),
        default=1.0,
        help="Size of the style's strokes; 2 is twice as large.  [default: 1]",
    ),
    cloup.option(
        "--init",
        metavar="WAY|FILE",
        help="What to begin with: matched (the content in the style's colors), content, random, gray, style, "
        "or an image file.  [default: matched]",
    ),
)
@cloup.option_group(
    "Method (the preset has what is not given)",
    cloup.option("--preset", metavar="NAME", default="default", help="One of `impasto presets`.  [default: default]"),
    cloup.option("--content-layers", type=Names(), help="Layers that hold the content: relu4_2, or relu4_2=0.5."),
    cloup.option("--style-layers", type=Names(), help="Layers that hold the style; '*' for all."),
    cloup.option(
        "--style-loss", metavar="NAME", help="gram, gram+mean-std, covariance, wasserstein2 or gram+wasserstein2."
    ),
    cloup.option("--content-weight", type=Number(), help="Factor of the content terms."),
    cloup.option("--style-weight", type=Number(), help="Factor of the style terms."),
    cloup.option("--tv-weight", type=Number(), help="Factor of the smoothness term."),
)
@cloup.option_group(
    "Network",
    cloup.option(
        "--encoder",
        metavar="NAME",
        help="compact (built in), vgg19, vgg16, or one of `impasto weights list`.  [default: compact]",
    ),
    cloup.option("--weights", metavar="FILE", help="A weight file of VGG-19 or VGG-16, in any usual layout."),
    cloup.option("--pooling", metavar="KIND", help="max, average or l2.  [default: max]"),
    cloup.option("--padding", metavar="KIND", help="zeros, reflect or replicate.  [default: as trained]"),
)
@cloup.option_group(
    "Optimisation",
    cloup.option("--iterations", type=Whole(), help="Evaluations in all.  [default: 210]"),
    cloup.option("--levels", type=Whole(), help="The most sizes, coarse to fine; 1 for the full size alone."),
    cloup.option("--solver", metavar="NAME", help="lbfgs, adam or rmsprop.  [default: lbfgs]"),
    cloup.option("--seed", type=Whole(), default=0, help="Of a random beginning.  [default: 0]"),
    cloup.option("--device", metavar="NAME", default="auto", help="auto, cpu, cuda, mps or xpu.  [default: auto]"),
    cloup.option(
        "--dtype",
        metavar="NAME",
        default="auto",
        help="auto, float32, bfloat16 or float64.  [default: auto]",
    ),
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
    cloup.option("--save-every", type=Whole(1), help="Also save OUT-0050.png, ... every N evaluations."),
    cloup.option(
        "--max-pixels",
        type=Whole(),
        default=100_000_000,
        help="Refuse larger image files.  [default: 100000000]",
    ),
    cloup.option("-q", "--quiet", is_flag=True, help="Print nothing but errors."),
    cloup.option("--json", "as_json", is_flag=True, help="Print one JSON record per evaluation on standard output."),
    cloup.option("--dry-run", is_flag=True, help="Check everything, print what would be done, and stop."),
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
    """Paint the photograph CONTENT in the style of the picture STYLE.

    Ctrl-C stops early and saves the picture so far.
    """
    from impasto.cli.progress import waiting

    began = time.perf_counter()
    with waiting("loading PyTorch", shown=not (quiet or as_json)):
        from impasto.cli.saving import Snapshots, check_path, new_path
        from impasto.tasks.transfer import TransferConfig
    interrupts.check()
    path = Path(output) if output else new_path(content, styles[0])
    config = TransferConfig(**settings)
    config.recipe()
    check_path(path, (content, *styles), force=force)
    ready = _prepare(content, styles, config, dry_run=dry_run, shown=not (quiet or as_json))
    snapshots = Snapshots(path, save_every, ready, force=force)
    if dry_run or as_json:
        _show_plan(ready.plan, path, as_json)
    elif not quiet:
        for note in ready.plan.notes:
            click.echo(f"Note: {note}", err=True)
    _check_memory(ready.plan)
    if dry_run:
        return 0
    return _run(ready, path, snapshots, force=force, quiet=quiet, as_json=as_json, began=began)


def _prepare(content: str, styles: tuple[str, ...], config: Any, *, dry_run: bool, shown: bool) -> Transfer:
    from impasto.cli.weights import DownloadBar
    from impasto.tasks.transfer import prepare

    try:
        return prepare(content, styles, config, download=not dry_run, progress=DownloadBar() if shown else None)
    except WeightsError as error:
        if not dry_run:
            raise
        raise WeightsError(f"{error}\nA dry run downloads nothing; the run itself would try to.") from error


def _run(
    ready: Transfer, path: Path, snapshots: Snapshots, *, force: bool, quiet: bool, as_json: bool, began: float
) -> int:
    """Optimise, save, report.  Whatever ends the run early, Ctrl-C or an error, the picture so far is saved."""
    from impasto.cli.progress import reporter
    from impasto.cli.saving import save_result

    last: Step | None = None
    interrupted, failure = False, None
    try:
        with reporter(ready.plan.levels, quiet=quiet, as_json=as_json) as report:
            for step in ready:
                last = step
                report.step(step)
                snapshots.step(step)
                interrupts.check()
    except KeyboardInterrupt:
        interrupted = True
    except ImpastoError as error:
        failure = error
    with interrupts.held_back():
        if last is None:
            if failure:
                raise failure
            raise KeyboardInterrupt("Interrupted before the first evaluation; nothing was saved.")
        save_result(ready, last.image, path, force=force)
        if failure:
            raise type(failure)(f"{failure} The picture of evaluation {last.done} is in {path}.") from failure
        _say_saved(path, last, interrupted, quiet=quiet, as_json=as_json, seconds=time.perf_counter() - began)
    return interrupts.STATUS if interrupted else 0


def _say_saved(path: Path, last: Step, interrupted: bool, *, quiet: bool, as_json: bool, seconds: float) -> None:
    if as_json:
        click.echo(json.dumps({"event": "saved", "path": str(path), "interrupted": interrupted, "done": last.done}))
    elif interrupted:
        said = f"Interrupted after {last.done} of {last.total} evaluations; the picture so far is in {path}"
        click.echo(said, err=True)
    elif not quiet:
        click.echo(f"Wrote {path} in {seconds:.1f} s ({last.total} evaluations, loss {last.loss:.4g})")


def _show_plan(plan: Plan, path: Path, as_json: bool) -> None:
    summary = plan.summary() | {"output": str(path)}
    if as_json:
        print(json.dumps({"event": "plan", **summary, "notes": list(plan.notes)}), flush=True)
        return
    from impasto.cli.layout import columns

    click.echo(columns(summary.items()))
    for note in plan.notes:
        click.echo(f"Note: {note}")


def _check_memory(plan: Plan) -> None:
    """Refuse what this computer cannot hold, rather than be ended by it without a word."""
    if plan.device.type != "cpu" or not hasattr(os, "sysconf"):
        return
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if plan.memory > there:
        size = plan.levels[-1].size
        raise UsageError(
            f"size is {size}, which takes about {plan.memory / 2**30:,.0f} GB of memory; this computer has "
            f"{there / 2**30:,.0f} GB. Choose a smaller --size."
        )
