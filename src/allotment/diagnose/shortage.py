"""What a workload lacks in its queue: flavor by flavor, in the order in which Kueue tries them, with the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from allotment.diagnose.case import Case
from allotment.diagnose.quota_book import PODS, Pair, QuotaBook, QuotaEntry
from allotment.diagnose.twins import Twins
from allotment.model.explanation import FlavorTried
from allotment.scheduling.kinds import first_untolerated
from allotment.scheduling.queueing.eligibility import flavor_obstacle
from allotment.scheduling.queueing.inputs import ClusterQueue, PodSet, ResourceFlavor, Workload
from allotment.scheduling.queueing.quantity import render_amount
from allotment.scheduling.queueing.reasons import DetailKind

_PLAIN: Final = frozenset({"cpu", "memory", "ephemeral-storage", PODS})

_TOPOLOGY_ONLY: Final = "it takes only pods that ask for a topology"


@dataclass(frozen=True, slots=True)
class ResourceNeed:
    """One resource in one flavor: what is asked of it, and what the queue has."""

    resource: str
    wanted: int
    quota: QuotaEntry

    @property
    def short(self) -> bool:
        """Whether it is not there now."""
        return self.wanted > self.quota.free

    @property
    def beyond(self) -> bool:
        """Whether it can never be there."""
        return self.wanted > self.quota.most

    def text(self, amount: int) -> str:
        """An amount of the resource as Kubernetes writes it."""
        return render_amount(self.resource, amount)


@dataclass(frozen=True, slots=True)
class FlavorRow:
    """One flavor as tried for a PodSet.

    Attributes:
        obstacle: why pods may not use it, quota apart: ``taint``, ``affinity``, ``topology``, ``missing``; empty = they
            may.
        about: the taint as ``key=value:effect``, or Kueue's words.
        affine: the pods' selectors match it.
    """

    flavor: str
    group: int
    needs: tuple[ResourceNeed, ...]
    obstacle: str = ""
    about: str = ""
    affine: bool = True

    @property
    def fits(self) -> bool:
        """Whether it would do now."""
        return not self.obstacle and not any(each.short for each in self.needs)

    @property
    def beyond(self) -> bool:
        """Whether quota of it can never be enough."""
        return any(each.beyond for each in self.needs)

    @property
    def offers(self) -> bool:
        """Whether it is for work of this kind at all: a flavor with no quota of a device is for other work."""
        return all(each.quota.most > 0 for each in self.needs if each.wanted > 0)

    @property
    def wanted(self) -> dict[Pair, int]:
        """What is asked of it, by flavor and resource."""
        return {(self.flavor, each.resource): each.wanted for each in self.needs}


@dataclass(frozen=True, slots=True)
class QuotaShortage:
    """What keeps a PodSet of a workload from its quota.

    Attributes:
        workload: as the twin has it.
        pod_set: the first that cannot be served, of the fewest pods that it is content with.
        rows: the flavors of the resource group that fails, in their order.
        undeclared: resources that the queue does not list.
        topology: what topology-aware scheduling says, where quota alone would do.
        never: refused even by an emptied fleet.
        row: the flavor that is nearest to serving it.
    """

    workload: Workload
    pod_set: PodSet
    rows: tuple[FlavorRow, ...] = ()
    undeclared: tuple[str, ...] = ()
    topology: str = ""
    never: bool = False
    tried: tuple[FlavorTried, ...] = ()
    row: FlavorRow | None = None

    @property
    def whole(self) -> int:
        """Pods of the PodSet that are asked for, more than which it may be content with."""
        return next((each.count for each in self.workload.pod_sets if each.name == self.pod_set.name), 0)

    @property
    def partial(self) -> bool:
        """Whether it is content with fewer pods than it asks for."""
        return self.pod_set.min_count is not None

    @property
    def usable(self) -> tuple[FlavorRow, ...]:
        """Flavors that pods may use and that have quota of what they ask."""
        return tuple(each for each in self.rows if not each.obstacle and each.offers)


def _nearness(row: FlavorRow) -> tuple[bool, bool, bool, bool, int, int]:
    devices = [each for each in row.needs if device(each.resource)]
    missing = sum(max(0, each.wanted - each.quota.free) for each in devices)
    beyond = sum(max(0, each.wanted - each.quota.most) for each in devices)
    return not row.offers, bool(row.obstacle), not row.affine, row.beyond, beyond, missing


def device(resource: str) -> bool:
    """Whether a resource is a device: GPUs and the like, not CPU, memory or disk."""
    return resource not in _PLAIN and not resource.startswith("hugepages-")


def book_of(twins: Twins) -> QuotaBook:
    """The quotas of a source, counted once."""
    return twins.index.beside.once(QuotaBook, lambda: QuotaBook(twins.queueing))


def shortage_of(case: Case) -> QuotaShortage | None:
    """What the subject lacks; None where it is not refused for quota, or where quota would do."""
    workload = case.workload
    return None if workload is None or workload.holds_quota else shortage_named(case.twins, workload.key)


def shortage_named(twins: Twins, key: str) -> QuotaShortage | None:
    """What a waiting workload lacks, ``namespace/name``; found out once."""
    kept = twins.index.beside.once(_Shortages, _Shortages)
    if key not in kept:
        workload = waiting_in(twins).get(key)
        kept[key] = None if workload is None else _as_of_its_shape(twins, workload)
    return kept[key]


class _OfShapes(dict[tuple[str, tuple[PodSet, ...]], QuotaShortage | None]):
    """What has been found out, by queue and PodSets: many wait that ask for the same."""


def _as_of_its_shape(twins: Twins, workload: Workload) -> QuotaShortage | None:
    kept = twins.index.beside.once(_OfShapes, _OfShapes)
    shape = (workload.cluster_queue, workload.pod_sets)
    if shape not in kept:
        kept[shape] = lacking(twins, workload)
    found = kept[shape]
    return None if found is None else replace(found, workload=workload)


class _Shortages(dict[str, QuotaShortage | None]):
    """What has been found out, by workload."""


class _Waiting(dict[str, Workload]):
    """Workloads that wait, by name."""


def waiting_in(twins: Twins) -> Mapping[str, Workload]:
    """Workloads that wait in a queue, by ``namespace/name``."""
    return twins.index.beside.once(_Waiting, lambda: _Waiting((each.name, each) for each in twins.queueing.pending))


def lacking(twins: Twins, workload: Workload) -> QuotaShortage | None:
    """What a waiting workload lacks if its turn came now, and nobody were preempted for it."""
    book = book_of(twins)
    queue = book.queues.get(workload.cluster_queue)
    if queue is None:
        return None
    assumed: dict[Pair, int] = {}
    for pod_set in workload.pod_sets:
        found = _of_pod_set(book, queue, book.flavors, workload, _least(pod_set), assumed)
        if found is not None:
            return found
    return None


def _least(pod_set: PodSet) -> PodSet:
    """The fewest pods with which Kueue lets it start: what is refused with them is refused with any more."""
    return pod_set if pod_set.min_count is None else replace(pod_set, count=pod_set.min_count)


def _of_pod_set(
    book: QuotaBook,
    queue: ClusterQueue,
    flavors: Mapping[str, ResourceFlavor],
    workload: Workload,
    pod_set: PodSet,
    assumed: dict[Pair, int],
) -> QuotaShortage | None:
    requests = dict(pod_set.requests)
    covered = {name for group in queue.resource_groups for name in group.covered_resources}
    if PODS in covered:
        requests[PODS] = 1
    undeclared = tuple(sorted(name for name, amount in requests.items() if amount > 0 and name not in covered))
    if undeclared:
        return QuotaShortage(workload, pod_set, undeclared=undeclared, never=True)
    for number, group in enumerate(queue.resource_groups):
        asked = {name: requests[name] * pod_set.count for name in group.covered_resources if requests.get(name)}
        if not asked:
            continue
        rows = []
        chosen = None
        for quotas in group.flavors:
            needs = tuple(
                ResourceNeed(name, amount + assumed.get((quotas.flavor, name), 0), entry)
                for name, amount in asked.items()
                if (entry := book.entry(queue.name, quotas.flavor, name)) is not None
            )
            row = _row(flavors.get(quotas.flavor), quotas.flavor, number, needs, pod_set)
            if row.fits:
                chosen = row
                break
            closed = _closed(queue, flavors, row, pod_set)
            rows.append(replace(row, obstacle="topology", about=_TOPOLOGY_ONLY) if closed else row)
        if chosen is None:
            never = all(row.obstacle or row.beyond for row in rows)
            nearest = min(rows, key=_nearness, default=None)
            return QuotaShortage(
                workload, pod_set, tuple(rows), never=never, tried=tuple(_tried(row) for row in rows), row=nearest
            )
        for name, amount in asked.items():
            assumed[chosen.flavor, name] = assumed.get((chosen.flavor, name), 0) + amount
    return None


def _row(
    flavor: ResourceFlavor | None, name: str, group: int, needs: tuple[ResourceNeed, ...], pod_set: PodSet
) -> FlavorRow:
    if flavor is None:
        return FlavorRow(name, group, needs, "missing", "no such ResourceFlavor")
    obstacle = flavor_obstacle(pod_set, flavor)
    tainted = obstacle is not None and obstacle.kind is DetailKind.UNTOLERATED_TAINT
    affine = obstacle is None or (tainted and _selected(pod_set, flavor))
    if pod_set.topology is not None and flavor.topology is None and any(device(each.resource) for each in needs):
        return FlavorRow(name, group, needs, "topology", "it has no Topology", affine)
    if obstacle is None:
        return FlavorRow(name, group, needs)
    if not tainted:
        return FlavorRow(name, group, needs, "affinity", "", affine=False)
    taint = first_untolerated(flavor.taints, pod_set.tolerations + flavor.tolerations)
    about = "" if taint is None else f"{taint.key}{f'={taint.value}' if taint.value else ''}:{taint.effect.value}"
    return FlavorRow(name, group, needs, "taint", about, affine)


def _closed(queue: ClusterQueue, flavors: Mapping[str, ResourceFlavor], row: FlavorRow, pod_set: PodSet) -> bool:
    """Whether a flavor has a topology, and the pods say nothing of theirs: Kueue supposes one only if all have some."""
    flavor = flavors.get(row.flavor)
    if row.obstacle or flavor is None or flavor.topology is None or pod_set.topology is not None:
        return False
    names = {quotas.flavor for group in queue.resource_groups for quotas in group.flavors}
    return any(flavors[name].topology is None for name in names if name in flavors)


def _selected(pod_set: PodSet, flavor: ResourceFlavor) -> bool:
    """Whether selectors and affinity match, taints apart."""
    bare = ResourceFlavor(flavor.name, flavor.node_labels)
    return flavor_obstacle(pod_set, bare) is None


def _tried(row: FlavorRow) -> FlavorTried:
    if row.obstacle == "taint":
        return FlavorTried(row.flavor, "its taint is not tolerated", row.about)
    if row.obstacle == "affinity":
        return FlavorTried(row.flavor, "the pods' node selector or affinity does not match it")
    if row.obstacle:
        return FlavorTried(row.flavor, row.about)
    short = [each for each in row.needs if each.short]
    short.sort(key=lambda each: (not each.beyond, not device(each.resource), each.resource))
    if not short:
        return FlavorTried(row.flavor, "quota is there")
    binding = "; ".join(
        f"{each.resource} {each.text(each.wanted)} > {each.text(each.quota.most if each.beyond else each.quota.free)}"
        for each in short
    )
    return FlavorTried(row.flavor, "more than it can ever have" if short[0].beyond else "quota is in use", binding)


def numbers(need: ResourceNeed) -> dict[str, Any]:
    """The facts of a need: whole numbers where Kubernetes writes whole numbers, and else text."""
    quota = need.quota
    amounts = {"requested": need.wanted, "nominal": quota.nominal, "used": quota.used, "free": quota.free}
    return {name: fact(need.resource, amount) for name, amount in amounts.items()}


def fact(resource: str, amount: int) -> int | str:
    """An amount as a fact."""
    text = render_amount(resource, amount)
    return int(text) if text.lstrip("-").isdigit() else text
