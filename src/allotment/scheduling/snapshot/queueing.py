"""A source at a moment, as Kueue sees it: who holds quota, who waits, who is not tried and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from allotment.model.moments import milliseconds
from allotment.model.observed import queueing as observed
from allotment.model.observed.base import Object
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Source
from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.indices import WorkloadId
from allotment.scheduling.queueing.inputs import ClusterState, EngineSettings, PodSetAdmission, Workload
from allotment.scheduling.snapshot.queues import (
    MULTI_KUEUE,
    PROVISIONING,
    Inactivity,
    checks_of,
    inactivity_of,
    rings,
    state_of,
)
from allotment.scheduling.snapshot.requests import CountedPod, Counting
from allotment.scheduling.snapshot.settings import KueueSettings, settings_of
from allotment.scheduling.snapshot.standing import (
    IN_A_QUEUE,
    NotQueued,
    OutOfQueue,
    QueueSurroundings,
    awaited_checks,
    before_queue,
    in_queue,
    queue_of,
)
from allotment.scheduling.snapshot.unlevelled import (
    Unlevelled,
    notes_on,
    unlevelled_flavors,
    without_domains,
    without_places,
)
from allotment.scheduling.snapshot.workloads import (
    admissions_of,
    admitted_requests,
    considered_requests,
    earlier_slice,
    reserved_at,
    workload_of,
)

_UNSEEN: Final = ("forbidden", "failed", "hidden")
_NEEDED: Final = (
    "workloads",
    "clusterqueues",
    "localqueues",
    "cohorts",
    "resourceflavors",
    "topologies",
    "admissionchecks",
    "limitranges",
    "runtimeclasses",
)
_IN_NAMESPACES: Final = ("workloads", "localqueues", "limitranges")
"""Of what is needed, what lies in namespaces: it may be read there where the whole cluster may not."""
_PREEMPTING: Final = ". Pending the preemption of "
_SLICE: Final = "kueue.x-k8s.io/workload-slice-replacement-for"


@dataclass(frozen=True, slots=True)
class QuotaHolder:
    """A workload that holds quota.

    Attributes:
        workload: as it would queue again.
        pod_sets: what it was given.
        reserved_at: since when, in milliseconds.
        evicted: it is on its way out and holds its quota until its pods have stopped.
        admitted: its pods may run; False while checks are awaited.
    """

    workload: Workload
    pod_sets: tuple[PodSetAdmission, ...]
    reserved_at: int
    evicted: bool
    admitted: bool


@dataclass(frozen=True, slots=True)
class QueueingView:
    """A moment of one cluster in the terms of the queueing twin. Workloads are named ``namespace/name``.

    Attributes:
        now: the moment, in milliseconds.
        state: flavors, queues, cohorts, nodes.
        settings: what decisions depend on.
        running: who holds quota.
        pending: who waits in a queue, queue by queue in the order in which Kueue would try them. Those of stopped and
            of inactive queues are among them; nobody tries them.
        absent: why a workload is not tried; who is in no queue, and those of queues that admit nothing.
        inactive: by ClusterQueue, why it admits nothing.
        favoured: who stands first in its queue because it waits for those that it preempted.
        unmodelled: what is at work here and the twin does not model, or what had to be assumed; plain sentences.
        unlevelled: by flavor, the topology whose levels were not seen: nobody is placed there, quota alone counts.
    """

    now: int
    state: ClusterState
    settings: EngineSettings
    running: tuple[QuotaHolder, ...]
    pending: tuple[Workload, ...]
    absent: Mapping[str, NotQueued]
    inactive: Mapping[str, Inactivity]
    favoured: frozenset[str] = frozenset()
    unmodelled: tuple[str, ...] = ()
    unlevelled: Unlevelled = field(default_factory=dict)


def queueing_view(source: Source, now: str, index: Index | None = None) -> QueueingView:
    """The view of a source.

    Args:
        source: what a cluster showed.
        now: RFC 3339.
        index: over the source, where the caller has one.
    """
    index = index or Index(source)
    settings = settings_of(index)
    unseen = frozenset(each.what for each in source.gaps if each.reason in _UNSEEN)
    ringed = rings(index)
    inactive = {name: inactivity_of(queue, index, ringed, unseen) for name, queue in index.cluster_queues.items()}
    around = QueueSurroundings(index, inactive, unseen, milliseconds(now))
    sorter = _Sorter(around, settings)
    earlier = None if index.before is None else index.before.beside.get(_Sorter)
    if isinstance(earlier, _Sorter):
        sorter.follow(earlier)
    index.beside[_Sorter] = sorter
    for workload in source.objects.workloads:
        sorter.take(workload)
    in_turn = sorted(sorter.pending, key=_turn)
    favoured = _favoured(source, in_turn, sorter.preempting, index)
    return QueueingView(
        now=around.now,
        state=sorter.state(ringed),
        settings=settings.engine,
        running=tuple(sorter.running),
        pending=tuple(sorted(in_turn, key=lambda each: (each.cluster_queue, each.name not in favoured))),
        absent=sorter.absent,
        inactive=inactive,
        favoured=favoured,
        unmodelled=(*settings.notes, *_notes(around, sorter)),
        unlevelled=sorter.unlevelled,
    )


def _turn(workload: Workload) -> tuple[str, int, int, str]:
    return workload.cluster_queue, -workload.priority, workload.queued_since, workload.uid


def _favoured(source: Source, in_turn: list[Workload], preempting: Collection[str], index: Index) -> frozenset[str]:
    """The last preemptor of each queue that it may keep in front.

    Kueue writes that down nowhere. Its visibility API shows who stands first; without it, the only one of a queue
    that says it waits for its victims is taken.
    """
    told = {
        each.cluster_queue: f"{each.items[0].namespace}/{each.items[0].name}" for each in source.order if each.items
    }
    waiting: dict[str, list[str]] = {}
    for each in in_turn:
        waiting.setdefault(each.cluster_queue, []).append(each.name)
    found: set[str] = set()
    for queue, names in waiting.items():
        if index.cluster_queues[queue].spec.queueing_strategy == "StrictFIFO":
            continue
        if queue in told:
            first = [told[queue]] if told[queue] in names[1:] else []
        else:
            first = [name for name in names if name in preempting]
        if len(first) == 1:
            found.add(first[0])
    return frozenset(found)


def _preempts(workload: observed.Workload) -> bool:
    quota = workload.condition("QuotaReserved")
    return quota is not None and not quota.true and _PREEMPTING in quota.message


@dataclass(frozen=True, slots=True)
class _Sorted:
    """One workload, where it stands, and the ClusterQueue that was looked at for that.

    Attributes:
        sliced: it grows out of another.
        claims: its pods ask for devices by claims.
        preempts: it says that it waits for its victims.
    """

    of: observed.Workload
    queue: str = ""
    running: QuotaHolder | None = None
    pending: Workload | None = None
    absent: NotQueued | None = None
    sliced: bool = False
    claims: bool = False
    preempts: bool = False


class _Sorter:
    """Sorts workloads by where they stand.

    What was sorted before in surroundings that are the same for it is not sorted again.
    """

    def __init__(self, around: QueueSurroundings, settings: KueueSettings) -> None:
        self._around = around
        self._settings = settings
        self._counting = Counting(around.index, settings)
        self.unlevelled = unlevelled_flavors(around.index)
        self._covered: dict[str, frozenset[str]] = {}
        self._sorted: dict[int, _Sorted] = {}
        self._known: dict[int, _Sorted] = {}
        self._other: tuple[frozenset[str], ...] = (frozenset(), frozenset(), frozenset())
        self._state: ClusterState | None = None
        self.running: list[QuotaHolder] = []
        self.pending: list[Workload] = []
        self.absent: dict[str, NotQueued] = {}
        self.preempting: set[str] = set()
        self.sliced = 0
        self.claims = 0

    def follow(self, earlier: _Sorter) -> None:
        """Take over what an earlier one found out, of a source that this one's was made of."""
        now, then = self._around, earlier._around
        index, before = now.index, then.index
        alike = (now.now, now.unseen, self._settings, self.unlevelled) == (
            then.now,
            then.unseen,
            earlier._settings,
            earlier.unlevelled,
        )
        if not alike or not index.same("runtime_classes"):
            return
        queues = _differing(index.cluster_queues, before.cluster_queues)
        queues |= {name for name, each in now.inactive.items() if each != then.inactive.get(name)}
        locals_ = _differing(index.local_queues, before.local_queues)
        namespaces = _differing(index.namespaces, before.namespaces)
        if not index.same("limit_ranges"):
            ranges, earlier_ranges = index.limit_ranges_in, before.limit_ranges_in
            namespaces |= {name for name in {**ranges, **earlier_ranges} if not _alike(ranges, earlier_ranges, name)}
        self._other = (queues, locals_, namespaces)
        self._known = earlier._sorted
        parts = ("cluster_queues", "cohorts", "flavors", "topologies", "local_queues")
        placed = () if not any(each.spec.topology_name for each in index.objects.flavors) else ("nodes", "pods")
        if not queues and index.same(*parts, *placed):
            self._state = earlier._state

    def state(self, ringed: frozenset[str]) -> ClusterState:
        """Everything but the workloads; `ringed` are cohorts in a ring."""
        if self._state is None:
            self._state = state_of(self._around.index, self._around.inactive, ringed)
        return self._state

    def take(self, workload: observed.Workload) -> None:
        """One workload."""
        found = self._known.get(id(workload))
        if found is None or found.of is not workload or self._stands_elsewhere(found):
            found = self._sort(workload)
        self._sorted[id(workload)] = found
        self.sliced += found.sliced
        self.claims += found.claims
        if found.running is not None:
            self.running.append(found.running)
        if found.pending is not None:
            self.pending.append(found.pending)
            if found.preempts:
                self.preempting.add(found.pending.name)
        if found.absent is not None:
            self.absent[workload.key] = found.absent

    def _stands_elsewhere(self, found: _Sorted) -> bool:
        queues, locals_, namespaces = self._other
        if not queues and not locals_ and not namespaces:
            return False
        workload = found.of
        local = f"{workload.namespace}/{workload.spec.queue_name}"
        return found.queue in queues or local in locals_ or workload.namespace in namespaces

    def _sort(self, workload: observed.Workload) -> _Sorted:
        out = before_queue(workload)
        if out is not None:
            return _Sorted(workload, absent=out)
        sliced = _SLICE in workload.metadata.annotations
        if workload.holds_quota:
            return self._hold(workload, sliced=sliced)
        name, out = queue_of(workload, self._around)
        if out is not None:
            return _Sorted(workload, name, absent=out, sliced=sliced)
        queue = self._around.index.cluster_queues[name]
        counted = self._count(workload, queue)
        claims = any(each.template.spec.resource_claims for each in workload.spec.pod_sets)
        if claims or not self._settings.seen:
            # What a claim counts for, or what is left out of account, only Kueue's own count tells.
            counted = considered_requests(workload, counted)
        out = in_queue(workload, queue, self._around, counted)
        pending = None
        if out is None or out.reason in IN_A_QUEUE:
            before = earlier_slice(workload, self._around.index) if sliced else None
            made = workload_of(workload, name, counted, self._settings, before)
            pending = without_places(made, queue, self.unlevelled)
        preempts = pending is not None and _preempts(workload)
        return _Sorted(workload, name, pending=pending, absent=out, sliced=sliced, claims=claims, preempts=preempts)

    def _hold(self, workload: observed.Workload, *, sliced: bool) -> _Sorted:
        admission = workload.status.admission
        name = "" if admission is None else admission.cluster_queue
        queue = self._around.index.cluster_queues.get(name)
        if queue is None:
            seen = "clusterqueues" not in self._around.unseen
            reason = OutOfQueue.NO_CLUSTER_QUEUE if seen else OutOfQueue.NOT_SEEN
            return _Sorted(workload, name, absent=NotQueued(reason, (name,)), sliced=sliced)
        waits = awaited_checks(workload)
        charged = admitted_requests(workload, self._count(workload, queue))
        holder = QuotaHolder(
            workload=without_places(workload_of(workload, name, charged, self._settings), queue, self.unlevelled),
            pod_sets=without_domains(admissions_of(workload), self.unlevelled),
            reserved_at=reserved_at(workload),
            evicted=workload.says("Evicted"),
            admitted=waits is None,
        )
        return _Sorted(workload, name, running=holder, absent=waits, sliced=sliced)

    def _count(self, workload: observed.Workload, queue: observed.ClusterQueue) -> list[CountedPod]:
        counted = [
            self._counting.of(workload.namespace, each.template.spec, f"spec.podSets[{number}].template.spec")
            for number, each in enumerate(workload.spec.pod_sets)
        ]
        if not self._settings.ignores_undeclared:
            return counted
        covered = self._covered.get(queue.name)
        if covered is None:
            groups = queue.spec.resource_groups
            covered = frozenset(name for group in groups for name in group.covered_resources)
            self._covered[queue.name] = covered
        return [
            CountedPod({k: v for k, v in one.requests.items() if k in covered}, one.raw, one.problem, one.by_range)
            for one in counted
        ]


def _alike(now: Mapping[str, Sequence[Object]], then: Mapping[str, Sequence[Object]], name: str) -> bool:
    """Whether a name has the very same objects in both."""
    one, other = now.get(name, ()), then.get(name, ())
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _differing(now: Mapping[str, Object], then: Mapping[str, Object]) -> frozenset[str]:
    """Names of what is not the very same object in both."""
    if now is then:
        return frozenset()
    return frozenset(name for name in {**now, **then} if now.get(name) is not then.get(name))


def _notes(around: QueueSurroundings, sorter: _Sorter) -> list[str]:
    notes: list[str] = []
    named = {rule.name for queue in around.index.objects.cluster_queues for rule in checks_of(queue)}
    controllers = {each.spec.controller_name for name, each in around.index.admission_checks.items() if name in named}
    if MULTI_KUEUE in controllers:
        notes.append("MultiKueue is not modelled: which worker cluster takes a workload is not foreseen")
    if PROVISIONING in controllers:
        notes.append("ProvisioningRequests are not modelled: quota may be reserved and nodes still be awaited")
    if controllers - {MULTI_KUEUE, PROVISIONING}:
        notes.append("AdmissionChecks of other controllers are not modelled: what they will say is not foreseen")
    if sorter.sliced:
        notes.append("elastic workload slices: what one asks for beyond the slice before it may go to another flavor")
    if sorter.claims:
        notes.append("devices asked for by resource claims are not counted by the twin")
    if any(
        each.topology_request is not None and each.topology_request.podset_slice_required_topology_constraints
        for workload in around.index.objects.workloads
        for each in workload.spec.pod_sets
    ):
        notes.append("topology slices of several layers are not modelled")
    strict = {each.name for each in around.index.objects.cluster_queues if each.spec.queueing_strategy == "StrictFIFO"}
    if strict and any(_turned_away(each) for each in sorter.absent.values()):
        notes.append("a workload that breaks a limit range may block a StrictFIFO queue; the twin leaves it out")
    notes += notes_on(sorter.unlevelled)
    notes += _missing_notes(around)
    return notes


def _missing_notes(around: QueueSurroundings) -> Iterator[str]:
    """What could not be read; apart from it what was read in some namespaces, the whole cluster being closed."""
    source = around.index.source
    nowhere: list[str] = []
    for plural in sorted(around.unseen.intersection(_NEEDED)):
        lost = {gap.namespace for gap in source.gaps if gap.what == plural and gap.reason in _UNSEEN}
        read = [name for name in source.namespaces if name not in lost] if plural in _IN_NAMESPACES else []
        if read:
            yield f"{plural} were read in {', '.join(read)} alone"
        else:
            nowhere.append(plural)
    if nowhere:
        yield f"not everything could be read: {', '.join(nowhere)}"


def _turned_away(out: NotQueued) -> bool:
    return out.reason in (OutOfQueue.LIMIT_RANGE, OutOfQueue.INVALID_REQUESTS)


def engine(view: QueueingView) -> tuple[QueueingEngine, dict[str, WorkloadId]]:
    """The twin at that moment, before its next cycle, and where each workload is in it."""
    made = QueueingEngine(view.state, view.settings)
    ids: dict[str, WorkloadId] = {}
    for holder in view.running:
        ids[holder.workload.name] = made.adopt(
            holder.workload, holder.pod_sets, holder.reserved_at, evicted=holder.evicted
        )
    for workload in view.pending:
        ids[workload.name] = made.add(workload)
    for name in view.favoured:
        if name in ids:
            made.favour(ids[name])
    return made, ids
