"""Who holds which devices, since when, and until when: a line for each pod, and for what a person submitted.

Nothing is guessed: a person is who the submitter's mark names, an end is a limit that an object states, and idle is
what metrics call so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allotment.accounting.belonging import OwnerLookup, kind_of_work
from allotment.accounting.capacity import PER_DEVICE, DevicePart, devices_by_node
from allotment.accounting.claims import claimed_devices
from allotment.accounting.idleness import USUAL_RULES, IdleRules, MeasuredUses, Use, use_of
from allotment.accounting.ledger import Belonging
from allotment.model.devices import is_device
from allotment.model.moments import LATEST, moment
from allotment.model.observed.base import Object, condition
from allotment.model.observed.index import Index, kind_of
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import Workload
from allotment.model.observed.snapshot import DeviceUse
from allotment.model.observed.work import Job, Owner
from allotment.observe.anonymous import HIDDEN_NAMESPACE, is_hidden
from allotment.observe.seen import seen_in
from allotment.scheduling.snapshot.pods import pod_requests

_MS: Final = 1000
OTHERS: Final = Belonging(namespace=HIDDEN_NAMESPACE)
"""Whoever it is that may not be named to the reader of a saved snapshot."""
_OVER: Final = frozenset({"Complete", "Completed", "Failed", "Succeeded", "Finished"})
"""Conditions by which controllers say that work has ended."""
_STATES_OVER: Final = frozenset({"COMPLETE", "COMPLETED", "FAILED", "SUCCEEDED", "STOPPED"})
"""The same in the words of controllers without such conditions."""


class HoldMark(StrEnum):
    """What is odd about a pod that holds devices."""

    OUTSIDE_QUEUE = "outside any queue"
    DAEMON_SET = "DaemonSet"
    JOB_OVER = "its job has ended"
    PROCESS_GONE = "its processes have ended"
    NODE_GONE = "its node is gone"
    LEAVING = "being deleted"


@dataclass(frozen=True, slots=True)
class DeviceHold:
    """Devices of one resource that one pod holds.

    Attributes:
        owner: whose; of what may not be named only that it is in `HIDDEN_NAMESPACE`.
        pod: namespace/name.
        accelerator: the model, as the node's labels name it; the resource where they do not.
        units: of the resource, as the pod asks for it.
        parts: what they are of devices, in millionths.
        since: when it got its node, milliseconds since 1970; None if that is not known.
        measured: units that metrics say something of.
        idle: of them, those that are idle.
        idle_since: the earliest moment since when one of those is; None if none is, or it is not known.
        ends: when a stated limit ends it at the latest; None if there is none.
    """

    cluster: str
    owner: Belonging
    pod: str
    node: str
    resource: str
    accelerator: str
    units: int
    parts: int
    since: int | None = None
    measured: int = 0
    idle: int = 0
    idle_since: int | None = None
    ends: int | None = None
    marks: frozenset[HoldMark] = frozenset()

    @property
    def idle_parts(self) -> int:
        """What the idle units are of devices, in millionths."""
        return self.parts * self.idle // self.units


@dataclass(frozen=True, slots=True)
class JobHold:
    """Devices of one kind that one submitted thing holds with all its pods.

    Attributes:
        nodes: where, sorted.
        pods: how many.
        parts: devices in millionths.
        idle_parts: of them idle; None where nothing was measured.
        since: of the first pod.
        idle_since: of the device that is idle for longest.
        ends: of the pod that may last longest; None if one may last for ever, or nobody knows.
        marked: devices in millionths of the pods with each mark.
    """

    cluster: str
    owner: Belonging
    resource: str
    accelerator: str
    nodes: tuple[str, ...]
    pods: int
    units: int
    parts: int
    idle_parts: int | None
    since: int | None
    idle_since: int | None
    ends: int | None
    marked: Mapping[HoldMark, int]

    @property
    def marks(self) -> frozenset[HoldMark]:
        """Those that any of its pods has."""
        return frozenset(self.marked)


def device_holds(
    index: Index, now: int, rules: IdleRules = USUAL_RULES, teams: Mapping[str, str] | None = None
) -> tuple[DeviceHold, ...]:
    """Everything that holds devices, by node and pod.

    Args:
        index: the source.
        now: milliseconds since 1970.
        rules: when a device is idle.
        teams: names of teams by id, from a platform directory.
    """
    return tuple(_HoldFinding(index, now, rules, OwnerLookup(index, teams)).all())


@dataclass(frozen=True, slots=True)
class _HeldUnits:
    """Units of one resource; `parts` are millionths of a device."""

    resource: str
    accelerator: str
    units: int
    parts: int


class _HoldFinding:
    """One pass over the pods of a source."""

    def __init__(self, index: Index, now: int, rules: IdleRules, belongings: OwnerLookup) -> None:
        self._index = index
        self._now = now
        self._rules = rules
        self._belongings = belongings
        self._devices = devices_by_node(index)
        self._claimed = claimed_devices(index)
        self._by_claims = frozenset(each.spec.extended_resource_name for each in index.objects.device_classes)
        self._uses = MeasuredUses(index.source.device_use)
        found = index.objects
        self._queues = bool(found.cluster_queues or found.local_queues or found.workloads)
        self._nodes_seen = bool(index.nodes) and not any(gap.what == "nodes" for gap in index.source.gaps)

    def all(self) -> Iterator[DeviceHold]:
        for node, pods in sorted(self._index.pods_on.items()):
            parts = {each.resource: each for each in self._devices.get(node, ())}
            told: Counter[str] = Counter()
            holders = {pod.key: (pod, held) for pod in pods if (held := self._held(pod, parts))}
            for key, (pod, held) in sorted(holders.items()):
                uses = self._uses.of(node, key, held, alone=len(holders) == 1 and has_all(held, parts.values()))
                for resource, units in held.items():
                    part, begin = parts.get(resource), told[resource]
                    # A node that does not tell its devices, or is gone, is taken at the resource's word.
                    share = part.share(begin, units) if part else units * PER_DEVICE
                    model = part.model if part else ""
                    yield self._hold(pod, _HeldUnits(resource, model or resource, units, share), uses.get(resource, ()))
                    told[resource] += units

    def _held(self, pod: Pod, parts: Mapping[str, DevicePart]) -> dict[str, int]:
        """Units of a pod, by resource."""
        claimed = self._claimed.get(pod.key, {})
        asked = {name: units for name, units in pod_requests(pod.spec).items() if units and is_device(name)}
        # A resource that a class of DRA stands for is handed out by a claim, where no plug-in of the node offers it.
        twice = self._by_claims - parts.keys() if claimed else frozenset()
        return {**claimed, **{name: units for name, units in asked.items() if name not in twice}}

    def _hold(self, pod: Pod, held: _HeldUnits, uses: Sequence[DeviceUse]) -> DeviceHold:
        node = pod.spec.node_name
        workload = self._belongings.workload_of(pod)
        measured, idle, since = self._use(pod, uses)
        return DeviceHold(
            cluster=self._index.source.name,
            owner=OTHERS if is_hidden(pod.metadata) else self._belongings.of_pod(pod),
            pod=pod.key,
            node=node,
            resource=held.resource,
            accelerator=held.accelerator,
            units=held.units,
            parts=held.parts,
            since=_bound_at(pod),
            measured=measured,
            idle=idle,
            idle_since=since,
            ends=self._ends(pod, workload),
            marks=frozenset(self._marks(node, pod, workload)),
        )

    def _use(self, pod: Pod, uses: Sequence[DeviceUse]) -> tuple[int, int, int | None]:
        rule = self._rules.of(kind_of_work(self._index, pod)) if uses else None
        idle = [each for each in uses if rule is not None and use_of(each, rule, self._now) is Use.IDLE]
        return len(uses), len(idle), min(_times(moment(each.idle_since) for each in idle), default=None)

    def _ends(self, pod: Pod, workload: Workload | None) -> int | None:
        limits: list[tuple[int | None, int | None]] = [
            (moment(pod.status.start_time), pod.spec.active_deadline_seconds)
        ]
        limits += [
            (moment(each.status.start_time), each.spec.active_deadline_seconds)
            for each in self._index.chain(pod.metadata)
            if isinstance(each, Job)
        ]
        admitted = workload.condition("Admitted") if workload is not None else None
        if workload is not None and admitted is not None and admitted.true:
            limits.append((moment(admitted.last_transition_time), _left_to_run(workload)))
        ends = [start + limit * _MS for start, limit in limits if start is not None and limit and limit > 0]
        return min((end for end in ends if end <= LATEST), default=None)

    def _marks(self, node: str, pod: Pod, workload: Workload | None) -> Iterator[HoldMark]:
        if is_hidden(pod.metadata):
            return
        chain = self._index.chain(pod.metadata)
        if any(kind_of(each) == "DaemonSet" for each in chain):
            yield HoldMark.DAEMON_SET
        elif self._queues and workload is None and seen_in(self._index.source, "workloads", pod.namespace):
            yield HoldMark.OUTSIDE_QUEUE
        if any(_is_over(each) for each in chain) or (workload is not None and workload.says("Finished")):
            yield HoldMark.JOB_OVER
        states = pod.status.container_statuses
        if states and all(each.state.terminated is not None for each in states):
            yield HoldMark.PROCESS_GONE
        if self._nodes_seen and node not in self._index.nodes:
            yield HoldMark.NODE_GONE
        if pod.metadata.deletion_timestamp:
            yield HoldMark.LEAVING


def _left_to_run(workload: Workload) -> int | None:
    """Seconds from its admission on, after which Kueue ends it: what it ran before it was evicted counts."""
    most = workload.spec.maximum_execution_time_seconds
    return max(1, most - workload.status.accumulated_past_execution_time_seconds) if most and most > 0 else None


def has_all(held: Mapping[str, int], parts: Iterable[DevicePart]) -> bool:
    """Whether so many units, by resource, are all devices of a node."""
    return all(held.get(part.resource, 0) >= part.units for part in parts)


def _is_over(each: Object) -> bool:
    if isinstance(each, Job):
        return any(one.true and one.type in _OVER for one in each.status.conditions)
    if isinstance(each, Owner):
        said = {each.status.state, each.status.phase, each.status.job_status}
        return any(one.true and one.type in _OVER for one in each.status.conditions) or bool(
            {word.upper() for word in said} & _STATES_OVER
        )
    return False


def _bound_at(pod: Pod) -> int | None:
    bound = condition(pod.status.conditions, "PodScheduled")
    at = moment(bound.last_transition_time) if bound is not None and bound.true else None
    return at if at is not None else moment(pod.status.start_time)


def _times(found: Iterable[int | None]) -> list[int]:
    return [each for each in found if each is not None]


def job_holds(holds: Iterable[DeviceHold]) -> tuple[JobHold, ...]:
    """The holds together by what was submitted and by kind of device, the largest first."""
    together: dict[tuple[object, ...], list[DeviceHold]] = {}
    for each in holds:
        owner = each.owner
        key = (each.cluster, owner.namespace, owner.top, each.resource, each.accelerator)
        together.setdefault(key, []).append(each)
    found = (_together(each) for each in together.values())
    return tuple(sorted(found, key=lambda each: (-each.parts, each.cluster, each.owner.namespace, each.owner.top)))


def _together(holds: Sequence[DeviceHold]) -> JobHold:
    first = holds[0]
    ends = [each.ends for each in holds]
    return JobHold(
        cluster=first.cluster,
        owner=first.owner,
        resource=first.resource,
        accelerator=first.accelerator,
        nodes=tuple(sorted({each.node for each in holds})),
        pods=len({each.pod for each in holds}),
        units=sum(each.units for each in holds),
        parts=sum(each.parts for each in holds),
        idle_parts=sum(each.idle_parts for each in holds) if any(each.measured for each in holds) else None,
        since=min(_times(each.since for each in holds), default=None),
        idle_since=min(_times(each.idle_since for each in holds), default=None),
        ends=None if None in ends else max(_times(ends)),
        marked=_marked(holds),
    )


def _marked(holds: Iterable[DeviceHold]) -> dict[HoldMark, int]:
    sums = Counter[HoldMark]()
    for each in holds:
        sums.update(dict.fromkeys(each.marks, each.parts))
    return dict(sums)
