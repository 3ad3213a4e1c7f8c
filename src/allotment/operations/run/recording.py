"""What a back end shows of a job → what the store is told: moves, attempts, reasons to wait."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from allotment.model.jobs.run import JobState, Move, RunningPlace
from allotment.operations.run.following import STOPPED_FOR_GOOD, as_numbered, looks_at_runs, moves_to
from allotment.operations.run.marking import IDLE_EVENT, would_have_been
from allotment.operations.run.using import NO_JOB_PRICES, JobPrices, use_of
from allotment.ports.backends import EndOfRun, FollowedJob, ScheduledRuns
from allotment.ports.stored_jobs import JobAttempt, JobEvent, StoredChange, StoredJob, StoredWait, changed

UNSEEN: Final = EndOfRun(None, said="it came and went between two looks: nobody saw whether it ran")
"""How an attempt ended of which nothing is known but its number."""
_MOST_UNSEEN: Final = 20
"""Of those, as many of the last ones are kept."""
_WAITS: Final = frozenset({JobState.HELD, JobState.QUEUED, JobState.STAGING, JobState.STARTING, JobState.STOPPING})
"""States in which the back end's reason is why it does not go on."""
_NUMBERS: Final = re.compile(r"[0-9]+")


def change_of(job: StoredJob, seen: FollowedJob, now: int, prices: JobPrices = NO_JOB_PRICES) -> StoredChange | None:
    """What is new of a job; None where nothing is.

    Args:
        job: as it is kept.
        seen: as its back end shows it.
        now: milliseconds since the epoch.
        prices: of an hour of a device.
    """
    if job.state.over:
        return None
    if seen.runs is not None and seen.runs.over:
        return _change_of_runs(job, seen, seen.runs, now)
    seen = as_numbered(job.history, seen)
    moves = moves_to(job.history, seen, now)
    change = StoredChange(
        job.id,
        job.version,
        moves=moves,
        native=seen.native if seen.native != job.native else None,
        attempts=tuple(attempts := list(_attempts(job, seen, moves))),
        events=tuple(_marked(job, attempts)),
        waits=tuple(_waits(job, seen, now, moved=bool(moves))),
    )
    if moves and moves[-1].state.over:
        change = replace(change, use=use_of(changed(job, change), prices))
    return change if moves or change.native is not None or change.attempts or change.waits else None


def _change_of_runs(job: StoredJob, seen: FollowedJob, runs: ScheduledRuns, now: int) -> StoredChange | None:
    """What is new of a schedule, run by run, as if each had been looked at while it ran and when it had ended."""
    after, found = job, list[StoredChange]()

    def keep(look: FollowedJob) -> None:
        nonlocal after
        change = change_of(after, look, now)
        if change is not None:
            found.append(change)
            after = changed(after, change)

    for run in runs.over:
        for look in looks_at_runs(after.history, seen, run):
            keep(look)
    keep(replace(seen, runs=replace(runs, over=())))
    if not found:
        return None
    return StoredChange(
        job.id,
        job.version,
        moves=tuple(move for each in found for move in each.moves),
        native=next((each.native for each in found if each.native is not None), None),
        attempts=tuple({each.number: each for change in found for each in change.attempts}.values()),
        events=tuple(event for each in found for event in each.events),
        waits=tuple({(each.since, each.code): each for change in found for each in change.waits}.values()),
    )


def ended_without(job: StoredJob, moves: tuple[Move, ...], prices: JobPrices = NO_JOB_PRICES) -> StoredChange:
    """A change of moves that no look at the back end brought; what was on ends with them.

    Args:
        job: as it is kept.
        moves: the last of them may be its end.
        prices: of an hour of a device.
    """
    change = StoredChange(job.id, job.version, moves=moves)
    if not job.attempts or not moves or not moves[-1].state.over:
        return change
    end = EndOfRun(None, said=moves[-1].said)
    is_open = (each for each in job.attempts if each.ended is None)
    change = replace(change, attempts=tuple(replace(each, ended=moves[-1].at, end=end) for each in is_open))
    return replace(change, use=use_of(changed(job, change), prices))


def wants_to_stop(job: StoredJob) -> bool:
    """Whether somebody, or the rule of its sweep, has said that it is to end for good, and it has not."""
    return not job.state.over and any(each.cause in STOPPED_FOR_GOOD for each in job.history.moves)


def _attempts(job: StoredJob, seen: FollowedJob, moves: tuple[Move, ...]) -> Iterator[JobAttempt]:
    """Attempts of which something is new: those before, if this one follows them, and the present one."""
    known = {each.number: each for each in job.attempts}
    if moves and seen.attempt > job.history.attempt > 0:
        yield from _before(known, job.history.attempt, seen, moves[0].at)
    present = known.get(seen.attempt)
    began = next((each.at for each in moves if each.state is JobState.RUNNING and each.attempt == seen.attempt), None)
    if present is None:
        # A schedule that ends between two runs has none more.
        ended = seen.state.over and seen.end is not None and job.job.schedule is None
        if not (seen.state.holds or began is not None or ended):
            return
        present = JobAttempt(seen.attempt)
    news = replace(
        present,
        started=present.started if began is None else began,
        places=_together(present.places, seen.places),
        ended=moves[-1].at if seen.state.over and moves else present.ended,
        end=seen.end if seen.state.over else present.end,
        measured=seen.measured or present.measured,
    )
    if news != known.get(seen.attempt):
        yield news


def _together(known: Sequence[RunningPlace], seen: Sequence[RunningPlace]) -> tuple[RunningPlace, ...]:
    """Places of one attempt: what is told of a rank now, and what was known and is told no more."""
    found = {each.rank: each for each in known}
    classes = {each.given for each in known}
    usual = classes.pop() if len(classes) == 1 else None
    for each in seen:
        before = found.get(each.rank, replace(each, given=usual))
        found[each.rank] = replace(each, node=each.node or before.node, given=each.given or before.given)
    return tuple(sorted(found.values(), key=lambda each: each.rank))


def _before(known: Mapping[int, JobAttempt], last: int, seen: FollowedJob, ended: int) -> Iterator[JobAttempt]:
    """The attempts that are over since this one is on.

    Args:
        known: those on record, by number.
        last: number of the one that was on.
        seen: the one that is on now.
        ended: when it was seen, in milliseconds since the epoch.
    """
    for number in sorted({last, *range(max(last, seen.attempt - _MOST_UNSEEN), seen.attempt)}):
        each = known.get(number, JobAttempt(number))
        if each.ended is None and number == seen.attempt - 1:
            yield replace(each, ended=ended, end=seen.before, measured=seen.measured_before or each.measured)
        elif each.ended is None:
            yield replace(each, ended=ended, end=None if number in known else UNSEEN)


def _marked(job: StoredJob, attempts: Iterable[JobAttempt]) -> Iterator[JobEvent]:
    """What a rule of idleness would have done, once for each attempt."""
    known = {each.number for each in job.attempts if each.measured is not None and each.measured.mark is not None}
    for each in attempts:
        use = each.measured
        if use is not None and use.mark is not None and each.number not in known:
            yield JobEvent(use.mark.at, IDLE_EVENT, f"{would_have_been(use.mark)}: its devices were idle for so long")


def _waits(job: StoredJob, seen: FollowedJob, now: int, *, moved: bool) -> Iterator[StoredWait]:
    """The reason that ends, and the one that begins; numbers in it that change while it stays make no other of it."""
    last = job.waits[-1] if job.waits and job.waits[-1].until is None else None
    reason = seen.reason if seen.state in _WAITS else ""
    if last is not None and not moved and _NUMBERS.sub("#", last.said) == _NUMBERS.sub("#", reason):
        return
    if last is not None and last.said == reason:
        return
    if last is not None:
        yield replace(last, until=now)
    if reason and (last is None or last.since != now):
        yield StoredWait(now, "", "", reason)
