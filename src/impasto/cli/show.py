"""`impasto show`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import cloup

from impasto.cli.parameters import debug_option
from impasto.errors import UsageError


@cloup.command()
@cloup.argument("file", help="A picture that impasto made.")
@cloup.option("--json", "as_json", is_flag=True, help="Print the record itself.")
@debug_option
def show(file: str, as_json: bool) -> None:
    """Print how a picture was made."""
    record = read_record(file)
    if as_json:
        click.echo(json.dumps(record, indent=1))
        return
    from impasto.cli.layout import columns

    click.echo(columns(_rows(record)))


def read_record(file: str) -> dict[str, Any]:
    """How the picture in `file` was made.

    Raises:
        UsageError: it does not say.
    """
    from impasto.images import read_text
    from impasto.tasks.provenance import KEYWORD

    text = read_text(file).get(KEYWORD)
    try:
        record = json.loads(text or "")
    except ValueError:
        record = None
    if not isinstance(record, dict) or "task" not in record:
        raise UsageError(
            f"{Path(file)} does not say how it was made: it is not of impasto, or was made with --no-metadata, "
            "or another program has saved it since."
        )
    return record


def _rows(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "task", record["task"]
    for each in record["inputs"]:
        kind = "sha256" if "sha256" in each else "pixels"
        yield each["role"], f"{each['name'] or 'an image in memory'}  ({kind} {each[kind][:16]})"
    for name, value in record["settings"].items():
        if value is not None:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield name.replace("_", " "), shown
    yield "network", f"{record['encoder']['name']}  (sha256 {record['encoder']['sha256'][:16]})"
    for name, value in record.get("made", {}).items():
        yield f"made with {name}" if name in ("impasto", "torch") else name, str(value)
    result = record["result"]
    yield "evaluations", f"{result['evaluations']} of {result['of']}"
    yield "loss", f"{result['loss']:.6g}"
    for name, value in result["terms"].items():
        yield name, f"{value:.6g}"
    if "start" in record:
        yield "went on from", f"a {record['start']['task']} of {record['start']['result']['evaluations']} evaluations:"
        yield from ((f"  {name}", value) for name, value in _rows(record["start"]))
