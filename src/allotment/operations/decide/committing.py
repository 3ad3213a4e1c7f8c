"""What the commit of a grant says: what is given or goes, of whom it is taken, who asked for it, who decided, and why.

Reasons are foreign text. They are quoted line by line, so that none is read as a trailer, and cut.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Final

from allotment.errors import NotFoundError, spelled
from allotment.model.moments import written
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.request import DecisionRecord, GrantRequest, RequestAct
from allotment.operations.decide.room import DecisionStore
from allotment.operations.decide.wished_places import said_of
from allotment.ports.repository import CommitMessage, CommitPerson

_WIDE: Final = 98
"""Characters of a line of somebody's words."""
_MOST_SAID: Final = 2_000
"""Characters of one reason; the server has the whole."""
_MARK: Final = "> "
_SAID: Final[Mapping[RequestAct, str]] = {
    RequestAct.APPROVE: "Approved",
    RequestAct.COUNTER: "Other terms offered",
    RequestAct.ACCEPT: "Accepted",
    RequestAct.DENY: "Denied",
    RequestAct.LAPSE: "Lapsed",
}


def commit_message(store: DecisionStore, grant: TeamGrant, at: int, *, removed: bool) -> CommitMessage:
    """The message of the commit that writes or removes a grant's file.

    Args:
        store: of requests and people.
        grant: as it is while that is done.
        at: milliseconds since the epoch.
        removed: whether the file goes.
    """
    devices = ", ".join(f"{each.devices} {each.flavor} in {each.cluster}" for each in grant.terms.shares)
    devices = devices or said_of(grant)
    given = "restore" if grant.restores else "grant"
    what = f"take back {devices}" if removed else f"{given} {devices}"
    body = "\n".join(_body(store, grant, removed=removed))
    return CommitMessage(grant.id, f"{grant.team}: {what}", body, author_of(store, grant), at)


def told_of_request(store: DecisionStore, grant: TeamGrant) -> Iterator[str]:
    """Who asked for a grant that is no quota, why, and who has decided, line by line."""
    yield from _body(store, grant, removed=False)


def author_of(store: DecisionStore, grant: TeamGrant) -> CommitPerson:
    """Who has asked for it."""
    person = next((each for each in store.people() if each.name == grant.requester), None)
    known = "" if person is None else person.email
    # Forges and linters want an address of everybody: of a user of this machine it is as Git itself would make one.
    here = grant.requester if "@" in grant.requester else f"{grant.requester}@localhost"
    return CommitPerson(grant.requester, known or here)


def _body(store: DecisionStore, grant: TeamGrant, *, removed: bool) -> Iterator[str]:
    for each in grant.terms.taken:
        yield f"Taken of {each.team}: {each.share.devices} {each.share.flavor} in {each.share.cluster}"
    yield f"Request {grant.id}, asked for by {spelled(grant.requester)}"
    request = None if removed else _given_by(store, grant)
    if request is not None:
        if request.id != grant.id:
            yield f"Changed by request {request.id} of {spelled(request.requester)}"
        yield from quoted_words(request.wish.justification)
        for record in request.decisions:
            yield f"{_decided(record)} on {written(record.at)}"
            yield from quoted_words(record.reason)
    if grant.restores:
        yield f"Restored by {spelled(grant.settled_by)}: it takes the place of what commit {grant.restores} has"


def _given_by(store: DecisionStore, grant: TeamGrant) -> GrantRequest | None:
    try:
        return store.request(grant.given_by or grant.id)
    except NotFoundError:
        return None


def _decided(record: DecisionRecord) -> str:
    by = spelled(record.by) if record.by else f"gate {spelled(record.gate)}"
    return f"{_SAID[record.act]} by {by}"


def quoted_words(words: str) -> Iterator[str]:
    """Somebody's words, marked as such line by line."""
    text = " ".join(words.split())
    cut = text if len(text) <= _MOST_SAID else f"{text[:_MOST_SAID]}…"
    yield from (f"{_MARK}{line}" for line in textwrap.wrap(cut, _WIDE, break_on_hyphens=False))
