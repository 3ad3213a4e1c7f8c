"""`allot accelerator`."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, platform_argument
from allotment.cli.shell.session import Session

_HERE: Final = "allotment.cli.commands.declare.accelerator"

ENTRIES: Final = (
    CommandEntry(
        "list",
        f"{_HERE}:list_",
        "The catalogue with memory and price.",
        ("ls", "get"),
    ),
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def accelerator() -> None:
    """Accelerators: the classes of device that teams ask for by name."""


@click.command("list", cls=Command)
@platform_argument
@output_flags
@global_flags
@click.pass_obj
def list_(session: Session, directory: str | None, output: OutputOptions) -> None:
    """The catalogue, built-in entries included: memory, price per device and hour, and where the platform has it.

    Labels for -l: name, vendor, architecture, present (true where a cluster has it).
    """
    from allotment.cli.commands.declare.cluster_view import accelerator_listing
    from allotment.cli.shell.loading import load
    from allotment.cli.shell.output import show
    from allotment.cli.shell.places import platform_directory
    from allotment.operations.directory.validating import accelerator_lines

    platform = load(session, platform_directory(session, directory), quiet=True).platform
    show(session, output, accelerator_listing(accelerator_lines(platform), platform.currency))
