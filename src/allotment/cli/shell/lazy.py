"""Groups whose commands are imported when they are called: help is written from a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from allotment.cli.shell.examples.table import examples_of
from allotment.model.spelling import did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

GLOBAL_SECTION: Final = "Global options"
_WIDEST_TERM: Final = 48
"""Columns; the explanation of a longer term begins on a line of its own."""


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A command in a group's table.

    Attributes:
        target: ``module:attribute`` to import when it is called.
        summary: one line for the group's help.
        section: heading it stands under.
        takes_away: whether it takes something away; no other word is ever taken for it.
    """

    name: str
    target: str
    summary: str
    aliases: tuple[str, ...] = ()
    section: str = "Commands"
    takes_away: bool = False


class Flag(click.Option):
    """An option that knows under which heading of the help it stands."""

    def __init__(self, *args: Any, section: str = "Options", **kwargs: Any) -> None:  # click passes declarations on
        super().__init__(*args, **kwargs)
        self.section = section


def path_of(ctx: click.Context) -> tuple[str, ...]:
    """The command's words after the program's name: ``("team", "add")``."""
    words: list[str] = []
    current: click.Context | None = ctx
    while current is not None and current.parent is not None:
        words.insert(0, current.info_name or "")
        current = current.parent
    return tuple(words)


class _Documented(click.Command):
    """Help with headed options and the command's examples."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As usual; click does not say whose flag it is that lacks its value."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Options under their headings, ``--help`` among the global ones."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                heading = param.section if isinstance(param, Flag) else "Options"
                heading = GLOBAL_SECTION if {"--help", "--version"} & set(param.opts) else heading
                sections.setdefault(heading, []).append(record)
        for heading in sorted(sections, key=lambda name: (name == GLOBAL_SECTION, name != "Options", name)):
            with formatter.section(heading):
                formatter.write_dl(sections[heading])
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The Examples block, in the words the user typed (``allot`` or ``kubectl allot``)."""
        examples = examples_of(path_of(ctx))
        if not examples:
            return
        program = ctx.find_root().info_name or "allot"
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(f"{'':>{formatter.current_indent}}# {example.note}\n")
                formatter.write(f"{'':>{formatter.current_indent}}{example.spoken_as(program)}\n")


class Command(_Documented):
    """A command with examples.

    Args:
        terms: headed lists of the help that explain what may stand in an argument, such as kinds of changes.
    """

    def __init__(self, *args: Any, terms: Mapping[str, Sequence[tuple[str, str]]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.terms = dict(terms or {})

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The lists, then the options."""
        for heading, entries in self.terms.items():
            with formatter.section(heading):
                formatter.write_dl(list(entries), col_max=_WIDEST_TERM)
        super().format_options(ctx, formatter)


class LazyGroup(_Documented, click.Group):
    """A group over a table of entries.

    Args:
        entries: its commands.
        foreign: what is said of words that are commands of other programs, by word.
    """

    def __init__(
        self, *args: Any, entries: Sequence[CommandEntry] = (), foreign: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:  # click's own arguments
        super().__init__(*args, **kwargs)
        self.entries = tuple(entries)
        self.foreign = dict(foreign or {})

    def find(self, name: str) -> CommandEntry | None:
        """The entry of that name or alias."""
        return next((entry for entry in self.entries if name == entry.name or name in entry.aliases), None)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Names in the table's order."""
        return [entry.name for entry in self.entries]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        """Import the command behind a name or alias."""
        entry = self.find(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but aliases become the name itself, and a mistake gets a suggestion."""
        entry = self.find(args[0])
        if entry is not None:
            return entry.name, self.get_command(ctx, entry.name), args[1:]
        if ctx.resilient_parsing:
            return None, None, args[1:]
        known = [name for each in self.entries if not each.takes_away for name in (each.name, *each.aliases)]
        advice = self.foreign.get(args[0]) or did_you_mean(args[0], known, f"see `{ctx.command_path} --help`")
        raise UnknownCommandError(f"there is no command {' '.join((*path_of(ctx), args[0]))!r}", advice, ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's signature)
        """The table, by section, without importing anything."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for entry in self.entries:
            sections.setdefault(entry.section, []).append((", ".join((entry.name, *entry.aliases)), entry.summary))
        widest = max((len(left) for rows in sections.values() for left, _ in rows), default=0)
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl([(left.ljust(widest), right) for left, right in rows])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names from the table, flags if asked for."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(entry.name, help=entry.summary)
            for entry in self.entries
            if entry.name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)


class UnknownCommandError(click.UsageError):
    """No such command; `advice` is the next step."""

    def __init__(self, message: str, advice: str, ctx: click.Context) -> None:
        super().__init__(message, ctx)
        self.advice = advice
