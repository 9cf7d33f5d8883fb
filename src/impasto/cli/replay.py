"""`impasto replay`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup

from impasto.cli import interrupts
from impasto.cli.parameters import debug_option
from impasto.cli.resume import differences
from impasto.cli.running import threads
from impasto.cli.terminal import loading
from impasto.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from impasto.rebuild import Origin
    from impasto.record import Record
    from impasto.run import Run

_COMPARED = {True: "is the same", False: "is not the same", None: "is made anew"}


@cloup.command()
@cloup.argument("file", help="A picture that impasto made.")
@cloup.argument(
    "inputs",
    nargs=-1,
    metavar="[INPUT]...",
    help="Where the files it was made of are now, in the order of `impasto show`.  "
    "[default: under their names, here or beside FILE]",
)
@cloup.option("-o", "--output", metavar="OUT", help="Also write the picture that is made.")
@cloup.option("--force", is_flag=True, help="Overwrite OUT if it exists.")
@cloup.option("-q", "--quiet", is_flag=True, help="Print nothing but errors; the exit code tells.")
@debug_option
def replay(file: str, inputs: Sequence[str], output: str | None, force: bool, quiet: bool) -> int:
    """Make a picture again, and compare.

    It tells whether the inputs and the result are the same, and whether FILE has its very pixels. The exit code is 0 if
    the result is the same to the last pixel, 1 if not.
    """
    from impasto.record import printable, read_record, safe_name

    record = read_record(file)
    if record.result is None:
        raise UsageError(f"{file} does not say what came out, so nothing can be compared.")
    if output:
        from impasto.session import Destination

        Destination(Path(output), (file, *inputs), force).check()
    with loading(shown=not quiet):
        from impasto.images import same_pixels
        from impasto.painting import pixels_hash
        from impasto.rebuild import find_origin
    origin = find_origin(record, [Path(), Path(file).parent], safe_name, inputs)

    def tell(text: str) -> None:
        if not quiet:
            click.echo(text)

    for each in dict.fromkeys(origin.all_inputs()):
        tell(printable(f"{each.role}: {each.source} {_COMPARED[each.same]}"))
    with threads(record.made.threads):
        run = _prepared(origin, quiet)
        for note in _differences(run, record):
            tell(note)
        image = _repeated(run, record, output, force)
        same = pixels_hash(image, run.alpha) == record.result.pixels
        kept = same_pixels(file, image, run.alpha) if same else True
    if kept is None:
        tell(f"{file}: its format does not keep every pixel, so the record's are compared, not its own.")
    elif not kept:
        tell(f"{file}: its pixels are not those that were recorded.")
    same = same and kept is not False
    interrupts.check()
    tell(f"result: {'the same' if same else 'not the same'}")
    return 0 if same else 1


def _prepared(origin: Origin, quiet: bool) -> Run:
    """The run that made the picture; the number format is the one that was used, whatever is the fastest here."""
    from impasto.cli.weights import DownloadBar
    from impasto.loading import Encoders
    from impasto.rebuild import at_its_start, same_run

    encoders = Encoders(progress=None if quiet else DownloadBar())
    return at_its_start(same_run(origin, encoders, dtype=origin.record.made.dtype), origin, encoders)


def _differences(run: Run, record: Record) -> Iterator[str]:
    """What may make the result differ, besides the pictures."""
    yield from differences(record.made, run.made())
    for network in set(run.networks) - set(record.encoders):
        yield f"The weights of {network.name} are not those that were used."


def _repeated(run: Run, record: Record, output: str | None, force: bool) -> Tensor:
    """Run as far as the picture was made, and save it if asked; the picture at its full size."""
    from impasto.rebuild import kept_again
    from impasto.session import Destination
    from impasto.session.saving import Result, save

    image, step = kept_again(run, record)
    if output:
        with interrupts.held_back():
            save(run, Result(image, step), Destination(Path(output), force=force))
    return run.full_size(image)
