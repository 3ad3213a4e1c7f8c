"""Charges and releases whole workloads on the quota tree and the topologies, with undo over both."""

from __future__ import annotations

from allotment.scheduling.queueing.domains.capacity import TopologyCapacity
from allotment.scheduling.queueing.quota.tree import QuotaTree
from allotment.scheduling.queueing.records import Assignment, QueueRecord, TopologyAssignment, WorkloadRecord


class Checkpoint:
    """A point to roll back to."""

    __slots__ = ("topology", "tree")

    def __init__(self, tree: int, topology: int) -> None:
        self.tree: int = tree
        self.topology: int = topology


class UsageLedger:
    """The one place where usage changes, real or simulated.

    Attributes:
        tree: the quota tree.
        topology: capacity of the topology flavors, None if there are none.
    """

    __slots__ = ("topology", "tree")

    def __init__(self, tree: QuotaTree, topology: TopologyCapacity | None) -> None:
        self.tree: QuotaTree = tree
        self.topology: TopologyCapacity | None = topology

    def checkpoint(self) -> Checkpoint:
        """Start recording; nestable."""
        topology = self.topology.checkpoint() if self.topology is not None else 0
        return Checkpoint(self.tree.checkpoint(), topology)

    def rollback(self, mark: Checkpoint) -> None:
        """Restore usage exactly as it was at `mark`."""
        self.tree.rollback(mark.tree)
        if self.topology is not None:
            self.topology.rollback(mark.topology)

    def charge(self, workload: WorkloadRecord) -> None:
        """Charge a workload with the admission it has."""
        if workload.admission is not None:
            self.charge_assignment(workload.queue, workload.admission, workload)

    def release(self, workload: WorkloadRecord) -> None:
        """Give back what `charge` took."""
        admission = workload.admission
        if admission is None:
            return
        cells = workload.queue.cells
        for fr, amount in admission.usage.items():
            self.tree.remove(cells[fr], amount)
        if self.topology is not None:
            for index, pod_set in enumerate(admission.pod_sets):
                if pod_set.topology_assignment is not None:
                    self.topology.remove(pod_set.topology_assignment, workload.pod_sets[index])

    def charge_assignment(self, queue: QueueRecord, assignment: Assignment, workload: WorkloadRecord) -> None:
        """Charge what `assignment` would use."""
        cells = queue.cells
        for fr, amount in assignment.usage.items():
            self.tree.add(cells[fr], amount)
        self.charge_topology(assignment, workload)

    def charge_topology(self, assignment: Assignment, workload: WorkloadRecord) -> None:
        """Charge only the topology side of `assignment`."""
        if self.topology is None:
            return
        for index, pod_set in enumerate(assignment.pod_sets):
            found: TopologyAssignment | None = pod_set.topology_assignment
            if found is not None:
                self.topology.add(found, workload.pod_sets[index])
