"""`impasto resume`, `impasto replay`: a run that goes on where it was, and a picture made again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from impasto.choices import ORIGINAL
from impasto.cli import interrupts, options
from impasto.cli.looking import is_clip
from impasto.cli.output import Output
from impasto.cli.running import execute, prepared, threads
from impasto.cli.terminal import loading
from impasto.errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from impasto.checkpoint import Checkpoints
    from impasto.loading import Encoders
    from impasto.rebuild import Origin
    from impasto.record import Made
    from impasto.run import Run

_EXAMPLES = """\b
Examples:
  impasto resume out.impasto
  impasto resume out.impasto --size 2048 -o larger.png
"""
_REMEDY = "or begin a new run with the picture that is there, by a change such as --strength."
_CHANGES = (
    *("strength", "style_weights", "style_scale", "content_weight", "style_weight", "tv_weight"),
    *("iterations", "solver", "device", "dtype"),
)


def _inputs_argument(usual: str) -> options.Decorator:
    """Where the files are now that a picture was made of; without, they are where is `usual`."""
    about = f"Where the files it is made of are now, in the order of `impasto show`.  [default: {usual}]"
    return cloup.argument("inputs", nargs=-1, metavar="[INPUT]...", help=about)


@cloup.command(epilog=_EXAMPLES)
@cloup.argument("folder", metavar="DIR", help="The folder of --checkpoint, or OUT.impasto.")
@_inputs_argument("under their names, where the run was begun")
@cloup.option_group(
    "Changes (a new run begins with the picture so far)",
    options.flag("size", metavar="N|WxH", help="Another size, in pixels, as the command has it."),
    *map(options.flag, _CHANGES),
)
@cloup.option_group(
    "Files and reports",
    options.output_option("The result.  [default: as before; with changes, a new name]"),
    cloup.option("--force", is_flag=True, help="Overwrite OUT even if this run did not write it."),
    cloup.option(
        "--checkpoint", metavar="DIR2", help="With changes: keep the state of the new run in this new folder."
    ),
    options.no_metadata_option,
    options.quiet_option,
    options.json_option,
    options.debug_option,
)
def resume(
    folder: str,
    inputs: Sequence[str],
    output: str | None,
    force: bool,
    checkpoint: str | None,
    no_metadata: bool,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Go on with a run that was stopped.

    The result is the same, to the bit, as if it had not been stopped. With changes, a new run with the changed settings
    begins with the picture that is there, at its size or the nearest larger one.
    """
    with loading(shown=not (quiet or as_json)):
        from impasto.checkpoint import Checkpoints
        from impasto.rebuild import find_origin
        from impasto.session import Destination
        from impasto.session.keeping import About, Written
    changes = {name: value for name, value in given.items() if value is not None}
    if os.path.isfile(os.path.join(folder, "clip.json")):  # noqa: PTH113, PTH118 - also where nothing can be read
        raise UsageError(f"{folder} holds the frames of a clip. The `impasto video` command that began it goes on.")
    with closing(Checkpoints.open(Path(folder), to_read=bool(changes))) as checkpoints:
        about = About.of(checkpoints)
        fresh = bool(changes) and not output
        beside = checkpoints.folder.parent
        home = Path(about.folder) if os.path.isdir(about.folder) else beside  # noqa: PTH112 - a project may be moved
        with suppress(ValueError):  # on another drive, for which Windows has no relative path
            home = Path(os.path.relpath(home))
        path = Path(output) if output else home / (about.base if fresh else about.output)
        origin = find_origin(
            about.record, list(dict.fromkeys((home, beside, Path(), *map(Path, about.places)))), str, inputs
        )
        destination = Destination(
            path,
            tuple(each.source for each in origin.all_inputs()),
            force=force or path in Written(checkpoints),
            fresh=fresh,
            save_every=about.save_every,
            checkpoint=checkpoint,
            metadata=about.metadata and not no_metadata,
            bits=about.bits,
            exif=about.exif,
        )
        where = Output(destination.named(), quiet, as_json)
        if changes:
            return execute(partial(_changed, checkpoints, origin, changes), where)
        if checkpoint:
            raise UsageError("--checkpoint goes with changes; without, the run goes on in the folder that it has.")
        with threads(origin.record.made.threads):
            return execute(partial(_same, checkpoints, origin), where, checkpoints)


def _same(checkpoints: Checkpoints, origin: Origin, encoders: Encoders) -> Run:
    """The run as it was.

    Raises:
        UsageError: a picture is missing, or is not what it was.
        CheckpointError: the run cannot be the same.
    """
    from impasto.rebuild import at_its_start, same_run

    for each in origin.inputs:
        if each.same is False:
            raise UsageError(
                f"The {each.role} image {each.source} has changed since the run began. Put it back as it was; {_REMEDY}"
            )
    run, record = same_run(origin, encoders), origin.record
    if run.networks != record.encoders:
        names = " and ".join(each.name for each in record.encoders)
        raise CheckpointError(
            f"The weights of {names} are not those that the run was begun with. Put them back; {_REMEDY}"
        )
    run = replace(run, plan=replace(run.plan, notes=differences(record.made, run.made())))
    return run if checkpoints.has_snapshots() else at_its_start(run, origin, encoders)


def _changed(checkpoints: Checkpoints, origin: Origin, changes: dict[str, Any], encoders: Encoders) -> Run:
    """The run with `changes`, going on from the picture that is there."""
    from impasto.painting import result_of
    from impasto.rebuild import changed_run, continuing

    kept, notes = checkpoints.newest()
    if kept is None:
        raise CheckpointError(
            f"There is no picture in {checkpoints.folder} yet. Leave out the changes to begin with it."
        )
    if "size" in changes and origin.record.task == "texture":
        changes["size"] = options.Size(1, ORIGINAL).convert(changes["size"], None, None)
    run = changed_run(origin, changes, encoders)
    before = replace(origin.record, result=result_of(kept.image, None, kept.step))
    others = [f"The {each.role} image {each.source} has changed." for each in origin.inputs if each.same is False]
    run = continuing(run, before, kept.image)
    return replace(run, plan=replace(run.plan, notes=(*run.plan.notes, *notes, *others)))


def differences(then: Made, now: Made) -> tuple[str, ...]:
    """What is not as it was: the last bits of the result may differ for it."""
    from impasto.record import printable

    pairs = [(each.name, getattr(then, each.name), getattr(now, each.name)) for each in fields(now)]
    return tuple(f"{name} was {printable(str(a))}, and is {b}." for name, a, b in pairs if a != b)


_COMPARED = {True: "is the same", False: "is not the same", None: "is made anew"}


@cloup.command()
@cloup.argument("file", help="A picture that impasto made.")
@_inputs_argument("under their names, here or beside FILE")
@options.output_option("Also write the picture that is made.")
@options.force_option
@cloup.option("-q", "--quiet", is_flag=True, help="Print nothing but errors; the exit code tells.")
@options.debug_option
def replay(file: str, inputs: Sequence[str], output: str | None, force: bool, quiet: bool) -> int:
    """Make a picture again, and compare.

    It tells whether the inputs and the result are the same, and whether FILE has its very pixels. The exit code is 0 if
    the result is the same to the last pixel, 1 if not.
    """
    from impasto.record import printable, read_record, safe_name

    if is_clip(Path(file)):
        raise UsageError(
            f"{file} is a clip. `impasto show` prints what it is made of, and `impasto video` makes it again."
        )
    record = read_record(file)
    if record.result is None:
        raise UsageError(f"{file} does not say what came out, so nothing can be compared.")
    with loading(shown=not quiet):
        from impasto.images import bits_of, same_pixels
        from impasto.painting import pixels_hash
        from impasto.rebuild import at_its_start, find_origin, kept_again, same_run
        from impasto.session.destination import Destination, Result
    origin = find_origin(record, [Path(), Path(file).parent], safe_name, inputs)
    made_of = (each.source for each in origin.all_inputs())
    destination = Destination(Path(output or file), (file, *made_of), force)
    if output:
        destination.check()
        destination = replace(destination, bits=bits_of(file, destination.path.suffix))

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
        for network in set(run.networks) - set(record.encoders):
            tell(f"The weights of {network.name} are not those that were used.")
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
