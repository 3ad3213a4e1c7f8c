"""The pending queues of all ClusterQueues, and which of them have a head to try (Kueue: `queue.Manager`)."""

from __future__ import annotations

from allotment.scheduling.queueing.catalog import Catalog
from allotment.scheduling.queueing.indices import QueueId, TreeId
from allotment.scheduling.queueing.inputs import ClusterState
from allotment.scheduling.queueing.pending.local_usage import LocalUsage
from allotment.scheduling.queueing.pending.queue import PendingQueue, RequeueReason
from allotment.scheduling.queueing.pending.usage_based import UsageBasedQueue
from allotment.scheduling.queueing.records import WorkloadRecord


class Queues:
    """Every workload that waits is in the pending queue of its ClusterQueue."""

    def __init__(self, state: ClusterState, catalog: Catalog, usage: LocalUsage | None, *, hashing: bool) -> None:
        """Empty queues.

        Args:
            state: the ClusterQueues, as the catalog has them.
            catalog: names and indices of the state.
            usage: of the LocalQueues, where admission fair sharing is on.
            hashing: scheduling-equivalence hashing is on.
        """
        self._catalog: Catalog = catalog
        self._with_heads: set[QueueId] = set()
        self._pending: list[PendingQueue] = []
        for spec, queue in zip(state.cluster_queues, catalog.queues, strict=True):
            if spec.usage_based and usage is not None:
                self._pending.append(UsageBasedQueue(usage, strict=queue.strict, hashing=hashing))
            else:
                self._pending.append(PendingQueue(strict=queue.strict, hashing=hashing))

    @property
    def idle(self) -> bool:
        """Is every active heap empty?"""
        return not self._with_heads

    def arrive(self, workload: WorkloadRecord) -> None:
        """A new or evicted workload enters its queue."""
        self._pending[workload.queue.index].arrive(workload)
        self._note(workload.queue.index)

    def favour(self, workload: WorkloadRecord) -> None:
        """A workload stands first in its queue because it preempted last."""
        self._pending[workload.queue.index].favour(workload)

    def take_over(self, new: WorkloadRecord, old: WorkloadRecord, others: Queues, *, wake: bool) -> None:
        """A workload waits as it waits in the queues of another cluster; `wake` gives it another chance."""
        place = others._pending[old.queue.index]
        refused = not wake and place.inadmissible(old)
        self._pending[new.queue.index].restore(new, refused=refused, sticky=place.is_sticky(old))
        self._note(new.queue.index)

    def pop_heads(self) -> list[WorkloadRecord]:
        """The head of each ClusterQueue that has one, now in flight."""
        heads: list[WorkloadRecord] = []
        for queue in sorted(self._with_heads):
            head = self._pending[queue].pop()
            if head is not None:
                heads.append(head)
            self._note(queue)
        return heads

    def requeue(self, workload: WorkloadRecord, reason: RequeueReason) -> bool:
        """Put an in-flight head back; True if the set of active workloads differs from before it was popped."""
        changed = self._pending[workload.queue.index].requeue(workload, reason)
        self._note(workload.queue.index)
        return changed

    def delete(self, workload: WorkloadRecord) -> None:
        """Admitted or finished: it leaves its queue."""
        self._pending[workload.queue.index].delete(workload)

    def wake(self, tree: TreeId) -> None:
        """All inadmissible workloads of a tree get another chance."""
        for queue in self._catalog.queues_of_tree.get(tree, ()):
            self._pending[queue].wake()
            self._note(queue)

    def inadmissible(self, workload: WorkloadRecord) -> bool:
        """Does this queued workload wait for a wake-up?"""
        return self._pending[workload.queue.index].inadmissible(workload)

    def _note(self, queue: QueueId) -> None:
        if self._pending[queue].active and not self._catalog.queues[queue].stopped:
            self._with_heads.add(queue)
        else:
            self._with_heads.discard(queue)
