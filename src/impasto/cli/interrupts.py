"""Ctrl-C and SIGTERM: one KeyboardInterrupt, however often it is pressed, and never in the middle of a file."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

STATUS = 130  # as shells report a program ended by Ctrl-C
_PATIENCE = 2.0  # seconds in which a second Ctrl-C is the first one, pressed again


class _State:
    """When the last interruption came, and how many blocks hold it back."""

    at: float | None = None
    held = 0


def caught() -> bool:
    """Whether an interruption has come since `as_exceptions` was entered."""
    return _State.at is not None


def check() -> None:
    """Raise KeyboardInterrupt if one came: some libraries swallow the exception while they are imported."""
    if caught():
        raise KeyboardInterrupt


@contextmanager
def as_exceptions(*, restored: bool) -> Iterator[None]:
    """Within the block, and after it unless `restored`, Ctrl-C and SIGTERM raise KeyboardInterrupt.

    A signal that is ignored from outside, as `nohup` does, stays ignored.  Outside the main thread nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.at = None
    signals = [s for s in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(s) is not signal.SIG_IGN]
    before = {s: signal.signal(s, _raise_once) for s in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler if restored else signal.SIG_IGN)


@contextmanager
def held_back() -> Iterator[None]:
    """Within the block no interruption is raised; `caught` tells whether one came."""
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1


def _raise_once(signum: int, frame: object) -> None:
    again = _State.at is not None and time.monotonic() - _State.at < _PATIENCE
    _State.at = time.monotonic()
    if not _State.held and not again:
        raise KeyboardInterrupt
