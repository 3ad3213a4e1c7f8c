"""Amounts as the API server writes them → integers as both twins count: CPU in milli-CPU, all else in units or bytes.

Sums are exact, in billionths (the finest a Kubernetes quantity can be), and rounded up once at the end, as
`MilliValue()` and `Value()` do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from allotment.model.observed.base import Amount
from allotment.model.quantity import parse_quantity

Billionths = dict[str, int]
"""Resource → exact amount, in billionths of its unit."""

_BILLION: Final = 10**9
_PER_MILLI: Final = 10**6
CPU: Final = "cpu"
_MOST: Final = 1 << 53
"""No node and no pod has more of anything (8 PiB, 9e12 cores). What claims more counts as this, so that the twins' sums
and percentages of a thousand such stay within 64 bits: one node that lies must not end the answers for the rest."""


@lru_cache(maxsize=1 << 14)
def _billionths_of(text: str) -> int:
    try:
        return math.ceil(parse_quantity(text) * _BILLION)
    except ValueError:
        return 0


def billionths(amount: Amount) -> int:
    """An amount, exact; one that is no quantity counts nothing (the API server serves none)."""
    return _billionths_of(amount if isinstance(amount, str) else str(amount))


def exact(amounts: Mapping[str, Amount]) -> Billionths:
    """Amounts of a list of resources, exact."""
    return {resource: billionths(amount) for resource, amount in amounts.items()}


def rounded(resource: str, amount: int) -> int:
    """Billionths as the twins count the resource, rounded up, and no more than they can count."""
    return min(_MOST, -(-amount // (_PER_MILLI if resource == CPU else _BILLION)))


def units(resource: str, amount: Amount) -> int:
    """One amount of a resource as the twins count it, rounded up."""
    return rounded(resource, billionths(amount))


def all_units(amounts: Mapping[str, Amount]) -> dict[str, int]:
    """Amounts of a list of resources as the twins count them, each rounded up."""
    return {resource: units(resource, amount) for resource, amount in amounts.items()}
