"""Correction of intervals by what really happened: conformalized quantiles.

A simulation knows only part of what makes a job wait, so its intervals are too narrow (or too wide) by an amount it
cannot know itself. The starts seen so far tell it: each end of the interval is moved by that quantile of its past
misses which makes the next miss as rare as promised (Romano, Patterson, Candès 2019, with the ends taken separately).
Misses are measured in the logarithm of the wait, because waits span orders of magnitude.

Not all starts teach equally much. "In five minutes" is mostly right and "next week" mostly is not, and what goes wrong
in one queue need not in another. So an interval learns from the starts that are most like it: of its own queue and of
about the same expected wait first (as in localized conformal prediction, Guan 2023).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final

from allotment.simulation.estimate.interval import Interval

# A start in another queue counts as unlike as one of the same queue that was expected to take this many times as long
# (a logarithm).
_OTHER_QUEUE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the simulation says before correction.

    Attributes:
        interval: from when to when.
        middle: the median simulated wait.
        queue: where the job waits.
    """

    interval: Interval
    middle: float
    queue: Hashable = None


@dataclass(frozen=True, slots=True)
class _Lesson:
    """A start that was seen. Misses are logarithms; positive means the truth lay outside."""

    queue: Hashable
    middle: float
    low_miss: float
    high_miss: float


class Calibration:
    """Corrects intervals of one coverage; learns from every start that is seen.

    Args:
        coverage: share of starts the intervals are to hold, such as 0.8.
        window: number of most recent starts it remembers.
        nearest: how many of them an interval learns from, the most alike.
        enough: starts it must have seen before it corrects anything.
        longest: how far the simulations look. Longer waits count as this long, and no interval ends later: one that
            ends here says "this late or later". With an end at infinity nothing could be learnt from how far off it is.
    """

    def __init__(
        self,
        coverage: float,
        *,
        window: int = 400,
        nearest: int = 50,
        enough: int = 20,
        longest: float = math.inf,
    ) -> None:
        self._tail = (1 - coverage) / 2
        self._nearest = nearest
        self._enough = enough
        self._longest = longest
        self._lessons: deque[_Lesson] = deque(maxlen=window)

    def observe(self, forecast: Forecast, wait: float) -> None:
        """A job of which this was said started after `wait`."""
        scaled = self._scale(wait)
        low, high = self._scale(forecast.interval.low), self._scale(forecast.interval.high)
        middle = self._scale(forecast.middle)
        self._lessons.append(_Lesson(forecast.queue, middle, low - scaled, scaled - high))

    def observe_waiting(self, forecast: Forecast, waited: float) -> None:
        """A job still waits; leaving these out would make all waits look shorter than they are.

        Nothing is learnt until it has waited longer than the interval said. From then on the miss counts at least as
        large as it is by now.
        """
        if waited > forecast.interval.high:
            self.observe(forecast, waited)

    def correct(self, forecast: Forecast) -> Interval:
        """The interval to show; it holds the median (if that is known), however far off other starts were."""
        interval = forecast.interval
        if len(self._lessons) < self._enough:
            return Interval(min(interval.low, self._longest), min(interval.high, self._longest))
        alike = self._alike(forecast)
        low = self._scale(interval.low) - self._margin([each.low_miss for each in alike])
        high = self._scale(interval.high) + self._margin([each.high_miss for each in alike])
        ends = [self._unscale(low), self._unscale(high)]
        if forecast.middle < self._longest:
            ends.append(forecast.middle)
        return Interval(min(ends), max(ends))

    def _alike(self, forecast: Forecast) -> list[_Lesson]:
        middle = self._scale(forecast.middle)

        def unlike(lesson: _Lesson) -> float:
            return abs(lesson.middle - middle) + (_OTHER_QUEUE if lesson.queue != forecast.queue else 0.0)

        return nsmallest(self._nearest, reversed(self._lessons), key=unlike)  # of equals, the most recent

    def _margin(self, misses: Sequence[float]) -> float:
        """What to move an end outwards by so that a further miss has at most the chance of one tail.

        That is the ⌈(n+1)(1-tail)⌉-th smallest miss, the finite-sample rank of split conformal prediction.
        """
        rank = math.ceil((len(misses) + 1) * (1 - self._tail))
        return sorted(misses)[min(rank, len(misses)) - 1]

    def _scale(self, wait: float) -> float:
        return min(math.log1p(max(min(wait, self._longest), 0.0)), _LARGEST)

    def _unscale(self, scaled: float) -> float:
        return min(math.expm1(max(scaled, 0.0)) if scaled < _LARGEST else math.inf, self._longest)


# Stands for an infinite wait: finite, so that two of them differ by nothing.
_LARGEST: Final = 700.0
