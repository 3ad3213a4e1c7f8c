"""Shares of time that keep finish times fair; sets of jobs that share GPUs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.engine.fairness import FairJob, FairRounds, least_shares
from benchmarks.engine.sharing import Sharer, common_step, pack
from tests.by_day import by_day


def fair(number: int, gpus: int = 8, waited: float = 0.0, remaining: float = 100.0) -> FairJob:
    return FairJob(number, gpus, waited, remaining, 1.0)


SHARES = {
    "who is alone gets all": ([fair(0)], [100.0], [1.0]),
    "two alike get half each": ([fair(0), fair(1)], [200.0, 200.0], [0.5, 0.5]),
    "who fits beside the others needs no more than they": ([fair(0, 4), fair(1, 4)], [100.0, 100.0], [1.0, 1.0]),
    "who is late takes what it can use, the others what is fair": (
        [fair(0, 4, 900.0, 100.0), fair(1, 4, 0.0, 100.0)],
        [100.0, 100.0],
        [1.0, 0.1],
    ),
}


@pytest.mark.parametrize(("jobs", "alone", "expected"), SHARES.values(), ids=SHARES)
def test_least_shares(jobs: list[FairJob], alone: list[float], expected: list[float]) -> None:
    assert least_shares(jobs, alone, 8) == pytest.approx(expected)


FAIR_JOBS = st.lists(
    st.tuples(st.sampled_from([1, 2, 4, 8]), st.floats(0, 1e5), st.floats(1, 1e5), st.floats(1, 1e5)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=by_day(50))
@given(drawn=FAIR_JOBS)
def test_shares_fit_and_no_other_shares_help_the_worst_off(drawn: list[tuple[int, float, float, float]]) -> None:
    jobs = [FairJob(n, gpus, waited, remaining, 1.0) for n, (gpus, waited, remaining, _) in enumerate(drawn)]
    alone = [own for *_, own in drawn]
    shares = least_shares(jobs, alone, 8)
    assert all(0 < share <= 1 for share in shares)
    used = sum(share * job.gpus for share, job in zip(shares, jobs, strict=True))
    assert used <= 8 * (1 + 1e-9)
    ratios = [(j.waited + j.remaining / x) / own for j, x, own in zip(jobs, shares, alone, strict=True)]
    worst = max(ratios)
    has_all = any(x > 1 - 1e-6 and ratio > worst * (1 - 1e-6) for x, ratio in zip(shares, ratios, strict=True))
    assert has_all or used > 8 * (1 - 1e-6), "more could be given to the worst off"


def test_newcomers_come_first_then_who_was_placed_least_for_its_share() -> None:
    rounds = FairRounds(8)
    assert rounds.order([fair(0), fair(1)], 360.0) == [0, 1]
    rounds.placed(0)
    rounds.ran(0, 360.0, 10.0)
    assert rounds.order([fair(0, remaining=90.0), fair(1)], 360.0) == [1, 0]
    other = rounds.copy()
    other.placed(1)
    other.ran(1, 360.0, 10.0)
    assert rounds.order([fair(0, remaining=90.0), fair(1)], 360.0) == [1, 0], "the copy went its own way"


def sharer(number: int, gpus: int, *stages: float) -> Sharer:
    return Sharer(number, gpus, sum(stages), stages)


def test_the_busiest_hardware_sets_the_pace() -> None:
    assert common_step([sharer(0, 8, 0.9, 0.1)]) == 1.0
    assert common_step([sharer(0, 8, 0.9, 0.1), sharer(1, 8, 0.2, 0.8)]) == pytest.approx(1.1)
    assert common_step([sharer(0, 8, 0.1, 0.1), sharer(1, 8, 2.0, 3.0)]) == 5.0, "nobody gets faster by sharing"


def test_who_complements_shares() -> None:
    storage, graphics = (0.9, 0.1), (0.1, 0.9)
    jobs = [sharer(0, 8, *storage), sharer(1, 8, *storage), sharer(2, 8, *graphics), sharer(3, 8, *graphics)]
    sets = pack(jobs, 16, 4)
    assert sorted(sorted(each.number % 2 for each in together) for together in sets) in (
        [[0, 0], [1, 1]],
        [[0, 1], [0, 1]],
    )
    assert all({each.stages for each in together} == {storage, graphics} for together in sets)


@settings(max_examples=by_day(50))
@given(sizes=st.lists(st.sampled_from([1, 4, 8]), max_size=12), capacity=st.integers(1, 64), most=st.integers(1, 4))
def test_sets_hold_every_job_once_and_are_no_larger_than_needed(sizes: list[int], capacity: int, most: int) -> None:
    jobs = [sharer(n, gpus, 0.1 + n % 3, 0.5) for n, gpus in enumerate(sizes)]
    sets = pack(jobs, capacity, most)
    assert sorted(each.number for together in sets for each in together) == list(range(len(jobs)))
    assert all(len(together) <= most and len({each.gpus for each in together}) == 1 for together in sets)
    if sum(sizes) <= capacity:
        assert all(len(together) == 1 for together in sets)
