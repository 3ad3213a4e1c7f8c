"""Fragmentation over the time of a simulation, where it is known which pod is on which node.

That is so for topology-aware flavors whose lowest level is the host. The measure is the one of placement experiments
(`placement.gpu.fragmentation`); typical are the pods of all jobs of the scenario. A pod may go to nodes of the flavors
that its queue offers for GPUs and that its own rules admit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from allotment.model.devices import DEVICE_RESOURCES
from allotment.scheduling.placement.gpu.fleet import GpuFleet, Ints
from allotment.scheduling.placement.gpu.fragmentation import FragmentCause, amounts_by_cause, typical_pods
from allotment.scheduling.placement.gpu.model import WHOLE, GpuNode, GpuShape
from allotment.scheduling.queueing.domains.forest import HOSTNAME
from allotment.scheduling.queueing.eligibility import flavor_obstacle
from allotment.scheduling.queueing.inputs import ClusterQueue, Node, PodSet, PodSetAdmission, ResourceFlavor, Workload
from allotment.simulation.capacity import clusters
from allotment.simulation.outcome import Admitted, Evicted, Finished, Moved, RunOutcome
from allotment.simulation.scenario import Scenario

_CPU: Final = "cpu"


@dataclass(frozen=True, slots=True)
class FragmentCourse:
    """Idle GPUs of nodes in service, by why the typical pod cannot use them.

    Attributes:
        end: in milliseconds.
        times: the middle of each of equal steps from 0 to the end.
        amounts: GPUs at each of them by cause, in the order of `FragmentCause`.
    """

    end: int
    times: tuple[int, ...]
    amounts: tuple[tuple[float, ...], ...]

    def of(self, cause: FragmentCause) -> list[float]:
        """One cause over time."""
        return [row[cause] for row in self.amounts]


def fragment_course(scenario: Scenario, outcome: RunOutcome, end: int, steps: int) -> FragmentCourse | None:
    """How idle GPU is fragmented over 0..`end`; None where nobody can know.

    Args:
        scenario: what was run.
        outcome: how it went.
        end: in milliseconds.
        steps: how many moments are looked at.
    """
    flavors = _host_flavors(scenario)
    nodes = [node for node in scenario.state.nodes if _gpus(node.allocatable)]
    if not flavors or not nodes or end <= 0:
        return None
    fleet = _fleet(nodes, flavors)
    typical = typical_pods(_shapes(scenario, flavors, fleet.models))
    if not typical:
        return None
    followed = _FollowedFleet(fleet, nodes, _events(scenario, outcome))
    amounts = np.zeros((len(nodes), len(FragmentCause)))
    stale: Ints = np.arange(len(nodes))
    rows = []
    times = tuple(end * (2 * step + 1) // (2 * steps) for step in range(steps))
    for t in times:
        stale = np.union1d(stale, followed.until(t))
        if len(stale):
            amounts[stale] = amounts_by_cause(fleet, typical, stale)
        stale = np.zeros(0, dtype=np.int64)
        rows.append(tuple(float(value) / WHOLE for value in amounts.sum(axis=0)))
    return FragmentCourse(end, times, tuple(rows))


def _host_flavors(scenario: Scenario) -> list[ResourceFlavor]:
    hosts = {each.name for each in scenario.state.topologies if each.levels[-1] == HOSTNAME}
    return [flavor for flavor in scenario.state.flavors if flavor.topology in hosts]


def _gpus(amounts: Iterable[tuple[str, int]]) -> int:
    return sum(amount for name, amount in amounts if name in DEVICE_RESOURCES)


def _fleet(nodes: Sequence[Node], flavors: Sequence[ResourceFlavor]) -> GpuFleet:
    """A node's model is the flavors it belongs to."""
    return GpuFleet(
        [
            GpuNode(node.name, dict(node.allocatable).get(_CPU, 0), 0, _gpus(node.allocatable), _model(node, flavors))
            for node in nodes
        ]
    )


def _model(node: Node, flavors: Sequence[ResourceFlavor]) -> str:
    labels = dict(node.labels)
    mine = [f.name for f in flavors if all(labels.get(key) == value for key, value in f.node_labels)]
    return "\n".join(sorted(mine))


def _shapes(scenario: Scenario, flavors: Sequence[ResourceFlavor], models: Mapping[str, int]) -> Iterable[GpuShape]:
    """What each pod of each job asks for; those that ask for GPU accept the models of their flavors."""
    queues = {queue.name: queue for queue in scenario.state.cluster_queues}
    known: dict[tuple[str, PodSet], GpuShape] = {}
    for arrival in scenario.arrivals:
        queue = queues[arrival.workload.cluster_queue]
        for pod_set in arrival.workload.pod_sets:
            at = (queue.name, pod_set)
            if at not in known:
                known[at] = _shape(pod_set, queue, flavors, models)
            for _ in range(pod_set.count):
                yield known[at]


def _shape(
    pod_set: PodSet, queue: ClusterQueue, flavors: Sequence[ResourceFlavor], models: Mapping[str, int]
) -> GpuShape:
    gpus = _gpus(pod_set.requests)
    cpu = dict(pod_set.requests).get(_CPU, 0)
    if not gpus:
        return GpuShape(cpu)
    offered = {
        quotas.flavor
        for group in queue.resource_groups
        if set(group.covered_resources) & set(DEVICE_RESOURCES)
        for quotas in group.flavors
    }
    open_to_it = {f.name for f in flavors if f.name in offered and flavor_obstacle(pod_set, f) is None}
    accepted = sorted(model for model in models if open_to_it & set(model.split("\n")))
    return GpuShape(cpu, 0, gpus, WHOLE, tuple(accepted) or ("\n",))


@dataclass(frozen=True, slots=True)
class _Use:
    """At `t` a host's use changes by these amounts."""

    t: int
    host: str
    cpu: int
    gpus: int


@dataclass(frozen=True, slots=True)
class _Away:
    """From `t` on these nodes are out of service, and no others."""

    t: int
    nodes: frozenset[str]


def _events(scenario: Scenario, outcome: RunOutcome) -> list[_Use | _Away]:
    workloads = {each.workload.name: each.workload for each in scenario.arrivals}
    held: dict[str, list[tuple[str, int, int]]] = {}
    events: list[_Use | _Away] = [_Away(t, cluster.down | cluster.cordoned) for t, cluster in clusters(scenario)]

    def change(t: int, workload: str, pods: list[tuple[str, int, int]]) -> None:
        events.extend(_Use(t, host, -cpu, -gpus) for host, cpu, gpus in held.pop(workload, ()))
        events.extend(_Use(t, host, cpu, gpus) for host, cpu, gpus in pods)
        if pods:
            held[workload] = pods

    # At one instant a job loses its node before anything else is decided.
    for each in sorted([*outcome.moves, *outcome.decisions], key=lambda each: (each.t, not isinstance(each, Moved))):
        match each:
            case Admitted():
                change(each.t, each.workload, _pods(workloads[each.workload], each.pod_sets))
            case Evicted():
                change(each.released, each.workload, [])
            case Finished():
                change(each.t, each.workload, [])
            case Moved() if each.workload in held:
                change(each.t, each.workload, _pods(workloads[each.workload], each.pod_sets))
    return sorted(events, key=lambda each: each.t)


def _pods(workload: Workload, pod_sets: Iterable[PodSetAdmission]) -> list[tuple[str, int, int]]:
    """Host, milli-CPU and GPUs of each domain of a job."""
    requests = {each.name: each.requests for each in workload.pod_sets}
    return [
        (
            domain.values[-1],
            domain.count * dict(requests[part.name]).get(_CPU, 0),
            domain.count * _gpus(requests[part.name]),
        )
        for part in pod_sets
        if part.levels and part.levels[-1] == HOSTNAME
        for domain in part.domains
    ]


class _FollowedFleet:
    """A fleet that follows the events."""

    def __init__(self, fleet: GpuFleet, nodes: Sequence[Node], events: Sequence[_Use | _Away]) -> None:
        self._fleet = fleet
        self._events = events
        self._place = 0
        self._index = {dict(node.labels).get(HOSTNAME, node.name): at for at, node in enumerate(nodes)}
        self._names = {node.name: at for at, node in enumerate(nodes)}
        self._free: Ints = fleet.gpu_count.copy()
        self._away: frozenset[str] = frozenset()

    def until(self, t: int) -> Ints:
        """Apply everything up to then; the nodes that changed."""
        changed: set[int] = set()
        while self._place < len(self._events) and self._events[self._place].t <= t:
            event = self._events[self._place]
            self._place += 1
            if isinstance(event, _Away):
                changed |= {self._names[name] for name in self._away ^ event.nodes if name in self._names}
                self._away = event.nodes
            elif event.host in self._index:
                at = self._index[event.host]
                self._fleet.cpu_left[at] -= event.cpu
                self._free[at] -= event.gpus
                changed.add(at)
        away = {self._names[name] for name in self._away if name in self._names}
        for at in changed:
            free = 0 if at in away else max(0, int(self._free[at]))
            self._fleet.gpu_left[at] = 0
            self._fleet.gpu_left[at, :free] = WHOLE
        return np.array(sorted(changed), dtype=np.int64)
