"""The pending workloads of one ClusterQueue (as Kueue 0.19, `pkg/cache/queue`).

Workloads are kept in one bucket per scheduling shape. Kueue refuses equal shapes together and wakes them together,
so refusing and waking touch a bucket, never its workloads: both stay cheap however long the queue is.
"""

from __future__ import annotations

from enum import IntEnum
from heapq import heappop, heappush
from typing import Final

from allotment.scheduling.queueing.records import WorkloadRecord
from allotment.scheduling.queueing.states import ABSENT, IN_FLIGHT, QUEUED


class RequeueReason(IntEnum):
    """Why a head comes back to its queue."""

    FAILED_AFTER_NOMINATION = 0
    PENDING_PREEMPTION = 1
    NO_FIT = 2
    PREEMPTION_NO_CANDIDATES = 3


_RETRIED_AT_ONCE: Final = (RequeueReason.FAILED_AFTER_NOMINATION, RequeueReason.PENDING_PREEMPTION)


class Bucket:
    """Queued workloads of one shape, hence of one priority.

    Attributes:
        size: number of workloads in it.
        refused: they wait for a wake-up: Kueue's inadmissible set.
    """

    __slots__ = ("entries", "priority", "refused", "size")

    def __init__(self, priority: int) -> None:
        self.priority: int = priority
        self.entries: list[tuple[int, str, int, WorkloadRecord]] = []
        self.size: int = 0
        self.refused: bool = False

    def push(self, workload: WorkloadRecord, token: int) -> bool:
        """Add a workload; True if it is now the first."""
        heappush(self.entries, (workload.since, workload.uid, token, workload))
        self.size += 1
        return self.entries[0][2] == token

    def first(self) -> tuple[int, str, int, WorkloadRecord] | None:
        """The first live entry; stale ones before it are dropped."""
        entries = self.entries
        while entries:
            entry = entries[0]
            if entry[3].state is QUEUED and entry[3].token == entry[2]:
                return entry
            heappop(entries)
        return None


class PendingQueue:
    """Order: sticky preemptor (BestEffortFIFO only), priority, queue-order timestamp, UID.

    Attributes:
        active: number of workloads that are not refused, the in-flight head not counted.
    """

    __slots__ = ("_buckets", "_hashing", "_refused", "_sticky", "_strict", "_tokens", "_tops", "active")

    def __init__(self, *, strict: bool, hashing: bool) -> None:
        """An empty queue.

        Args:
            strict: StrictFIFO instead of BestEffortFIFO.
            hashing: scheduling-equivalence hashing is on: one refusal holds for the whole shape.
        """
        self._strict: bool = strict
        self._hashing: bool = hashing
        self._buckets: dict[int, Bucket] = {}
        self._refused: list[Bucket] = []
        self._tops: list[tuple[int, int, str, int, Bucket]] = []
        self._tokens: int = 0
        self._sticky: WorkloadRecord | None = None
        self.active: int = 0

    def arrive(self, workload: WorkloadRecord) -> None:
        """A new, updated or evicted workload enters; one of a refused shape waits with its peers at once."""
        self._push(workload)

    def restore(self, workload: WorkloadRecord, *, refused: bool, sticky: bool) -> None:
        """Put a workload back where another queue of the same kind held it."""
        if refused:
            self._refuse(self._bucket(workload))
        if sticky:
            self._sticky = workload
        self._push(workload)

    def favour(self, workload: WorkloadRecord) -> None:
        """Give a workload the privilege of the last preemptor, as another queue of the same kind gave it."""
        self._sticky = workload

    def is_sticky(self, workload: WorkloadRecord) -> bool:
        """Does this workload hold the preemptor's privilege?"""
        return self._sticky is workload

    def pop(self) -> WorkloadRecord | None:
        """Take the head in flight; None if no workload is active."""
        sticky = self._sticky_head()
        if sticky is not None:
            return self._take(sticky, self._bucket(sticky))
        tops = self._tops
        while tops:
            _, _, _, token, bucket = tops[0]
            first = None if bucket.refused else bucket.first()
            if first is not None and first[2] == token:
                return self._take(first[3], bucket)
            heappop(tops)
        return None

    def requeue(self, workload: WorkloadRecord, reason: RequeueReason) -> bool:
        """Put an in-flight head back after its attempt.

        Returns:
            True if the set of active workloads differs from before the head was popped.
        """
        if reason == RequeueReason.PENDING_PREEMPTION:
            self._sticky = workload
        memory = workload.memory
        if self._strict or reason in _RETRIED_AT_ONCE or (memory is not None and memory.has_untried()):
            self._push(workload)
            return False
        self._refuse(self._bucket(workload))
        self._push(workload)
        return True

    def delete(self, workload: WorkloadRecord) -> None:
        """Admitted, finished or deleted: leave the queue and lose the preemptor's privilege."""
        if self._sticky is workload:
            self._sticky = None
        if workload.state is QUEUED:
            workload.become(ABSENT)
            self._leave(self._bucket(workload))

    def wake(self) -> None:
        """Everything inadmissible gets another chance."""
        for bucket in self._refused:
            bucket.refused = False
            self.active += bucket.size
            self._offer(bucket)
        self._refused.clear()

    def inadmissible(self, workload: WorkloadRecord) -> bool:
        """Does this queued workload wait for a wake-up?"""
        return self._bucket(workload).refused

    def _refuse(self, bucket: Bucket) -> None:
        if not bucket.refused:
            bucket.refused = True
            self._refused.append(bucket)
            self.active -= bucket.size

    def _sticky_head(self) -> WorkloadRecord | None:
        """The preemptor, if it is active and the queue honours it."""
        sticky = self._sticky
        if sticky is None or self._strict or sticky.state is not QUEUED or self._bucket(sticky).refused:
            return None
        return sticky

    def _bucket(self, workload: WorkloadRecord) -> Bucket:
        bucket = self._buckets.get(self._bucket_key(workload))
        return self._new_bucket(workload) if bucket is None else bucket

    def _bucket_key(self, workload: WorkloadRecord) -> int:
        return workload.shape if self._hashing else workload.index

    def _new_bucket(self, workload: WorkloadRecord) -> Bucket:
        bucket = self._buckets[self._bucket_key(workload)] = Bucket(workload.priority)
        return bucket

    def _push(self, workload: WorkloadRecord) -> None:
        self._tokens += 1
        workload.token = self._tokens
        workload.become(QUEUED)
        bucket = self._bucket(workload)
        first = bucket.push(workload, self._tokens)
        if not bucket.refused:
            self.active += 1
            if first:
                self._offer(bucket)

    def _take(self, workload: WorkloadRecord, bucket: Bucket) -> WorkloadRecord:
        """Put a queued workload in flight. The bucket's next one is offered in its place."""
        workload.become(IN_FLIGHT)
        self._leave(bucket)
        return workload

    def _leave(self, bucket: Bucket) -> None:
        bucket.size -= 1
        if not bucket.refused:
            self.active -= 1
            self._offer(bucket)

    def _offer(self, bucket: Bucket) -> None:
        """Let a bucket's first workload compete for the head of the queue; older offers of it are stale."""
        first = bucket.first()
        if first is not None:
            heappush(self._tops, (-bucket.priority, first[0], first[1], first[2], bucket))
