"""`allot conformance`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError

if TYPE_CHECKING:
    from allotment.operations.foresee.conformance import Reference

_HERE: Final = "allotment.cli.commands.foresee.conformance"

ENTRIES: Final = (
    CommandEntry("kueue", f"{_HERE}:kueue", "Queueing, quota and preemption, against recorded Kueue decisions."),
    CommandEntry("placement", f"{_HERE}:placement", "Pods on nodes, against recorded kube-scheduler decisions."),
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def conformance() -> None:
    """Check that the engine decides as the real schedulers did, on scenario files with their recorded decisions."""


@click.command(cls=Command)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("--write", metavar="OUT.jsonl", type=click.Path(dir_okay=False), help="Also write our own decisions.")
@output_flags
@global_flags
@click.pass_obj
def kueue(session: Session, files: tuple[str, ...], *, write: str | None, output: OutputOptions) -> int:
    """Replay scenario files and compare, decision by decision, with the real Kueue's.

    Ends with 1 if anything differs, and shows the first difference. With --write, files without recorded decisions
    are fine too: our own go to OUT.jsonl, one line a scenario.

    Labels for -l: class.
    """
    from allotment.operations.foresee.conformance import Reference

    return _check(session, Reference.KUEUE, files, write, output)


@click.command(cls=Command)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("--write", metavar="OUT.jsonl", type=click.Path(dir_okay=False), help="Also write our own answers.")
@output_flags
@global_flags
@click.pass_obj
def placement(session: Session, files: tuple[str, ...], *, write: str | None, output: OutputOptions) -> int:
    """Replay scenario files and compare, field by field, with the real kube-scheduler's answers.

    Ends with 1 if anything differs, and shows the first difference. With --write, files without recorded answers are
    fine too: our own go to OUT.jsonl, one line a scenario.

    Labels for -l: class.
    """
    from allotment.operations.foresee.conformance import Reference

    return _check(session, Reference.PLACEMENT, files, write, output)


def _check(
    session: Session, reference: Reference, files: tuple[str, ...], write: str | None, output: OutputOptions
) -> int:
    from allotment import wiring
    from allotment.cli.commands.foresee.conformance_view import conformance_listing, conformance_text
    from allotment.cli.shell.output import show
    from allotment.cli.shell.progress import ProgressLine
    from allotment.operations.foresee.conformance import check_files
    from allotment.reports.documents.conformance import conformance_document

    with ProgressLine(session) as line:
        report = check_files(
            reference,
            wiring.scenario_files(),
            files,
            write=write,
            progress=lambda at, done, differ: line.tell(f"{done} replayed, {differ} differ: {at.file} {at.id}"),
        )
    show(
        session,
        output,
        conformance_listing(report),
        human=lambda rows: conformance_text(report, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: conformance_document(report, rows),
    )
    if write is not None:
        session.note(f"{report.scenarios} answers in {write}")
    return 0 if report.agrees else AllotmentError.exit_code
