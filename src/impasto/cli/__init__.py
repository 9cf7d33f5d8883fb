"""The `impasto` command: parse, show progress, answer with an exit code.  No mathematics here."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

from impasto.cli import interrupts, terminal
from impasto.torchrun import speaks

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line.

    Exits with 0, 1 (it failed), 2 (it was asked wrongly), 130 (it was interrupted) or 129 (its terminal was closed).

    Without `arguments` the process is ours: they are the process's own, and the signals stay as they are set here.
    """
    if "OMP_WAIT_POLICY" not in os.environ:  # see docs/decisions/0005-threads.md
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # it would overrule a policy of the user's
    with terminal.escaping(), interrupts.as_exceptions(restored=arguments is not None):
        try:
            from impasto.cli.app import run  # in here, so that Ctrl-C during the import is answered as any other

            status = run(sys.argv[1:] if arguments is None else arguments)
        except KeyboardInterrupt as interruption:
            with interrupts.held_back():
                status = interrupts.status()
                if speaks():
                    terminal.say(str(interruption) or "Interrupted.")
                terminal.discard_output()
    if arguments is None and any(thread.daemon for thread in threading.enumerate()):
        _leave(status)
    sys.exit(status)


def _leave(status: int) -> NoReturn:
    """End the process as it is: where Python stops a daemon's thread inside PyTorch, that ends it by SIGABRT."""
    terminal.discard_output()
    os._exit(status)
