"""What is done about a sweep, from what is there."""

from __future__ import annotations

import math

import pytest

from allotment.model.jobs.family import MOST_VALUES, FamilyStanding, TrialMetric
from allotment.model.jobs.job import EarlyStop, Sweep, SweptParameter
from allotment.model.jobs.run import JobState
from allotment.operations.run.sweeping import SeenTrial, decide_sweep, heard

LOSS = EarlyStop("loss", maximise=False, after=1)
R, S, F, X, Q, N = (
    JobState.RUNNING, JobState.SUCCEEDED, JobState.FAILED, JobState.STOPPED, JobState.QUEUED, JobState.REFUSED
)  # fmt: skip


def sweep(trials: int = 4, at_once: int = 2, rule: EarlyStop | None = None) -> Sweep:
    return Sweep((SweptParameter("lr", tuple(map(str, range(trials)))),), trials, 0, at_once, rule)


def seen(*states: JobState, early: tuple[int, ...] = ()) -> list[SeenTrial]:
    return [SeenTrial(number, state, early=number in early) for number, state in enumerate(states)]


@pytest.mark.parametrize(
    ("trials", "passed", "begin", "said"),
    [
        ([], 0, (0, 1), "0 of 4 trials over, 2 waiting"),
        ([Q], 1, (1,), "0 of 4 trials over, 2 waiting"),
        ([R, Q], 2, (), "0 of 4 trials over, 1 running, 1 waiting"),
        ([S, F, R], 3, (3,), "2 of 4 trials over, 1 failed, 1 running, 1 waiting"),
        ([S, F, R, R], 4, (), "2 of 4 trials over, 1 failed, 2 running"),
        # It died between making a trial and saying so; and a trial that is not known any more is not made again.
        ([R], 0, (1,), "0 of 4 trials over, 1 running, 1 waiting"),
        ([], 3, (3,), "0 of 4 trials over, 1 waiting"),
    ],
)
def test_trials_begin_in_their_order_as_many_as_may(
    trials: list[JobState], passed: int, begin: tuple[int, ...], said: str
) -> None:
    found = decide_sweep(sweep(), 4, seen(*trials), FamilyStanding(passed=passed), ending=False)
    assert (found.begin, found.over, found.standing.said) == (begin, None, said)
    assert found.standing.passed == max(passed, len(trials)) + len(begin)


@pytest.mark.parametrize(
    ("trials", "early", "ending", "over", "said"),
    [
        ([S, S], (), False, S, "2 of 2 trials succeeded"),
        ([S, X], (1,), False, S, "1 of 2 trials succeeded, 1 fell behind and was stopped early"),
        ([S, X], (), False, S, "1 of 2 trials succeeded"),
        ([S, F], (), False, F, "1 of 2 trials succeeded, 1 failed (trial 1)"),
        ([N, N], (), False, F, "0 of 2 trials succeeded, 2 failed (trials 0, 1)"),
        ([X, X], (), False, X, "0 of 2 trials succeeded"),
        ([S], (), True, X, "1 of 2 trials succeeded"),
        ([F], (), True, X, "0 of 2 trials succeeded, 1 failed (trial 0)"),
        ([S, R], (), True, None, ""),
    ],
)
def test_how_a_sweep_ends(
    trials: list[JobState], early: tuple[int, ...], ending: bool, over: JobState | None, said: str
) -> None:
    found = decide_sweep(sweep(2), 2, seen(*trials, early=early), FamilyStanding(passed=len(trials)), ending=ending)
    assert (found.begin, found.over, found.said) == ((), over, said)


def reporting(*values: list[float | None]) -> list[SeenTrial]:
    """Trials that run, by what they have reported; the best of it as `heard` keeps it."""
    found = []
    for number, each in enumerate(values):
        known = [value for value in each if value is not None]
        metric = TrialMetric(len(each), tuple(each), each[-1] if each else None, min(known, default=None))
        found.append(SeenTrial(number, R, metric=metric))
    return found


@pytest.mark.parametrize(
    ("values", "stopped"),
    [
        ([[9, 9], [1, 1], [2, 2]], (0,)),
        ([[9], [1], [2]], ()),  # every trial may make one report first
        ([[9, 9], [1, 1]], ()),  # one other trial is no measure
        ([[9, 9], [1, 1], [2]], ()),  # not enough others have come as far
        ([[9, None], [1, 1], [2, 2]], (0,)),  # what is no number is worst
        ([[2, 2], [2, 2], [2, 2]], ()),
    ],
)
def test_a_trial_that_is_worse_than_the_median_of_the_others_is_stopped(
    values: list[list[float | None]], stopped: tuple[int, ...]
) -> None:
    found = decide_sweep(sweep(rule=LOSS), 4, reporting(*values), FamilyStanding(passed=4), ending=False)
    assert tuple(number for number, _ in found.stop_early) == stopped
    assert all("loss=" in said for _, said in found.stop_early)
    told_to = [SeenTrial(each.number, R, ending=True, metric=each.metric) for each in reporting(*values)]
    assert decide_sweep(sweep(rule=LOSS), 4, told_to, FamilyStanding(passed=4), ending=False).stop_early == ()


def test_the_best_of_all_trials_is_kept_with_the_sweep() -> None:
    found = decide_sweep(sweep(rule=LOSS), 4, reporting([0.5], [0.25], []), FamilyStanding(passed=4), ending=False)
    assert (found.standing.best, found.standing.best_number) == (0.25, 1)
    assert found.standing.said.endswith("; best loss=0.25 in trial 1")
    later = decide_sweep(sweep(rule=LOSS), 4, reporting([0.3]), found.standing, ending=False)
    assert (later.standing.best, later.standing.best_number) == (0.25, 1), "of a trial that is not known any more"


def test_reports_are_heard_line_by_line() -> None:
    lines = [b"loss=2", b"epoch 1", b"loss = 7", b"xloss=1", b"loss=0.5", b"loss=nan", b"loss=x", b"\xff\x00loss=1"]
    found = heard(TrialMetric(), LOSS, lines)
    assert (found.reports, found.values, found.last, found.best) == (3, (2.0, 0.5, None), None, 0.5)
    assert heard(found, LOSS, [b"loss=0.75"]).last == 0.75
    many = heard(found, LOSS, [b"loss=0.1"] * (MOST_VALUES + 5))
    assert (len(many.values), many.reports, many.best) == (MOST_VALUES, MOST_VALUES + 8, 0.1)
    accuracy = EarlyStop("acc", maximise=True, after=0)
    assert heard(TrialMetric(), accuracy, [b"acc=1", b"acc=3", b"acc=inf"]).best == 3
    assert all(value is None or math.isfinite(value) for value in many.values)
