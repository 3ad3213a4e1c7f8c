"""Which trials a sweep has."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

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
