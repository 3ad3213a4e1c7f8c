"""What of grants stands in the platform directory, and what is to be done so that it does.

Each grant that gives quota has a file of its own there while its time lasts. It is compared with what was found, and
nothing is remembered but the digest of what was written last: a step that was done and not noted is seen to be done,
and is not done again.

A file that is not as it was written was somebody's doing: it is never overwritten or removed, but becomes a conflict
that people decide. Only where a file is as it was to be, or is gone when it was to go, a conflict is over by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import zip_longest
from typing import Final

from allotment.errors import quoted, spelled
from allotment.model.requests.grant import DeclaredGrant, GrantedNamespace, GrantedVolume, GrantState, TeamGrant
from allotment.model.requests.terms import RequestKind, Terms
from allotment.requests.granting import become, text_digest
from allotment.requests.pricing import cut_off

GrantWriter = Callable[[DeclaredGrant], str]
"""Makes the text of a grant's file; of the same grant always the same text."""


_MOST_OF_A_LINE: Final = 60
"""Characters of a line of a file that are told of it."""
IN_A_FILE: Final = frozenset({RequestKind.NAMESPACE, RequestKind.VOLUME})
"""Kinds besides devices of which a document is made."""


class StepKind(Enum):
    """What is done to the platform directory."""

    WRITE = "write"
    """The text takes the place of what was found."""
    REMOVE = "remove"
    APPLY = "apply"
    """The file, or that there is none, is as it has to be, or people have decided to leave it so: that is applied,
    which may be done twice."""
    CONFLICT = "conflict"
    """Nothing: people decide."""
    NOTE = "note"
    """Nothing: there was nothing to take back."""


@dataclass(frozen=True, slots=True)
class GrantStep:
    """What is to be done about a grant now, in three parts, each of which may be the last before a crash.

    A grant is kept only over the revision before it: where somebody else was faster, the step is dropped and the next
    look decides.

    Attributes:
        kind: what is done to its file, `meanwhile` being kept before it.
        meanwhile: the grant while it is done; itself, where nothing is to be kept first.
        found: text that has to be there still when it is done; None for no file.
        text: to write; empty for every other kind.
        after: the grant to be kept once it is done and applied.
    """

    kind: StepKind
    meanwhile: TeamGrant
    found: str | None
    text: str
    after: TeamGrant


def wanted(grants: Iterable[TeamGrant], now: int) -> dict[str, DeclaredGrant]:
    """The documents that should be in the directory at a moment, by name; of a conflict, what was agreed on."""
    return {each.id: _declared(each, each.terms) for each in grants if _has_a_file(each) and _is_given(each, now)}


def steps(
    grants: Iterable[TeamGrant], found: Mapping[str, str | None], now: int, write: GrantWriter
) -> tuple[GrantStep, ...]:
    """What is to be done now, one step at most for each grant, in the order given.

    Args:
        grants: all that are not ended; others are passed over.
        found: text of each grant's file by the grant's id; none where there is no file.
        now: milliseconds since the epoch.
        write: makes the text of a file.
    """
    return tuple(step for each in grants for step in _steps(each, found.get(each.id), now, write))


def _steps(grant: TeamGrant, found: str | None, now: int, write: GrantWriter) -> Iterator[GrantStep]:
    if grant.state is GrantState.ENDED or (grant.state is GrantState.DUE and now < grant.terms.since):
        return
    if grant.state is GrantState.DUE and _is_over(grant, now):
        # Nobody came to give it: nothing is charged.
        never = cut_off(grant.terms, grant.terms.since)
        yield GrantStep(StepKind.NOTE, grant, found, "", become(grant, GrantState.ENDED, terms=never))
    elif not _has_a_file(grant):
        yield from _without_a_file(grant, now)
    elif _is_over(grant, now):
        yield from _taking_back(grant, found, write)
    else:
        yield from _giving(grant, found, write)


def _giving(grant: TeamGrant, found: str | None, write: GrantWriter) -> Iterator[GrantStep]:
    """While its time lasts, its file is there as it was written."""
    as_written = found is not None and text_digest(found) == grant.written
    if grant.state is GrantState.ACTIVE and as_written:
        return  # it need not be what would be written today: people may have kept their own words
    text = write(_declared(grant, grant.terms))
    if found is not None and (found == text or (grant.by_hand and as_written)):
        kind, text = StepKind.APPLY, found
    elif (found is None and not grant.written) or (as_written and grant.state is GrantState.GIVING):
        kind = StepKind.WRITE
    else:
        yield from _conflict(grant, found, text)
        return
    during = _meanwhile(grant, GrantState.GIVING)
    after = become(during, GrantState.ACTIVE, written=text_digest(text))
    yield GrantStep(kind, during, found, text if kind is StepKind.WRITE else "", after)


def _taking_back(grant: TeamGrant, found: str | None, write: GrantWriter) -> Iterator[GrantStep]:
    """Once its time is over, its file is gone."""
    left = grant.by_hand and grant.state is GrantState.TAKING_BACK
    if found is not None and not left and not _is_ours(grant, found, write):
        yield from _conflict(grant, found, write(_declared(grant, grant.terms)))
        return
    during = _meanwhile(grant, GrantState.TAKING_BACK)
    kind = StepKind.APPLY if found is None or left else StepKind.REMOVE
    yield GrantStep(kind, during, found, "", become(during, GrantState.ENDED, written=""))


def _without_a_file(grant: TeamGrant, now: int) -> Iterator[GrantStep]:
    """What is no quota is made and taken back elsewhere; its states are the same."""
    over = _is_over(grant, now)
    if grant.state is GrantState.ACTIVE and not over:
        return
    during = _meanwhile(grant, GrantState.TAKING_BACK if over else GrantState.GIVING)
    after = become(during, GrantState.ENDED if over else GrantState.ACTIVE)
    yield GrantStep(StepKind.APPLY, during, None, "", after)


def _conflict(grant: TeamGrant, found: str | None, agreed: str) -> Iterator[GrantStep]:
    if grant.state is GrantState.CONFLICT:
        return  # people know of it already
    if found is None:
        said = "its file was removed by somebody else"
    elif grant.written or grant.commit:  # of what is being given the commit is noted, and not yet what was written
        said = f"its file was changed by somebody else: {_difference(grant, agreed, found)}"
    else:
        said = f"where its file was to be written somebody else's is: {_difference(grant, agreed, found)}"
    yield GrantStep(StepKind.CONFLICT, grant, found, "", become(grant, GrantState.CONFLICT, trouble=_asks(grant, said)))


def _asks(grant: TeamGrant, said: str) -> str:
    ways = f"`allot grant keep {grant.id}` lets it stand, `allot grant restore {grant.id}` brings back what was agreed"
    return f"{said}; {ways}"


def named(step: GrantStep, by: str) -> GrantStep:
    """A conflict with who has caused it and where.

    Args:
        step: of a conflict.
        by: such as ``Ada <ada@acme.example> in commit 1a2b3c4d5e6f``.
    """
    said = step.after.trouble.replace("by somebody else", f"by {by}", 1)
    return replace(step, after=replace(step.after, trouble=said.replace("somebody else's is", f"one by {by} is", 1)))


def _difference(grant: TeamGrant, agreed: str, found: str) -> str:
    """The first line that is another than was agreed on; only by its number where lines name teams that lend."""
    lent = any(each.taken for each in (grant.terms, *grant.approved))
    pairs = enumerate(zip_longest(agreed.splitlines(), found.splitlines()), 1)
    for number, (was, now) in pairs:
        if was == now:
            continue
        if lent:  # its team is told, and not of whom is taken
            return f"line {number} is not as agreed on"
        if now is None:
            return f"line {number}, {quoted(was, _MOST_OF_A_LINE)}, is missing"
        agreed_on = "" if was is None else f", agreed on was {quoted(was, _MOST_OF_A_LINE)}"
        return f"line {number} is {quoted(now, _MOST_OF_A_LINE)}{agreed_on}"
    return "only spaces or ends of lines differ"


def _is_ours(grant: TeamGrant, found: str, write: GrantWriter) -> bool:
    """Whether a file is as it was written, or as it was just being written when its time was over."""
    if text_digest(found) == grant.written:
        return True
    return any(found == write(_declared(grant, each)) for each in (grant.terms, grant.approved[-1]))


def _meanwhile(grant: TeamGrant, state: GrantState) -> TeamGrant:
    """The grant in a state in which it may be already, from before a crash."""
    return grant if grant.state is state else become(grant, state)


def _declared(grant: TeamGrant, terms: Terms) -> DeclaredGrant:
    return DeclaredGrant(
        name=grant.id,
        team=grant.team,
        since=terms.since,
        until=terms.until,
        shares=terms.shares,
        taken=terms.taken,
        reason=f"request {grant.id} of {spelled(grant.requester)}",
        namespaces=(GrantedNamespace(grant.subject, grant.clusters),) if grant.kind is RequestKind.NAMESPACE else (),
        volumes=(GrantedVolume(grant.subject, grant.size, grant.clusters),) if grant.kind is RequestKind.VOLUME else (),
    )


def _has_a_file(grant: TeamGrant) -> bool:
    """Only what was decided on as devices gives any; what is there already goes with its grant."""
    if grant.kind in IN_A_FILE:
        return bool(grant.clusters)  # of before such grants were made something of there are none
    return bool(grant.terms.shares) and (grant.kind is RequestKind.GPUS or bool(grant.written))


def _is_over(grant: TeamGrant, now: int) -> bool:
    """Its time, or itself: a clock that is set back makes nothing of a grant that is on its way out."""
    return grant.state is GrantState.TAKING_BACK or (grant.terms.until is not None and now >= grant.terms.until)


def _is_given(grant: TeamGrant, now: int) -> bool:
    return grant.state is not GrantState.ENDED and grant.terms.since <= now and not _is_over(grant, now)
