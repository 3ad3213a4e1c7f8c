"""`allot requests`, `approve`, `deny`, `counter`, `extend`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from allotment.cli.commands.decide.asking import (
    KEY,
    REASON,
    currency_of,
    lasting,
    other_terms,
)
from allotment.cli.commands.run.serving import asked_server
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, format_flag, global_flags, output_flags, setting_flag
from allotment.cli.shell.session import Session
from allotment.errors import INTERRUPTED, UsageError

if TYPE_CHECKING:
    from allotment.model.requests.request import RequestAct
    from allotment.ports.request_service import OtherTerms

_GPUS: Final = click.option(
    "--gpus", type=click.IntRange(1, 100_000), metavar="N", help="So many devices in place of those."
)
_LASTS: Final = click.option("--for", "lasts", metavar="TIME", help="So long, from its beginning.")


@click.command(cls=Command)
@click.option("--team", default="", metavar="NAME", help="Of this team.")
@click.option("--all", "-a", "everything", is_flag=True, help="Those that are over, too.")
@click.option("--watch", "-w", is_flag=True, help="Go on, and show it again whenever it is another; Ctrl-C ends it.")
@setting_flag("server")
@output_flags
@global_flags
@click.pass_obj
def requests(session: Session, *, team: str, everything: bool, watch: bool, output: OutputOptions) -> int:
    """List requests that concern you, newest first: those of your teams, and those that you decide on.

    With --watch and -o json each listing is one line.

    Labels for -l: state, kind, team, route.
    """
    from allotment.cli.commands.decide.request_view import requests_listing
    from allotment.cli.commands.run.hearing import LOOK_AGAIN, ears, outlasting
    from allotment.cli.shell.output import show
    from allotment.model.requests.request import RequestState
    from allotment.ports.journal import SubjectKind
    from allotment.ports.request_service import every_request
    from allotment.ports.requests import RequestFilter

    states = frozenset() if everything else frozenset({RequestState.WAITING, RequestState.OFFERED})
    service, wanted = asked_server(session), RequestFilter(team=team, states=states)
    if not watch:
        show(session, output, requests_listing(tuple(every_request(service, wanted)), currency_of(session)))
        return 0
    ear = ears(service, SubjectKind.REQUEST, team)
    before: object = None
    try:
        while True:
            found = outlasting(ear, lambda: tuple(every_request(service, wanted)))
            if found != before:
                before = found
                show(session, output, requests_listing(found, currency_of(session)), one_of_many=True)
            while not (heard := ear.wait(LOOK_AGAIN)).anew and not heard.ids:
                pass
    except KeyboardInterrupt:
        return INTERRUPTED


def _decide(
    session: Session,
    request: str,
    act: RequestAct,
    reason: str,
    terms: OtherTerms | None,
    revision: int | None,
    *,
    one_of_many: bool = False,
) -> None:
    from allotment.cli.commands.decide.sending import show_request
    from allotment.errors import shown
    from allotment.ports.request_service import AskedMove

    service = asked_server(session)
    if revision is None:
        told = service.request(request)
        revision = told.request.revision
        if told.warning:
            session.note(f"warning: {shown(told.warning)}")
    after = service.move(request, AskedMove(act, reason, terms, revision))
    show_request(session, after, one_of_many=one_of_many)


def _decide_each(session: Session, requests: tuple[str, ...], act: RequestAct, reason: str) -> int:
    """Decide on each by itself, as they are named; what fails is said, and the first of it gives the exit code.

    Raises:
        UnreachableError: the server does not answer: the others were not decided on either.
    """
    from allotment.errors import AllotmentError, UnreachableError, shown

    failed: list[AllotmentError] = []
    for each in requests:
        try:
            _decide(session, each, act, reason, None, None, one_of_many=True)
        except UnreachableError:
            raise
        except AllotmentError as error:
            failed.append(error)
            session.note(f"{shown(each)}: {shown(error.what)}; {shown(error.fix)}")
    if failed:
        session.note(f"{len(requests) - len(failed)} of {len(requests)} were decided on")
    return failed[0].exit_code if failed else 0


_REVISION: Final = click.option("--revision", type=int, metavar="N", help="Only if it is still at that revision.")


@click.command(cls=Command)
@click.argument("requests", metavar="REQUEST...", nargs=-1, required=True)
@_GPUS
@_LASTS
@REASON
@_REVISION
@setting_flag("server")
@format_flag
@global_flags
@click.pass_obj
def approve(
    session: Session,
    *,
    requests: tuple[str, ...],
    gpus: int | None,
    lasts: str | None,
    reason: str,
    revision: int | None,
) -> int:
    """Approve a REQUEST as it was asked for, or a part of it: fewer devices (--gpus), less time (--for).

    Of several each is decided on by itself, as it was asked for: one that fails keeps no other from being decided on,
    and gives the exit code.
    """
    from allotment.model.requests.request import RequestAct

    named = _named(requests)
    if len(named) > 1:
        if not (gpus is None and lasts is None and revision is None):
            raise UsageError(
                f"{len(named)} requests, and --gpus, --for or --revision", fix="name one request with these"
            )
        return _decide_each(session, named, RequestAct.APPROVE, reason)
    _decide(session, named[0], RequestAct.APPROVE, reason, other_terms(gpus, None, (), lasts), revision)
    return 0


def _named(requests: tuple[str, ...]) -> tuple[str, ...]:
    """Each once, in their order."""
    return tuple(dict.fromkeys(requests))


@click.command(cls=Command)
@click.argument("requests", metavar="REQUEST...", nargs=-1, required=True)
@click.option("--reason", "-m", required=True, metavar="TEXT", help="Why; the requester reads it.")
@_REVISION
@setting_flag("server")
@format_flag
@global_flags
@click.pass_obj
def deny(session: Session, *, requests: tuple[str, ...], reason: str, revision: int | None) -> int:
    """Deny a REQUEST, or several, and say why."""
    from allotment.model.requests.request import RequestAct

    named = _named(requests)
    if len(named) > 1:
        if revision is not None:
            raise UsageError(f"{len(named)} requests, and --revision", fix="name one request with it")
        return _decide_each(session, named, RequestAct.DENY, reason)
    _decide(session, named[0], RequestAct.DENY, reason, None, revision)
    return 0


@click.command(cls=Command)
@click.argument("request")
@_GPUS
@click.option("--accelerator", metavar="CLASS", help="Of another class, or flavor.")
@click.option("--on", "clusters", multiple=True, metavar="CLUSTER", help="Elsewhere; any of these will do.")
@_LASTS
@REASON
@_REVISION
@setting_flag("server")
@format_flag
@global_flags
@click.pass_obj
def counter(
    session: Session, /, *, request: str, gpus: int | None, lasts: str | None, reason: str, **where: Any
) -> None:
    """Offer something else on a REQUEST; the requester takes it with `allot request accept`."""
    from allotment.model.requests.request import RequestAct

    terms = other_terms(gpus, where["accelerator"], where["clusters"], lasts)
    _decide(session, request, RequestAct.COUNTER, reason, terms, where["revision"])


@click.command(cls=Command)
@click.argument("grant")
@click.option("--for", "lasts", required=True, metavar="TIME", help="So much longer; with --gpus from now on.")
@click.option(
    "--gpus", type=click.IntRange(1, 100_000), metavar="N", help="From now on so many devices in place of those."
)
@click.option("--accelerator", metavar="CLASS", help="Of what; with --gpus. As it is by default.")
@click.option("--why", required=True, metavar="TEXT", help="What it is needed for.")
@KEY
@setting_flag("server")
@format_flag
@global_flags
@click.pass_obj
def extend(
    session: Session, *, grant: str, lasts: str, gpus: int | None, accelerator: str | None, why: str, key: str
) -> None:
    """Ask for more time for a GRANT, from its end on, or for other devices at once; it is decided like any request."""
    from allotment.cli.commands.decide.sending import show_request
    from allotment.errors import NotFoundError, quoted
    from allotment.ports.request_service import AskedRequest, every_grant

    service = asked_server(session)
    held = next((each for each in every_grant(service) if each.id == grant.removeprefix("grant/")), None)
    if held is None:
        raise NotFoundError(f"there is no grant {quoted(grant)}", fix="`allot grant list` names yours")
    if accelerator is not None and gpus is None:
        raise UsageError("--accelerator says of what, and not how many", fix="add --gpus N, or leave it out")
    before = service.request(held.id).request.wish
    flavor = held.terms.shares[0].flavor if gpus is not None and held.terms.shares else ""
    asked = AskedRequest(
        held.kind, held.team, before.workload, why, held.subject, before.environment,
        accelerator=accelerator or flavor, devices=gpus or 0, lasts=lasting(lasts), extends=held.id, key=key,
    )  # fmt: skip
    made = service.ask(asked)
    show_request(session, made)
