"""Amounts as people read them."""

from __future__ import annotations

from typing import Final

from allotment.model.quantity import Bytes, MilliCpu, format_bytes, format_cpu

_STORAGE: Final = "storage"
"""How resources end that are counted in bytes, those of a class included."""
_HUGE_PAGES: Final = "hugepages-"
_UNITS: Final = (("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20))


def amount(resource: str, value: int) -> str:
    """A quantity of CPU (milli-CPU), memory or storage (bytes), or devices, with its sign."""
    sign = "-" if value < 0 else ""
    match resource:
        case "cpu":
            return sign + format_cpu(MilliCpu(abs(value)))
        case _ if resource == "memory" or resource.endswith(_STORAGE) or resource.startswith(_HUGE_PAGES):
            return sign + memory(abs(value))
        case _:
            return f"{value:,}"


def memory(value: int) -> str:
    """Bytes, exact where that is short, else rounded to a tenth of the largest unit."""
    exact = format_bytes(Bytes(value))
    if len(exact) <= 6:
        return exact
    for suffix, size in _UNITS:
        if value >= size:
            return f"{value / size:.1f}{suffix}"
    return exact


def span(low: int, high: int) -> str:
    """``3`` or ``0-12``."""
    return f"{low:,}" if low == high else f"{low:,}-{high:,}"
