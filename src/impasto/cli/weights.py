"""`impasto weights`: the networks in the package, and the published weights of VGG networks on this computer."""

from __future__ import annotations

from contextlib import closing
from importlib import resources
from pathlib import Path

import cloup

from impasto.cli.group import Group
from impasto.cli.options import debug_option
from impasto.errors import WeightsError

_COLUMNS = ("name", "architecture", "size", "licence", "cached")
_IN_PACKAGE = {"compact": "Apache-2.0 (see NOTICE)", "vgg19": "CC BY 4.0 (Simonyan & Zisserman, Oxford)"}


@cloup.group(cls=Group)
def weights() -> None:
    """List, fetch and verify the weights of VGG networks."""


@weights.command("list")
@debug_option
def list_() -> None:
    """List built-in and published weights, and whether they are here."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from impasto.encoders.registry import REGISTRY, human_size, weight_path

    rows = []
    for name, licence in _IN_PACKAGE.items():
        rows.append((name, name, human_size(_packaged(name).stat().st_size), licence, "built in"))
    for source in REGISTRY.values():
        cached = "yes" if weight_path(source.name).is_file() else "no"
        rows.append((source.name, source.architecture, human_size(source.size), source.licence, cached))
    console = Console()
    if not console.is_terminal:
        cloup.echo("\n".join(map("\t".join, (_COLUMNS, *rows))))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("name", "size", "licence", "cached"):  # the name says the architecture; the licence may be wrapped
        table.add_column(column, no_wrap=column != "licence", overflow="fold")
    for name, _, *others in rows:
        table.add_row(name, *others)
    console.print(table)


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

    published = [find_source(name).name for name in names if name not in _IN_PACKAGE]
    for name in names:
        with closing(DownloadBar(name)) as bar:
            fetched = download.fetch(name, progress=bar, force=force) if name in published else _packaged(name)
        cloup.echo(str(fetched))


@weights.command()
@cloup.argument("targets", metavar="[NAME|FILE]...", nargs=-1, help="Names or files; without any, all that is cached.")
@debug_option
def verify(targets: tuple[str, ...]) -> None:
    """Compare files with the published digests; exit with 1 if one differs."""
    from impasto.encoders.registry import REGISTRY, find_source, weight_path
    from impasto.encoders.verification import verify

    failures = []
    for target in targets or tuple(name for name in REGISTRY if weight_path(name).is_file()):
        file, source = Path(target), REGISTRY.get(target)
        if source is None and not file.is_file() and len(file.parts) == 1 and not file.suffix:
            source = find_source(target)
        try:
            sha256 = verify(weight_path(target) if source else file, source)
        except WeightsError as error:
            failures.append(str(error))
        else:
            cloup.echo(f"{target}: ok, sha256 {sha256}")
    if not targets and not any(weight_path(name).is_file() for name in REGISTRY):
        cloup.echo("No published weights are on this computer; those in the package need no check.")
    if failures:
        raise WeightsError("\n".join(failures))


@weights.command()
@cloup.argument(
    "name", required=False, help="Weights, as `impasto weights list` names them; all that are fetched if none."
)
@debug_option
def path(name: str | None) -> None:
    """Print where weights are, or would be put; without a name, the folder of all that are fetched."""
    from impasto.encoders.registry import cache_folder, weight_path

    if name is None:
        cloup.echo(str(cache_folder()))
    else:
        cloup.echo(str(_packaged(name) if name in _IN_PACKAGE else weight_path(name)))


def _packaged(name: str) -> Path:
    return Path(str(resources.files("impasto.encoders"))) / "data" / f"{name}.safetensors"


class DownloadBar:
    """A progress callback that draws a bar on standard error, from its first call on until the file is there.

    Nothing is drawn where standard error is no terminal.
    """

    def __init__(self, name: str = "weights"):
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

        console = Console(stderr=True)
        columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(name, total=None)

    def __call__(self, done: int, total: int | None) -> None:
        """Show that `done` of `total` bytes are there."""
        self._bar.start()
        self._bar.update(self._task, completed=done, total=total)
        if done == total:
            self.close()

    def close(self) -> None:
        """Take the bar away; a later call draws it again."""
        self._bar.stop()
