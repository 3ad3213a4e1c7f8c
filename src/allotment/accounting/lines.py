"""Who stands in the line of each ClusterQueue: those that Kueue's own status counts as pending, no others."""

from __future__ import annotations

from typing import Final

from allotment.model.moments import milliseconds
from allotment.model.observed.index import Index
from allotment.model.observed.queueing import Workload
from allotment.scheduling.snapshot.standing import OutOfQueue, QueueSurroundings, before_queue, queue_of

_UNSEEN: Final = ("forbidden", "failed", "hidden")


def lines_of(index: Index) -> dict[str, list[str]]:
    """Who waits in each ClusterQueue, first in line first: as the visibility API has it, else as Kueue sorts.

    Whoever has reached the ClusterQueue counts, whether or not it is tried there: its namespace may not be taken, its
    next try may have a time, the queue may be stopped. Who is kept before it, by a LocalQueue that is stopped or is not
    there, by itself or by a controller, does not count.
    """
    around = _around(index)
    found: dict[str, list[Workload]] = {}
    for workload in index.objects.workloads:
        if workload.holds_quota or before_queue(workload) is not None:
            continue
        queue, kept = queue_of(workload, around)
        if kept is None:
            found.setdefault(queue, []).append(workload)
    return {queue: _in_turn(index, queue, them) for queue, them in found.items()}


def held_back(index: Index) -> dict[str, int]:
    """By ClusterQueue, how many wait before it in a LocalQueue that is stopped."""
    around = _around(index)
    found: dict[str, int] = {}
    for workload in index.objects.workloads:
        if workload.holds_quota or before_queue(workload) is not None:
            continue
        queue, kept = queue_of(workload, around)
        if kept is not None and kept.reason is OutOfQueue.LOCAL_QUEUE_STOPPED:
            found[queue] = found.get(queue, 0) + 1
    return found


def _around(index: Index) -> QueueSurroundings:
    source = index.source
    unseen = frozenset(each.what for each in source.gaps if each.reason in _UNSEEN)
    return QueueSurroundings(index, {}, unseen, milliseconds(source.observed_at))


def _in_turn(index: Index, queue: str, workloads: list[Workload]) -> list[str]:
    order = {
        f"{item.namespace}/{item.name}": item.position_in_cluster_queue
        for each in index.source.order
        if each.cluster_queue == queue
        for item in each.items
    }
    last = len(order)

    def place(workload: Workload) -> tuple[int, int, str, str]:
        at = order.get(workload.key, last)
        return at, -(workload.spec.priority or 0), workload.metadata.creation_timestamp, workload.metadata.uid

    return [each.key for each in sorted(workloads, key=place)]
