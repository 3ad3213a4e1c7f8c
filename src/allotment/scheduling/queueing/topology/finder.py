"""Places the topology PodSets of one workload inside one flavor, group by group."""

from __future__ import annotations

from typing import Final

from allotment.scheduling.kinds import first_untolerated
from allotment.scheduling.queueing.catalog import Catalog
from allotment.scheduling.queueing.domains.capacity import TopologyCapacity
from allotment.scheduling.queueing.domains.forest import Domain, Forest
from allotment.scheduling.queueing.eligibility import matches_affinity
from allotment.scheduling.queueing.indices import FlavorId, Leaf, PodSetIndex, ResourceId, ShapeId
from allotment.scheduling.queueing.inputs import Node, PodSet, TopologyRequest
from allotment.scheduling.queueing.reasons import Detail, DetailKind
from allotment.scheduling.queueing.records import PodSetRecord, TopologyAssignment
from allotment.scheduling.queueing.topology.counts import Assumed, Counts, PodKind
from allotment.scheduling.queueing.topology.search import LeafCounts, Search, SearchParameters, Shortage

_COUNTED_DOMAINS: Final = 200_000
"""Trees of counts are kept until they have about this many leaves together."""

_UNEXPLAINED: Final = Detail(DetailKind.TOPOLOGY_DOES_NOT_FIT, "")


class PodSetRequest:
    """A PodSet to place."""

    __slots__ = ("count", "implied", "index", "record", "request")

    def __init__(
        self, index: PodSetIndex, record: PodSetRecord, count: int, request: TopologyRequest | None, *, implied: bool
    ) -> None:
        self.index: PodSetIndex = index
        self.record: PodSetRecord = record
        self.count: int = count
        self.request: TopologyRequest | None = request
        self.implied: bool = implied


class Exclusions:
    """Why leaf domains could not take even one pod."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.total: int = 0
        self.counts: dict[str, int] = {}

    def add(self, reason: str) -> None:
        """One more leaf is out for this reason."""
        self.counts[reason] = self.counts.get(reason, 0) + 1

    def text(self) -> str:
        """Kueue's summary, empty if nothing was excluded."""
        if not self.counts:
            return ""
        listed = ", ".join(sorted(f"{reason}: {count}" for reason, count in self.counts.items()))
        return f". Total nodes: {self.total}; excluded: {listed}"


class FlavorFinder:
    """Topology assignments inside one topology flavor."""

    def __init__(
        self, flavor: FlavorId, forest: Forest, capacity: TopologyCapacity, catalog: Catalog, *, least_free: bool
    ) -> None:
        """A finder.

        Args:
            flavor: the flavor.
            forest: its domains.
            capacity: usage the search sees.
            catalog: names of resources.
            least_free: unconstrained requests use the least-free-capacity profile.
        """
        self._flavor: FlavorId = flavor
        self._forest: Forest = forest
        self._capacity: TopologyCapacity = capacity
        self._catalog: Catalog = catalog
        self._least_free: bool = least_free
        self._node_exclusions: dict[ShapeId, list[str]] = {}
        self._counts: dict[tuple[object, ...], Counts] = {}

    def place_all(
        self, pod_sets: list[PodSetRequest], assumed: Assumed, *, empty: bool, explain: bool
    ) -> tuple[dict[PodSetIndex, TopologyAssignment | None], Detail | None]:
        """Place PodSets in order, groups together; stops at the first failure.

        Args:
            pod_sets: what to place.
            assumed: what the workload's earlier PodSets took; extended by what is placed here.
            empty: as if no topology-aware workload ran.
            explain: say why in a failure (costs time).

        Returns:
            Topology assignments by PodSet index (None for those that failed), and the failure.
        """
        found: dict[PodSetIndex, TopologyAssignment | None] = {}
        groups: dict[str, list[PodSetRequest]] = {}
        for number, each in enumerate(pod_sets):
            name = each.request.group if each.request is not None else None
            groups.setdefault(name if name is not None else f"{number}", []).append(each)
        for group in groups.values():
            leader, workers = _leader_and_workers(group)
            placed = self._place(workers, leader, assumed, empty=empty, explain=explain)
            if isinstance(placed, Detail):
                for each in group:
                    found[each.index] = None
                return found, placed
            self._keep(workers, placed.workers, assumed, found)
            if leader is not None:
                self._keep(leader, placed.leaders, assumed, found)
        return found, None

    def _keep(
        self,
        pod_set: PodSetRequest,
        pairs: list[tuple[Leaf, int]],
        assumed: Assumed,
        found: dict[PodSetIndex, TopologyAssignment | None],
    ) -> None:
        found[pod_set.index] = TopologyAssignment(
            self._flavor, [leaf for leaf, _ in pairs], [count for _, count in pairs]
        )
        rows = self._capacity.rows[self._flavor]
        for leaf, count in pairs:
            taken = assumed.setdefault(self._capacity.places[rows[leaf]], {})
            for resource, amount in self._pod_requests(pod_set.record):
                taken[resource] = taken.get(resource, 0) + amount * count

    def _pod_requests(self, record: PodSetRecord) -> list[tuple[ResourceId, int]]:
        """Requests of one pod, itself counted."""
        pods = self._capacity.pods_resource
        asked = [pair for pair in record.per_pod if pair[1] and pair[0] != pods]
        return [*asked, (pods, 1)]

    def _place(
        self,
        workers: PodSetRequest,
        leader: PodSetRequest | None,
        assumed: Assumed,
        *,
        empty: bool,
        explain: bool,
    ) -> LeafCounts | Detail:
        request = self._search_parameters(workers, led=leader is not None)
        if isinstance(request, Detail):
            return request
        if not self._forest.leaves:
            return self._detail(f"no topology domains at level: {self._forest.levels[request.level]}")
        if leader is None:
            by_level = self._counted(workers.record, request, assumed, empty=empty)
        else:
            self._count_leaves(workers, leader, assumed, empty=empty)
            by_level = self._forest.by_level
        least_free = request.unconstrained and self._least_free
        result = Search(by_level, request, least_free=least_free).run()
        if not isinstance(result, Shortage):
            return result
        if not explain:
            return _UNEXPLAINED
        full = [domain.leaf for domain in by_level[-1] if domain.pods == 0]
        exclusions = self._exclusions(workers.record, full, assumed, empty=empty)
        return self._detail(_shortage_text(self._forest.topology, result, request, exclusions))

    def _counted(
        self, record: PodSetRecord, request: SearchParameters, assumed: Assumed, *, empty: bool
    ) -> list[list[Domain]]:
        """The domains with the counts of this kind of pod."""
        requests = self._pod_requests(record)
        key = (*requests, record.shape, request.slice_level, request.slice_size, empty)
        counts = self._counts.pop(key, None)
        if counts is None:
            kind = PodKind(
                requests, self._excluded_leaves(record), request.slice_level, request.slice_size, empty=empty
            )
            counts = Counts(self._forest, self._capacity, self._flavor, kind)
            most = max(4, _COUNTED_DOMAINS // max(1, len(self._forest.leaves)))
            while len(self._counts) >= most:
                del self._counts[next(iter(self._counts))]
        self._counts[key] = counts  # the one asked last is the last to go
        counts.refresh(assumed)
        return counts.by_level

    def _detail(self, text: str) -> Detail:
        return Detail(DetailKind.TOPOLOGY_DOES_NOT_FIT, self._catalog.flavor_names[self._flavor], subject=text)

    def _search_parameters(self, pod_set: PodSetRequest, *, led: bool) -> SearchParameters | Detail:
        """Translate the PodSet's topology request into level indices."""
        request = pod_set.request
        levels = self._forest.levels
        sliced_only = (
            request is not None
            and request.required is None
            and request.preferred is None
            and request.slice_level is not None
        )
        key = levels[-1]
        if request is not None:
            key = request.required or request.preferred or (levels[0] if sliced_only else levels[-1])
        slice_key = request.slice_level if request is not None and request.slice_level else levels[-1]
        level, slice_level = self._forest.level_of(key), self._forest.level_of(slice_key)
        if level is None:
            return self._detail(f"no requested topology level: {key}")
        if slice_level is None:
            return self._detail(f"no requested topology level for slices: {slice_key}")
        if level > slice_level:
            return self._detail(f"podset slice topology {slice_key} is above the podset topology {key}")
        slice_size = 1
        if request is not None and request.slice_level is not None:
            if not request.slice_size:
                return self._detail("slice topology requested, but slice size not provided")
            slice_size = request.slice_size
        return SearchParameters(
            pod_set.count,
            level,
            led=led,
            slice_level=slice_level,
            slice_size=slice_size,
            required=request is not None and request.required is not None,
            unconstrained=pod_set.implied or sliced_only or (request is not None and request.unconstrained),
        )

    def _count_leaves(
        self,
        workers: PodSetRequest,
        leader: PodSetRequest,
        assumed: Assumed,
        *,
        empty: bool,
    ) -> None:
        """How many workers each leaf holds, alone and beside the leader."""
        for domains in self._forest.by_level:
            for domain in domains:
                domain.clear()
        requests = self._pod_requests(workers.record)
        leader_requests = self._pod_requests(leader.record)
        excluded = self._excluded_leaves(workers.record)
        for domain in self._forest.leaves:
            leaf = domain.leaf
            if excluded[leaf]:
                continue
            left = self._left(leaf, assumed, empty=empty)
            domain.pods = domain.led_pods = _count_in(requests, left)
            if _count_in(leader_requests, left) > 0:
                domain.leaders = 1
                for resource, amount in leader_requests:
                    left[resource] = left[resource] - amount
                domain.led_pods = _count_in(requests, left)

    def _exclusions(self, record: PodSetRecord, full: list[Leaf], assumed: Assumed, *, empty: bool) -> Exclusions:
        """Why these leaves cannot take even one pod: the first resource by name of which there is too little."""
        exclusions = Exclusions()
        exclusions.total = len(self._forest.leaves)
        excluded = self._excluded_leaves(record)
        names = self._catalog.resource_names
        requests = sorted(self._pod_requests(record), key=lambda pair: names[pair[0]])
        capacity = self._capacity
        rows = capacity.rows[self._flavor]
        for leaf in full:
            if excluded[leaf]:
                exclusions.add(excluded[leaf])
                continue
            row = rows[leaf]
            free, used = capacity.free[row], capacity.used[row]
            taken = assumed.get(capacity.places[row], {})
            for resource, amount in requests:
                left = free[resource] - (0 if empty else used[resource]) if resource < len(free) else 0
                if left - taken.get(resource, 0) < amount:
                    exclusions.add(f'resource "{names[resource]}"')
                    break
        return exclusions

    def _left(self, leaf: Leaf, assumed: Assumed, *, empty: bool) -> list[int]:
        row = self._capacity.rows[self._flavor][leaf]
        left = list(self._capacity.free[row])
        if not empty:
            for resource, amount in enumerate(self._capacity.used[row]):
                left[resource] -= amount
        for resource, amount in assumed.get(self._capacity.places[row], {}).items():
            left[resource] -= amount
        return left

    def _excluded_leaves(self, record: PodSetRecord) -> list[str]:
        """Per leaf why its node does not match the pods, "" if it does; only where leaves are nodes."""
        cached = self._node_exclusions.get(record.shape)
        if cached is None:
            cached = [
                self._node_exclusion(record.spec, nodes[0]) if self._forest.by_hostname else ""
                for nodes in self._forest.nodes
            ]
            self._node_exclusions[record.shape] = cached
        return cached

    def _node_exclusion(self, pod_set: PodSet, node: Node) -> str:
        taint = first_untolerated(node.taints, pod_set.tolerations + self._forest.flavor.tolerations)
        if taint is not None:
            return f'taint "{taint!s}"'
        labels = dict(node.labels)
        if any(labels.get(key) != value for key, value in pod_set.node_selector):
            return "nodeSelector"
        return "" if matches_affinity(labels, pod_set.required_affinity) else "affinity"


def _leader_and_workers(group: list[PodSetRequest]) -> tuple[PodSetRequest | None, PodSetRequest]:
    """Of two PodSets the one with fewer pods leads; the second one on ties."""
    if len(group) == 1:
        return None, group[0]
    first, second = group[0], group[1]
    return (first, second) if second.count > first.count else (second, first)


def _count_in(requests: list[tuple[ResourceId, int]], left: list[int]) -> int:
    """How many pods fit."""
    return max(0, min(left[resource] // amount if resource < len(left) else 0 for resource, amount in requests))


def _shortage_text(topology: str, shortage: Shortage, request: SearchParameters, exclusions: Exclusions) -> str:
    unit = "pod" if request.slice_size == 1 else "slice"
    if shortage.fit == 0:
        text = f'topology "{topology}" doesn\'t allow to fit any of {shortage.wanted} {unit}(s)'
    else:
        text = f'topology "{topology}" allows to fit only {shortage.fit} out of {shortage.wanted} {unit}(s)'
    return text + exclusions.text()
