"""Jobs as people of other teams than those that stand in their texts may read them.

A back end's reasons may end with whom a job made room for; we put that there ourselves, in two forms, so that it can be
taken out. That there was somebody stays.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import msgspec

from allotment.model.grammar import count
from allotment.model.observed.snapshot import Gap, Snapshot
from allotment.operations.run.plain_reasons import plain_reason
from allotment.ports.job_service import ForeseenJob
from allotment.ports.stored_jobs import JobAttempt, JobRow, StoredJob

_WHOM: Final = re.compile(r"; preemptor: [^;]+|(?<=so far), last by [^;]+|; preempt(?:or|ee) path: [^;]*")
_OF_THE_SERVER: Final = frozenset({"forbidden", "failed"})
"""Reasons of gaps whose words are of the server that asked."""
_UID: Final = re.compile(r"\(UID: [^)]*\)")


def unnamed(said: str) -> str:
    """A text without whom it made room for."""
    return _UID.sub("(UID: hidden)", _WHOM.sub("", said))


def row_unnamed(row: JobRow) -> JobRow:
    """A row of a listing."""
    said = unnamed(row.said)
    return replace(row, said=said, plain=plain_reason(said) if row.plain else "")


def job_unnamed(job: StoredJob) -> StoredJob:
    """All that is known of a job."""
    moves = tuple(replace(each, said=unnamed(each.said)) for each in job.history.moves)
    return replace(
        job,
        history=replace(job.history, moves=moves),
        attempts=tuple(map(_attempt, job.attempts)),
        events=tuple(replace(each, said=unnamed(each.said)) for each in job.events),
        waits=tuple(replace(each, cause=unnamed(each.cause), said=unnamed(each.said)) for each in job.waits),
    )


def snapshot_unnamed(snapshot: Snapshot) -> Snapshot:
    """What the server says of its jobs, and of itself, in a snapshot of which all else is a team's view already."""
    sources = tuple(
        msgspec.structs.replace(
            each,
            gaps=tuple(map(_gap, each.gaps)),
            served=tuple(msgspec.structs.replace(job, said=unnamed(job.said)) for job in each.served),
        )
        for each in snapshot.sources
    )
    return msgspec.structs.replace(snapshot, sources=sources)


def _gap(gap: Gap) -> Gap:
    """What the API server refused says as whom it was asked, and what failed where it is."""
    kept: Gap = msgspec.structs.replace(gap, detail="") if gap.reason in _OF_THE_SERVER else gap
    return kept


def _attempt(attempt: JobAttempt) -> JobAttempt:
    return (
        attempt if attempt.end is None else replace(attempt, end=replace(attempt.end, said=unnamed(attempt.end.said)))
    )


def foreseen_unnamed(found: ForeseenJob, seen: frozenset[str]) -> ForeseenJob:
    """What would become of a job; of those that it would displace the ones of other teams are counted.

    Args:
        found: what was foreseen.
        seen: teams whose jobs may be named.
    """
    own = tuple(each for each in found.displaces if each.job.team in seen)
    more = len(found.displaces) - len(own) + len(found.start.others) + found.start.more_others
    start = replace(
        found.start,
        displaces=tuple(each.id for each in own),
        waits_for=unnamed(found.start.waits_for),
        plain=unnamed(found.start.plain),
        others=(),
        more_others=0,
    )
    told = (f"{count(more, 'job')} of other teams would have to end for it",) if more else ()
    return replace(found, start=start, displaces=tuple(map(job_unnamed, own)), told=(*found.told, *told))
