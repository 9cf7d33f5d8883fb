"""Standard output and error, which may be closed, a broken pipe, a full disk or a terminal that is gone."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


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


def discard_output() -> None:
    """Let the interpreter's last flush go nowhere where it cannot succeed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except AttributeError:  # it was closed from outside
            pass
