"""The pending workloads of one ClusterQueue (source: shared/kueue.md 1.2 and its corrections).

Three disjoint places: the active heap, the inadmissible set, and one in-flight head.
"""

from __future__ import annotations

from enum import IntEnum
from heapq import heappop, heappush

from allotment.scheduling.records import ACTIVE, INADMISSIBLE, INFLIGHT, NOWHERE, WorkloadRecord


class RequeueReason(IntEnum):
    """Why a head comes back to its queue."""

    GENERIC = 0
    FAILED_AFTER_NOMINATION = 1
    PENDING_PREEMPTION = 2
    NO_FIT = 3
    PREEMPTION_NO_CANDIDATES = 4


_RETRIED_AT_ONCE = (RequeueReason.FAILED_AFTER_NOMINATION, RequeueReason.PENDING_PREEMPTION)
_SAME_FOR_EQUAL_SHAPES = (RequeueReason.NO_FIT, RequeueReason.PREEMPTION_NO_CANDIDATES)

HeapEntry = tuple[int, int, str, int, WorkloadRecord]


class PendingQueue:
    """Order: sticky preemptor (BestEffortFIFO only), priority, queue-order timestamp, UID.

    Attributes:
        active: number of workloads in the heap.
        inadmissible: workloads that wait for a wake-up, by index.
    """

    __slots__ = ("_hashing", "_heap", "_refused_shapes", "_sticky", "_strict", "_tokens", "active", "inadmissible")

    def __init__(self, *, strict: bool, hashing: bool) -> None:
        """An empty queue.

        Args:
            strict: StrictFIFO instead of BestEffortFIFO.
            hashing: scheduling-equivalence hashing is on (it only concerns BestEffortFIFO).
        """
        self._strict: bool = strict
        self._hashing: bool = hashing and not strict
        self._heap: list[HeapEntry] = []
        self._tokens: int = 0
        self._sticky: WorkloadRecord | None = None
        self._refused_shapes: set[int] = set()
        self.active: int = 0
        self.inadmissible: dict[int, WorkloadRecord] = {}

    def arrive(self, workload: WorkloadRecord) -> None:
        """A new, updated or evicted workload enters; one of a refused shape waits with its peers at once."""
        if workload.shape in self._refused_shapes:
            workload.place = INADMISSIBLE
            self.inadmissible[workload.index] = workload
        else:
            self._push(workload)

    def pop(self) -> WorkloadRecord | None:
        """Take the head in flight."""
        if self.active == 0:
            return None
        self.active -= 1
        sticky = self._sticky
        if sticky is not None and sticky.place == ACTIVE and not self._strict:
            sticky.place = INFLIGHT
            return sticky
        while True:
            entry = heappop(self._heap)
            workload = entry[4]
            if workload.place == ACTIVE and workload.token == entry[3]:
                workload.place = INFLIGHT
                return workload

    def requeue(self, workload: WorkloadRecord, reason: RequeueReason) -> bool:
        """Put an in-flight head back after its attempt.

        Returns:
            True if the set of workloads in the heap differs from before the head was popped.
        """
        if reason == RequeueReason.PENDING_PREEMPTION:
            self._sticky = workload
        memory = workload.memory
        if self._strict or reason in _RETRIED_AT_ONCE or (memory is not None and memory.has_untried()):
            self._push(workload)
            return False
        workload.place = INADMISSIBLE
        self.inadmissible[workload.index] = workload
        if self._hashing and reason in _SAME_FOR_EQUAL_SHAPES:
            self._refuse_shape(workload.shape)
        return True

    def delete(self, workload: WorkloadRecord) -> None:
        """Admitted, finished or deleted: leave the queue and lose the preemptor's privilege."""
        if self._sticky is workload:
            self._sticky = None
        if workload.place == ACTIVE:
            self.active -= 1
        elif workload.place == INADMISSIBLE:
            del self.inadmissible[workload.index]
        workload.place = NOWHERE

    def wake(self) -> bool:
        """Everything inadmissible gets another chance; True if there was anything."""
        self._refused_shapes.clear()
        if not self.inadmissible:
            return False
        woken = list(self.inadmissible.values())
        self.inadmissible.clear()
        for workload in woken:
            self._push(workload)
        return True

    def active_workloads(self) -> list[WorkloadRecord]:
        """Workloads in the heap, in no particular order."""
        return [entry[4] for entry in self._heap if entry[4].place == ACTIVE and entry[4].token == entry[3]]

    def _push(self, workload: WorkloadRecord) -> None:
        self._tokens += 1
        workload.token = self._tokens
        workload.place = ACTIVE
        self.active += 1
        heappush(self._heap, (-workload.priority, workload.since, workload.uid, self._tokens, workload))

    def _refuse_shape(self, shape: int) -> None:
        """Equal workloads would be refused for the same reason: set them aside until the next wake-up."""
        self._refused_shapes.add(shape)
        for workload in self.active_workloads():
            if workload.shape == shape:
                workload.place = INADMISSIBLE
                self.inadmissible[workload.index] = workload
                self.active -= 1
