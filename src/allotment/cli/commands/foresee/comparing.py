"""The answer of `allot compare` and `allot whatif`: two runs side by side."""

from __future__ import annotations

from allotment.cli.commands.foresee.compare_view import difference_listing, difference_text
from allotment.cli.commands.foresee.reporting import write_report
from allotment.cli.shell.options import OutputOptions
from allotment.cli.shell.output import show
from allotment.cli.shell.session import Session
from allotment.reports.documents.comparison import difference_document
from allotment.simulation.difference import RunDifference


def show_difference(
    session: Session, output: OutputOptions, found: RunDifference, kind: str, report: str | None
) -> None:
    """Write it in the format the user chose.

    Args:
        session: where it goes.
        output: what the user asked for.
        found: the comparison.
        kind: of the JSON document.
        report: file for a page with pictures.
    """
    show(
        session,
        output,
        difference_listing(found),
        human=lambda rows: difference_text(found, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: difference_document(found, rows, kind),
    )
    if report is not None:
        from allotment.reports.pages.difference import difference_page

        write_report(session, report, difference_page(found))
