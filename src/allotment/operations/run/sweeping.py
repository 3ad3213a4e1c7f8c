"""A sweep on a server: which trials begin now, which fall behind, how far it is. Decided here, and done elsewhere.

Trials are made in the order of their numbers, each under an id that its number gives it: whoever dies in between, the
next look goes on behind the last one that was made.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from allotment.jobs.early_stopping import behind, reported
from allotment.model.jobs.family import MOST_VALUES, FamilyStanding, TrialMetric
from allotment.model.jobs.job import EarlyStop, Sweep
from allotment.model.jobs.run import JobState

_FAILED: Final = frozenset({JobState.FAILED, JobState.REFUSED})
_NAMED: Final = 5
"""Failed trials that are named one by one."""


@dataclass(frozen=True, slots=True)
class SeenTrial:
    """A trial as it stands.

    Attributes:
        number: from 0.
        ending: it was told to end already.
        early: it was told so because it fell behind.
        metric: what it has reported; None where nothing yet.
    """

    number: int
    state: JobState
    ending: bool = False
    early: bool = False
    metric: TrialMetric | None = None


@dataclass(frozen=True, slots=True)
class SweepDecision:
    """What is to be done about a sweep now.

    Attributes:
        begin: numbers of the trials to be made, in order.
        stop_early: by number, why a trial is stopped, in a sentence.
        standing: how far it is, once that is done.
        over: how it has ended; None where it has not.
        said: how it has ended, in a sentence.
    """

    begin: tuple[int, ...]
    stop_early: tuple[tuple[int, str], ...]
    standing: FamilyStanding
    over: JobState | None = None
    said: str = ""


def decide_sweep(
    sweep: Sweep, total: int, trials: Sequence[SeenTrial], standing: FamilyStanding, *, ending: bool
) -> SweepDecision:
    """What is to be done about a sweep.

    Args:
        sweep: as it was asked for.
        total: trials that it has.
        trials: all that were made and are still known.
        standing: what was kept of it last.
        ending: it was told to end: no more are made.
    """
    # What nobody can have made stands in a damaged row: the trials themselves tell then.
    kept = standing.passed if 0 <= standing.passed <= total else 0
    made = max([kept, *(each.number + 1 for each in trials)])
    alive = sum(not each.state.over for each in trials)
    room = 0 if ending else max(0, min(sweep.at_once - alive, total - made))
    begin = tuple(range(made, made + room))
    best = _best(sweep.early_stop, trials, standing)
    now = replace(best, said=_progress(sweep, total, trials, room, best), passed=made + room)
    if alive or begin:
        early = () if ending or sweep.early_stop is None else tuple(_behind(sweep.early_stop, trials))
        return SweepDecision(begin, early, now)
    over, said = _end(total, trials, ending=ending)
    return SweepDecision((), (), now, over, said)


def _end(total: int, trials: Sequence[SeenTrial], *, ending: bool) -> tuple[JobState, str]:
    failed = sorted(each.number for each in trials if each.state in _FAILED)
    succeeded = sum(each.state is JobState.SUCCEEDED for each in trials)
    early = sum(each.state is JobState.STOPPED and each.early for each in trials)
    words = [f"{succeeded} of {total} trials succeeded"]
    if early:
        words.append(f"{early} fell behind and {'was' if early == 1 else 'were'} stopped early")
    if failed:
        named = ", ".join(map(str, failed[:_NAMED])) + (" and others" if failed[_NAMED:] else "")
        words.append(f"{len(failed)} failed ({'trial' if len(failed) == 1 else 'trials'} {named})")
    said = ", ".join(words)
    if ending:
        return JobState.STOPPED, said
    if failed:
        return JobState.FAILED, said
    return (JobState.SUCCEEDED if succeeded or early else JobState.STOPPED), said


def _progress(sweep: Sweep, total: int, trials: Sequence[SeenTrial], begun: int, best: FamilyStanding) -> str:
    states = Counter(each.state for each in trials)
    over = sum(number for state, number in states.items() if state.over)
    running = sum(number for state, number in states.items() if state.holds)
    counted = (
        (sum(states[each] for each in _FAILED), "failed"),
        (running, "running"),
        (len(trials) + begun - over - running, "waiting"),
    )
    said = ", ".join([f"{over} of {total} trials over", *(f"{number} {word}" for number, word in counted if number)])
    if sweep.early_stop is not None and best.best is not None:
        said += f"; best {sweep.early_stop.metric}={best.best:.6g} in trial {best.best_number}"
    return said


def _best(rule: EarlyStop | None, trials: Iterable[SeenTrial], standing: FamilyStanding) -> FamilyStanding:
    """With the best value of all trials, those that are not known any more included."""
    found = standing
    for each in trials:
        value = None if rule is None or each.metric is None else each.metric.best
        if rule is not None and value is not None and (found.best is None or _better(rule, value, found.best)):
            found = replace(found, best=value, best_number=each.number)
    return found


def _better(rule: EarlyStop, one: float, other: float) -> bool:
    return one > other if rule.maximise else one < other


def _behind(rule: EarlyStop, trials: Sequence[SeenTrial]) -> Iterable[tuple[int, str]]:
    reports = {
        each.number: [math.nan if value is None else value for value in each.metric.values]
        for each in trials
        if each.metric is not None
    }
    running = [each.number for each in trials if not each.state.over and not each.ending]
    for number in behind(reports, rule, running):
        values = reports[number]
        yield number, f"it fell behind: {rule.metric}={values[-1]:.6g} at report {len(values)} is worse than the median"


def heard(metric: TrialMetric, rule: EarlyStop, lines: Iterable[bytes]) -> TrialMetric:
    """What a trial has reported, with more lines of its log."""
    reports, values, last, best = metric.reports, list(metric.values), metric.last, metric.best
    for line in lines:
        number = reported(line, rule.metric)
        if number is None:
            continue
        last = number if math.isfinite(number) else None
        reports += 1
        if len(values) < MOST_VALUES:
            values.append(last)
        if last is not None and (best is None or _better(rule, last, best)):
            best = last
    return replace(metric, reports=reports, values=tuple(values), last=last, best=best)
