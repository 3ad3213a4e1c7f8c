"""Prices: whose they are, and in which currency."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.model.accelerator import CapacityType
from allotment.spec.catalogue import CURRENCY, catalogue
from allotment.spec.checks.context import PlacedContext, warning
from allotment.spec.problems import Issue


def prices_are_in_the_currency(placed: PlacedContext) -> Iterator[Issue]:
    """The catalogue's prices are not converted: in another currency they do not count, and the devices have none."""
    currency, entry = placed.platform.currency, placed.context.declared.platform
    if currency == CURRENCY or entry is None:
        return
    bought = {
        (pool.accelerator, pool.capacity_type)
        for cluster in placed.platform.clusters
        for pool in cluster.node_pools
        if pool.accelerator is not None and pool.price_per_hour is None
    }
    names = sorted({name for name, capacity_type in bought if _is_catalogue_s(placed, name, capacity_type)})
    if names:
        what = (
            f"the catalogue's prices are in {CURRENCY} and do not count in {currency}: no price of {', '.join(names)}"
        )
        fix = "write your own in a document kind: Prices"
        yield warning(entry, ("currency",), what, fix)


def _is_catalogue_s(placed: PlacedContext, name: str, capacity_type: CapacityType) -> bool:
    built_in = catalogue().get(name)
    if built_in is None or placed.context.accelerators[name] is not built_in:
        return False
    declared = (entry.spec.accelerators.get(name, {}) for entry in placed.context.declared.prices)
    return capacity_type in built_in.price_per_hour and not any(capacity_type in by_type for by_type in declared)


CHECKS: Final = (prices_are_in_the_currency,)
