"""Which past starts an interval learns from: as few as can be asked again, and yet of many times.

Starts of one burst hang together: what made one of them late made the others late, too. The last starts are often all
of one burst, and an interval that learns from these alone promises what one lucky or unlucky day would keep.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Final

from allotment.simulation.live.seen import SeenJob

_AMONG: Final = 4
"""So many of the last starts are looked at for each that is chosen: what is older teaches less of today."""


def spread_over_bursts(started: Sequence[SeenJob], tree_of: Mapping[str, Hashable], number: int) -> list[SeenJob]:
    """So many of the last starts, as alike in number from each burst as there are, and evenly within a burst.

    Args:
        started: work that had to wait and has started, by submission.
        tree_of: by ClusterQueue, what its decisions hang together with; bursts are those of a tree.
        number: the most that are chosen.

    Returns:
        By burst, and by submission within it.
    """
    bursts = _bursts(started[max(0, len(started) - _AMONG * number) :], tree_of)
    shares = _shares([len(each) for each in bursts], number)
    return [job for burst, share in zip(bursts, shares, strict=True) for job in thinned(burst, share)]


def thinned(jobs: Sequence[SeenJob], number: int) -> list[SeenJob]:
    """At most so many of them, evenly."""
    if len(jobs) <= number:
        return list(jobs)
    return [jobs[place * len(jobs) // number] for place in range(number)]


def _bursts(started: Sequence[SeenJob], tree_of: Mapping[str, Hashable]) -> list[list[SeenJob]]:
    """Each the starts of a time without a break in which something of a tree waited."""
    found: list[list[SeenJob]] = []
    current: dict[Hashable, tuple[list[SeenJob], int]] = {}
    for job in started:
        tree = tree_of[job.workload.cluster_queue]
        burst, end = current.get(tree, ([], -1))
        if job.submitted > end:
            burst = []
            found.append(burst)
        burst.append(job)
        current[tree] = (burst, max(end, job.reserved))
    return found


def _shares(sizes: Sequence[int], number: int) -> list[int]:
    """How many of each, as alike as their sizes allow; the last ones first where it does not come out even."""
    shares = [0] * len(sizes)
    left = min(number, sum(sizes))
    while left:
        for place in reversed(range(len(sizes))):
            if left and shares[place] < sizes[place]:
                shares[place] += 1
                left -= 1
    return shares
