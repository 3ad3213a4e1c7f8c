"""Finish-time fairness: nobody's finish is put off more than need be by sharing the cluster.

A job's finish-time ratio is its expected finish on the shared cluster over the one on a cluster of its own size, a
fair part of the whole. Each round finds the least worst ratio, and the least share of the time each job needs for it.

Sources: Themis (NSDI'20) for the goal; Gavel (OSDI'20) for shares of time and for rounds that follow them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_HALVINGS = 60
# A job that was never placed comes before all that were.
_NEWCOMER = 1e9


@dataclass(frozen=True, slots=True)
class FairJob:
    """A job that wants GPUs.

    Attributes:
        number: tells it apart.
        gpus: how many it needs at once.
        waited: seconds since it was submitted.
        remaining: seconds of work left.
        step: seconds of one iteration.
    """

    number: int
    gpus: int
    waited: float
    remaining: float
    step: float


def least_shares(jobs: Sequence[FairJob], alone: Sequence[float], capacity: int) -> list[float]:
    """The least share of time for each job with which the worst finish-time ratio is as small as can be.

    Args:
        jobs: those that want GPUs.
        alone: what each would take on a cluster of its own, from submission to finish.
        capacity: GPUs in all; shares times GPUs do not exceed it.

    Returns:
        Shares in (0, 1].
    """

    def shares(ratio: float) -> list[float]:
        """What keeps every job at this ratio, as far as the whole time is enough."""
        spare = [ratio * own - job.waited for job, own in zip(jobs, alone, strict=True)]
        return [min(1.0, job.remaining / left) if left > 0 else 1.0 for job, left in zip(jobs, spare, strict=True)]

    def used(ratio: float) -> float:
        return sum(share * job.gpus for share, job in zip(shares(ratio), jobs, strict=True))

    # No share is above 1, so the ratio cannot be smaller than this.
    low = max((job.waited + job.remaining) / own for job, own in zip(jobs, alone, strict=True)) * (1 + 1e-12)
    if used(low) <= capacity:
        return shares(low)
    high = 2 * low
    while used(high) > capacity:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if used(middle) > capacity:
            low = middle
        else:
            high = middle
    return shares(high)


class FairRounds:
    """Who comes first in a round: newcomers, then who has been placed least often for its share.

    The time on a cluster of its own is counted in iterations, not in seconds, because the program whose recorded run
    this follows does so; jobs with long iterations count as more delayed than they are.
    """

    def __init__(self, capacity: int) -> None:
        """For a cluster of so many GPUs."""
        self._capacity = capacity
        self._placements: dict[int, int] = {}
        self._owed: dict[int, float] = {}
        self._alone: dict[int, float] = {}
        self._own_share: dict[int, float] = {}

    def copy(self) -> FairRounds:
        """One that goes its own way."""
        other = FairRounds(self._capacity)
        other._placements, other._owed = dict(self._placements), dict(self._owed)
        other._alone, other._own_share = dict(self._alone), dict(self._own_share)
        return other

    def placed(self, job: int) -> None:
        """A job got GPUs for a round."""
        self._placements[job] = self._placements.get(job, 0) + 1

    def ran(self, job: int, span: float, iterations: float) -> None:
        """A job held its GPUs for `span` seconds and did so many iterations."""
        self._owed[job] -= span
        self._alone[job] = self._alone.get(job, 0.0) + iterations / self._own_share[job]

    def order(self, jobs: Sequence[FairJob], length: float) -> list[int]:
        """Numbers of the jobs, who comes first first; of equals, who came first in `jobs`."""
        if not jobs:
            return []
        part = math.ceil(self._capacity / len(jobs))
        for job in jobs:
            self._own_share[job.number] = min(1.0, part / job.gpus)
        alone = [
            self._alone.get(job.number, 0.0) + job.remaining / job.step / self._own_share[job.number] for job in jobs
        ]
        shares = least_shares(jobs, alone, self._capacity)
        rank: dict[int, tuple[float, float, float]] = {}
        for job, share in zip(jobs, shares, strict=True):
            times = self._placements.get(job.number, 0)
            owed = self._owed.get(job.number, 0.0)
            rank[job.number] = (share / times if times else share * _NEWCOMER, owed, share)
            self._owed[job.number] = owed + share * length
        return sorted(rank, key=rank.__getitem__, reverse=True)
