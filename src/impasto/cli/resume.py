"""`impasto resume`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from impasto.cli.options import debug_option, flag, json_option, no_metadata_option, output_option, quiet_option
from impasto.cli.output import Output
from impasto.cli.parameters import Size
from impasto.cli.running import execute, threads
from impasto.cli.terminal import loading
from impasto.errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from impasto.checkpoint import Checkpoints
    from impasto.loading import Encoders
    from impasto.rebuild import Origin
    from impasto.record import Made
    from impasto.run import Run
    from impasto.session import Destination

_EXAMPLES = """\b
Examples:
  impasto resume out.impasto
  impasto resume out.impasto --size 2048 --strength 0.7 -o larger.png
"""
_REMEDY = "or begin a new run with the picture that is there, by a change such as --strength."
_CHANGES = (
    *("strength", "style_weights", "style_scale", "content_weight", "style_weight", "tv_weight"),
    *("iterations", "solver", "device", "dtype"),
)


@cloup.command(epilog=_EXAMPLES)
@cloup.argument("folder", metavar="DIR", help="The folder of --checkpoint, or OUT.impasto.")
@cloup.option_group(
    "Changes (with any of them, a new run begins with the picture that is there)",
    flag("size", type=click.STRING, metavar="N|WxH", help="Another size, in pixels, as the command has it."),
    *map(flag, _CHANGES),
)
@cloup.option_group(
    "Files and reports",
    output_option("The result.  [default: as before; with changes, a new name]"),
    cloup.option("--force", is_flag=True, help="Overwrite OUT even if this run did not write it."),
    cloup.option(
        "--checkpoint", metavar="DIR2", help="With changes: keep the state of the new run in this new folder."
    ),
    no_metadata_option,
    quiet_option,
    json_option,
    debug_option,
)
def resume(
    folder: str,
    output: str | None,
    force: bool,
    checkpoint: str | None,
    no_metadata: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Go on with a run that was stopped.

    The result is the same, to the bit, as if it had not been stopped. With changes, a new run with the changed settings
    begins with the picture that is there, at its size or the nearest larger one.
    """
    with loading(shown=not (quiet or as_json)):
        from impasto.checkpoint import Checkpoints
        from impasto.rebuild import find_origin
        from impasto.record import Record
    changes = {name: value for name, value in options.items() if value is not None}
    with closing(Checkpoints.open(Path(folder))) as checkpoints:
        about = checkpoints.about("record", "folder", "output", "metadata", "bits", "asked")
        destination = _destination(about, checkpoints, output, changed=bool(changes))
        destination = replace(
            destination,
            force=force or destination.force,
            metadata=destination.metadata and not no_metadata,
            checkpoint=checkpoint,
        )
        where = Output(destination.named(), quiet, as_json)
        origin = find_origin(Record.from_json(about["record"]), [Path(os.path.relpath(about["folder"]))], str)
        if changes:
            return execute(partial(_changed, checkpoints, origin, changes), where)
        if checkpoint:
            raise UsageError("--checkpoint goes with changes; without, the run goes on in the folder that it has.")
        with threads(origin.record.made.threads):
            return execute(partial(_same, checkpoints, origin), where, checkpoints)


def _destination(
    about: Mapping[str, Any], checkpoints: Checkpoints, output: str | None, *, changed: bool
) -> Destination:
    """`output`, or where the run was to put its pictures; with changes, a new name beside that.

    What the run itself wrote there, when it was stopped, may be written anew.
    """
    from impasto.session.destination import Destination
    from impasto.session.keeping import Written

    fresh = changed and not output
    path = Path(output or (fresh and about.get("base")) or about["output"])
    if not output and about["folder"] != os.getcwd():  # noqa: PTH109
        path = Path(about["folder"]) / path
    return Destination(
        path,
        force=path in Written(checkpoints),
        fresh=fresh,
        save_every=about.get("save_every"),
        metadata=about["metadata"],
        bits=about["bits"],
    )


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
    if run.network != record.encoder:
        raise CheckpointError(
            f"The weights of {record.encoder.name} are not those that the run was begun with. Put them back; {_REMEDY}"
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
    if "size" in changes:
        changes["size"] = _size(changes["size"], origin.record.task)
    run = changed_run(origin, changes, encoders)
    before = replace(origin.record, result=result_of(kept.image, None, kept.step))
    others = [f"The {each.role} image {each.source} has changed." for each in origin.inputs if each.same is False]
    run = continuing(run, before, kept.image)
    return replace(run, plan=replace(run.plan, notes=(*run.plan.notes, *notes, *others)))


def _size(text: str, task: str) -> int | tuple[int, int]:
    """`2048`, or `1024x768` where the task has a width and a height."""
    width, height = Size().convert(text, None, None)
    if task == "texture":
        return width, height
    if "x" in text.lower():
        raise UsageError(f"--size is {text!r}; a {task} has one size, the long side, such as {max(width, height)}.")
    return width


def differences(then: Made, now: Made) -> tuple[str, ...]:
    """What is not as it was: the last bits of the result may differ for it."""
    from impasto.record import printable

    pairs = [(each.name, getattr(then, each.name), getattr(now, each.name)) for each in fields(now)]
    return tuple(f"{name} was {printable(str(a))}, and is {b}." for name, a, b in pairs if a != b)
