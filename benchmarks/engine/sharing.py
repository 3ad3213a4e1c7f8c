"""Several jobs on the same GPUs: while one reads its data, another computes.

Jobs may share where they need equally many GPUs. As long as the chosen jobs need more GPUs than there are, the two sets
that get in each other's way least are put together.

Source: Muri (SIGCOMM'22). It finds the sets by maximum-weight matching; here the best pair is taken first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True, slots=True)
class Sharer:
    """A job that may share.

    Attributes:
        number: tells it apart.
        gpus: how many it needs.
        step: seconds of one iteration when it has its GPUs to itself.
        stages: seconds of one iteration on each kind of hardware, such as storage, CPU and GPU.
    """

    number: int
    gpus: int
    step: float
    stages: tuple[float, ...]


def common_step(sharers: Sequence[Sharer]) -> float:
    """Seconds in which each of these jobs does one iteration: the busiest hardware sets the pace."""
    busiest = max(sum(stage) for stage in zip(*(each.stages for each in sharers), strict=True))
    return max(busiest, *(each.step for each in sharers)) if len(sharers) > 1 else sharers[0].step


def pack(sharers: Sequence[Sharer], capacity: int, most: int) -> list[tuple[Sharer, ...]]:
    """Sets of at most `most` jobs: in each round every set is merged with at most one other, until all fit.

    Args:
        sharers: the chosen jobs.
        capacity: GPUs in all.
        most: jobs in one set.

    Returns:
        Sets that may still need more than the capacity, if nothing can be merged any more.
    """
    sets: list[tuple[Sharer, ...]] = [(each,) for each in sharers]
    needed = sum(each.gpus for each in sharers)
    while needed > capacity:
        pairs = _pairs(sets, most)
        if not pairs:
            return sets
        taken: set[int] = set()
        merged: list[tuple[Sharer, ...]] = []
        for one, two in pairs:
            if needed > capacity and not taken & {one, two}:
                taken |= {one, two}
                merged.append(sets[one] + sets[two])
                needed -= sets[one][0].gpus
        sets = merged + [each for number, each in enumerate(sets) if number not in taken]
    return sets


def _pairs(sets: Sequence[Sequence[Sharer]], most: int) -> list[tuple[int, int]]:
    """What may be merged, by how much of the hardware's time the merged set would use; the best first."""
    worth: list[tuple[float, int, int]] = []
    for one, two in combinations(range(len(sets)), 2):
        if sets[one][0].gpus == sets[two][0].gpus and len(sets[one]) + len(sets[two]) <= most:
            both = (*sets[one], *sets[two])
            worth.append((-sum(sum(each.stages) for each in both) / common_step(both), one, two))
    return [(one, two) for _, one, two in sorted(worth)]
