"""`impasto show`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
import cloup

from impasto.choices import IMAGE
from impasto.cli.options import debug_option
from impasto.cli.terminal import columns
from impasto.cli.words import words
from impasto.presets import PRESETS

if TYPE_CHECKING:
    from impasto.record import Input, Record


@cloup.command()
@cloup.argument("file", help="A picture that impasto made.")
@cloup.option("--json", "as_json", is_flag=True, help="Print the record itself.")
@debug_option
def show(file: str, as_json: bool) -> None:
    """Print how a picture was made."""
    from impasto.record import printable, read_record

    record = read_record(file)
    if as_json:
        click.echo(json.dumps(record.to_json(), indent=1))
    else:
        click.echo(columns((printable(name), printable(text)) for name, text in _rows(record)))


def _rows(record: Record) -> Iterator[tuple[str, str]]:
    yield "task", record.task
    yield from map(_input, record.inputs)
    yield from ((name.replace("_", " "), words(value)) for name, value in _changed(record))
    yield "network", f"{record.encoder.name}  (sha256 {record.encoder.sha256[:16]})"
    for name, value in vars(record.made).items():
        yield f"made with {name}" if name in ("impasto", "torch") else name, str(value)
    if record.result:
        yield "evaluations", f"{record.result.evaluations} of {record.result.of}"
        yield "loss", _number(record.result.loss)
        yield from ((name, _number(value)) for name, value in record.result.terms.items())
    if record.start and record.start.result:
        yield "went on from", f"a {record.start.task} of {record.start.result.evaluations} evaluations:"
        yield from ((f"  {name}", text) for name, text in _rows(record.start))


def _input(each: Input) -> tuple[str, str]:
    known = f"sha256 {each.sha256[:16]}" if each.sha256 else f"pixels {str(each.pixels)[:16]}"
    return each.role, f"{each.name or 'an image in memory'}  ({known})"


def _changed(record: Record) -> Iterator[tuple[str, Any]]:
    """The preset, and the settings that are not as it has them; a picture to begin with is among the inputs."""
    name = str(record.settings.get("preset"))
    usual = PRESETS[name].to_json() | {"preset": None} if name in PRESETS else {}
    settings = record.settings.items()
    return ((name, value) for name, value in settings if value not in (None, IMAGE, usual.get(name)))


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.6g}"
