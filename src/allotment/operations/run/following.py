"""What a back end shows of a job → the moves that its history gains. Level-triggered: only what is seen now counts.

Between two looks a job may have gone through several states. The shortest way there that the table of moves allows is
written down; what was not seen is not made up.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import pairwise
from typing import Final

from allotment.errors import shown
from allotment.model.jobs.native import native_shown, native_uid
from allotment.model.jobs.run import MOVES, JobHistory, JobState, Move, MoveCause
from allotment.ports.backends import EndOfRun, FollowedJob, ScheduledRun, ScheduledRuns

MOST_SAID: Final = 500
"""Characters of a back end's words that are kept with a move."""
PLACE_LOST: Final = EndOfRun(None, said="what it ran on is gone: its pod, or the node of that", displaced=True)
"""How an attempt ended that no queue has turned out, and that has not failed."""
STOPPED_FOR_GOOD: Final = frozenset({MoveCause.BY_HAND, MoveCause.EARLY_STOP})
"""Causes after which a job does not run again."""
_SECOND: Final = 1000
"""Milliseconds: as exactly as some back ends tell a time."""
_NOT_YET: Final = frozenset({JobState.QUEUED, JobState.STARTING})
"""States in which an attempt is on and has not run."""
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


def as_numbered(history: JobHistory, seen: FollowedJob) -> FollowedJob:
    """The same, its attempt numbered as its history does it, and with how the one before it ended, by both.

    Args:
        history: the job's moves so far.
        seen: as its back end shows it, which knows nothing of what it does not count.
    """
    if seen.runs is not None:
        return _as_run(history, seen, seen.runs)
    number = seen.attempt + _uncounted(history)
    if number > history.attempt > 0:
        before, why = seen.before, seen.why
        if _let_in_no_later(history, seen):
            before = seen.since_let_in or PLACE_LOST
            # After a move of that cause it would count as one that the back end does not count.
            why = MoveCause.RECLAIMED if before.displaced and not _is_reclaimed(history.moves[-1]) else why
        return replace(seen, attempt=number, before=before, why=why, uncounted=False)
    if _has_lost_its_place(history, seen):
        return _in_another_place(history, seen)
    return replace(seen, attempt=max(number, history.attempt), uncounted=False)


def _in_another_place(history: JobHistory, seen: FollowedJob) -> FollowedJob:
    last = history.moves[-1]
    said = last.said if last.state is JobState.STOPPING and last.said else PLACE_LOST.said
    before = replace(PLACE_LOST, said=said)
    return replace(seen, attempt=history.attempt + 1, before=before, why=MoveCause.RECLAIMED)


def looks_at_runs(history: JobHistory, seen: FollowedJob, run: ScheduledRun) -> tuple[FollowedJob, ...]:
    """What two looks at a run that is over would have shown: that it runs, and that it has ended.

    Args:
        history: of the schedule, with all runs before this one.
        seen: the schedule as it is shown now.
        run: of it.
    """
    held = first_held(history)
    if held is not None and run.ended + _SECOND <= held:
        return ()  # one after it is on record
    on_record = max((each.at for each in history.moves if each.state.holds), default=-1)
    if history.state is JobState.QUEUED and run.began <= on_record:
        return ()
    shown = FollowedJob(seen.id, seen.native, JobState.RUNNING, seen.attempt, since=run.began, places=run.places)
    waits = replace(shown, state=JobState.QUEUED, reason=seen.reason, since=run.ended, places=(), before=run.end)
    runs = ScheduledRuns(on=run.made)
    return replace(shown, runs=runs), replace(waits, runs=replace(runs, on=None))


def first_held(history: JobHistory) -> int | None:
    """When its last attempt that held anything began to; None where none did."""
    held = [each for each in history.moves if each.state.holds]
    return next((each.at for each in held if each.attempt == held[-1].attempt), None)


def _as_run(history: JobHistory, seen: FollowedJob, runs: ScheduledRuns) -> FollowedJob:
    """The same with the number of the run: one more than the one on record, if that is another one, or is over."""
    last, held, present = max(1, history.attempt), first_held(history), history.state
    if present is None or not present.holds:
        return replace(seen, attempt=last, uncounted=False)
    another = runs.on is None or (held is not None and runs.on > held)
    if not another and _has_lost_its_place(history, seen):
        return _in_another_place(history, seen)
    # Turned out by its queue, which lets it in again.
    displaced = seen.state is JobState.QUEUED and seen.before is not None and seen.before.displaced
    return replace(seen, attempt=last + 1 if another or displaced else last, uncounted=False)


def _is_reclaimed(move: Move) -> bool:
    return move.state is JobState.STOPPING and move.cause is MoveCause.RECLAIMED


def _uncounted(history: JobHistory) -> int:
    """Attempts so far that its back end does not count: `moves_to` lets each of them end by way of a stop."""
    return sum(
        _is_reclaimed(stop) and after.state is JobState.QUEUED and after.cause is MoveCause.RECLAIMED
        for stop, after in pairwise(history.moves)
    )


def _let_in_no_later(history: JobHistory, seen: FollowedJob) -> bool:
    """Whether its queue has not let it in anew since the attempt began that its history knows."""
    began = next((each.at for each in history.moves if each.attempt == history.attempt and each.state.holds), None)
    return seen.let_in is not None and began is not None and seen.let_in <= began


def _has_lost_its_place(history: JobHistory, seen: FollowedJob) -> bool:
    """Whether it has run, in the attempt that its back end still counts, on something that is no more."""
    last = history.moves[-1]
    runs = last.state is JobState.RUNNING or _is_reclaimed(last)
    if not (seen.uncounted and runs) or any(each.cause in STOPPED_FOR_GOOD for each in history.moves):
        return False
    if seen.state is not JobState.RUNNING:
        return seen.state in {JobState.QUEUED, JobState.STARTING}
    ran = next((each.at for each in reversed(history.moves) if each.state is JobState.RUNNING), None)
    return ran is not None and seen.since is not None and seen.since > ran


def moves_to(history: JobHistory, seen: FollowedJob, now: int) -> tuple[Move, ...]:
    """The moves from where a job stands to where its back end shows it; none where nothing is new.

    Args:
        history: its moves so far, not empty.
        seen: the same job as its back end shows it, `as_numbered`.
        now: milliseconds since the epoch, where the back end does not say since when.
    """
    present = history.state
    if present is None or present.over:
        return ()
    again = seen.attempt > history.attempt > 0
    if not again and (seen.state is present or _older(seen.state, present)):
        return ()
    last = history.moves[-1].at
    # What is older than the last move was true of the attempt before, too.
    at = max(last, now if seen.since is None or (again and seen.since < last) else seen.since)
    path = _path_of_next(present, seen) if again else _path(present, seen.state)
    turn = path.index(JobState.QUEUED) if again and path else 0
    turned = _within(last, seen.ended_before, at) if again else None
    began = _within(turned or last, seen.ran_from, at)
    if again and turned is None:
        # It had ended by then.
        turned = began = began if began is not None and began > last else None
    if path and began is not None and (path[-2:-1] or [present])[0] in _NOT_YET:
        path.insert(-1, JobState.RUNNING)
    times = [at if turned is None or number > turn else turned for number in range(len(path))]
    if began is not None and len(path) > 1 and path[-2] is JobState.RUNNING:
        times[-2] = began
    early = _early(history) if seen.state is JobState.STOPPED else None
    said = _said(seen) if early is None else early.said
    if not said and seen.state is JobState.STOPPED:
        said = _who_stopped(history)
    return tuple(
        Move(
            times[number],
            state,
            _cause(history, state, seen),
            seen.attempt if number >= turn else history.attempt,
            said if number == len(path) - 1 else "",
        )
        for number, state in enumerate(path)
    )


def _within(first: int, told: int | None, last: int) -> int | None:
    """A moment that a back end tells, if it can be of what is new; it may tell whole seconds only."""
    return None if told is None or not first - _SECOND < told <= last else max(first, told)


def _older(state: JobState, present: JobState) -> bool:
    """Whether a back end has not caught up yet: it still shows what was before, in the same attempt."""
    return state is not JobState.QUEUED and _RANK[state] < _RANK[present]


def lost(history: JobHistory, now: int, native: str = "") -> tuple[Move, ...]:
    """The move of a job that its back end knows nothing of, though it had taken it.

    Args:
        history: of the job.
        now: milliseconds since 1970.
        native: the back end's own name for it, as it is on record.
    """
    present = history.state
    if present is None or present.over or present in {JobState.SUBMITTED, JobState.HELD}:
        return ()
    said = "its back end knows nothing of it any more, and nobody saw it end"
    if native_uid(native):
        said = f"{shown(native_shown(native))} was deleted in the cluster, and nobody saw it end"
    return (Move(now, JobState.FAILED, MoveCause.LOST, history.attempt, said),)


def _path_of_next(start: JobState, seen: FollowedJob) -> list[JobState]:
    """The way to the next attempt, through the queue; empty where there is none.

    What waited in the queue was let in and turned out since it was last looked at. What is lost without a count leaves
    a stop, by which it is counted from then on.
    """
    if seen.uncounted and start is JobState.RUNNING:
        first = [JobState.STOPPING, JobState.QUEUED]
    elif start is JobState.QUEUED:
        first = [JobState.STARTING, JobState.QUEUED]
    else:
        first = _path(start, JobState.QUEUED)
    if seen.state is JobState.QUEUED:
        return first
    then = _path(JobState.QUEUED, seen.state)
    return [*first, *then] if first and then else []


def _path(start: JobState, end: JobState) -> list[JobState]:
    """The shortest way, the states in between and the end. Nothing is held that was not seen to be."""
    if start is end:
        return []
    before: dict[JobState, JobState] = {}
    left = deque([start])
    while left:
        here = left.popleft()
        for there in sorted(MOVES[here], key=_RANK.__getitem__):
            if there not in before and there is not start and (there is end or there is not JobState.HELD):
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
        if seen.runs is not None and seen.runs.on is None:
            return MoveCause.ENDED
        failed = seen.before is not None and not seen.before.displaced
        # Its data may have come, and a try have failed, between two looks.
        if failed and seen.attempt > history.attempt:
            return MoveCause.RETRIED
        if history.state is not JobState.STAGING:
            if failed:
                return MoveCause.RETRIED
            return MoveCause.RECLAIMED if seen.why is MoveCause.RECLAIMED else MoveCause.PREEMPTED
    if state is JobState.QUEUED and history.state is JobState.STAGING:
        return MoveCause.STAGED
    if state is JobState.STOPPED and _early(history) is not None:
        return MoveCause.EARLY_STOP
    if state is JobState.STOPPING and seen.why is not None:
        return seen.why
    return _USUAL[state]


def _early(history: JobHistory) -> Move | None:
    """The move by which a trial that fell behind was told to end; None where somebody ended it by hand as well."""
    told = [each for each in history.moves if each.cause in STOPPED_FOR_GOOD]
    return told[-1] if told and told[-1].cause is MoveCause.EARLY_STOP else None


def _who_stopped(history: JobHistory) -> str:
    """What was said when it was told to end by hand; its back end may not know."""
    return next((each.said for each in reversed(history.moves) if each.cause is MoveCause.BY_HAND), "")


def _said(seen: FollowedJob) -> str:
    words = seen.reason if seen.end is None else _end(seen.end)
    return shown(words)[:MOST_SAID]


def _end(end: EndOfRun) -> str:
    code = "" if end.code is None else f"exit code {end.code}"
    where = "" if end.rank is None else f" of rank {end.rank}"
    return ": ".join(part for part in (f"{code}{where}".strip(), end.said) if part)
