"""`allot audit`: search, verify, export, head."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from allotment.cli.commands.run.store import store_flag
from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, format_flag, global_flags, output_flags, packed, setting_flag
from allotment.cli.shell.session import Session

if TYPE_CHECKING:
    from allotment.model.audit.chain import ChainHead

F = TypeVar("F", bound=Callable[..., Any])
_HERE: Final = "allotment.cli.commands.account.audit"
_USUAL: Final = 50

ENTRIES: Final = (
    CommandEntry("search", f"{_HERE}:search", "Who did what, when, from where; newest first.", ("list", "ls", "get")),
    CommandEntry("verify", f"{_HERE}:verify", "Is the trail as it was written?"),
    CommandEntry("export", f"{_HERE}:export", "The whole trail, for another system."),
    CommandEntry("head", f"{_HERE}:head", "How far it goes: a line to keep elsewhere."),
)


def _where_flags(function: F) -> F:
    """``--store`` and ``--server``: whose trail is read."""
    return store_flag(setting_flag("server")(function))


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """Which entries are asked for; texts as they were typed."""

    who: str
    did: str
    about: str
    outcome: str
    since: str | None
    until: str | None
    before: int | None


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def audit() -> None:
    """Who did what, when, why, and from where.

    Every act that changes something is kept in the store of jobs, together with the change or not at all. Entries are
    only ever added, and each holds the digest of the one before it, so that none can be changed or taken out unnoticed.
    It is read on the server's own machine by the user whose server it is, and from elsewhere (`allot login`, --server)
    by auditors and administrators.
    """


@click.command(cls=Command)
@click.option("--who", default="", metavar="NAME", help="Only what this one did.")
@click.option("--did", default="", metavar="VERB", help="Only such acts: job.stop, or all of job.")
@click.option("--about", default="", metavar="NAME", help="Only what was done to this: job/ID, or a job's name.")
@click.option("--outcome", default="", metavar="WORD", help="done or denied.")
@click.option("--since", metavar="TIME", help="Not before: 12h or 7d ago, or a time such as 2027-01-31T08:00Z.")
@click.option("--until", metavar="TIME", help="Before then; the same.")
@click.option("--before", type=click.IntRange(min=1), metavar="N", help="Only entries of lower numbers.")
@setting_flag("team", "team", "-n", "--namespace", metavar="NAME", names="team")
@_where_flags
@output_flags
@global_flags
@click.pass_obj
@packed(SearchOptions)
def search(session: Session, asked: SearchOptions, *, output: OutputOptions) -> None:
    """List what was done, newest first; fifty acts, or as many as --limit says.

    Labels for -l: who, verb, team, outcome.
    """
    from allotment import wiring
    from allotment.cli.commands.account.audit_view import audit_listing
    from allotment.cli.commands.account.trails import trail_place
    from allotment.cli.shell.output import show
    from allotment.operations.account.trail import moment_before, searched
    from allotment.ports.audit import AuditFilter
    from allotment.ports.clock import epoch_ms

    now = epoch_ms(wiring.clock())
    wanted = AuditFilter(
        who=asked.who,
        verb=asked.did,
        team=session.value("team"),
        about=asked.about,
        outcome=asked.outcome,
        since=None if asked.since is None else moment_before(asked.since, now),
        until=None if asked.until is None else moment_before(asked.until, now),
    )
    page = searched(trail_place(session), wanted, before=asked.before, limit=output.limit or _USUAL)
    show(session, output, audit_listing(page.entries))
    if page.before is not None:
        session.note(f"there are older ones: --before {page.before}")


@click.command(cls=Command)
@click.argument("file", required=False, type=click.Path())
@click.option(
    "--heads",
    multiple=True,
    type=click.Path(allow_dash=True),
    metavar="FILE",
    help="Heads that were written down; - is standard input. May be repeated.",
)
@_where_flags
@format_flag
@global_flags
@click.pass_obj
def verify(session: Session, *, file: str | None, heads: tuple[str, ...]) -> int:
    """Go along the whole trail, or along the FILE that `allot audit export` has written, and tell what was changed.

    --heads names any text in which lines of `allot audit head` stand, such as the log of the server, which writes one
    at its start, every hour and at its end. What was cut off, or made anew as a whole, shows by these alone. Where
    something is not as it was written, the exit code is 1. Of a server elsewhere the chain is reckoned here, from what
    it sends.
    """
    from allotment.cli.commands.account.audit_view import verdict_note, verdict_text
    from allotment.cli.commands.account.trails import TrailElsewhere, entries_in, trail_place
    from allotment.cli.shell.output import write_document
    from allotment.operations.account.trail import gone_along, verified
    from allotment.reports.documents.audit import verdict_document

    known = [head for each in heads for head in _heads(each)]
    if file is None:
        place = trail_place(session)
        verdict, whose = verified(place, known), place.shown
    else:
        place, verdict, whose = None, gone_along(entries_in(_text(file).split("\n"), file), known), file
    form = session.value("output")
    if form in ("json", "yaml"):
        write_document(session, form, verdict_document(verdict, whose))
    else:
        session.out(verdict_text(verdict))
    session.note(verdict_note(verdict, elsewhere=isinstance(place, TrailElsewhere)))
    return 0 if verdict.sound else 1


def _heads(file: str) -> Iterator[ChainHead]:
    from allotment.model.audit.chain import heads_in

    yield from heads_in(_text(file))


def _text(file: str) -> str:
    from allotment import wiring

    if file == "-":
        return sys.stdin.read()
    return wiring.files().read_text(wiring.files().user_path(file))


@click.command(cls=Command)
@click.option(
    "--as",
    "form",
    type=click.Choice(("jsonl", "cef")),
    default="jsonl",
    show_default=True,
    help="JSON Lines, or ArcSight's Common Event Format.",
)
@_where_flags
@global_flags
@click.pass_obj
def export(session: Session, *, form: str) -> None:
    """Write every entry to standard output, the oldest first, one a line; the server may run meanwhile.

    What JSON Lines hold can be verified as the trail itself can.
    """
    from allotment.cli.commands.account.trails import trail_place
    from allotment.operations.account.trail import written_out
    from allotment.reports.documents.audit import cef_line, exported
    from allotment.wiring import running

    version = running.version()
    for each in written_out(trail_place(session)):
        session.out(cef_line(each, version) if form == "cef" else json.dumps(exported(each), ensure_ascii=True))


@click.command(cls=Command)
@_where_flags
@global_flags
@click.pass_obj
def head(session: Session) -> None:
    """The number and the digest of the newest entry, as a line to keep where nobody who writes the store can write.

    In a Git repository, on paper, in another system: `allot audit verify --heads FILE` finds it in any text.
    """
    from allotment.cli.commands.account.trails import trail_place
    from allotment.operations.account.trail import head_of

    session.out(str(head_of(trail_place(session))))
