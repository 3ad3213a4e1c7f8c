"""A request is sent, or only tried, and what becomes of it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allotment.cli.commands.decide.asking import currency_of
from allotment.cli.shell.session import Session

if TYPE_CHECKING:
    from allotment.model.requests.request import GrantRequest
    from allotment.ports.request_service import AskedRequest, RequestService


def ask(session: Session, service: RequestService, asked: AskedRequest, *, dry_run: bool) -> None:
    """Ask a server for something; with `dry_run` only what would become of it."""
    from allotment.cli.commands.decide.request_view import told_text
    from allotment.cli.shell.output import write_document
    from allotment.reports.documents.requests import told_document

    form = session.value("output")
    if dry_run:
        told = service.preview(asked)
        if form in ("json", "yaml"):
            write_document(session, form, told_document(told))
        else:
            session.out(told_text(told, currency_of(session)))
            session.note("dry run: nothing was asked for")
        return
    made = service.ask(asked)
    show_request(session, made)
    if form not in ("json", "yaml", "name"):
        session.note(f"see what becomes of it: `{session.call} request show {made.id}`")


def show_request(session: Session, made: GrantRequest, *, one_of_many: bool = False) -> None:
    """A request as it is now, in the form that was asked for; `-o name` is what scripts go on with."""
    from allotment.cli.commands.decide.request_view import request_text
    from allotment.cli.shell.output import write_document
    from allotment.reports.documents.requests import request_document

    match session.value("output"):
        case "json" | "yaml" as form:
            write_document(session, form, request_document(made), one_of_many=one_of_many)
        case "name":
            session.out(f"request/{made.id}")
        case _:
            session.out(request_text(made, currency_of(session)))
