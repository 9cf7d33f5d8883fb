"""`impasto completion`, and what a shell is offered at each place: names of presets, layers and swatches, and files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import click
import cloup
from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, get_completion_class
from click.shell_completion import split_arg_string as words_of

from impasto import swatches

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem[Any]]]

_SHELLS = "bash", "zsh", "fish", "powershell"
_WHERE = """\b
Once, for a shell of yours:
  impasto completion bash >> ~/.bashrc
  impasto completion zsh >> ~/.zshrc
  impasto completion fish > \\
    ~/.config/fish/completions/impasto.fish
  impasto completion powershell >> $PROFILE
"""
_COLONS = "COMP_WORDBREAKS=${COMP_WORDBREAKS//:}\n"  # else bash takes swatch:mosaic for three words


def among(names: Callable[[], Iterable[str]]) -> Complete:
    """Offers those of `names` that begin so; of names with commas between, the last is completed."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        before, comma, begun = incomplete.rpartition(",")
        return [CompletionItem(before + comma + name) for name in names() if name.startswith(begun)]

    return complete


def picture(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
    """Offers files, and swatches once one is begun."""
    drawn = [f"swatch:{name}" for name in swatches.names()] if len(incomplete) > 1 else []
    found = [CompletionItem[Any](name) for name in drawn if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


@add_completion_class
class PowerShell(ShellComplete):
    """What click does for other shells; where nothing is offered, PowerShell offers files by itself."""

    name = "powershell"
    source_template = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($word, $line, $cursor)
    $env:COMP_WORDS = $line.ToString(); $env:COMP_WORD = $word; $env:%(complete_var)s = "powershell_complete"
    try { %(prog_name)s | Where-Object { $_ } }
    finally { Remove-Item Env:COMP_WORDS, Env:COMP_WORD, Env:%(complete_var)s }
}
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is begun, and that one."""
        begun, line = os.environ["COMP_WORD"], words_of(os.environ["COMP_WORDS"].replace("\\", "/"))[1:]
        return line[: len(line) - bool(begun)], begun

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """A line of what is offered."""
        return str(item.value) if item.type == "plain" else ""


@cloup.command(epilog=_WHERE)
@cloup.argument("shell", metavar="SHELL", type=click.Choice(_SHELLS), help="bash, zsh, fish or powershell.")
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what lets a shell complete commands, options, and names of presets, layers and swatches."""
    kind, root = get_completion_class(shell), ctx.find_root()
    assert kind is not None, "click knows these"
    script = kind(root.command, {}, "impasto", "_IMPASTO_COMPLETE").source()
    click.echo((_COLONS if shell == "bash" else "") + script)
