"""What every store says of a job that it has not, or has twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from allotment.errors import ConflictError, NotFoundError, NotSignedInError, UsageError, quoted
from allotment.ports.audit import AuditFilter
from allotment.ports.store import MOST_LISTED, JobFilter
from allotment.ports.stored_jobs import kept_text

_MOST_NAMED: Final = 3
LOOKED_FOR: Final = _MOST_NAMED + 1
"""Ids that begin alike, read to tell of them."""


def no_job(reference: str) -> NotFoundError:
    """Nobody knows such a job."""
    return NotFoundError(f"there is no job {quoted(reference)}", fix="check its name or id")


def ambiguous(reference: str, ids: Sequence[str]) -> UsageError:
    """Several ids begin so."""
    more = " and others" if len(ids) > _MOST_NAMED else ""
    return UsageError(
        f"{quoted(reference)} is the beginning of several jobs' ids",
        why=f"they are {', '.join(ids[:_MOST_NAMED])}{more}",
        fix="write more of it",
    )


def taken(job_id: str) -> ConflictError:
    """A job of that id is there already."""
    return ConflictError(f"there is a job {job_id} already", fix="submit it under an id of its own")


def no_token(token_id: str) -> NotFoundError:
    """Nobody knows such a token."""
    return NotFoundError(f"there is no token {quoted(token_id)}", fix="`allot token list` names all")


def token_taken(token_id: str) -> ConflictError:
    """A token of that id is there already."""
    return ConflictError(f"there is a token {token_id} already", fix="make it again: it gets another id")


def no_request(what: str, id_: str) -> NotFoundError:
    """Nobody knows such a request, or such a grant."""
    return NotFoundError(f"there is no {what} {quoted(id_)}", fix="`allot requests` lists them")


def request_taken(what: str, id_: str) -> ConflictError:
    """One of that id is there already."""
    return ConflictError(f"there is a {what} {id_} already", fix="ask again: it gets another id")


def no_person(person_id: str) -> NotFoundError:
    """Nobody of that id has signed in."""
    return NotFoundError(f"there is nobody called {quoted(person_id)}", fix="`allot people list` names all")


def person_taken(name: str) -> ConflictError:
    """A user name is somebody else's."""
    return ConflictError(f"somebody else is called {quoted(name)}", why="a user name is one person's for good")


def maker_gone() -> NotSignedInError:
    """Whoever makes a token is let in no more."""
    return NotSignedInError(
        "no token was made", why="what let you in is worth nothing any more", fix="sign in again: `allot login`"
    )


def as_kept(wanted: JobFilter) -> JobFilter:
    """A filter whose text is such as stores keep, so that it finds what was kept of the same text."""
    return replace(
        wanted,
        team=kept_text(wanted.team),
        owner=kept_text(wanted.owner),
        backend=kept_text(wanted.backend),
        prefix=kept_text(wanted.prefix),
        parent=kept_text(wanted.parent),
    )


def as_asked(wanted: AuditFilter) -> AuditFilter:
    """The same of entries of the audit trail."""
    return replace(
        wanted,
        who=kept_text(wanted.who),
        verb=kept_text(wanted.verb),
        team=kept_text(wanted.team),
        about=kept_text(wanted.about),
        outcome=kept_text(wanted.outcome),
    )


def page_size(limit: int, most: int = MOST_LISTED) -> int:
    """Rows of a page, within what is allowed."""
    return min(max(1, limit), most)
