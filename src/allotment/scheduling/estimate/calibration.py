"""Correction of intervals by what really happened: conformalized quantiles.

A simulation knows only part of what makes a job wait, so its intervals are too narrow (or too wide) by an amount it
cannot know itself. The starts seen so far tell it: each end of the interval is moved by that quantile of its past
misses which makes the next miss as rare as promised (Romano, Patterson, Candès 2019, with the ends taken separately).
Misses are measured in the logarithm of the wait, because waits span orders of magnitude.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque

from allotment.scheduling.estimate.interval import Interval


class _Misses:
    """Recent misses at one end of the interval; positive means the truth lay outside."""

    def __init__(self, window: int) -> None:
        self._recent: deque[float] = deque()
        self._ordered: list[float] = []
        self._window = window

    def __len__(self) -> int:
        return len(self._ordered)

    def add(self, miss: float) -> None:
        self._recent.append(miss)
        insort(self._ordered, miss)
        if len(self._recent) > self._window:
            del self._ordered[bisect_left(self._ordered, self._recent.popleft())]

    def margin(self, tail: float) -> float:
        """What to move this end outwards by so that a further miss has at most the chance `tail`.

        That is the ⌈(n+1)(1-tail)⌉-th smallest miss, the finite-sample rank of split conformal prediction.
        """
        rank = math.ceil((len(self._ordered) + 1) * (1 - tail))
        return self._ordered[min(rank, len(self._ordered)) - 1]


class Calibration:
    """Corrects intervals of one coverage; learns from every start that is seen.

    Args:
        coverage: share of starts the intervals are to hold, such as 0.8.
        window: number of most recent starts it learns from.
        enough: starts it must have seen before it corrects anything.
    """

    def __init__(self, coverage: float, *, window: int = 1_000, enough: int = 20) -> None:
        self._tail = (1 - coverage) / 2
        self._enough = enough
        self._low = _Misses(window)
        self._high = _Misses(window)

    def observe(self, interval: Interval, wait: float) -> None:
        """A job that was promised the uncorrected `interval` started after `wait`."""
        self._low.add(_scale(interval.low) - _scale(wait))
        self._high.add(_scale(wait) - _scale(interval.high))

    def observe_waiting(self, interval: Interval, waited: float) -> None:
        """A job still waits; leaving these out would make all waits look shorter than they are.

        Nothing is learnt until it has waited longer than the interval said. From then on the miss counts at least as
        large as it is by now.
        """
        if waited > interval.high:
            self.observe(interval, waited)

    def correct(self, interval: Interval) -> Interval:
        """The interval to show."""
        if len(self._low) < self._enough:
            return interval
        low = _unscale(_scale(interval.low) - self._low.margin(self._tail))
        high = _unscale(_scale(interval.high) + self._high.margin(self._tail))
        return Interval(min(low, high), max(low, high))


def _scale(wait: float) -> float:
    return min(math.log1p(max(wait, 0.0)), _LARGEST)


def _unscale(scaled: float) -> float:
    return math.expm1(max(scaled, 0.0)) if scaled < _LARGEST else math.inf


# Stands for an infinite wait: finite, so that two of them differ by nothing.
_LARGEST = 700.0
