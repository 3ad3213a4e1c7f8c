"""How long will it run? Distributions of run time, and what is left of them once a job has run a while."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Final, Protocol

from allotment.simulation.chance import Chance

_NEVER_AGAIN: Final = 1e-6


class Runtimes(Protocol):
    """Run times in one possible future."""

    def remaining(self, name: str, elapsed: int, chance: Chance) -> int:
        """How much longer a job runs that has run for `elapsed`; at least 1."""
        ...


RuntimeModel = Callable[[], Runtimes]
"""Makes the run times of a fresh future; what it draws once there, it may share between jobs."""


class RuntimeHistory:
    """Run times of finished jobs by group, the most recent of each.

    A job's groups go from the narrowest (same team and size) to the widest (everything); a draw comes from the
    narrowest that has seen enough jobs running longer than this one already has. If none has, the job is expected to
    run as long again as it has run (half of the draws are longer), which is what heavy-tailed run times do.

    Args:
        recent: run times kept for each group.
        enough: how many longer run times a group must hold to be drawn from.
    """

    def __init__(self, *, recent: int = 300, enough: int = 5) -> None:
        self._recent = recent
        self._enough = enough
        self._order: dict[Hashable, deque[int]] = {}
        self._sorted: dict[Hashable, list[int]] = {}

    def finished(self, groups: Sequence[Hashable], runtime: int) -> None:
        """A job of these groups ended after `runtime`."""
        for group in groups:
            order = self._order.setdefault(group, deque())
            ordered = self._sorted.setdefault(group, [])
            order.append(runtime)
            insort(ordered, runtime)
            if len(order) > self._recent:
                del ordered[bisect_left(ordered, order.popleft())]

    def seen(self, group: Hashable) -> int:
        """How many run times of a group are kept."""
        return len(self._sorted.get(group, ()))

    def remaining(self, groups: Sequence[Hashable], elapsed: int, level: float) -> int:
        """How much longer a job of these groups runs; at least 1.

        Args:
            groups: narrowest first.
            elapsed: how long it has run.
            level: which quantile of the distribution, in [0, 1); a uniform random number makes a random draw.
        """
        for group in groups:
            ordered = self._sorted.get(group, [])
            longer = bisect_right(ordered, elapsed)
            if len(ordered) - longer >= self._enough:
                return max(1, ordered[longer + int(level * (len(ordered) - longer))] - elapsed)
        return max(1, round(max(elapsed, 1) * (1 / max(1 - level, _NEVER_AGAIN) - 1)))


def around_estimate(estimate: int, elapsed: int, sigma: float, chance: Chance) -> int:
    """One draw of how much longer a job runs whose user estimated `estimate` in all.

    The true run time is the estimate times a log-normal factor of median 1, given that it exceeds `elapsed`.

    Args:
        estimate: the user's, or a profile's.
        elapsed: how long it has run.
        sigma: standard deviation of the factor's logarithm; learn it from past jobs.
        chance: source of randomness.

    Returns:
        At least 1.
    """
    for _ in range(_TRIES):
        total = estimate * math.exp(chance.gauss(0.0, sigma))
        if total > elapsed:
            return max(1, round(total - elapsed))
    # Far beyond its estimate the job has shown the estimate to be wrong: it runs as long again.
    survival = max(chance.random(), _NEVER_AGAIN)
    return max(1, round(elapsed * (1 / survival - 1)))


_TRIES: Final = 40
