"""Ctrl-C, SIGTERM and a closed terminal: one KeyboardInterrupt, however often, and never in the middle of a file."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_PATIENCE = 2.0  # seconds in which a second Ctrl-C is the first one, pressed again
_HANGUP = getattr(signal, "SIGHUP", None)  # Windows has none
_SIGNALS = [each for each in (signal.SIGINT, signal.SIGTERM, _HANGUP) if each is not None]


class _State:
    """When the last interruption came, whether the terminal was closed, and how many blocks hold it back."""

    at: float | None = None
    hung_up = False
    held = 0


def caught() -> bool:
    """Whether an interruption has come since `as_exceptions` was entered."""
    return _State.at is not None


def status() -> int:
    """The exit code of an interrupted command, as shells report it: 130, or 129 if the terminal was closed."""
    return 129 if _State.hung_up else 130


def check() -> None:
    """Raise KeyboardInterrupt if one came: some libraries swallow the exception while they are imported."""
    if caught():
        raise KeyboardInterrupt


@contextmanager
def as_exceptions(*, restored: bool) -> Iterator[None]:
    """Within the block, and after it unless `restored`, these signals raise KeyboardInterrupt.

    A signal that is ignored from outside, as `nohup` does, stays ignored.  Outside the main thread nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.at, _State.hung_up = None, False
    signals = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, _raise_once) for each in signals}
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
    _State.at, _State.hung_up = time.monotonic(), _State.hung_up or signum == _HANGUP
    if not _State.held and not again:
        raise KeyboardInterrupt
