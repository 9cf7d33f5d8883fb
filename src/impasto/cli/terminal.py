"""Standard output and error: on a terminal, into a pipe or a log, or to nobody at all."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from impasto.cli import interrupts
from impasto.errors import ImpastoError

_WIDEST = 100


@contextmanager
def escaping() -> Iterator[None]:
    """Within the block, characters that standard output and error cannot encode are written as `\\u7167`."""
    streams: tuple[Any, ...] = (sys.stdout, sys.stderr)
    before = []
    for stream in streams:
        with suppress(AttributeError, ValueError):  # nobody is there, or it is no stream of Python's own
            before.append((stream, stream.errors))
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        discard_output(streams)  # click may have put others in their place
        for stream, errors in before:
            with suppress(AttributeError, ValueError):
                stream.reconfigure(errors=errors)


def say(text: str) -> None:
    """Print on standard error, if anybody is there."""
    with suppress(OSError):
        if sys.stderr is not None:
            print(text, file=sys.stderr, flush=True)


def flush() -> None:
    """Write out what is buffered while an error can still be told."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def discard_output(streams: Iterable[Any] = ()) -> None:
    """Let the interpreter's last flush go nowhere where it cannot succeed."""
    for stream in streams or (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except (AttributeError, ValueError):  # it was closed, from outside or from inside
            pass


def can_redraw() -> bool:
    """Whether a line on standard error can be redrawn."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def loading(*, shown: bool) -> Iterator[None]:
    """The block imports what takes its time; a terminal tells a person so, if `shown`.

    An interruption waits for its end: compiled libraries may abort the process if one is raised in mid-import.
    """
    with ExitStack() as stack:
        if shown and can_redraw():
            from rich.console import Console

            stack.enter_context(Console(file=sys.stderr).status("loading PyTorch"))
        stack.enter_context(interrupts.held_back())
        yield
    interrupts.check()


def told(error: Exception) -> str:
    """The error in a person's words, and its notes; what impasto did not foresee is named, with the way to see more."""
    notes, said = "".join(f" {note}" for note in getattr(error, "__notes__", ())), str(error)
    memory = f"Error: Out of memory. Try a smaller --size, or fewer --style-layers.{notes}"
    match error:
        case ImpastoError():
            return f"Error: {said}{notes}"
        case MemoryError():
            return memory
        case _ if "out of memory" in said.lower() or "allocate memory" in said:
            return memory
        case OSError(filename=None, errno=int()):
            discard_output()
            return f"Error: The output cannot be written: {error.strerror}.{notes}"
    unexpected = "This is not expected; --debug shows where it comes from."
    return f"Error: {type(error).__name__}: {said}{notes}\n{unexpected}"


def columns(rows: Iterable[tuple[str, str]], *, indent: str = "") -> str:
    """`rows` of a label and a text, aligned: on one line each, or wrapped where a terminal is looking."""
    rows = list(rows)
    label = max((len(name) for name, _ in rows), default=0)
    looked_at = sys.stdout is not None and sys.stdout.isatty()
    width = max(len(indent) + label + 22, min(shutil.get_terminal_size().columns, _WIDEST) - 1)
    lines = []
    for name, text in rows:
        before = f"{indent}{name:<{label}}  "
        wrapped = textwrap.wrap(text, width - len(before), break_long_words=False, break_on_hyphens=False)
        lines.append(before + f"\n{' ' * len(before)}".join(wrapped if looked_at else [text]))
    return "\n".join(lines)
