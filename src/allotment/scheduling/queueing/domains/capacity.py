"""Capacity and usage of the leaf domains of every topology flavor, with undo.

Amounts live in rows, one list per leaf and flavor, indexed by resource. Where the lowest level is the hostname, several
flavors may hold the same node. What really runs there is charged to all of them. What is only simulated (a cycle's
charges, the removal of victims) is charged to its own flavor: Kueue adds up the flavors when it takes a cycle's
snapshot, and not again within the cycle. That is one of the known exceptions from never over-allocating.
"""

from __future__ import annotations

from allotment.scheduling.queueing.domains.forest import Forest
from allotment.scheduling.queueing.indices import FlavorId, Leaf, ResourceId, Row
from allotment.scheduling.queueing.records import Assignment, PodSetRecord, TopologyAssignment, WorkloadRecord


class TopologyCapacity:
    """What leaf domains offer and what topology-aware workloads use of it.

    Attributes:
        rows: per flavor, the row of each leaf.
        leaves: per flavor, the leaf of each row.
        free: per row, allocatable amount per resource.
        used: per row, used amount per resource.
        places: per row, the first row of the same node; PodSets of one workload see each other by it.
        pods_resource: index of the resource `pods`.
    """

    __slots__ = (
        "_changed",
        "_forgotten",
        "_journal",
        "_marks",
        "_siblings",
        "free",
        "leaves",
        "places",
        "pods_resource",
        "rows",
        "used",
    )

    def __init__(self, pods_resource: ResourceId) -> None:
        """No leaves yet."""
        self.pods_resource: ResourceId = pods_resource
        self.rows: dict[FlavorId, list[Row]] = {}
        self.leaves: dict[FlavorId, dict[Row, Leaf]] = {}
        self.free: list[list[int]] = []
        self.used: list[list[int]] = []
        self.places: list[Row] = []
        self._siblings: list[list[Row]] = []
        self._changed: list[Row] = []
        self._forgotten: int = 0
        self._journal: list[tuple[Row, ResourceId, int]] = []
        self._marks: int = 0

    def add_flavor(
        self,
        flavor: FlavorId,
        forest: Forest,
        resource_index: dict[str, ResourceId],
        shared: dict[str, list[Row]] | None,
    ) -> None:
        """Give every leaf of a flavor its row.

        Args:
            flavor: the flavor.
            forest: its domains.
            resource_index: resources by name; all node resources are in it.
            shared: rows by hostname, of all flavors so far; None if flavors do not see each other.
        """
        rows: list[Row] = []
        for leaf, nodes in enumerate(forest.nodes):
            amounts = [0] * len(resource_index)
            for node in nodes:
                for name, amount in node.allocatable:
                    amounts[resource_index[name]] += amount
            row = Row(len(self.free))
            same = [row]
            if forest.by_hostname and shared is not None:
                same = shared.setdefault(forest.leaves[leaf].values[-1], [])
                same.append(row)
            rows.append(row)
            self.places.append(same[0])
            self._siblings.append(same)
            self.free.append(amounts)
            self.used.append([0] * len(amounts))
        self.rows[flavor] = rows
        self.leaves[flavor] = {row: Leaf(leaf) for leaf, row in enumerate(rows)}

    def add(self, assigned: TopologyAssignment, pod_set: PodSetRecord) -> None:
        """Charge the pods of a topology assignment; for real if no checkpoint is open."""
        self._change(assigned, pod_set, 1)

    def remove(self, assigned: TopologyAssignment, pod_set: PodSetRecord) -> None:
        """Give them back."""
        self._change(assigned, pod_set, -1)

    def holds(self, assignment: Assignment, workload: WorkloadRecord) -> bool:
        """Does every leaf still hold its pods?

        As in Kueue each PodSet is looked at alone and the number of pods does not count, so two assignments of one
        cycle can overfill a leaf: another known exception from never over-allocating.
        """
        for result, pod_set in zip(assignment.pod_sets, workload.pod_sets, strict=False):
            assigned = result.topology_assignment
            if assigned is None:
                continue
            rows = self.rows[assigned.flavor]
            for leaf, count in zip(assigned.leaves, assigned.counts, strict=True):
                free, used = self.free[rows[leaf]], self.used[rows[leaf]]
                requests = [pair for pair in pod_set.per_pod if pair[0] != self.pods_resource]
                if not requests:
                    return False  # Kueue: of pods that ask for nothing none fits
                for resource, amount in requests:
                    if amount and self._left(free, used, resource) // amount < count:
                        return False
        return True

    @staticmethod
    def _left(free: list[int], used: list[int], resource: ResourceId) -> int:
        return free[resource] - used[resource] if resource < len(free) else 0

    def _change(self, assigned: TopologyAssignment, pod_set: PodSetRecord, sign: int) -> None:
        rows = self.rows[assigned.flavor]
        for leaf, count in zip(assigned.leaves, assigned.counts, strict=True):
            row = rows[leaf]
            for resource, amount in pod_set.per_pod:
                if amount and resource != self.pods_resource:
                    self._add(row, resource, sign * amount * count)
            self._add(row, self.pods_resource, sign * count)

    def _add(self, row: Row, resource: ResourceId, amount: int) -> None:
        if not self._marks:
            for same in self._siblings[row]:
                self.used[same][resource] += amount
                self._changed.append(same)
            return
        self._changed.append(row)
        used = self.used[row]
        self._journal.append((row, resource, used[resource]))
        used[resource] += amount

    def now(self) -> int:
        """A point in the sequence of changes, for `changed_since`."""
        return self._forgotten + len(self._changed)

    def changed_since(self, point: int) -> list[Row] | None:
        """Rows whose usage changed since `now` was `point`, with repetitions; None if that is too long ago."""
        if len(self._changed) > 8 * len(self.free) + 1000:
            self._forgotten += len(self._changed)
            self._changed = []
        return None if point < self._forgotten else self._changed[point - self._forgotten :]

    def checkpoint(self) -> int:
        """Start recording changes; checkpoints nest."""
        self._marks += 1
        return len(self._journal)

    def rollback(self, mark: int) -> None:
        """Restore the usage at the matching checkpoint."""
        journal = self._journal
        while len(journal) > mark:
            row, resource, value = journal.pop()
            self.used[row][resource] = value
            self._changed.append(row)
        self._marks -= 1
