"""Prices in whole millionths: what a share costs, what of it falls into a month, what is left of a budget."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.model.moments import LATEST, milliseconds
from allotment.model.requests.terms import Terms
from allotment.requests.pricing import (
    MOST_MONTHS,
    MonthLeft,
    budget_of_month,
    cut_off,
    left_after,
    month_of,
    months_of,
    part_between,
    price_of,
    share_prices,
)
from tests.unit.builders import accelerator, cluster, node_pool, platform
from tests.unit.requests.cases import DAY, HOUR, MILLION, START, share, terms

PRICES = {("training", "a100-spot"): MILLION, ("training", "h100"): 6 * MILLION}
SLICE = accelerator("a100-1g-5gb", resource_name="nvidia.com/mig-1g.5gb", partition_of="a100", partitions=7)


@pytest.mark.parametrize(
    ("pools", "price"),
    [
        ([node_pool()], MILLION),
        ([replace(node_pool(per_node=8), price_per_hour=10 * MILLION)], 1_250_000),
        ([node_pool("a"), replace(node_pool("b"), price_per_hour=16 * MILLION)], 2 * MILLION),
        ([replace(node_pool("b"), price_per_hour=MILLION), node_pool("a")], MILLION),
        ([node_pool("a"), node_pool("b", accelerator="unpriced")], None),
        ([node_pool("a", accelerator="unpriced"), node_pool("b")], None),
        ([node_pool(accelerator=None, flavor="cpu")], None),
    ],
    ids=[
        "by accelerator", "by node", "the dearest of two", "in whatever order", "one of two not known",
        "not known, in whatever order", "no devices",
    ],
)  # fmt: skip
def test_a_flavor_costs_what_its_dearest_pool_costs(pools: list, price: int | None) -> None:
    unpriced = replace(accelerator("unpriced"), price_per_hour={})
    declared = platform(clusters=[cluster("training", node_pools=pools)], accelerators=[accelerator(), unpriced])
    found = share_prices(declared)

    assert found.get(("training", pools[0].flavor)) == price
    assert len(found) == (price is not None)


@pytest.mark.parametrize("slices", [7, 13, 14])
def test_of_a_pool_of_slices_a_slice_is_priced(slices: int) -> None:
    """A slice is a million an hour here, however many a node offers."""
    pool = node_pool(accelerator=SLICE.name, per_node=slices)
    declared = platform(clusters=[cluster("training", node_pools=[pool])], accelerators=[accelerator(), SLICE])

    assert share_prices(declared) == {("training", "a100-spot"): MILLION}


@pytest.mark.parametrize(
    ("asked", "price"),
    [
        (terms(4, hours=72), 288 * MILLION),
        (terms(shares=(share(2), share(1, flavor="h100")), hours=1), 8 * MILLION),
        (replace(terms(1), until=START + 1000), 278),  # a million by the hour is 277.7… by the second
        (terms(4, hours=None), None),
        (terms(shares=(share(1), share(1, flavor="l4"))), None),
        (terms(shares=(share(1), share(0, flavor="cpu", cpu=64_000))), 72 * MILLION),
        (terms(0), None),
        (terms(shares=(share(0, cpu=64_000),)), None),
    ],
    ids=["devices by hours", "flavors", "rounded up", "for good", "unknown", "with CPU", "nothing", "CPU alone"],
)
def test_a_price(asked: Terms, price: int | None) -> None:
    assert price_of(asked, PRICES) == price


@pytest.mark.parametrize(
    ("at", "first", "after"),
    [
        ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"),
        ("2027-12-31T23:59:59.999Z", "2027-12-01T00:00:00Z", "2028-01-01T00:00:00Z"),
        ("2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
    ],
)
def test_a_month(at: str, first: str, after: str) -> None:
    month = month_of(milliseconds(at))

    assert (month.start, month.end) == (milliseconds(first), milliseconds(after))


moments = st.integers(0, 4 * 10**12)
lengths = st.integers(1, 3 * 365 * DAY)
priced = st.builds(
    lambda since, lasts, price: Terms((share(1),), (), since, since + lasts, price),
    moments,
    lengths,
    st.integers(0, 10**15),
)


@given(priced)
def test_the_parts_of_a_price_by_month_sum_to_it(asked: Terms) -> None:
    months = months_of(asked, 0)
    assert months is not None
    parts = [part_between(asked, each.start, each.end) for each in months]

    assert sum(part or 0 for part in parts) == asked.price
    assert all(part is not None and part >= 0 for part in parts)
    assert all(one.end == other.start for one, other in pairwise(months))
    assert part_between(asked, months[-1].end, LATEST) == 0


@pytest.mark.parametrize(("price", "parts"), [(10, [4, 3, 3]), (3 * 10**18 + 2, [10**18 + 1, 10**18 + 1, 10**18])])
def test_parts_are_exact_and_the_first_takes_what_does_not_divide(price: int, parts: list[int]) -> None:
    asked = terms(1, hours=3, price=price)

    assert [part_between(asked, START + n * HOUR, START + (n + 1) * HOUR) for n in range(3)] == parts


@given(priced, moments)
def test_what_is_cut_off_costs_no_more_and_the_rest_is_what_remained(asked: Terms, at: int) -> None:
    cut = cut_off(asked, at)

    assert cut.until is not None
    assert asked.until is not None
    assert asked.since <= cut.until <= asked.until
    assert (cut.price or 0) + (part_between(asked, cut.until, asked.until) or 0) == asked.price
    # Cut terms have their price to themselves: whoever sums their parts comes to the same.
    assert part_between(cut, 0, LATEST) == cut.price
    assert cut_off(cut, at) == cut


def test_what_never_began_costs_nothing_once_it_is_cut_off() -> None:
    cut = cut_off(terms(4, hours=72, since=START + DAY, price=7), START)

    assert (cut.until, cut.price) == (START + DAY, 0)
    assert part_between(cut, 0, LATEST) == 0


JANUARY = month_of(START)
"""20 days and 15 hours of it are left at START."""
THIS = terms(1, hours=10, price=100)
OVER = terms(1, hours=200, since=JANUARY.end - 100 * HOUR, price=200)


@pytest.mark.parametrize(
    ("declared", "held", "spent", "left"),
    [
        (1_000, [], 0, 1_000),
        (1_000, [THIS, OVER], 0, 800),
        (1_000, [THIS, OVER], 850, -50),
        (1_000, [terms(1, since=JANUARY.end, price=5), terms(1, hours=1, since=START - 30 * DAY, price=5)], 0, 1_000),
        (None, [], 0, None),
        (1_000, [], None, None),
        (1_000, [terms(1, price=None)], 0, None),
        (1_000, [terms(1, hours=None)], 0, None),
        (1_000, [terms(1, since=JANUARY.end, price=None)], 0, 1_000),
        (1_000, [terms(0, hours=None)], 0, 1_000),
    ],
    ids=[
        "nothing used", "two grants, one of them half", "and what was spent", "other months", "no budget",
        "spending not known", "a price not known", "for good", "not known, next month", "no devices",
    ],
)  # fmt: skip
def test_what_is_left_of_a_month(declared: int | None, held: list[Terms], spent: int | None, left: int | None) -> None:
    assert budget_of_month(declared, held, JANUARY, spent) == left


@pytest.mark.parametrize(
    ("asked", "held", "left"),
    [
        (THIS, [], MonthLeft(800, "2027-01")),
        # half of it this month, in which 100 were spent, and half of it next month
        (OVER, [], MonthLeft(800, "2027-01")),
        (terms(1, since=JANUARY.end, price=700), [], MonthLeft(300, "2027-02")),
        (terms(1, since=JANUARY.end, price=700), [terms(1, since=JANUARY.end, price=700)], MonthLeft(-400, "2027-02")),
        (terms(1, price=None), [], None),
        (terms(1, hours=None, price=1), [], None),
        (THIS, [terms(1, price=None)], None),
    ],
    ids=["this month", "two months", "next month", "next month twice", "no price", "for good", "use not known"],
)
def test_what_would_be_left_counts_in_every_month(asked: Terms, held: list[Terms], left: MonthLeft | None) -> None:
    assert left_after(asked, 1_000, held, 100, START) == left
    assert left_after(asked, None, held, 100, START) is None


def test_nobody_reckons_budgets_of_a_hundred_years() -> None:
    asked = replace(terms(1, price=1), until=START + 9 * 365 * DAY)
    months = months_of(asked, START)
    assert months is not None
    assert 100 < len(months) <= MOST_MONTHS
    assert left_after(asked, 10**9, [], 0, START) is not None

    assert left_after(replace(asked, until=LATEST), 10**9, [], 0, START) is None
