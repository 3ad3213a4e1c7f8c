"""`allot config`: settings, where they come from, and the file that keeps them."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import (
    OutputOptions,
    cluster_flag,
    global_flags,
    output_flags,
    platform_flag,
    server_flags,
    team_flag,
)
from allotment.cli.shell.session import Session

_HERE: Final = "allotment.cli.commands.reference.config"

ENTRIES: Final = (
    CommandEntry("view", f"{_HERE}:view", "Every setting with its value.", ("list", "ls")),
    CommandEntry("set", f"{_HERE}:set_", "Store a setting in the configuration file."),
    CommandEntry("unset", f"{_HERE}:unset", "Remove a setting from the configuration file.", takes_away=True),
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def config() -> None:
    """Show and change settings.

    A setting comes from its flag, else from its environment variable, else from the configuration file
    ($XDG_CONFIG_HOME/allotment/config.yaml), else from its default.
    """


@click.command(cls=Command)
@click.option("--show-origin", is_flag=True, help="Also show where each value comes from.")
@platform_flag
@cluster_flag
@team_flag
@server_flags
@output_flags
@global_flags
@click.pass_obj
def view(session: Session, *, show_origin: bool, output: OutputOptions) -> None:
    """Every setting with its value; with --show-origin also where the value comes from.

    Flags given here count, so that you see what a command with the same flags would work with.
    """
    from allotment.cli.commands.reference.config_view import settings_listing
    from allotment.cli.shell.output import show

    show(session, output, settings_listing(list(session.settings.values()), origin=show_origin))


@click.command("set", cls=Command)
@click.argument("key")
@click.argument("value")
@global_flags
@click.pass_obj
def set_(session: Session, key: str, value: str) -> None:
    """Store a setting in the configuration file. A relative path is stored as an absolute one."""
    from allotment import wiring
    from allotment.operations.directory.settings import keep

    stored = keep(session.settings_file, wiring.files(), session.file_settings, key, value)
    session.note(f"{key} is {stored!r} in {session.config_path}")


@click.command(cls=Command)
@click.argument("key")
@global_flags
@click.pass_obj
def unset(session: Session, key: str) -> None:
    """Remove a setting from the configuration file; it is no mistake if it was not there."""
    from allotment.operations.directory.settings import forget

    forget(session.settings_file, session.file_settings, key)
    session.note(f"{key} is not set in {session.config_path}")
