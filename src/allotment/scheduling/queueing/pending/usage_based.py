"""The pending queue of a ClusterQueue with usage-based admission fair sharing."""

from __future__ import annotations

from allotment.scheduling.queueing.pending.local_usage import LocalUsage, key_of
from allotment.scheduling.queueing.pending.queue import Bucket, PendingQueue
from allotment.scheduling.queueing.records import WorkloadRecord


class UsageBasedQueue(PendingQueue):
    """The workload of the LocalQueue with the least usage first; then as in any queue.

    Usage changes with every admission and sample, so the head is found by looking at the first workload of every
    (LocalQueue, shape) instead of by a heap.
    """

    __slots__ = ("_local_keys", "_usage")

    def __init__(self, usage: LocalUsage, *, strict: bool, hashing: bool) -> None:
        """An empty queue over shared usage figures."""
        super().__init__(strict=strict, hashing=hashing)
        self._usage: LocalUsage = usage
        self._local_keys: dict[tuple[tuple[str, str], int], int] = {}

    def pop(self) -> WorkloadRecord | None:
        """Take the head in flight; None if no workload is active."""
        best: WorkloadRecord | None = None
        best_key: tuple[float, bool, int, int, str] | None = None
        for bucket in self._buckets.values():
            first = None if bucket.refused else bucket.first()
            if first is None:
                continue
            key = self._order_key(first[3])
            if best_key is None or key < best_key:
                best, best_key = first[3], key
        sticky = self._sticky_head()
        if sticky is not None and best_key is not None and self._order_key(sticky) < best_key:
            best = sticky
        return self._take(best, self._bucket(best)) if best is not None else None

    def _order_key(self, workload: WorkloadRecord) -> tuple[float, bool, int, int, str]:
        sticky = not self._strict and self.is_sticky(workload)
        return self._usage.of(workload), not sticky, -workload.priority, workload.since, workload.uid

    def _bucket_key(self, workload: WorkloadRecord) -> int:
        """Shapes apart by LocalQueue; numbers are handed out as they come up."""
        key = (key_of(workload), super()._bucket_key(workload))
        return self._local_keys.setdefault(key, len(self._local_keys))

    def _refuse(self, bucket: Bucket) -> None:
        """The shape is refused in every LocalQueue of the ClusterQueue."""
        shapes = {number: shape for (_, shape), number in self._local_keys.items()}
        refused = next(shapes[number] for number, each in self._buckets.items() if each is bucket)
        for number, each in self._buckets.items():
            if shapes[number] == refused:
                super()._refuse(each)

    def _new_bucket(self, workload: WorkloadRecord) -> Bucket:
        """A LocalQueue's first workload of a shape that is refused elsewhere waits like its peers."""
        bucket = super()._new_bucket(workload)
        shapes = {number: shape for (_, shape), number in self._local_keys.items()}
        shape = shapes[self._bucket_key(workload)]
        if any(each.refused and shapes[number] == shape for number, each in self._buckets.items()):
            super()._refuse(bucket)
        return bucket

    def _offer(self, bucket: Bucket) -> None:
        """Nothing to offer: `pop` looks at every bucket."""
