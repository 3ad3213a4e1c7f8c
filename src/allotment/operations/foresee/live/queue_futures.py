"""Both futures of a what-if, summed queue by queue."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from allotment.simulation.estimate.interval import quantile
from allotment.simulation.live.changing import LiveChange, LiveDifference


@dataclass(frozen=True, slots=True)
class QueueFutures:
    """What a change makes of one queue. Waits are milliseconds from now.

    Attributes:
        queue: name of the ClusterQueue.
        waiting: workloads that wait in it.
        starts_before, starts_after: how many of them get quota at this moment.
        before, after: the median of their waits; infinite = more than half do not start within the horizon; None where
            no future bears on the queue.
        sooner, later: how many of them get quota sooner, or later, by the change.
        displaced: how many that hold quota in it lose that at once.
    """

    queue: str
    waiting: int
    starts_before: int
    starts_after: int
    before: float | None
    after: float | None
    sooner: int
    later: int
    displaced: int


def queue_futures(found: LiveDifference, queue_of: Mapping[str, str]) -> tuple[QueueFutures, ...]:
    """Each queue in which somebody waits or loses quota, by name.

    Args:
        found: what the twins say.
        queue_of: the queue of each workload that holds quota.
    """
    waiting: dict[str, list[LiveChange]] = defaultdict(list)
    for each in found.jobs:
        waiting[each.queue].append(each)
    displaced = Counter(queue_of[name] for name in found.preempted if name in queue_of)
    return tuple(_summed(queue, waiting[queue], displaced[queue]) for queue in sorted({*waiting, *displaced}))


def _summed(queue: str, jobs: list[LiveChange], displaced: int) -> QueueFutures:
    moved = [_moved(each) for each in jobs]
    return QueueFutures(
        queue,
        len(jobs),
        sum(each.starts_before for each in jobs),
        sum(each.starts_after for each in jobs),
        _median(each.before for each in jobs),
        _median(each.after for each in jobs),
        sum(each < 0 for each in moved),
        sum(each > 0 for each in moved),
        displaced,
    )


def _moved(change: LiveChange) -> float:
    """Less than nothing for one that gets quota sooner; where no future tells, whether it does at once counts."""
    if change.before is None or change.after is None:
        return float(change.starts_before) - float(change.starts_after)
    if change.before == change.after:
        return 0.0
    return change.after - change.before


def _median(waits: Iterable[float | None]) -> float | None:
    known = sorted(each for each in waits if each is not None)
    return quantile(known, 0.5) if known else None
