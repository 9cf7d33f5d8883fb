"""What a terminal shows while something takes its time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def on_terminal() -> bool:
    """Whether a line on standard error can be redrawn."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def waiting(text: str, *, shown: bool) -> Iterator[None]:
    """Show `text` on a terminal while the block takes its time."""
    if not (shown and on_terminal()):
        yield
        return
    from rich.console import Console

    with Console(file=sys.stderr).status(text):
        yield
