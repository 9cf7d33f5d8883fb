"""`-`: a picture from standard input, the result to standard output."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from impasto.cli.output import Output
from impasto.cli.running import execute
from impasto.errors import UsageError

if TYPE_CHECKING:
    from impasto.run import Run

PIPE = "-"


def from_pipe(sources: Sequence[str]) -> list[str | BinaryIO]:
    """`sources` with standard input in the place of `-`.

    Raises:
        UsageError: it is to be two pictures, or nothing is piped into it.
    """
    if sources.count(PIPE) > 1:
        raise UsageError("- is standard input, which holds one picture. Name the others as files.")
    if PIPE in sources and sys.stdin.isatty():
        raise UsageError("- is standard input, but nothing is piped into it. Try: impasto transfer - STYLE < photo.jpg")
    return [sys.stdin.buffer if source == PIPE else source for source in sources]


def unpiped(source: str) -> str:
    """A name for `source` that a file can have."""
    return "stdin" if source == PIPE else source


def execute_piped(prepare: Callable[..., Run], output: Output) -> int:
    """`execute`, but where the result is to be `-` it goes to standard output as PNG, and nothing else does.

    Raises:
        UsageError: something else is to go there, or it is a terminal.
    """
    if str(output.path) != PIPE:
        return execute(prepare, output)
    destination = output.destination
    if output.as_json or destination.save_every:
        raise UsageError("-o - writes the result to standard output, where --json and --save-every have no place.")
    if output.dry_run:
        stand_in = replace(destination, path=Path("standard-output.png"), force=True)
        return execute(prepare, replace(output, destination=stand_in))
    if sys.stdout.isatty():
        raise UsageError("-o - writes an image file to standard output, which is a terminal. Add > out.png.")
    with _passed_on() as path:
        return execute(prepare, replace(output, destination=replace(destination, path=path), quiet=True))


@contextmanager
def _passed_on() -> Iterator[Path]:
    """A path in a new folder. What is there in the end goes to standard output; a checkpoint beside it stays."""
    folder = Path(tempfile.mkdtemp(prefix="impasto-"))
    path = folder / "result.png"
    try:
        yield path
    finally:
        if path.is_file():
            sys.stdout.buffer.write(path.read_bytes())
            sys.stdout.buffer.flush()
            path.unlink()
        with suppress(OSError):
            folder.rmdir()
