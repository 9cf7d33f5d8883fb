"""The `impasto` command: parse, show progress, answer with an exit code.  No mathematics here."""

from __future__ import annotations

from impasto.cli.app import main

__all__ = ["main"]
