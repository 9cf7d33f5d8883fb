"""`impasto studio`: the same in a browser, with the picture growing on the page."""

from __future__ import annotations

from pathlib import Path

import click
import cloup

from impasto.cli import terminal
from impasto.cli.options import debug_option
from impasto.errors import UsageError

_PORT = 7860
_EXAMPLES = """\b
Examples:
  impasto studio --open
  impasto studio --port 8000 --folder pictures/
"""


@cloup.command(epilog=_EXAMPLES)
@cloup.option("--open", "opens", is_flag=True, help="Open it in the browser.")
@cloup.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", help=f"0 for any that is free.  [default: {_PORT}, or any]"
)
@cloup.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    help="What to listen to; others than 127.0.0.1 let other computers in, if they have the address with its token.  "
    "[default: 127.0.0.1]",
)
@cloup.option("--folder", metavar="DIR", help="Where pictures and runs are kept.  [default: one of impasto's own]")
@debug_option
def studio(opens: bool, port: int | None, host: str, folder: str | None) -> int:
    """Paint in the browser.

    It prints an address, which nobody else can open, and serves until Ctrl-C. Nothing leaves this computer. The extra
    `studio` has what it needs: pip install 'impasto[studio]'.
    """
    try:
        from impasto.studio.server import PortError, serve, usual_folder
    except ModuleNotFoundError as missing:
        raise UsageError(f"The studio needs {missing.name}. Install it: pip install 'impasto[studio]'.") from missing

    def tell(address: str, elsewhere: str) -> None:
        click.echo(f"The studio is at  {address}")
        if elsewhere:
            click.echo(f"For telephones and other computers here  {elsewhere}")
        click.echo("Ctrl-C ends it.")
        if host not in ("127.0.0.1", "localhost", "::1"):
            terminal.say(
                f"It listens at {host}: whoever has this address can use it, and its words can be read on the way."
            )

    where = Path(folder) if folder else usual_folder()
    try:
        try:
            serve(host, _PORT if port is None else port, where, tell, opens=opens)
        except PortError:
            if port is not None:
                raise
            serve(host, 0, where, tell, opens=opens)
    except KeyboardInterrupt:
        terminal.say(f"Closed; pictures and runs are in {where}.")
    return 0
