"""Thresholds: what is news over a history."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.requests.thresholds import GRANT_STEPS, QUOTA_STEPS, crossing, percent

WHOLE = 1000
histories = st.lists(st.integers(0, 2 * WHOLE), max_size=40)


def heard(history: list[int], steps: tuple[int, ...], of: int = WHOLE, whole: str = "x") -> tuple[list[int], set[str]]:
    """Which steps are told, one after the other, and what is known to be told at the end."""
    told: set[str] = set()
    found = []
    for used in history:
        news = crossing("hours", whole, used, of, steps, told)
        if news is not None:
            assert told.isdisjoint(news.settles), "what was told is not settled again"
            found.append(news.step)
            told.update(news.settles)
    return found, told


@pytest.mark.parametrize(
    ("history", "found"),
    [
        ([], []),
        ([0, 799], []),
        ([799, 800, 801, 999], [80]),
        ([800, 1000, 1500], [80, 100]),
        ([1000, 1000], [100]),  # a jump: the highest alone
        ([1000, 850, 1000], [100]),  # left and reached again
        ([850, 700, 850], [80]),
        ([850, 700, 1000, 850], [80, 100]),
    ],
)
def test_grant_s(history: list[int], found: list[int]) -> None:
    assert heard(history, GRANT_STEPS)[0] == found


def test_the_steps_of_quotas() -> None:
    assert QUOTA_STEPS == (60, 80, 95)
    assert heard([610, 790, 810, 940, 950], QUOTA_STEPS)[0] == [60, 80, 95]


def test_of_nothing_no_share_is_told() -> None:
    assert crossing("hours", "x", 5, 0, GRANT_STEPS, ()) is None


def test_of_another_whole_it_is_another_threshold() -> None:
    _, told = heard([800], GRANT_STEPS, whole="576")

    again = crossing("hours", "600", 800, WHOLE, GRANT_STEPS, told)

    assert again is not None
    assert again.step == 80


@given(histories.map(sorted), st.sampled_from([GRANT_STEPS, QUOTA_STEPS]))
def test_over_a_rising_history_every_threshold_is_told_once_in_order_or_by_a_higher_one(
    history: list[int], steps: tuple[int, ...]
) -> None:
    found, told = heard(history, steps)

    assert all(one < other for one, other in pairwise(found))
    reached = [step for step in steps if history and 100 * history[-1] >= step * WHOLE]
    assert told == {f"hours:{step}/x" for step in reached}
    assert found[-1:] == reached[-1:]


@given(st.sampled_from([GRANT_STEPS, QUOTA_STEPS]))
def test_over_a_history_without_jumps_every_threshold_is_told(steps: tuple[int, ...]) -> None:
    assert heard(list(range(WHOLE + 1)), steps)[0] == list(steps)


@given(histories, st.sampled_from([GRANT_STEPS, QUOTA_STEPS]))
def test_over_any_history_nothing_is_told_twice(history: list[int], steps: tuple[int, ...]) -> None:
    found, _ = heard(history, steps)

    assert found == sorted(set(found))


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_a_share_is_never_more_than_it_is(used: int, of: int) -> None:
    assert percent(used, of) * of <= 100 * used < (percent(used, of) + 1) * of
