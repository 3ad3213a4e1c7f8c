"""What keeps the members of a sweep or a schedule from being made."""

from __future__ import annotations

from typing import Any

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.served import OVER, served_of
from allotment.errors import shown
from allotment.model.explanation import CauseVerdict, Evidence
from allotment.model.grammar import count
from allotment.model.observed.served import ServedTimes, ServedTrials


def at_once(case: Case) -> Finding | None:
    """Trials are not made yet, since as many as may be are under way."""
    job = served_of(case)
    trials = None if job is None or job.state in OVER else job.trials
    if trials is None or not trials.later:
        return None
    said = f"{_comes(trials.later)} later: atOnce lets {trials.at_once} be under way at the same time"
    evidence = Evidence(case.reference, "sweep.atOnce", trials.at_once, f"{trials.made} of {trials.total} are made")
    return Finding("sweep-at-once", CauseVerdict.WAITING, said, trial_facts(trials), (evidence,))


def _comes(number: int) -> str:
    return f"{count(number, 'trial')} {'comes' if number == 1 else 'come'}"


def trials_said(trials: ServedTrials) -> str:
    """How many run, wait, are over and are still to come, in words."""
    waiting = len(trials.waiting)
    counted = (
        (trials.running, "runs", "run"),
        (waiting, "waits", "wait"),
        (trials.over, "is over", "are over"),
        (trials.later, "is not made yet", "are not made yet"),
    )
    words = [f"{number} {one if number == 1 else many}" for number, one, many in counted if number]
    return f"of {count(trials.total, 'trial')} {', '.join(words) or 'none is made yet'}"


def trial_facts(trials: ServedTrials) -> dict[str, Any]:
    """The numbers of a sweep."""
    return {
        "trials": trials.total,
        "trials_running": trials.running,
        "trials_waiting": len(trials.waiting),
        "trials_over": trials.over,
        "trials_not_made": trials.later,
        "at_once": trials.at_once,
    }


def no_overlap(case: Case) -> Finding | None:
    """A time has come, and the run before is under way: runs of a schedule never overlap."""
    times = _times(case)
    if times is None or not (times.due or times.missed):
        return None
    one = f"{times.under_way}, the run of {times.under_way_due}"
    parts = [f"runs never overlap, and {one}, {'waits' if times.waits else 'is under way'}"]
    if times.due:
        parts.append(
            f"the run of {times.due} waits for its end, until {times.until} at the latest (its starting deadline)"
        )
    if times.missed:
        parts.append(f"{count(times.missed, 'time')} came meanwhile and will have no run")
    parts.append(f"the next time is {times.next}" if times.next else "no time comes after it")
    said = "; ".join(parts) + past_said(times)
    return Finding("schedule-no-overlap", CauseVerdict.WAITING, said, time_facts(times), (_cron(case, times),))


def not_due(case: Case) -> Finding | None:
    """Its next time has not come."""
    times = _times(case)
    if times is None or times.due or times.missed or not times.next:
        return None
    under_way = ""
    if times.under_way:
        verb = "waits" if times.waits else "is under way"
        under_way = (
            f"; {times.under_way}, the run of {times.under_way_due}, {verb}: a time that comes before it is over waits"
        )
    said = f"its next run is due at {times.next} ({shown(times.cron)}){under_way}{past_said(times)}"
    return Finding("schedule-not-due", CauseVerdict.WAITING, said, time_facts(times), (_cron(case, times),))


def past_said(times: ServedTimes) -> str:
    """What the last run did, and what was left out, as a continuation of a sentence."""
    said = ""
    if times.last:
        ended = f" ({shown(times.last_said)})" if times.last_said else ""
        said += f"; the last run that is over, {times.last} of {times.last_due}, {_ended(times.last_state)}{ended}"
    if times.left_out:
        newest = (
            f": {shown(times.left_out_said)}" if times.left_out == 1 else f", at last: {shown(times.left_out_said)}"
        )
        said += f"; {count(times.left_out, 'time')} left out{newest if times.left_out_said else ''}"
    return said


def _ended(state: str) -> str:
    return {"stopped": "was stopped", "refused": "was refused"}.get(state, shown(state))


def time_facts(times: ServedTimes) -> dict[str, Any]:
    """What is known of a schedule."""
    return {
        "next_run": times.next,
        "schedule": times.cron,
        "time_zone": times.zone,
        "run_under_way": times.under_way,
        "run_due": times.due,
        "times_missed": times.missed,
        "last_run": times.last,
        "last_run_state": times.last_state,
        "times_left_out": times.left_out,
    }


def _times(case: Case) -> ServedTimes | None:
    job = served_of(case)
    return None if job is None or job.state in OVER else job.times


def _cron(case: Case, times: ServedTimes) -> Evidence:
    return Evidence(case.reference, "schedule.cron", times.cron, f"in {times.zone}")
