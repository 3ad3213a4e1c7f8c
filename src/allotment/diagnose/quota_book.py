"""Quota of a source as one can look it up: what a queue has, uses and could get, also as if a limit were gone.

The arithmetic is that of the queueing twin; here it is only asked, with names in place of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from allotment.scheduling.queueing.catalog import Catalog
from allotment.scheduling.queueing.indices import NO_NODE, Cell, TreeNode
from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    Cohort,
    ResourceFlavor,
    ResourceGroup,
    ResourceQuota,
)
from allotment.scheduling.queueing.quota.tree import NO_LIMIT
from allotment.scheduling.snapshot.queueing import QueueingView, QuotaHolder

PODS: Final = "pods"
Pair = tuple[str, str]
"""Flavor and resource."""
QuotaUse = Mapping[tuple[str, Pair], int]
"""What is held in each ClusterQueue: whatever its quota is."""


@dataclass(frozen=True, slots=True)
class QuotaEntry:
    """Quota of one resource in one flavor of a queue, as the twin counts: CPU in milli-CPU, all else in units.

    Attributes:
        nominal, used: of the queue itself.
        left: what it can still get now, borrowing included; below 0 where more was given than there is.
        most: what it could get if nobody used anything.
        borrowing_limit: None = none is set.
        cohort_total, cohort_used: of the root of its tree; the queue's own where it has no cohort.
    """

    nominal: int
    used: int
    left: int
    most: int
    borrowing_limit: int | None
    cohort_total: int
    cohort_used: int

    @property
    def free(self) -> int:
        """The same, and 0 where it is overdrawn."""
        return max(0, self.left)


class QuotaBook:
    """All quotas of a source with their use."""

    def __init__(self, view: QueueingView, state: ClusterState | None = None, use: QuotaUse | None = None) -> None:
        """Of a view.

        Args:
            view: who holds what.
            state: as if that were its quotas.
            use: of the view, where it is summed up already.
        """
        self.view = view
        self.state = view.state if state is None else state
        self.queues: Mapping[str, ClusterQueue] = {each.name: each for each in self.state.cluster_queues}
        self.flavors: Mapping[str, ResourceFlavor] = {each.name: each for each in self.state.flavors}
        self._names = Catalog(self.state)
        self._tree = self._names.tree
        self._above: dict[tuple[str, int], list[QuotaHolder]] = {}
        self._entries: dict[tuple[str, str, str], QuotaEntry | None] = {}
        self._use = held_together(view, self.queues) if use is None else use
        for (queue, (flavor, resource)), amount in self._use.items():
            cell = self._cell(queue, flavor, resource)
            if cell is not None:
                self._tree.add(cell, amount)

    def _give_back(self, holder: QuotaHolder) -> None:
        for (flavor, resource), amount in held_by(holder, self.queues).items():
            cell = self._cell(holder.workload.cluster_queue, flavor, resource)
            if cell is not None and amount > 0:
                self._tree.remove(cell, amount)

    def _cell(self, queue: str, flavor: str, resource: str) -> Cell | None:
        node = self._names.queue_index.get(queue)
        fr = self._fr(flavor, resource)
        return None if node is None or fr is None else self._tree.cells[node][fr]

    def _fr(self, flavor: str, resource: str) -> int | None:
        names = self._names
        if flavor not in names.flavor_index or resource not in names.resource_index:
            return None
        return names.fr_index.get((names.flavor_index[flavor], names.resource_index[resource]))

    def entry(self, queue: str, flavor: str, resource: str) -> QuotaEntry | None:
        """The quota of a queue; None if it has none of that name."""
        asked = (queue, flavor, resource)
        if asked not in self._entries:
            self._entries[asked] = self._entry(queue, flavor, resource)
        return self._entries[asked]

    def _entry(self, queue: str, flavor: str, resource: str) -> QuotaEntry | None:
        cell = self._cell(queue, flavor, resource)
        if cell is None:
            return None
        tree = self._tree
        limit = tree.borrowing_limit[cell]
        top = cell
        while tree.parent[top] >= 0:
            top = tree.parent[top]
        return QuotaEntry(
            nominal=tree.nominal[cell],
            used=tree.usage[cell],
            left=tree.available(cell),
            most=tree.potential[cell],
            borrowing_limit=None if limit == NO_LIMIT else limit,
            cohort_total=tree.subtree[top],
            cohort_used=tree.usage[top],
        )

    def fits(self, queue: str, wanted: Mapping[Pair, int], *, without: Iterable[QuotaHolder] = ()) -> bool:
        """Whether a queue can get all of this now, or once some have ended."""
        mark = self._tree.checkpoint()
        for holder in without:
            self._give_back(holder)
        fit = True
        for (flavor, resource), amount in wanted.items():
            cell = self._cell(queue, flavor, resource)
            if amount > 0 and (cell is None or amount > self._tree.available(cell)):
                fit = False
                break
        self._tree.rollback(mark)
        return fit

    def could_ever_fit(self, queue: str, wanted: Mapping[Pair, int]) -> bool:
        """Whether it could get all of this if nobody used anything."""
        for (flavor, resource), amount in wanted.items():
            cell = self._cell(queue, flavor, resource)
            if amount > 0 and (cell is None or amount > self._tree.potential[cell]):
                return False
        return True

    def tree_of(self, queue: str) -> frozenset[str]:
        """All queues that share a root cohort with a queue, itself included."""
        node = self._names.queue_index.get(queue)
        if node is None:
            return frozenset()
        members = self._names.queues_of_tree[self._tree.root_of(node)]
        return frozenset(self._names.queues[each].name for each in members)

    def root_cohort(self, queue: str) -> str:
        """Name of the topmost cohort above a queue; empty if it is in none."""
        node: TreeNode | None = self._names.queue_index.get(queue)
        if node is None or self._tree.node_parent[node] == NO_NODE:
            return ""
        root = self._tree.root_of(node)
        return next((name for name, each in self._names.cohort_index.items() if int(each) == int(root)), "")

    @cached_property
    def holders(self) -> dict[str, list[QuotaHolder]]:
        """Who holds quota, by ClusterQueue."""
        found: dict[str, list[QuotaHolder]] = {}
        for holder in self.view.running:
            found.setdefault(holder.workload.cluster_queue, []).append(holder)
        return found

    def holders_above(self, queue: str, priority: int) -> list[QuotaHolder]:
        """Those of a ClusterQueue whose priority is higher than this one."""
        asked = (queue, priority)
        if asked not in self._above:
            self._above[asked] = [each for each in self.holders.get(queue, ()) if each.workload.priority > priority]
        return self._above[asked]

    @cached_property
    def without_borrowing_limits(self) -> QuotaBook:
        """The same if nobody had a borrowing limit. Limits of others change nothing for a queue at this moment."""
        return QuotaBook(self.view, _unlimited(self.state, borrowing=True), self._use)

    @cached_property
    def without_lending_limits(self) -> QuotaBook:
        """The same if everybody lent all of it."""
        return QuotaBook(self.view, _unlimited(self.state, borrowing=False), self._use)

    def with_lending_limit(self, name: str, pair: Pair, limit: int, *, cohort: bool = False) -> QuotaBook:
        """The same with another lending limit of one queue, or of one cohort."""
        return QuotaBook(self.view, _with_lending(self.state, name, pair, limit, cohort=cohort), self._use)

    def cohorts_beside(self, queue: str) -> list[str]:
        """Cohorts of a queue's tree that are not above it: what they keep for themselves it does not get."""
        own = self._names.queue_index.get(queue)
        if own is None:
            return []
        root, above = self._tree.root_of(own), set[int]()
        node: TreeNode = self._tree.node_parent[own]
        while node != NO_NODE:
            above.add(int(node))
            node = self._tree.node_parent[node]
        return [
            name
            for name, each in self._names.cohort_index.items()
            if int(each) not in above and int(self._tree.root_of(each)) == int(root)
        ]

    def kept(self, name: str, pair: Pair, *, cohort: bool = False) -> tuple[int, int] | None:
        """What of a queue or cohort is idle and not lent, and its lending limit; None where it has none."""
        names, tree, fr = self._names, self._tree, self._fr(*pair)
        node = (names.cohort_index if cohort else names.queue_index).get(name)
        if node is None or fr is None:
            return None
        cell = tree.cells[node][fr]
        limit = tree.lending_limit[cell]
        return None if limit == NO_LIMIT else (max(0, tree.local_quota[cell] - tree.usage[cell]), limit)


def held_together(view: QueueingView, queues: Mapping[str, ClusterQueue]) -> QuotaUse:
    """What all holders of a view hold together."""
    total: dict[tuple[str, Pair], int] = {}
    for holder in view.running:
        queue = holder.workload.cluster_queue
        for pair, amount in held_by(holder, queues).items():
            if amount > 0:
                total[queue, pair] = total.get((queue, pair), 0) + amount
    return total


def held_by(holder: QuotaHolder, queues: Mapping[str, ClusterQueue]) -> dict[Pair, int]:
    """What a workload's quota comes to, by flavor and resource."""
    requests = {each.name: dict(each.requests) for each in holder.workload.pod_sets}
    queue = queues.get(holder.workload.cluster_queue)
    covers_pods = queue is not None and any(PODS in group.covered_resources for group in queue.resource_groups)
    total: dict[Pair, int] = {}
    for given in holder.pod_sets:
        asked = requests.get(given.name, {})
        for resource, flavor in given.flavors:
            amount = 1 if resource == PODS and covers_pods else asked.get(resource, 0)
            total[flavor, resource] = total.get((flavor, resource), 0) + amount * given.count
    return total


def _unlimited(state: ClusterState, *, borrowing: bool) -> ClusterState:
    def freed(_: Pair, quota: ResourceQuota) -> ResourceQuota:
        return replace(quota, borrowing_limit=None) if borrowing else replace(quota, lending_limit=None)

    queues = tuple(
        replace(each, resource_groups=_changed(each.resource_groups, freed)) for each in state.cluster_queues
    )
    cohorts: tuple[Cohort, ...] = tuple(
        replace(each, resource_groups=_changed(each.resource_groups, freed)) for each in state.cohorts
    )
    return replace(state, cluster_queues=queues, cohorts=cohorts)


def _with_lending(state: ClusterState, name: str, pair: Pair, limit: int, *, cohort: bool) -> ClusterState:
    def limited(of: Pair, quota: ResourceQuota) -> ResourceQuota:
        return replace(quota, lending_limit=limit) if of == pair else quota

    if cohort:
        cohorts = tuple(
            replace(each, resource_groups=_changed(each.resource_groups, limited)) if each.name == name else each
            for each in state.cohorts
        )
        return replace(state, cohorts=cohorts)
    queues = tuple(
        replace(each, resource_groups=_changed(each.resource_groups, limited)) if each.name == name else each
        for each in state.cluster_queues
    )
    return replace(state, cluster_queues=queues)


def _changed(
    groups: tuple[ResourceGroup, ...], change: Callable[[Pair, ResourceQuota], ResourceQuota]
) -> tuple[ResourceGroup, ...]:
    """Resource groups with each quota of a flavor and resource changed."""
    return tuple(
        replace(
            group,
            flavors=tuple(
                replace(
                    each,
                    resources=tuple((name, change((each.flavor, name), quota)) for name, quota in each.resources),
                )
                for each in group.flavors
            ),
        )
        for group in groups
    )
