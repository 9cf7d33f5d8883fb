"""Groups of commands: an unknown one is answered as every unknown name, and help has whole sentences."""

from __future__ import annotations

from pathlib import Path

import click
import cloup

from impasto.errors import UnknownNameError, UsageError


class Group(cloup.Group):
    """A group of commands."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named, or UnknownNameError; nothing is refused while a shell completes it."""
        name = str(args[0])
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            if ctx.parent is None and Path(name).is_file():
                raise UsageError(
                    f"{name!r} is a file, not a command. To paint it: impasto transfer {name} STYLE -o OUT"
                )
            raise UnknownNameError("command", name, self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def make_commands_help_section(self, ctx: click.Context, section: cloup.Section) -> cloup.HelpSection | None:
        """Each command with its first sentence, which is wrapped where it is long, not cut."""
        rows = [
            (self.format_subcommand_name(ctx, name, command), command.get_short_help_str(limit=1000))
            for name, command in section.list_commands()
        ]
        return cloup.HelpSection(heading=section.title, definitions=rows) if rows else None
