"""`allot logs --grep`: lines of a log that hold a text, found by the server."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from allotment.cli.commands.run.following import check_rank, harmless, says_whose
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, UsageError, shown
from allotment.model.grammar import count
from allotment.ports.log_lines import MOST_FOUND, FoundLine, LogLookups, LogQuery

if TYPE_CHECKING:
    from allotment.ports.stored_jobs import StoredJob


def check_finding(session: Session, job: str, text: str | None, *, follow: bool) -> None:
    """Refuse flags that go only with, or only without, a text that is looked for.

    Raises:
        UsageError: there are such.
    """
    if text is None and session.flags.get("output") not in (None, "table"):
        raise UsageError(
            "-o goes with --grep alone", why="a log is text as the job wrote it", fix="leave -o out, or add --grep '*'"
        )
    if text is not None and follow:
        raise UsageError(
            "--grep and --follow contradict each other",
            why="the server looks through what is there",
            fix=f"`{session.call} logs -f {shown(job)} | grep PATTERN` goes on",
        )


@dataclass
class _LinesLooked:
    """How far a search has come: lines that were looked at, and those that hold the text."""

    at: int = 0
    matches: int = 0


def write_found(
    session: Session, service: LogLookups, job: StoredJob, text: str, *, rank: int | None, tail: int | None
) -> None:
    """Lines of a job's log that hold a text on standard output; what drives a terminal drives none.

    Args:
        session: of the command.
        service: looks for them.
        job: whose log it is.
        text: as it is; ``*`` in it stands for anything.
        rank: of this replica, or trial of a sweep, alone; None for all.
        tail: only the last so many of them; None for all.

    Raises:
        AllotmentError: the log goes on further than the server looks.
    """
    from allotment.cli.shell.output import write_document
    from allotment.reports.documents.jobs import found_lines_document

    check_rank(job, rank)
    looked, form = _LinesLooked(), session.value("output")
    found = _found(service, job.id, text, rank, looked)
    if form in ("json", "yaml"):
        lines = tuple(found if tail is None else deque(found, tail))
        write_document(session, form, found_lines_document(job.id, text, lines, looked.matches, looked.at))
        return
    several = says_whose(job, rank)
    out, to_terminal = sys.stdout.buffer, sys.stdout.isatty()
    try:
        for each in found if tail is None else deque(found, tail):
            line = each.text.encode()
            out.write((b"[%d] " % each.rank if several else b"") + (harmless(line) if to_terminal else line) + b"\n")
    finally:
        out.flush()
    if not looked.matches:
        session.note(f"no line holds it, of {count(looked.at, 'line')}")


def _found(service: LogLookups, job_id: str, text: str, rank: int | None, looked: _LinesLooked) -> Iterator[FoundLine]:
    """Call after call, to the end of the log."""
    first: int | None = 0
    while first is not None:
        answer = service.lines(job_id, LogQuery(first, text=text, limit=MOST_FOUND), rank=rank)
        looked.at += answer.looked_at
        looked.matches += answer.matches
        yield from answer.lines
        if answer.next is not None and answer.next <= first:
            raise AllotmentError(
                f"only the first {count(first, 'line')} of the log were looked through",
                why="what comes then lies further behind its beginning than the server looks at once",
                fix="read all of it, and look for the text here: pipe `allot logs` into grep",
            )
        first = answer.next
