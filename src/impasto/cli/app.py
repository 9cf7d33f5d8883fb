"""The command group, and how every error becomes one plain message and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import click
import cloup

from impasto import __version__
from impasto.cli.presets import presets
from impasto.cli.swatches import swatches
from impasto.cli.transfer import transfer
from impasto.cli.weights import weights
from impasto.errors import ImpastoError, UsageError

INTERRUPTED = 130  # as shells report a program ended by Ctrl-C


@cloup.group(
    context_settings=cloup.Context.settings(
        help_option_names=["-h", "--help"], max_content_width=100, show_default=True, align_option_groups=False
    ),
    epilog="Start with:  impasto transfer photo.jpg painting.jpg -o out.png",
)
@cloup.version_option(__version__, "-V", "--version", prog_name="impasto")
def app() -> None:
    """Neural style transfer by optimisation: the content of a photograph, the style of a painting."""


app.section("Make pictures", transfer)
app.section("Look things up", presets, swatches, weights)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line.  Exits with 0, 1 (it failed), 2 (it was asked wrongly) or 130 (it was interrupted)."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = app.main(arguments, prog_name="impasto", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _say("Interrupted.")
        status = INTERRUPTED
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except Exception as error:
        if "--debug" in arguments:
            raise
        _say(_message(error))
        status = 2 if isinstance(error, UsageError) else 1
    sys.exit(status if isinstance(status, int) else 0)


def _message(error: Exception) -> str:
    """The error in a person's words; what impasto did not foresee is named, with the way to see more."""
    if isinstance(error, ImpastoError):
        return f"Error: {error}"
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "Error: Out of memory. Try a smaller --size, or fewer --style-layers."
    return f"Error: {type(error).__name__}: {error}\nThis is not expected; --debug shows where it comes from."


def _interrupt(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    click.echo(text, err=True)
