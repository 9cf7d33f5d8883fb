"""The command group, and how every error becomes one plain message and an exit code."""

from __future__ import annotations

from collections.abc import Sequence

import click
import cloup

from impasto.cli import interrupts, terminal
from impasto.cli.again import replay, resume
from impasto.cli.batch import batch
from impasto.cli.beforehand import bench, plan
from impasto.cli.completion import completion
from impasto.cli.exporting import export
from impasto.cli.figure import figure, sheet
from impasto.cli.filming import video
from impasto.cli.group import Group
from impasto.cli.looking import presets, show, swatches
from impasto.cli.making import reconstruct, texture, transfer
from impasto.cli.options import debug_option
from impasto.cli.studio import studio
from impasto.cli.weights import weights
from impasto.errors import ImpastoError, PartError, UsageError, closest
from impasto.torchrun import helps, last_words, speaks
from impasto.version import __version__

_TOGETHER = ("transfer", "texture", "reconstruct")


@cloup.group(
    cls=Group,
    context_settings=cloup.Context.settings(
        help_option_names=["-h", "--help"], max_content_width=100, show_default=False, align_option_groups=False
    ),
    epilog="Start with:  impasto transfer photo.jpg painting.jpg -o out.png",
)
@debug_option
@cloup.version_option(__version__, "-V", "--version", message="impasto %(version)s", help="Show the version and exit.")
@click.pass_context
def app(ctx: click.Context) -> None:
    """Neural style transfer by optimisation: the content of a photograph, the style of a painting."""
    if helps() and ctx.invoked_subcommand not in _TOGETHER:
        ctx.exit()  # the first of torchrun's processes does it alone


app.section("Make pictures", transfer, batch, video, texture, sheet, reconstruct, figure)
app.section("In the browser", studio)
app.section("Go on, look back", resume, show, replay)
app.section("Look things up", presets, swatches, weights, completion)
app.section("Take along", export)
app.section("Know beforehand", plan, bench)


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM.
    """
    try:
        status = app.main(list(arguments), prog_name="impasto", standalone_mode=False)
        terminal.flush()
    except click.exceptions.Abort as error:
        raise KeyboardInterrupt(*getattr(error.__cause__ or error.__context__, "args", ())) from error
    except click.ClickException as error:
        return _refused(error, _asked_wrongly(error), error.exit_code)
    except BrokenPipeError:
        terminal.discard_output()
        return 1
    except Exception as error:
        if interrupts.caught():
            raise KeyboardInterrupt from error
        if "--debug" in arguments:
            raise
        return _refused(error, terminal.told(error), 2 if isinstance(error, UsageError) else 1)
    return int(status or 0)


def _refused(error: Exception, text: str, status: int) -> int:
    """Tell why, unless another of torchrun's processes finds the same, and tells and fails for both; the exit code."""
    match error:
        case PartError():
            pass  # nobody else finds it
        case click.ClickException() | ImpastoError() if not speaks():
            return 0
    terminal.say(text)
    last_words(text)
    return status


def _asked_wrongly(error: click.ClickException) -> str:
    """An error that click found in the arguments, in impasto's words, and where to read more."""
    message, ctx = error.format_message().rstrip("."), getattr(error, "ctx", None)
    text = f"Error: {message}{'' if message.endswith('?') else '.'}"
    match error:
        case _ if type(error).__name__ == "NoArgsIsHelpError":  # which older releases of click do not have
            return error.format_message()
        case click.NoSuchOption() if ctx:
            known = [name for each in ctx.command.get_params(ctx) for name in each.opts if name.startswith("--")]
            file = "" if error.option_name.startswith("--") else " A file whose name begins so is written ./-NAME."
            text = f"Error: Unknown option {error.option_name!r}{closest(error.option_name, known)}.{file}"
        case click.MissingParameter() if error.param:
            usage, about = ctx.get_usage().removeprefix("Usage: ") if ctx else "", getattr(error.param, "help", "")
            name = error.param.human_readable_name if isinstance(error.param, click.Argument) else error.param.opts[-1]
            text = f"Error: {name} is missing. {about}\nUsage: {usage}"
    return f"{text}\nSee '{ctx.command_path} --help'." if ctx else text
