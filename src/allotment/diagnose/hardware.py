"""What stands behind a quota: devices on the nodes of a flavor, against all that is promised of them."""

from __future__ import annotations

from dataclasses import dataclass

from allotment.diagnose.case import Case
from allotment.diagnose.emptied import grows
from allotment.diagnose.shortage import device
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Node
from allotment.scheduling.snapshot.quantities import units


@dataclass(frozen=True, slots=True)
class Backing:
    """Devices of one flavor.

    Attributes:
        healthy: on Ready nodes with the flavor's labels.
        promised: of all nominal quotas, those of cohorts included.
        largest: the node that has most of them; None if none has any.
        each: devices of that node.
    """

    healthy: int
    promised: int
    largest: Node | None
    each: int

    @property
    def room(self) -> int:
        """By how much a quota may be raised before more is promised than there is."""
        return max(0, self.healthy - self.promised)


class _Backings(dict[tuple[str, str], Backing]):
    """What has been counted, by flavor and resource."""


def backing_of(case: Case, flavor: str, resource: str) -> Backing | None:
    """The devices behind a flavor's resource; None where they set no bound: no device, nodes not seen, or to come."""
    index = case.index
    if not device(resource) or not index.nodes or not case.seen_everywhere("nodes") or grows(index):
        return None
    kept = index.beside.once(_Backings, _Backings)
    if (flavor, resource) not in kept:
        kept[flavor, resource] = _counted(index, flavor, resource)
    return kept[flavor, resource]


def _counted(index: Index, flavor: str, resource: str) -> Backing:
    found = index.flavors.get(flavor)
    labels = found.spec.node_labels.items() if found is not None else {}.items()
    nodes = [
        (units(resource, node.status.allocatable[resource]), node)
        for node in index.objects.nodes
        if found is not None and resource in node.status.allocatable and labels <= node.metadata.labels.items()
    ]
    each, largest = max(nodes, key=lambda pair: pair[0], default=(0, None))
    return Backing(
        healthy=sum(amount for amount, node in nodes if node.ready),
        promised=sum(_promised(index, flavor, resource)),
        largest=largest if each > 0 else None,
        each=each,
    )


def _promised(index: Index, flavor: str, resource: str) -> list[int]:
    groups = [
        group
        for each in (index.objects.cluster_queues, index.objects.cohorts)
        for above in each
        for group in above.spec.resource_groups
    ]
    return [
        units(resource, quota.nominal_quota)
        for group in groups
        for part in group.flavors
        if part.name == flavor
        for quota in part.resources
        if quota.name == resource and quota.nominal_quota is not None
    ]
