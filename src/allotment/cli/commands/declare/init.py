"""`allot init`."""

from __future__ import annotations

from pathlib import Path

import click

from allotment.cli.shell.calling import typed
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import format_flag, global_flags
from allotment.cli.shell.session import Session
from allotment.errors import shown


@click.command(cls=Command)
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False))
@click.option("--name", help="Name of the platform; the folder's, or my-platform, by default.")
@format_flag
@global_flags
@click.pass_obj
def init(session: Session, directory: str, name: str | None) -> None:
    """Write a commented starter directory: one cluster, one team, every field explained. It is valid as it stands."""
    from allotment import wiring
    from allotment.cli.commands.change.diffs import next_steps
    from allotment.cli.shell.output import write_document
    from allotment.cli.shell.places import name_for
    from allotment.operations.directory import loading, teams
    from allotment.reports.documents.edit import start_document

    root = Path(directory)
    place = wiring.directory(root)
    edit = teams.start(place.present(), name if name is not None else name_for(root))
    place.write(edit.changes)
    paths = sorted(edit.changes)
    form = session.value("output")
    if form in ("json", "yaml"):
        write_document(session, form, start_document(paths))
        return
    session.out("\n".join(shown(root / path) for path in paths))
    if form != "name":
        (cluster, *_) = loading.load(place, wiring.clock().now().date()).platform.clusters
        here = typed(directory)
        steps = [
            (f"allot validate {here}", "check it"),
            (f"allot plan {here} --cluster {cluster.name} --offline", "see what a cluster would get"),
            ("allot explain team", "look fields up"),
        ]
        session.note(f"\n{next_steps(steps, session.call)}")
