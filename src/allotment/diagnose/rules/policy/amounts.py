"""Amounts in the policy layer: compared exactly, and written as Kubernetes writes them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from typing import Final

from allotment.model.observed.base import Amount, Amounts
from allotment.model.quantity import parse_quantity

_NOTHING: Final = Fraction(0)
_BINARY: Final = (("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10))


def amount(value: Amount | None) -> Fraction:
    """A quantity; one that is none, or is not there, counts nothing."""
    return _NOTHING if value is None else _parsed(str(value))


@lru_cache(maxsize=1 << 14)
def _parsed(text: str) -> Fraction:
    try:
        return parse_quantity(text)
    except ValueError:
        return _NOTHING


def written(resource: str, value: Fraction) -> str:
    """An amount as a manifest has it: ``16``, ``500m``, ``128Gi``."""
    if "memory" in resource or "storage" in resource or resource.startswith("hugepages-"):
        for suffix, unit in _BINARY:
            if value >= unit and (value / unit).denominator == 1:
                return f"{int(value / unit)}{suffix}"
        return str(int(value))
    if value.denominator == 1:
        return str(value.numerator)
    return f"{int(value * 1000)}m"


def summed(lists: Iterable[Amounts]) -> dict[str, Fraction]:
    """The sum, by resource."""
    total: dict[str, Fraction] = {}
    for each in lists:
        for resource, value in each.items():
            total[resource] = total.get(resource, _NOTHING) + amount(value)
    return total
