"""`allot snapshot`: save, show, diff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from allotment.cli.commands.ask.metrics_options import MetricsOptions, metrics_flags, with_metrics
from allotment.cli.commands.ask.source_options import SourceOptions, checked_place, saved, snapshot_of, source_flags
from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, platform_flag
from allotment.cli.shell.session import Session
from allotment.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from allotment.model.observed.snapshot import Snapshot

_HERE: Final = "allotment.cli.commands.ask"

ENTRIES: Final = (
    CommandEntry("save", f"{_HERE}.snapshot:save", "Write what a cluster shows into a file."),
    CommandEntry("show", f"{_HERE}.snapshot:show_", "What a snapshot holds, and what it lacks.", ("get",)),
    CommandEntry("diff", f"{_HERE}.snapshot:diff", "What came, went and changed between two.", ("compare",)),
    CommandEntry("record", f"{_HERE}.snapshot_making:record", "Save one every so often into a folder."),
    CommandEntry("from-objects", f"{_HERE}.snapshot_making:from_objects", "Make one of what kubectl printed."),
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def snapshot() -> None:
    """Save what a cluster shows, look into it, compare it; every answering command takes the file with --snapshot.

    Secrets, environment values, arguments and last-applied annotations are not read, so they are in no file.
    """


@click.command(cls=Command)
@click.argument("file", type=click.Path(dir_okay=False))
@click.option(
    "--view",
    metavar="team:NAME",
    help="Leave out what the members of this team may not read; others' work is counted without names.",
)
@click.option("--force", is_flag=True, help="Replace a file that is no snapshot, too.")
@platform_flag
@source_flags
@metrics_flags
@global_flags
@click.pass_obj
def save(
    session: Session, file: str, *, view: str | None, force: bool, source: SourceOptions, metrics: MetricsOptions
) -> None:
    """Write what a cluster shows into FILE, gzipped; readable by its owner alone.

    An earlier snapshot is replaced, another file only with --force, and never the one that --snapshot names.

    With --view the file holds what the members of a team may see: all of their namespaces, nodes and devices, quotas
    of all queues; of others' work only amounts, nodes and priorities. The team's namespaces are those that carry its
    name in the label team or allotment.dev/tenant; with --platform, those that the directory declares, too.
    """
    from allotment import wiring
    from allotment.cli.commands.ask.snapshot_view import gap_lines
    from allotment.cli.shell.calling import typed
    from allotment.operations.ask.keeping import check_target, keep
    from allotment.reports.documents.snapshot import counts_of

    files = wiring.files()
    place = checked_place(files.user_path(file))
    check_target(files, place, read=[files.user_path(source.file)] if source.file else [], force=force)
    found = snapshot_of(session, source, with_metrics(session, metrics, of_file=bool(source.given)))
    if view is not None:
        found = _viewed(session, found, view)
    keep(files, place, found, force=force)
    objects = sum(each.objects for each in counts_of(found))
    session.note(f"{saved(objects)} in {file}; see them with: {session.call} snapshot show {typed(file)}")
    for each in found.sources:
        for line in gap_lines(each.gaps):
            session.note(f"not seen: {line}")


def _viewed(session: Session, found: Snapshot, view: str) -> Snapshot:
    from allotment.observe.view import PREFIX, namespaces_of
    from allotment.operations.ask.viewing import viewed

    team = view.removeprefix(PREFIX)
    if not view.startswith(PREFIX) or not team:
        raise UsageError(f"{view!r} is no view", fix="name a team: --view team:NAME")
    namespaces = namespaces_of(found, team) | _declared(session, team)
    if not namespaces:
        raise NotFoundError(
            f"no namespace of team {team} is in the snapshot",
            why="none carries the label team or allotment.dev/tenant with that value",
            fix="check the name, or name the directory that declares the team: --platform DIR",
        )
    return viewed(found, team, namespaces)


def _declared(session: Session, name: str) -> frozenset[str]:
    """The namespaces that the platform directory declares for a team, if there is a directory and such a team."""
    if not session.value("platform"):
        return frozenset()
    from allotment.cli.shell.loading import load
    from allotment.cli.shell.places import platform_directory

    platform = load(session, platform_directory(session), quiet=True).platform
    team = platform.team(name)
    return frozenset() if team is None else frozenset(team.namespaces)


@click.command("show", cls=Command)
@click.argument("file", type=click.Path())
@output_flags
@global_flags
@click.pass_obj
def show_(session: Session, file: str, *, output: OutputOptions) -> None:
    """What a snapshot holds: who saw it, how old it is, how many objects of each kind, and what could not be seen.

    Labels for -l: kind, source.
    """
    from allotment import wiring
    from allotment.cli.commands.ask.snapshot_view import count_listing, snapshot_text
    from allotment.cli.shell.output import show
    from allotment.reports.documents.snapshot import snapshot_document

    found = _read(file)
    now = wiring.clock().now()
    show(
        session,
        output,
        count_listing(found),
        human=lambda rows: snapshot_text(found, rows, now, session.table_width, headers=not output.no_headers),
        whole=lambda rows: snapshot_document(found, rows, now),
    )


@click.command(cls=Command)
@click.argument("before", type=click.Path())
@click.argument("after", type=click.Path())
@click.option("--exit-code", is_flag=True, help="End with 2 if anything is different, with 0 if not.")
@output_flags
@global_flags
@click.pass_obj
def diff(session: Session, before: str, after: str, *, exit_code: bool, output: OutputOptions) -> int:
    """What came, went and changed from snapshot BEFORE to snapshot AFTER, object by object, with the fields that moved.

    Events are not compared, nor are service accounts.

    Labels for -l: kind, namespace, happened (came, went, changed, replaced), source.
    """
    from allotment.cli.commands.ask.snapshot_view import difference_listing, difference_note
    from allotment.cli.shell.output import show
    from allotment.errors import CHANGES
    from allotment.observe.differences import differences
    from allotment.reports.documents.snapshot import differences_document

    old, new = _read(before), _read(after)
    rows = differences(old, new)
    show(session, output, difference_listing(rows), whole=lambda chosen: differences_document(old, new, chosen))
    if rows and output.format in {"table", "wide"}:
        session.note(difference_note(rows))
    return CHANGES if exit_code and rows else 0


def _read(file: str) -> Snapshot:
    from allotment import wiring
    from allotment.operations.ask.opening import read_snapshot

    files = wiring.files()
    return read_snapshot(files, files.user_path(file))
