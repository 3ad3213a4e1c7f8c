"""Which trials a sweep has."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.errors import InputError
from allotment.jobs.trials import trials_of
from allotment.model.jobs.job import Sweep, SweptParameter

GRID = (SweptParameter("lr", ("1e-3", "yes")), SweptParameter("layers", ("2", "4", "$(id)")))


def test_a_grid_has_every_combination_once_in_order() -> None:
    found = trials_of(Sweep(GRID, trials=6, seed=7, at_once=2))
    assert found[:3] == (
        ("--lr=1e-3", "--layers=2"),
        ("--lr=1e-3", "--layers=4"),
        ("--lr=1e-3", "--layers=$(id)"),
    )
    assert len(set(found)) == 6


NOT_SWEPT: tuple[tuple[Callable[[], object], str], ...] = (
    (lambda: SweptParameter("a", low=Fraction(-1), high=Fraction(1), logarithmic=True), "begins at 0 or below"),
    (lambda: SweptParameter("a", low=Fraction(1)), "neither a grid nor a range"),
    (lambda: SweptParameter("a", ("1",), low=Fraction(1), high=Fraction(2)), "neither a grid nor a range"),
    (lambda: SweptParameter("a", low=Fraction(2), high=Fraction(1)), "ends before it begins"),
    (lambda: SweptParameter("a", low=Fraction(1, 3), high=Fraction(2, 3), whole=True), "no whole number"),
    (lambda: SweptParameter("a", low=Fraction(0), high=Fraction(10**4000)), "too large"),
    (lambda: SweptParameter("a", low=Fraction(1, 10**4000), high=Fraction(1)), "too close to 0"),
    (lambda: Sweep((), 1, 0, 1), "no parameters"),
    (lambda: Sweep((SweptParameter("a", tuple(map(str, range(100)))),) * 6, 2, 0, 1), "number of combinations"),
)


def test_what_nothing_can_be_drawn_from_is_refused_before_it_is_built() -> None:
    for make, said in NOT_SWEPT:
        with pytest.raises(InputError) as refused:
            make()
        assert said in f"{refused.value.what} {refused.value.why}"


def test_of_a_grid_no_more_is_built_than_there_are_trials() -> None:
    assert trials_of(Sweep(GRID, trials=2, seed=0, at_once=1)) == (
        ("--lr=1e-3", "--layers=2"),
        ("--lr=1e-3", "--layers=4"),
    )


bounds = st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)).map(sorted)


@given(bounds=bounds, seed=st.integers(0, 999_999_999), logarithmic=st.booleans(), whole=st.booleans())
def test_draws_are_within_their_range_and_the_same_of_the_same_seed(
    bounds: list[int], seed: int, logarithmic: bool, whole: bool
) -> None:
    scale = 1 if whole else 1000
    low, high = (Fraction(each, scale) for each in bounds)
    swept = SweptParameter("x", low=low, high=high, logarithmic=logarithmic, whole=whole)
    sweep = Sweep((swept, SweptParameter("mode", ("a", "b"))), trials=5, seed=seed, at_once=1)
    found = trials_of(sweep)
    assert found == trials_of(sweep)
    assert len(found) == 5
    for drawn, mode in found:
        value = float(drawn.removeprefix("--x="))
        assert float(low) * (1 - 1e-5) <= value <= float(high) * (1 + 1e-5)
        assert not whole or value == int(value)
        assert mode in {"--mode=a", "--mode=b"}


def test_a_logarithmic_range_draws_every_order_of_magnitude_alike() -> None:
    swept = SweptParameter("lr", low=Fraction(1, 10**6), high=Fraction(1), logarithmic=True)
    drawn = [float(trial[0].removeprefix("--lr=")) for trial in trials_of(Sweep((swept,), 600, 3, 1))]
    small = sum(value < 1e-3 for value in drawn)
    assert 240 < small < 360
    assert trials_of(Sweep((swept,), 2, 4, 1)) != trials_of(Sweep((swept,), 2, 3, 1))
