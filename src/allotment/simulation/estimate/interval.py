"""Intervals of waiting time, and what turns simulated waits into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """From when to when something is expected; in the caller's unit of time, counted from now."""

    low: float
    high: float

    def covers(self, value: float) -> bool:
        """Is it inside?"""
        return self.low <= value <= self.high


def quantile(ordered: Sequence[float], share: float) -> float:
    """Linearly interpolated quantile of sorted values.

    Args:
        ordered: at least one value, ascending.
        share: between 0 and 1.
    """
    place = share * (len(ordered) - 1)
    below = int(place)
    if place == below or ordered[below] == ordered[below + 1]:  # where values are infinite there is nothing between
        return ordered[below]
    return ordered[below] + (ordered[below + 1] - ordered[below]) * (place - below)


def central_interval(waits: Sequence[float], coverage: float) -> Interval:
    """The middle part of simulated waits that holds this share of them."""
    ordered = sorted(waits)
    tail = (1 - coverage) / 2
    return Interval(quantile(ordered, tail), quantile(ordered, 1 - tail))
