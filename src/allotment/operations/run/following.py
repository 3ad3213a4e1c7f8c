"""What a back end shows of a job → the moves that its history gains. Level-triggered: only what is seen now counts.

Between two looks a job may have gone through several states. The shortest way there that the table of moves allows is
written down; what was not seen is not made up.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from allotment.errors import shown
from allotment.model.jobs.run import MOVES, JobHistory, JobState, Move, MoveCause
from allotment.ports.backends import EndOfRun, FollowedJob

MOST_SAID: Final = 500
"""Characters of a back end's words that are kept with a move."""
_USUAL: Final = {
    JobState.SUBMITTED: MoveCause.SUBMITTED,
    JobState.HELD: MoveCause.DEPENDENCY,
    JobState.STAGING: MoveCause.TAKEN,
    JobState.QUEUED: MoveCause.TAKEN,
    JobState.STARTING: MoveCause.ADMITTED,
    JobState.RUNNING: MoveCause.STARTED,
    JobState.STOPPING: MoveCause.PREEMPTED,
    JobState.SUCCEEDED: MoveCause.EXIT_CODE,
    JobState.FAILED: MoveCause.EXIT_CODE,
    JobState.STOPPED: MoveCause.BY_HAND,
    JobState.REFUSED: MoveCause.REFUSED,
}


def moves_to(history: JobHistory, seen: FollowedJob, now: int) -> tuple[Move, ...]:
    """The moves from where a job stands to where its back end shows it; none where nothing is new.

    Args:
        history: its moves so far, not empty.
        seen: the same job as its back end shows it.
        now: milliseconds since the epoch, where the back end does not say since when.
    """
    present = history.state
    if present is None or present.over:
        return ()
    again = seen.attempt > history.attempt > 0
    if not again and (seen.state is present or _older(seen.state, present)):
        return ()
    at = now if seen.since is None else seen.since
    path = _path(present, seen.state, by_queue=again)
    early = _early(history) if seen.state is JobState.STOPPED else None
    said = _said(seen) if early is None else early.said
    return tuple(
        Move(at, state, _cause(history, state, seen), seen.attempt, said if number == len(path) - 1 else "")
        for number, state in enumerate(path)
    )


def _older(state: JobState, present: JobState) -> bool:
    """Whether a back end has not caught up yet: it still shows what was before, in the same attempt."""
    return state is not JobState.QUEUED and _RANK[state] < _RANK[present]


def lost(history: JobHistory, now: int) -> tuple[Move, ...]:
    """The move of a job that its back end knows nothing of, though it had taken it."""
    present = history.state
    if present is None or present.over or present in {JobState.SUBMITTED, JobState.HELD}:
        return ()
    said = "its back end knows nothing of it any more, and nobody saw it end"
    return (Move(now, JobState.FAILED, MoveCause.LOST, history.attempt, said),)


def _path(start: JobState, end: JobState, *, by_queue: bool) -> list[JobState]:
    """The shortest way, the states in between and the end; of a new attempt by way of the queue."""
    if by_queue and end is not JobState.QUEUED:
        first = _path(start, JobState.QUEUED, by_queue=False)
        return [*first, *_path(JobState.QUEUED, end, by_queue=False)] if first or start is JobState.QUEUED else []
    if start is end and not by_queue:
        return []
    before: dict[JobState, JobState] = {}
    left = deque([start])
    while left:
        here = left.popleft()
        for there in sorted(MOVES[here], key=_RANK.__getitem__):
            if there not in before:
                before[there] = here
                left.append(there)
    if end not in before:
        return []
    path = [end]
    while before[path[0]] is not start:
        path.insert(0, before[path[0]])
    return path


_RANK: Final = {state: number for number, state in enumerate(JobState)}
"""Among ways of one length the first in the order in which a job usually passes its states."""


def _cause(history: JobHistory, state: JobState, seen: FollowedJob) -> MoveCause:
    if state is JobState.QUEUED and history.attempt > 0:
        failed = seen.before is not None and not seen.before.displaced
        # Its data may have come, and a try have failed, between two looks.
        if failed and seen.attempt > history.attempt:
            return MoveCause.RETRIED
        if history.state is not JobState.STAGING:
            return MoveCause.RETRIED if failed else MoveCause.PREEMPTED
    if state is JobState.QUEUED and history.state is JobState.STAGING:
        return MoveCause.STAGED
    if state is JobState.STOPPED and _early(history) is not None:
        return MoveCause.EARLY_STOP
    if state is JobState.STOPPING and seen.why is not None:
        return seen.why
    return _USUAL[state]


def _early(history: JobHistory) -> Move | None:
    """The move by which a trial that fell behind was told to end; None where somebody ended it by hand as well."""
    told = [each for each in history.moves if each.cause in {MoveCause.EARLY_STOP, MoveCause.BY_HAND}]
    return told[-1] if told and told[-1].cause is MoveCause.EARLY_STOP else None


def _said(seen: FollowedJob) -> str:
    words = seen.reason if seen.end is None else _end(seen.end)
    return shown(words)[:MOST_SAID]


def _end(end: EndOfRun) -> str:
    code = "" if end.code is None else f"exit code {end.code}"
    where = "" if end.rank is None else f" of rank {end.rank}"
    return ": ".join(part for part in (f"{code}{where}".strip(), end.said) if part)
