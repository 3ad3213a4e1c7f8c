"""Quota against hardware: for each flavor and device resource, what is promised and what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations
from typing import Final

from allotment.accounting.bounds import DeviceBounds, Devices, observed_bounds
from allotment.accounting.capacity import devices_by_node, flavor_matches
from allotment.model.devices import is_device
from allotment.model.observed.base import Amount
from allotment.model.observed.index import Index
from allotment.model.observed.queueing import QuotaOf, ResourceGroupOf
from allotment.observe.seen import seen_everywhere
from allotment.scheduling.snapshot.quantities import units
from allotment.scheduling.snapshot.queues import sends_elsewhere

_MOST_COMBINED: Final = 8
"""Flavors with nodes in common of which every combination is looked at; of more all together."""


@dataclass(frozen=True, slots=True)
class WrittenQuota:
    """A quota as it is declared.

    Attributes:
        kind: ``ClusterQueue`` or ``Cohort``.
        cohort: that the queue is in; empty if it is in none.
        path: its JSON pointer below the object, up to the resource.
        nominal: in units of the resource.
        lendable: of the nominal quota, what others in the cohort may use; of a cohort's, all.
        borrowing: the borrowing limit; None if there is none.
        stopped: nobody is admitted through it.
        elsewhere: its work runs in other clusters, so that it is no quota of the devices here.
    """

    kind: str
    name: str
    cohort: str
    flavor: str
    resource: str
    path: str
    written: QuotaOf
    nominal: int
    lendable: int
    borrowing: int | None
    stopped: bool = False
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class FlavorBook:
    """One flavor and device resource of a cluster; amounts in units of the resource.

    Attributes:
        nominal: all guarantees, those of cohorts included.
        lendable: of them, what others may borrow.
        nodes: that the flavor matches and that have the resource.
        capacity: devices of those nodes, broken ones included.
        allocatable: that they offer.
        healthy: of them, on Ready nodes.
        schedulable: of them, on nodes that take pods.
        devices: of each of the nodes, broken ones included.
        known: whether nodes and flavors were seen; where not, what is said of nodes is 0 and means nothing.
    """

    cluster: str
    flavor: str
    resource: str
    nominal: int
    lendable: int
    nodes: tuple[str, ...]
    capacity: int
    allocatable: int
    healthy: int
    schedulable: int
    bounds: DeviceBounds
    devices: Mapping[str, int] = field(default_factory=dict)
    known: bool = True

    @property
    def most(self) -> int:
        """The most devices that there can be, as far as anybody says."""
        return self.capacity if self.bounds.most is None else max(self.bounds.most, 0)

    @property
    def endless(self) -> bool:
        """Whether an autoscaler makes as many devices as are asked for."""
        return self.bounds.by == "Karpenter" and self.bounds.most is None

    @property
    def reachable(self) -> int:
        """Devices that work can have now: what is schedulable, and what an autoscaler may still add."""
        return self.schedulable + max(0, self.most - self.capacity)


def quota_lines(index: Index) -> Iterator[WrittenQuota]:
    """Every quota of every ClusterQueue and Cohort."""
    for queue in index.objects.cluster_queues:
        stopped = queue.spec.stop_policy not in {"None", ""}
        elsewhere = sends_elsewhere(index, queue)
        for place in _places("ClusterQueue", queue.name, queue.spec.cohort_name, queue.spec.resource_groups):
            yield replace(place, stopped=stopped, elsewhere=elsewhere)
    for cohort in index.objects.cohorts:
        # What a Cohort has itself is everybody's below it, whether or not it has a parent.
        yield from _places("Cohort", cohort.name, cohort.name, cohort.spec.resource_groups)


def _places(kind: str, name: str, cohort: str, groups: tuple[ResourceGroupOf, ...]) -> Iterator[WrittenQuota]:
    for at_group, group in enumerate(groups):
        for at_flavor, flavor in enumerate(group.flavors):
            for at_quota, quota in enumerate(flavor.resources):
                nominal = _amount(quota.name, quota.nominal_quota) or 0
                limit = _amount(quota.name, quota.lending_limit)
                # What a cohort has itself its queues may have; its lending limit is about cohorts above.
                all_of_it = limit is None or kind == "Cohort"
                lendable = (nominal if all_of_it else min(nominal, limit or 0)) if cohort else 0
                path = f"/spec/resourceGroups/{at_group}/flavors/{at_flavor}/resources/{at_quota}"
                borrowing = _amount(quota.name, quota.borrowing_limit)
                yield WrittenQuota(
                    kind, name, cohort, flavor.name, quota.name, path, quota, nominal, lendable, borrowing
                )


def _amount(resource: str, amount: Amount | None) -> int | None:
    return None if amount is None else units(resource, amount)


def flavor_books(index: Index, declared: Mapping[str, DeviceBounds] | None = None) -> tuple[FlavorBook, ...]:
    """All books of a source, by flavor and resource.

    Args:
        index: the source.
        declared: bounds by flavor, from a platform directory; autoscalers are asked for the others.
    """
    devices = devices_by_node(index)
    places: dict[tuple[str, str], list[WrittenQuota]] = {}
    for place in quota_lines(index):
        if is_device(place.resource) and not place.elsewhere:
            places.setdefault((place.flavor, place.resource), []).append(place)
    return tuple(
        _book(index, devices, flavor, resource, found, (declared or {}).get(flavor))
        for (flavor, resource), found in sorted(places.items())
    )


def _book(
    index: Index,
    devices: Devices,
    flavor: str,
    resource: str,
    places: list[WrittenQuota],
    declared: DeviceBounds | None,
) -> FlavorBook:
    found = index.flavors.get(flavor)
    nodes: dict[str, int] = {}
    capacity = allocatable = healthy = schedulable = 0
    for name, parts in devices.items() if found is not None else ():
        node = index.nodes[name]
        for part in parts:
            if found is not None and part.resource == resource and flavor_matches(found, node):
                nodes[name] = part.units
                capacity += part.units
                allocatable += part.offered
                healthy += part.offered if node.ready else 0
                schedulable += part.offered if node.ready and not node.spec.unschedulable else 0
    return FlavorBook(
        cluster=index.source.name,
        flavor=flavor,
        resource=resource,
        nominal=sum(place.nominal for place in places),
        lendable=sum(place.lendable for place in places),
        nodes=tuple(sorted(nodes)),
        capacity=capacity,
        allocatable=allocatable,
        healthy=healthy,
        schedulable=schedulable,
        bounds=declared or (observed_bounds(index, found, resource, devices) if found else DeviceBounds()),
        devices=nodes,
        known=all(seen_everywhere(index.source, each) for each in ("nodes", "resourceflavors")),
    )


def devices_promised_twice(books: Sequence[FlavorBook]) -> Iterator[tuple[tuple[FlavorBook, ...], int, int]]:
    """Flavors that match the same nodes: they, what they guarantee together, and what their nodes have at most.

    Of flavors that hang together by their nodes the fewest that guarantee too much are told. One that guarantees more
    than it can have by itself, or whose devices an autoscaler makes, is no part of it.
    """
    by_resource: dict[str, list[FlavorBook]] = {}
    for book in books:
        if book.nodes and book.bounds.most is None and book.bounds.by != "Karpenter" and book.nominal <= book.capacity:
            by_resource.setdefault(book.resource, []).append(book)
    for of_resource in by_resource.values():
        for together in _sharing(of_resource):
            found = next((some for some in _fewest_first(together) if _excess(some) > 0), None)
            if found is not None:
                nominal = sum(book.nominal for book in found)
                yield found, nominal, nominal - _excess(found)


def _sharing(books: Sequence[FlavorBook]) -> list[list[FlavorBook]]:
    """Books that have nodes in common, directly or by others; those that have none with any other are left out."""
    groups: list[list[FlavorBook]] = []
    for book in books:
        nodes = set(book.nodes)
        touched = [group for group in groups if any(nodes & set(each.nodes) for each in group)]
        groups = [group for group in groups if group not in touched]
        groups.append([each for group in touched for each in group] + [book])
    return [group for group in groups if len(group) > 1]


def _fewest_first(books: Sequence[FlavorBook]) -> Iterator[tuple[FlavorBook, ...]]:
    sizes = range(2, len(books) + 1) if len(books) <= _MOST_COMBINED else (len(books),)
    return chain.from_iterable(combinations(books, size) for size in sizes)


def _excess(books: Sequence[FlavorBook]) -> int:
    """Devices that are guaranteed together beyond those of their nodes."""
    there = {name: count for book in books for name, count in book.devices.items()}
    return sum(book.nominal for book in books) - sum(there.values())
