"""`impasto resume`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloup

from impasto.cli.options import json_option, no_metadata_option, quiet_option
from impasto.cli.parameters import Number, Numbers, Whole, debug_option
from impasto.cli.running import Output, execute, loading, threads
from impasto.errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from impasto.checkpoint import Checkpoints
    from impasto.session import Destination
    from impasto.tasks.remaking import Origin
    from impasto.tasks.run import Run

_EXAMPLES = """\b
Examples:
  impasto resume out.impasto
  impasto resume out.impasto --size 2048 --strength 0.7 -o larger.png
"""


@cloup.command(epilog=_EXAMPLES)
@cloup.argument("folder", metavar="DIR", help="The folder of --checkpoint, or OUT.impasto.")
@cloup.option_group(
    "Changes (with any of them, a new run begins with the picture that is there)",
    cloup.option("--size", metavar="N|WxH", help="Another size, in pixels, as the command has it."),
    cloup.option("-s", "--strength", type=Number(), help="Another strength, of a transfer."),
    cloup.option("--style-weights", type=Numbers(), help="How much of each style."),
    cloup.option("--style-scale", type=Number(), help="Another size of the strokes."),
    cloup.option("--content-weight", type=Number(), help="Another factor of the content terms."),
    cloup.option("--style-weight", type=Number(), help="Another factor of the style terms."),
    cloup.option("--tv-weight", type=Number(), help="Another factor of the smoothness term."),
    cloup.option("--iterations", type=Whole(), help="Evaluations of the new run."),
    cloup.option("--solver", metavar="NAME", help="lbfgs, adam or rmsprop."),
    cloup.option("--device", metavar="NAME", help="auto, cpu, cuda, mps or xpu."),
    cloup.option("--dtype", metavar="NAME", help="auto, float32, bfloat16, tf32 or float64."),
)
@cloup.option_group(
    "Files and reports",
    cloup.option("-o", "--output", metavar="OUT", help="The result.  [default: as before; with changes, a new name]"),
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
    **changes: Any,
) -> int:
    """Go on with a run that was stopped.

    The result is the same, to the bit, as if it had not been stopped. With changes, a new run with the changed settings
    begins with the picture that is there, at its size or the nearest larger one.
    """
    with loading(shown=not (quiet or as_json)):
        from impasto.checkpoint import Checkpoints
    asked = {name: value for name, value in changes.items() if value is not None}
    with closing(Checkpoints.open(Path(folder))) as checkpoints:
        about = checkpoints.about()
        destination = _destination(about, checkpoints, output, fresh=bool(asked and not output))
        destination = replace(
            destination,
            force=force or destination.force,
            checkpoint=checkpoint,
            metadata=destination.metadata and not no_metadata,
        )
        request = Output(destination, quiet, as_json)
        if asked:
            return execute(partial(_changed, checkpoints, about, asked), request)
        if checkpoint:
            raise UsageError("--checkpoint goes with changes; without, the run goes on in the folder that it has.")
        with threads(about["record"]["made"]["threads"]):
            return execute(partial(_same, checkpoints, about), request, checkpoints)


def _destination(about: Mapping[str, Any], checkpoints: Checkpoints, output: str | None, *, fresh: bool) -> Destination:
    """Where the run was to put its pictures, or `output`; with `fresh`, a new name beside that.

    What the run itself wrote there, when it was stopped, may be written anew.
    """
    from impasto.session.destination import Destination
    from impasto.session.keeping import wrote

    path = Path(output or (fresh and about.get("base")) or about["output"])
    if not output and about["folder"] != os.getcwd():  # noqa: PTH109
        path = Path(about["folder"]) / path
    return Destination(
        path,
        force=wrote(checkpoints, path),
        fresh=fresh,
        save_every=about.get("save_every"),
        metadata=about["metadata"],
        bits=about["bits"],
    ).named()


def _same(checkpoints: Checkpoints, about: Mapping[str, Any], **loading: Any) -> Run:
    """The run as it was.

    Raises:
        UsageError: a picture is missing, or is not what it was.
        CheckpointError: the run cannot be the same.
    """
    from impasto.tasks.provenance import circumstances
    from impasto.tasks.remaking import begun, remade

    origin, record = _origin(about), about["record"]
    for each in origin.inputs:
        if each.same is False:
            raise UsageError(
                f"The {each.role} image {each.source} has changed since the run began. Put it back as it was; "
                "or begin a new run with the picture that is there, by a change such as --strength."
            )
    run = remade(origin, **loading)
    if run.record["encoder"] != record["encoder"]:
        raise CheckpointError(
            f"The weights of {record['encoder']['name']} are not those that the run was begun with. Put them back; "
            "or begin a new run with the picture that is there, by a change such as --strength."
        )
    run = replace(run, plan=replace(run.plan, notes=differences(record["made"], circumstances(run))))
    return run if checkpoints.has_snapshots() else begun(run, origin)


def _changed(checkpoints: Checkpoints, about: Mapping[str, Any], changes: dict[str, Any], **loading: Any) -> Run:
    """The run with `changes`, going on from the picture that is there."""
    from impasto.tasks.provenance import progress, tensor_hash
    from impasto.tasks.remaking import changed, continued

    kept, notes = checkpoints.newest()
    if kept is None:
        raise CheckpointError(
            f"There is no picture in {checkpoints.folder} yet. Leave out the changes to begin with it."
        )
    if "size" in changes:
        changes["size"] = _size(changes["size"], about["record"]["task"])
    origin = _origin(about)
    run = changed(origin, changes, **loading)
    before = {**about["record"], "result": {**progress(kept.step), "pixels": tensor_hash(kept.image)}}
    others = [f"The {each.role} image {each.source} has changed." for each in origin.inputs if each.same is False]
    run = continued(run, before, kept.image)
    return replace(run, plan=replace(run.plan, notes=(*run.plan.notes, *notes, *others)))


def _origin(about: Mapping[str, Any]) -> Origin:
    from impasto.tasks.remaking import find_origin

    here = Path(os.path.relpath(about["folder"]))
    return find_origin(about["record"], [here])


def _size(text: str, task: str) -> int | tuple[int, int]:
    """`2048`, or `1024x768` where the task has a width and a height."""
    from impasto.cli.parameters import Size

    width, height = Size().convert(text, None, None)
    if task == "texture":
        return width, height
    if "x" in text.lower():
        raise UsageError(f"--size is {text!r}; a {task} has one size, the long side, such as {max(width, height)}.")
    return width


def differences(made: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """What is not as it was: the last bits of the result may differ for it."""
    return tuple(
        f"{name} was {made[name]}, and is {now[name]}." for name in now if made.get(name, now[name]) != now[name]
    )
