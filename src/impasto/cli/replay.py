"""`impasto replay`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import cloup

from impasto.cli import interrupts
from impasto.cli.options import debug_option, force_option, output_option
from impasto.cli.output import Output
from impasto.cli.resume import differences
from impasto.cli.running import prepared, threads
from impasto.cli.terminal import loading
from impasto.errors import UsageError

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
@output_option("Also write the picture that is made.")
@force_option
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
    with loading(shown=not quiet):
        from impasto.images import same_pixels
        from impasto.painting import pixels_hash
        from impasto.rebuild import at_its_start, find_origin, kept_again, same_run
        from impasto.session import Destination, Result
    destination = Destination(Path(output or file), (file, *inputs), force)
    if output:
        destination.check()
    origin = find_origin(record, [Path(), Path(file).parent], safe_name, inputs)

    def tell(text: str) -> None:
        if not quiet:
            click.echo(text)

    for each in dict.fromkeys(origin.all_inputs()):
        tell(printable(f"{each.role}: {each.source} {_COMPARED[each.same]}"))
    with threads(record.made.threads):
        run = prepared(  # in the number format that was used, whatever is the fastest here
            lambda encoders: at_its_start(same_run(origin, encoders, dtype=record.made.dtype), origin, encoders),
            Output(destination, quiet),
        )
        for note in differences(record.made, run.made()):
            tell(note)
        if run.network and run.network.sha256 != record.encoder.sha256:
            tell(f"The weights of {run.network.name} are not those that were used.")
        image, step = kept_again(run, record)
        if output:
            with interrupts.held_back():
                destination.save(run, Result(image, step))
        image = run.full_size(image)
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
