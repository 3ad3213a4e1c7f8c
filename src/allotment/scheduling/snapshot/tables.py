"""Every flavor that Kueue would try for a workload, in its order, with what keeps the workload out and by how much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from allotment.scheduling.queueing.catalog import PODS, request_order
from allotment.scheduling.queueing.cycle import CycleResult
from allotment.scheduling.queueing.eligibility import flavor_obstacle
from allotment.scheduling.queueing.engine import QueueingEngine, QuotaFigures
from allotment.scheduling.queueing.indices import WorkloadId
from allotment.scheduling.queueing.inputs import ClusterQueue, ClusterState, PodSet, ResourceGroup, Workload
from allotment.scheduling.queueing.reasons import Detail, DetailKind
from allotment.scheduling.queueing.settling import PATIENT, Bounds, settle
from allotment.scheduling.queueing.states import Place
from allotment.scheduling.snapshot.queueing import QueueingView, engine

_FEW_CYCLES: Final = 100
"""More than one workload alone can need."""
_TOPOLOGY: Final = (
    DetailKind.TOPOLOGY_UNSUPPORTED,
    DetailKind.TOPOLOGY_ONLY,
    DetailKind.TOPOLOGY_LEVEL_MISSING,
    DetailKind.TOPOLOGY_DOES_NOT_FIT,
)


class FlavorVerdict(StrEnum):
    """What a flavor means for a PodSet, at this moment."""

    FITS = "fits"
    """There is room, nobody has to go."""
    IN_USE = "in-use"
    """There would be room if others used less."""
    TOO_SMALL = "too-small"
    """Not even if nobody used anything."""
    MISMATCH = "mismatch"
    """Taints, node labels or topology rule it out."""
    MISSING = "missing"
    """The queue names it, and it is not there."""
    NOT_COVERED = "not-covered"
    """The queue has no quota of the resource, in any flavor."""


_SHORT_OF_QUOTA: Final = (FlavorVerdict.IN_USE, FlavorVerdict.TOO_SMALL)


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One resource of a flavor for a PodSet; amounts as the twin counts.

    Attributes:
        resource: which.
        needed: what the PodSet needs of it, with what earlier PodSets of the workload would take of the flavor.
        nominal, used: of the ClusterQueue.
        available: what one more workload can get now.
        most: what the queue could use if nobody used anything.
        borrowing_limit, lending_limit: of the ClusterQueue, None = none.
    """

    resource: str
    needed: int
    nominal: int
    used: int
    available: int
    most: int
    borrowing_limit: int | None
    lending_limit: int | None

    @property
    def short(self) -> int:
        """How much is missing now; 0 where it fits."""
        return max(0, self.needed - self.available)


@dataclass(frozen=True, slots=True)
class FlavorLine:
    """A flavor for a PodSet.

    Attributes:
        pod_set: its name.
        flavor: its name; empty for a resource that the queue does not cover.
        verdict: the worst of what was found.
        reasons: what was found, in Kueue's words; every binding limit, not the first alone.
        limits: the resources that the PodSet needs of it.
    """

    pod_set: str
    flavor: str
    verdict: FlavorVerdict
    reasons: tuple[str, ...]
    limits: tuple[LimitLine, ...] = ()

    @property
    def binding(self) -> tuple[LimitLine, ...]:
        """The limits that keep the PodSet out."""
        return tuple(each for each in self.limits if each.short)


def find_workload(view: QueueingView, key: str) -> Workload | None:
    """A workload of the view, waiting or holding quota."""
    waiting = next((each for each in view.pending if each.name == key), None)
    return waiting or next((each.workload for each in view.running if each.workload.name == key), None)


def flavor_table(view: QueueingView, key: str) -> tuple[FlavorLine, ...]:
    """The flavors of a waiting workload as they stand at this moment, nobody else tried before it.

    Args:
        view: the moment.
        key: ``namespace/name``; one that does not wait has no table.
    """
    workload = next((each for each in view.pending if each.name == key), None)
    queue = None if workload is None else _queue(view.state, workload.cluster_queue)
    if workload is None or queue is None:
        return ()
    twin, ids = engine(replace(view, pending=(workload,)))
    afresh = twin.look_afresh(ids[key])
    told = {} if afresh is None else dict(afresh.findings)
    taken: dict[tuple[str, str], int] = {}
    lines: list[FlavorLine] = []
    for pod_set in workload.pod_sets:
        topology = [each for each in told.get(pod_set.name, ()) if each.kind in _TOPOLOGY]
        mine = list(_lines(view.state, twin, queue, pod_set, topology, taken))
        lines += mine
        _take(mine, taken)
    return tuple(lines)


def _take(lines: list[FlavorLine], taken: dict[tuple[str, str], int]) -> None:
    """Later PodSets find less: this one is taken to get the first flavor that is best for it."""
    order = (FlavorVerdict.FITS, FlavorVerdict.IN_USE)
    for resource in dict.fromkeys(limit.resource for line in lines for limit in line.limits):
        having = [line for line in lines if any(limit.resource == resource for limit in line.limits)]
        usable = [line for line in having if line.verdict in order]
        best = min(usable, key=lambda line: order.index(line.verdict), default=None)
        if best is not None:
            needed = next(limit.needed for limit in best.limits if limit.resource == resource)
            taken[best.flavor, resource] = needed


def _lines(
    state: ClusterState,
    twin: QueueingEngine,
    queue: ClusterQueue,
    pod_set: PodSet,
    topology: list[Detail],
    taken: dict[tuple[str, str], int],
) -> Iterator[FlavorLine]:
    needs = {resource: amount * pod_set.count for resource, amount in pod_set.requests}
    covered = {resource: group for group in queue.resource_groups for resource in group.covered_resources}
    if PODS in covered:
        needs[PODS] = pod_set.count
    groups: list[ResourceGroup] = []
    for resource in sorted(needs, key=request_order):
        if resource in covered:
            if covered[resource] not in groups:
                groups.append(covered[resource])
        elif needs[resource]:
            detail = Detail(DetailKind.RESOURCE_UNAVAILABLE, "", resource)
            yield FlavorLine(pod_set.name, "", FlavorVerdict.NOT_COVERED, (detail.text(),))
    known = {each.name: each for each in state.flavors}
    for group in groups:
        for quotas in group.flavors:
            name = quotas.flavor
            limits = tuple(
                _limit(resource, needs[resource] + taken.get((name, resource), 0), figures)
                for resource in group.covered_resources
                if resource in needs and (figures := twin.quota(queue.name, name, resource)) is not None
            )
            flavor = known.get(name)
            if flavor is None:
                text = Detail(DetailKind.FLAVOR_NOT_FOUND, name).text()
                yield FlavorLine(pod_set.name, name, FlavorVerdict.MISSING, (text,), limits)
                continue
            obstacle = flavor_obstacle(pod_set, flavor)
            ruled_out = [each for each in topology if each.flavor == name]
            if obstacle is not None:
                ruled_out.insert(0, obstacle)
            yield _line(pod_set.name, name, ruled_out, limits)


def _line(pod_set: str, flavor: str, ruled_out: list[Detail], limits: tuple[LimitLine, ...]) -> FlavorLine:
    details = list(ruled_out)
    verdict = FlavorVerdict.MISMATCH if ruled_out else FlavorVerdict.FITS
    for limit in limits:
        if limit.needed > limit.most:
            amounts = (0, limit.needed, limit.most)
            details.append(Detail(DetailKind.EXCEEDS_MAX_QUOTA, flavor, limit.resource, amounts=amounts))
            if not ruled_out:
                verdict = FlavorVerdict.TOO_SMALL
        elif limit.short:
            amounts = (0, limit.needed, limit.available)
            details.append(Detail(DetailKind.INSUFFICIENT_UNUSED_QUOTA, flavor, limit.resource, amounts=amounts))
            if verdict is FlavorVerdict.FITS:
                verdict = FlavorVerdict.IN_USE
    return FlavorLine(pod_set, flavor, verdict, tuple(each.text() for each in details), limits)


def _limit(resource: str, needed: int, figures: QuotaFigures) -> LimitLine:
    return LimitLine(
        resource=resource,
        needed=needed,
        nominal=figures.nominal,
        used=figures.used,
        available=figures.available,
        most=figures.most,
        borrowing_limit=figures.borrowing_limit,
        lending_limit=figures.lending_limit,
    )


def _queue(state: ClusterState, name: str) -> ClusterQueue | None:
    return next((each for each in state.cluster_queues if each.name == name), None)


class QuotaNumber(StrEnum):
    """Which number of a quota is changed."""

    BORROWING_LIMIT = "borrowingLimit"
    LENDING_LIMIT = "lendingLimit"
    NOMINAL = "nominalQuota"


@dataclass(frozen=True, slots=True)
class FittingChange:
    """One number of one quota with which a workload starts at this moment, and one less does not do.

    Attributes:
        cluster_queue, flavor, resource, number: which number.
        before, after: as the twin counts.
    """

    cluster_queue: str
    flavor: str
    resource: str
    number: QuotaNumber
    before: int
    after: int


def smallest_fitting(view: QueueingView, key: str) -> tuple[FittingChange, ...]:
    """Changes of one quota that let a waiting workload start now, without preempting anybody: the cheapest first.

    Each was tried on the twin, and so was one unit less. Nobody else is tried before the workload: whether others
    take what the change frees is for the caller to see.
    """
    workload = next((each for each in view.pending if each.name == key), None)
    queue = None if workload is None else _queue(view.state, workload.cluster_queue)
    if workload is None or queue is None:
        return ()
    twin, ids = engine(replace(view, pending=(workload,)))
    found: list[FittingChange] = []
    for line in flavor_table(view, key):
        if line.verdict not in _SHORT_OF_QUOTA or len(line.binding) != 1:
            continue
        for change in _candidates(view.state, queue, line.flavor, line.binding[0]):
            less = replace(change, after=change.after - 1)
            starts = _starts(twin, ids[key], with_change(view.state, change), view.now)
            if starts and not _starts(twin, ids[key], with_change(view.state, less), view.now):
                found.append(change)
    kinds = tuple(QuotaNumber)
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda each: (kinds.index(each.number), each.after - each.before)))


def _candidates(state: ClusterState, queue: ClusterQueue, flavor: str, limit: LimitLine) -> Iterator[FittingChange]:
    resource = limit.resource
    if limit.borrowing_limit is not None:
        after = limit.used + limit.needed - limit.nominal
        if after > limit.borrowing_limit:
            number = QuotaNumber.BORROWING_LIMIT
            yield FittingChange(queue.name, flavor, resource, number, limit.borrowing_limit, after)
    for other in state.cluster_queues:
        lent = _lending(other, flavor, resource)
        if other.name != queue.name and other.cohort is not None and lent is not None:
            number = QuotaNumber.LENDING_LIMIT
            yield FittingChange(other.name, flavor, resource, number, lent, lent + limit.short)
    number = QuotaNumber.NOMINAL
    yield FittingChange(queue.name, flavor, resource, number, limit.nominal, limit.nominal + limit.short)


def _lending(queue: ClusterQueue, flavor: str, resource: str) -> int | None:
    for group in queue.resource_groups:
        for quotas in group.flavors:
            if quotas.flavor == flavor:
                for name, quota in quotas.resources:
                    if name == resource:
                        return quota.lending_limit
    return None


def with_change(state: ClusterState, change: FittingChange) -> ClusterState:
    """The cluster with one number of a quota changed."""
    field = {
        QuotaNumber.BORROWING_LIMIT: "borrowing_limit",
        QuotaNumber.LENDING_LIMIT: "lending_limit",
        QuotaNumber.NOMINAL: "nominal",
    }[change.number]

    def changed(groups: Iterable[ResourceGroup]) -> tuple[ResourceGroup, ...]:
        return tuple(
            replace(
                group,
                flavors=tuple(
                    quotas
                    if quotas.flavor != change.flavor
                    else replace(
                        quotas,
                        resources=tuple(
                            (name, replace(quota, **{field: change.after}) if name == change.resource else quota)
                            for name, quota in quotas.resources
                        ),
                    )
                    for quotas in group.flavors
                ),
            )
            for group in groups
        )

    queues = tuple(
        replace(each, resource_groups=changed(each.resource_groups)) if each.name == change.cluster_queue else each
        for each in state.cluster_queues
    )
    return replace(state, cluster_queues=queues)


def _starts(twin: QueueingEngine, index: WorkloadId, state: ClusterState, now: int) -> bool:
    """Whether the workload is admitted in another cluster, with nobody preempted for it."""
    other = twin.with_state(state)
    preempting = False

    def note(result: CycleResult) -> None:
        nonlocal preempting
        preempting = preempting or bool(result.preemptions)

    settle(other, now, note, Bounds(PATIENT.idle_cycles, _FEW_CYCLES))
    return other.place(index) is Place.RUNNING and not preempting
