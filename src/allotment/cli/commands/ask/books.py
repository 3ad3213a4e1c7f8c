"""`allot books`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from allotment.cli.commands.ask.source_options import (
    SourceOptions,
    direction_of,
    no_slurm,
    one_context,
    snapshot_of,
    source_flags,
)
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import (
    OutputOptions,
    cluster_flag,
    global_flags,
    output_flags,
    packed,
    platform_flag,
    yes_flag,
)
from allotment.cli.shell.session import Session
from allotment.errors import UsageError

if TYPE_CHECKING:
    from allotment.model.observed.snapshot import Snapshot
    from allotment.operations.ask.books import DeclaredBooks


@dataclass(frozen=True, slots=True)
class BooksOptions:
    """What is asked of `allot books`.

    Attributes:
        fix: ``lending`` or None.
        undo: put back what `fix` changed.
        yes: do not ask.
    """

    fix: str | None
    undo: bool
    yes: bool


@click.command(cls=Command)
@click.option(
    "--fix",
    type=click.Choice(("lending",)),
    help="Lower lending limits to what is healthy; guarantees stay. Asks first.",
)
@click.option("--undo", is_flag=True, help="With --fix: put back the limits that stood before. Asks first.")
@yes_flag("changing limits")
@platform_flag
@cluster_flag
@source_flags
@output_flags
@global_flags
@click.pass_obj
@packed(BooksOptions)
def books(session: Session, asked: BooksOptions, *, source: SourceOptions, output: OutputOptions) -> int:
    """Quota against hardware: what is guaranteed and lent of each flavor, and the devices that are there.

    Below the table: guarantees that cannot be honoured, flavors that no node matches, nodes that no flavor covers,
    borrowing limits that nobody can use, quota in the wrong unit; each with the change that mends it. That is a diff of
    the platform directory where there is one, and a kubectl command where there is none.
    """
    from allotment.cli.commands.ask.books_view import books_listing, books_text
    from allotment.cli.shell.output import show
    from allotment.operations.ask.books import books_of
    from allotment.operations.ask.directing import books_directed
    from allotment.reports.documents.books import books_document

    if asked.undo and asked.fix is None:
        raise UsageError("--undo goes with --fix: it puts back what that changed", fix="write --fix lending --undo")
    if asked.fix is not None:
        return _fix_lending(session, asked, source, output)
    snapshot = snapshot_of(session, source)
    no_slurm(snapshot, "quota against hardware")
    found = books_directed(books_of(snapshot, _declared(session, snapshot)), direction_of(session, source, snapshot))
    show(
        session,
        output,
        books_listing(found),
        human=lambda rows: books_text(found, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: books_document(found, rows),
    )
    return 0


def _declared(session: Session, snapshot: Snapshot) -> DeclaredBooks | None:
    """Where the cluster is declared: as ``--cluster`` says, else the one whose name or context the snapshot bears."""
    from allotment import wiring
    from allotment.cli.commands.ask.known_platform import platform_if_any
    from allotment.cli.shell.places import chosen_cluster, platform_directory
    from allotment.operations.ask.books import DeclaredBooks

    platform = platform_if_any(session)
    if platform is None:
        return None
    seen = {source.name for source in snapshot.sources}
    named = [each for each in platform.clusters if {each.name, each.context} & seen]
    if len(seen) > 1 and len(named) != 1 and not session.value("cluster"):
        return None  # a diff is of one cluster of the directory; each of several has its commands
    chosen = named[0] if len(named) == 1 and not session.value("cluster") else chosen_cluster(session, platform)
    return DeclaredBooks(wiring.directory(platform_directory(session)).read(), platform, chosen)


def _fix_lending(session: Session, asked: BooksOptions, source: SourceOptions, output: OutputOptions) -> int:
    """Show the one act, ask, and act."""
    from allotment import wiring
    from allotment.cli.commands.ask.books_view import left_alone, lending_text
    from allotment.cli.shell.output import write_document
    from allotment.operations.ask.lending import act_on_lending, plan_lending
    from allotment.operations.ask.observing import observe
    from allotment.reports.documents.books import lending_document

    if source.given:
        what = "a file cannot be mended" if source.file else "this machine's quota is not mended here"
        raise UsageError(what, why="--fix changes a cluster", fix=f"leave {source.given} out")
    with wiring.connect(session.value("kubeconfig"), one_context(session, "--fix")) as kube:
        snapshot = observe(kube, wiring.clock())
        declared = _declared(session, snapshot)
        bounds = declared.bounds if declared is not None else None
        plan = plan_lending(kube, snapshot, undo=asked.undo, bounds=bounds)
        plain = output.format in {"json", "yaml"}
        if plan.edits and not plain:
            session.out(lending_text(plan, session.table_width))
        number = len(plan.changes)
        question = f"change {number} lending limit{'s' if number != 1 else ''}?"
        done = bool(plan.edits) and (asked.yes or session.confirm(question, flag="--yes"))
        if done:
            act_on_lending(kube, plan)
    if plain:
        write_document(session, output.format, lending_document(plan, done=done))
    elif not plan.edits:
        for line in left_alone(plan):
            session.note(line)
        session.note("nothing to put back" if asked.undo else "lending limits follow what is healthy already")
    elif done:
        session.note("done" if asked.undo else "done; to put them back: allot books --fix lending --undo")
    return 0 if done or not plan.edits else 1
