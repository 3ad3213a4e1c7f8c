"""Quota and nodes over the time of a simulation: step functions, from the scenario alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from allotment.scheduling.queueing.inputs import ClusterState, ResourceGroup
from allotment.simulation.cluster import ChangingCluster
from allotment.simulation.events import Eviction, QuotaChange, StopChange
from allotment.simulation.scenario import Scenario

Amounts = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CapacityStep:
    """From `t` until the next step these amounts hold, by resource."""

    t: int
    amounts: Mapping[str, int]


def clusters(scenario: Scenario) -> Iterator[tuple[int, ChangingCluster]]:
    """The cluster at the start and after every event that changes it."""
    cluster = ChangingCluster(scenario.state)
    yield 0, cluster
    for event in sorted(scenario.events, key=lambda each: each.t):
        match event:
            case QuotaChange():
                cluster = cluster.with_quota(event)
            case StopChange() | Eviction():
                continue
            case _:
                cluster = cluster.with_node(event)
        yield event.t, cluster


def quota_steps(scenario: Scenario) -> tuple[CapacityStep, ...]:
    """All nominal quota, that of cohorts included."""
    return _steps((t, total_quota(state)) for t, state in _declared(scenario))


def queue_quota_steps(scenario: Scenario) -> dict[str, tuple[CapacityStep, ...]]:
    """Nominal quota of each queue the scenario begins with."""
    courses: dict[str, list[tuple[int, dict[str, int]]]] = {each.name: [] for each in scenario.state.cluster_queues}
    for t, state in _declared(scenario):
        for queue in state.cluster_queues:
            if queue.name in courses:
                courses[queue.name].append((t, _sum([queue.resource_groups])))
    return {name: _steps(course) for name, course in courses.items()}


def node_steps(scenario: Scenario) -> tuple[CapacityStep, ...]:
    """What nodes offer that are up and not cordoned; empty if the scenario has no nodes."""
    if not any(cluster.declared.nodes for _, cluster in clusters(scenario)):
        return ()
    return _steps((t, _offered(cluster)) for t, cluster in clusters(scenario))


def total_quota(state: ClusterState) -> dict[str, int]:
    """All nominal quota of a cluster."""
    return _sum(
        [*(each.resource_groups for each in state.cluster_queues), *(each.resource_groups for each in state.cohorts)]
    )


def means(steps: Sequence[CapacityStep], end: int) -> dict[str, float]:
    """Mean amounts over the time from 0 to `end`; whole numbers stay whole where nothing changes."""
    if len(steps) == 1 or end <= 0:
        return dict(steps[0].amounts)
    areas = {resource: 0 for step in steps for resource in step.amounts}
    ends = [min(step.t, end) for step in steps[1:]] + [end]
    for step, until in zip(steps, ends, strict=True):
        for resource, amount in step.amounts.items():
            areas[resource] += amount * (until - min(step.t, end))
    return {resource: area / end for resource, area in areas.items()}


def _declared(scenario: Scenario) -> Iterator[tuple[int, ClusterState]]:
    """What is declared, at the start and whenever it becomes something else."""
    last: ClusterState | None = None
    for t, cluster in clusters(scenario):
        if cluster.declared is not last:
            last = cluster.declared
            yield t, last


def _steps(course: Iterable[tuple[int, dict[str, int]]]) -> tuple[CapacityStep, ...]:
    """One step for each instant at which the amounts change."""
    steps: list[CapacityStep] = []
    for t, amounts in course:
        if steps and steps[-1].t == t:
            steps.pop()
        if not steps or steps[-1].amounts != amounts:
            steps.append(CapacityStep(t, amounts))
    return tuple(steps)


def _offered(cluster: ChangingCluster) -> dict[str, int]:
    sums: dict[str, int] = {}
    for node in cluster.state.nodes:
        for resource, amount in node.allocatable:
            sums[resource] = sums.get(resource, 0) + amount
    return sums


def _sum(owners: Iterable[Iterable[ResourceGroup]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for groups in owners:
        for group in groups:
            for flavor in group.flavors:
                for resource, quota in flavor.resources:
                    sums[resource] = sums.get(resource, 0) + quota.nominal
    return sums
