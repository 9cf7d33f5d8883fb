"""Text in two columns, wrapped where a terminal is looking and on one line each where a program is."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable

_WIDEST = 100


def columns(rows: Iterable[tuple[str, str]], *, indent: str = "") -> str:
    """`rows` of a label and a text, aligned; texts that do not fit a terminal go on below their own beginning."""
    rows = list(rows)
    label = max((len(name) for name, _ in rows), default=0)
    return "\n".join(_wrapped(text, f"{indent}{name:<{label}}  ") for name, text in rows)


def _wrapped(text: str, before: str) -> str:
    if not (sys.stdout is not None and sys.stdout.isatty()):
        return before + text
    width = max(len(before) + 20, min(shutil.get_terminal_size().columns, _WIDEST) - 1)
    return textwrap.fill(
        text,
        width,
        initial_indent=before,
        subsequent_indent=" " * len(before),
        break_long_words=False,
        break_on_hyphens=False,
    )
