"""`impasto weights`: the published weights of VGG networks on this computer."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import cloup

from impasto.cli.options import debug_option
from impasto.errors import WeightsError

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

    from impasto.encoders.registry import WeightSource

_COLUMNS = ("name", "architecture", "size", "licence", "cached")


@cloup.group()
def weights() -> None:
    """List, fetch and verify the weights of VGG networks."""


@weights.command("list")
@debug_option
def list_() -> None:
    """List the published weights and whether they are on this computer."""
    from rich.console import Console

    from impasto.encoders.registry import REGISTRY

    rows = [_row(source) for source in REGISTRY.values()]
    console = Console()
    if console.is_terminal:
        console.print(_table(rows))
    else:
        cloup.echo("\n".join(map("\t".join, (_COLUMNS, *rows))))


@weights.command()
@cloup.argument(
    "names", metavar="NAME...", nargs=-1, required=True, help="Weights, as `impasto weights list` names them."
)
@cloup.option("--force", is_flag=True, help="Download even what is here already.")
@debug_option
def fetch(names: tuple[str, ...], force: bool) -> None:
    """Download weights, verify them, and print where they are."""
    from impasto.encoders import download
    from impasto.encoders.registry import find_source

    for source in [find_source(name) for name in names]:
        with closing(DownloadBar(source.name)) as bar:
            path = download.fetch(source.name, progress=bar, force=force)
        cloup.echo(str(path))


@weights.command()
@cloup.argument("targets", metavar="[NAME|FILE]...", nargs=-1, help="Names or files; without any, all that is cached.")
@debug_option
def verify(targets: tuple[str, ...]) -> None:
    """Compare files with the published digests; exit with 1 if one differs."""
    from impasto.encoders.registry import REGISTRY, weight_path

    chosen = targets or tuple(name for name in REGISTRY if weight_path(name).is_file())
    failures = [failure for failure in map(_verify, chosen) if failure]
    if failures:
        raise WeightsError("\n".join(failures))


@weights.command()
@cloup.argument("name", help="Weights, as `impasto weights list` names them.")
@debug_option
def path(name: str) -> None:
    """Print where weights are, or would be put."""
    from impasto.encoders.registry import weight_path

    cloup.echo(str(weight_path(name)))


def _row(source: WeightSource) -> tuple[str, ...]:
    from impasto.encoders.registry import human_size, weight_path

    cached = "yes" if weight_path(source.name).is_file() else "no"
    return source.name, source.architecture, human_size(source.size), source.licence, cached


def _table(rows: list[tuple[str, ...]]) -> Table:
    """The list for people: the architecture is in the name, and only the licence gives way on a narrow terminal."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in _COLUMNS:
        if column != "architecture":
            table.add_column(column, no_wrap=column != "licence")
    for name, _, *others in rows:
        table.add_row(name, *others)
    return table


def _verify(target: str) -> str:
    """Print that a name or a file is right; return why, if it is not."""
    from impasto.encoders.registry import REGISTRY, find_source, weight_path
    from impasto.encoders.verification import verify

    file = Path(target)
    source = REGISTRY.get(target)
    if source is None and not file.is_file() and len(file.parts) == 1 and not file.suffix:
        source = find_source(target)
    try:
        sha256 = verify(weight_path(target) if source else file, source)
    except WeightsError as error:
        return str(error)
    cloup.echo(f"{target}: ok, sha256 {sha256}")
    return ""


class DownloadBar:
    """A progress callback that draws a bar on standard error, from its first call on until the file is there.

    Nothing is drawn where standard error is no terminal.
    """

    def __init__(self, name: str = "weights"):
        self._name = name
        self._bar: Progress | None = None

    def __call__(self, done: int, total: int | None) -> None:
        """Show that `done` of `total` bytes are there."""
        self._bar = self._bar or self._begin()
        self._bar.update(self._bar.task_ids[0], completed=done, total=total)
        if done == total:
            self.close()

    def close(self) -> None:
        """Take the bar away; a later call draws a new one."""
        if self._bar:
            self._bar.stop()
        self._bar = None

    def _begin(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

        console = Console(stderr=True)
        columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        bar.add_task(self._name, total=None)
        bar.start()
        return bar
