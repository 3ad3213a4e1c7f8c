"""What quota costs, and whether a team's budget of the month has room for it. Money is in millionths of the currency.

Devices alone have a price in a platform directory, CPU and memory have none. So terms that give no devices have no
price: it is not known to be nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from allotment.accounting.ledger import MS_PER_HOUR
from allotment.accounting.prices import prices_of
from allotment.model.moments import LATEST, written
from allotment.model.platform import Platform
from allotment.model.requests.terms import Terms

MOST_MONTHS: Final = 120
"""Beyond that nobody reckons with the budgets of today."""
SharePrices = Mapping[tuple[str, str], int]
"""Of a device and hour, by cluster and flavor."""


def share_prices(platform: Platform) -> SharePrices:
    """What devices of each flavor cost, as far as it is known.

    Where pools of a flavor differ, the dearest counts, for nobody knows on which the work will run; where the price of
    one of them is not known, that of the flavor is not. A device is what pods ask for: of a pool of slices, a slice.
    """
    by_pool = prices_of(platform).by_pool
    found: dict[tuple[str, str], int] = {}
    unknown: set[tuple[str, str]] = set()
    for cluster in platform.clusters:
        for pool in cluster.node_pools:
            if pool.accelerator is None or not pool.accelerators_per_node:
                continue
            flavor = (cluster.name, pool.flavor)
            whole = by_pool.get((cluster.name, pool.name))
            if whole is None:
                unknown.add(flavor)
                continue
            accelerator = platform.accelerators.get(pool.accelerator)
            slices = 1 if accelerator is None else accelerator.partitions
            node = whole * -(-pool.accelerators_per_node // slices)
            found[flavor] = max(found.get(flavor, 0), -(-node // pool.accelerators_per_node))
    return {flavor: price for flavor, price in found.items() if flavor not in unknown}


def price_of(terms: Terms, prices: SharePrices) -> int | None:
    """What terms cost over their whole time, rounded up once; None where it is not known, or they have no end."""
    lasts = terms.lasts
    if lasts is None or not terms.devices:
        return None
    total = 0
    for each in terms.shares:
        if each.devices:
            price = prices.get((each.cluster, each.flavor))
            if price is None:
                return None
            total += each.devices * price * lasts
    return -(-total // MS_PER_HOUR)


def part_between(terms: Terms, start: int, end: int) -> int | None:
    """The part of a price that is for a stretch of time; parts of stretches that make up the whole sum to the price.

    Args:
        terms: with their price.
        start: of the stretch, milliseconds since the epoch.
        end: of it; not before its start.
    """
    if terms.price is None or terms.until is None:
        return None
    return _so_far(terms.price, terms.since, terms.until, end) - _so_far(terms.price, terms.since, terms.until, start)


def cut_off(terms: Terms, at: int) -> Terms:
    """The terms as if they had ended at a moment, with the part of the price up to there; never later than they end."""
    end = max(terms.since, at if terms.until is None else min(terms.until, at))
    return replace(terms, until=end, price=part_between(terms, terms.since, end))


@dataclass(frozen=True, slots=True)
class CalendarMonth:
    """A month in UTC.

    Attributes:
        start: its first moment, milliseconds since the epoch.
        end: the first moment after it.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class MonthLeft:
    """What is left of a budget.

    Attributes:
        left: in millionths of the currency; below 0 where more is used.
        month: in which, such as ``2027-01``.
    """

    left: int
    month: str


def month_of(moment: int) -> CalendarMonth:
    """The month in which a moment lies."""
    day = dt.datetime.fromtimestamp(min(max(0, moment), LATEST) // 1000, dt.UTC)
    first = dt.datetime(day.year, day.month, 1, tzinfo=dt.UTC)
    after = (first + dt.timedelta(days=31)).replace(day=1)
    return CalendarMonth(round(first.timestamp()) * 1000, round(after.timestamp()) * 1000)


def months_of(terms: Terms, since: int) -> tuple[CalendarMonth, ...] | None:
    """The months in which terms lie, from the one of a moment on; None where they are too many, or have no end."""
    if terms.until is None or terms.until > LATEST:
        return None
    found = [month_of(max(terms.since, since))]
    while found[-1].end < terms.until:
        if len(found) == MOST_MONTHS:
            return None
        found.append(month_of(found[-1].end))
    return tuple(found)


def budget_of_month(
    declared: int | None, held: Collection[Terms], month: CalendarMonth, spent: int | None
) -> int | None:  # fmt: skip
    """What is left of a team's budget in a month; below 0 where more is used.

    Used are the parts of prices that lie in the month, and what was spent besides. Terms that give no devices are not
    priced, and count nothing.

    Args:
        declared: for a month; None for no budget.
        held: terms of all grants of the team, those that ended included as far as they came.
        month: that is asked about.
        spent: in the month, beside grants; None where that is not known.

    Returns:
        None where there is no budget, or nobody knows what is used.
    """
    if declared is None or spent is None:
        return None
    left = declared - spent
    for each in held:
        if each.devices and each.since < month.end and (each.until is None or each.until > month.start):
            part = part_between(each, month.start, month.end)
            if part is None:
                return None
            left -= part
    return left


def left_after(
    terms: Terms, declared: int | None, held: Collection[Terms], spent: int | None, now: int
) -> MonthLeft | None:  # fmt: skip
    """The least that is left of the budget in any month that terms lie in, once they are granted; of several the first.

    Every month counts and not this one alone: else whatever begins next month would be for nothing.

    Args:
        terms: that are asked for.
        declared: for a month; None for no budget.
        held: terms of the team's grants, without those that these would replace.
        spent: this month, beside grants; None where that is not known.
        now: milliseconds since the epoch.

    Returns:
        None where there is no budget, nobody knows what is used, or the terms have no price.
    """
    this = month_of(now)
    months = months_of(terms, now)
    if months is None:
        return None
    found = []
    for month in months:
        part = part_between(terms, month.start, month.end)
        left = budget_of_month(declared, held, month, spent if month == this else 0)
        if part is None or left is None:
            return None
        found.append(MonthLeft(left - part, written(month.start)[:7]))
    return min(found, key=lambda each: each.left)


def _so_far(price: int, since: int, until: int, moment: int) -> int:
    """What has been used of a price by a moment, rounded up."""
    gone = min(max(0, moment - since), until - since)
    return -(-price * gone // (until - since)) if gone else 0
