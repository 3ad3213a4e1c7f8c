"""Quantiles, run-time distributions, and the correction by past starts."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.simulation.estimate.batches import BatchRuntimes, Submitted, batches
from allotment.simulation.estimate.calibration import Calibration, Forecast
from allotment.simulation.estimate.interval import Interval, central_interval, quantile
from allotment.simulation.estimate.runtimes import RuntimeHistory, around_estimate
from tests.by_day import by_day

QUANTILES = {
    "single": ([7.0], 0.9, 7.0),
    "middle": ([1.0, 2.0, 3.0], 0.5, 2.0),
    "between": ([0.0, 10.0], 0.25, 2.5),
    "ends": ([1.0, 2.0], 1.0, 2.0),
    "before infinity": ([1.0, math.inf, math.inf], 0.0, 1.0),
    "at the last finite one": ([1.0, 2.0, math.inf], 0.5, 2.0),
    "towards infinity": ([1.0, 2.0, math.inf], 0.6, math.inf),
    "all infinite": ([math.inf, math.inf], 0.3, math.inf),
}


@pytest.mark.parametrize(("values", "share", "expected"), QUANTILES.values(), ids=QUANTILES)
def test_quantile(values: list[float], share: float, expected: float) -> None:
    assert quantile(values, share) == expected


def test_the_central_interval_holds_its_share() -> None:
    interval = central_interval([float(n) for n in range(101)], 0.8)
    assert (interval.low, interval.high) == pytest.approx((10.0, 90.0))
    assert (interval.covers(10.0 + 1e-9), interval.covers(9.0), interval.covers(91.0)) == (True, False, False)


def history(*, enough: int = 3) -> RuntimeHistory:
    known = RuntimeHistory(recent=5, enough=enough)
    for runtime in (10, 20, 30, 40, 50):
        known.finished(("team", "all"), runtime)
    for runtime in (1_000, 2_000, 3_000):
        known.finished(("other", "all"), runtime)
    return known


def draws(known: RuntimeHistory, groups: tuple[str, ...], elapsed: int) -> set[int]:
    chance = random.Random(1)
    return {known.remaining(groups, elapsed, chance.random()) for _ in range(200)}


def test_draws_come_from_the_narrowest_group_that_knows_enough() -> None:
    assert draws(history(), ("team", "all"), 0) == {10, 20, 30, 40, 50}
    assert draws(history(), ("nobody", "all"), 0) == {40, 50, 1_000, 2_000, 3_000}, "the five most recent"


def test_what_has_run_longer_is_conditional_on_it() -> None:
    assert draws(history(), ("team", "all"), 20) == {10, 20, 30}
    assert draws(history(), ("team", "all"), 35) == {965, 1_965, 2_965, 5, 15}, "of the team only two ran longer"


def test_beyond_all_experience_half_run_as_long_again() -> None:
    chance = random.Random(1)
    left = sorted(history().remaining(("team", "all"), 9_000, chance.random()) for _ in range(2_001))
    assert left[1_000] == pytest.approx(9_000, rel=0.1)
    assert left[0] >= 1


def submitted(*jobs: tuple[str, int, str]) -> list[Submitted]:
    return [Submitted(name, at, (kind,)) for name, at, kind in jobs]


def test_a_batch_ends_with_a_gap_and_holds_one_kind() -> None:
    numbers = batches(submitted(("a", 0, "x"), ("b", 5, "y"), ("c", 10, "x"), ("d", 20, "x"), ("e", 31, "x")), 10)
    assert numbers["a"] == numbers["c"] == numbers["d"]
    assert len({numbers[name] for name in "abe"}) == 3


GROUPS = dict.fromkeys(("a", "b", "c"), ("batch", "team", "all"))


def test_jobs_of_a_batch_run_equally_long_in_one_future_and_differently_in_another() -> None:
    chance = random.Random(1)
    totals = set()
    for _ in range(50):
        world = BatchRuntimes(history(), GROUPS, {})
        assert world.remaining("a", 0, chance) == world.remaining("b", 0, chance)
        totals.add(world.remaining("c", 0, chance))
    assert totals == {10, 20, 30, 40, 50}


def test_a_batch_runs_at_least_as_long_as_its_oldest_until_one_ends() -> None:
    chance = random.Random(1)
    totals = {BatchRuntimes(history(), GROUPS, {"batch": 25}).remaining("a", 0, chance) for _ in range(50)}
    assert totals == {30, 40, 50}
    known = history(enough=1)
    known.finished(("batch",), 7)
    assert BatchRuntimes(known, GROUPS, {"batch": 25}).remaining("a", 0, chance) == 7


def test_an_estimate_is_conditional_too() -> None:
    chance = random.Random(1)
    fresh = sorted(around_estimate(1_000, 0, 0.3, chance) for _ in range(1_001))
    assert fresh[500] == pytest.approx(1_000, rel=0.05)
    old = [around_estimate(1_000, 900, 0.3, chance) for _ in range(500)]
    assert min(old) >= 1
    assert sum(old) / 500 > 100, "who survived 900 of 1000 runs longer than 1000 on average"
    assert around_estimate(10, 10_000, 0.1, chance) >= 1, "far beyond its estimate"


def said(low: float, high: float, queue: str = "") -> Forecast:
    return Forecast(Interval(low, high), (low + high) / 2, queue)


def test_nothing_is_corrected_before_enough_is_seen() -> None:
    learnt = Calibration(0.8, enough=3)
    learnt.observe(said(10.0, 20.0), 500.0)
    learnt.observe(said(10.0, 20.0), 500.0)
    assert learnt.correct(said(1.0, 2.0)) == Interval(1.0, 2.0)


def test_too_wide_intervals_are_narrowed() -> None:
    learnt = Calibration(0.8)
    for _ in range(50):
        learnt.observe(said(0.0, 1_000.0), 100.0)
    corrected = learnt.correct(Forecast(Interval(0.0, 1_000.0), 100.0, ""))
    assert corrected.low == pytest.approx(100.0)
    assert corrected.high == pytest.approx(100.0)


def test_the_median_stays_inside() -> None:
    learnt = Calibration(0.8)
    for _ in range(50):
        learnt.observe(said(300.0, 300.0, "theirs"), 9_000.0)
    corrected = learnt.correct(said(360.0, 360.0, "ours"))
    assert corrected.low == 360.0
    assert corrected.high > 9_000.0


def test_who_still_waits_widens_only_once_it_is_late() -> None:
    learnt = Calibration(0.8, enough=1)
    learnt.observe_waiting(said(0.0, 100.0), 50.0)
    assert learnt.correct(said(5.0, 10.0)) == Interval(5.0, 10.0)
    learnt.observe_waiting(said(0.0, 100.0), 400.0)
    assert learnt.correct(said(0.0, 100.0)).high >= 400.0 - 1e-9


def test_infinite_ends_stay_numbers() -> None:
    learnt = Calibration(0.8, enough=1)
    for forecast in (said(math.inf, math.inf), said(0.0, math.inf)):
        learnt.observe(forecast, 100.0)
    corrected = learnt.correct(said(math.inf, math.inf))
    assert not math.isnan(corrected.low)
    assert not math.isnan(corrected.high)


def test_what_lies_beyond_the_horizon_is_learnt_from_as_the_horizon() -> None:
    learnt = Calibration(0.8, enough=1, longest=1_000.0)
    assert learnt.correct(said(5.0, math.inf)) == Interval(5.0, 1_000.0)
    for _ in range(20):
        learnt.observe(said(5.0, math.inf), 400.0)
    assert learnt.correct(said(5.0, math.inf)).high == pytest.approx(400.0)
    for _ in range(500):
        learnt.observe(said(5.0, 400.0), 5_000.0)
    assert learnt.correct(said(5.0, 400.0)).high == pytest.approx(1_000.0), "then or later"


def test_old_starts_are_forgotten() -> None:
    learnt = Calibration(0.8, window=20)
    for _ in range(100):
        learnt.observe(said(10.0, 20.0), 5_000.0)
    for _ in range(20):
        learnt.observe(said(10.0, 20.0), 15.0)
    assert learnt.correct(said(10.0, 20.0)).high < 20.0


def test_short_waits_do_not_pay_for_what_goes_wrong_with_long_ones() -> None:
    learnt = Calibration(0.8, nearest=10)
    for _ in range(10):
        learnt.observe(said(50.0, 70.0), 60.0)
        learnt.observe(said(50_000.0, 70_000.0), 500_000.0)
    assert learnt.correct(said(50.0, 70.0)).high <= 70.0
    assert learnt.correct(said(50_000.0, 70_000.0)).high == pytest.approx(500_000.0, rel=0.01)


def test_the_own_queue_teaches_before_others() -> None:
    learnt = Calibration(0.8, nearest=10)
    for _ in range(10):
        learnt.observe(said(100.0, 200.0, "ours"), 150.0)
        learnt.observe(said(100.0, 200.0, "theirs"), 9_000.0)
    assert learnt.correct(said(100.0, 200.0, "ours")).high <= 200.0
    assert learnt.correct(said(100.0, 200.0, "theirs")).high == pytest.approx(9_000.0, rel=0.01)


@settings(max_examples=by_day(25))
@given(seed=st.integers(0, 10_000))
def test_corrected_intervals_hold_what_they_promise(seed: int) -> None:
    """Intervals that are far too narrow, waits spread over orders of magnitude: 80 % after correction."""
    chance = random.Random(seed)
    learnt = Calibration(0.8, nearest=400)
    for _ in range(400):
        learnt.observe(said(90.0, 110.0), 100 * math.exp(chance.gauss(0.3, 1.5)))
    corrected = learnt.correct(said(90.0, 110.0))
    held = sum(corrected.covers(100 * math.exp(chance.gauss(0.3, 1.5))) for _ in range(1_000))
    assert 700 <= held <= 900
