"""What a queueing scenario must hold beyond its types: names that exist once, and objects that Kueue's API would take.

Source: Kueue 0.19, `pkg/webhooks/{clusterqueue,cohort,workload}_webhook.go`. A live cluster cannot hold other objects,
so an answer about them would be about nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from allotment.errors import InputError
from allotment.scenarios.parsing import unknown_name, wrong
from allotment.scenarios.queueing_fields import (
    ClusterQueueFields,
    CohortFields,
    EventFields,
    EvictionFields,
    QueueingScenarioFields,
    QuotaChangeFields,
    QuotaFields,
    ResourceGroupFields,
    StopChangeFields,
    WorkloadFields,
)
from allotment.scheduling.queueing.inputs import FairStrategy


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def check_names(items: Iterable[_Named], path: str) -> None:
    """No two have the same name.

    Raises:
        InputError: two have; the second is named.
    """
    seen: set[str] = set()
    for index, item in enumerate(items):
        if item.name in seen:
            raise InputError(f"{path}[{index}]: a second {item.name!r}", fix="give each its own name")
        seen.add(item.name)


def check_scenario(scenario: QueueingScenarioFields) -> None:
    """Everything that the types leave open.

    Raises:
        InputError: it cannot be so; the field is named.
    """
    for items, path in (
        (scenario.flavors, "flavors"),
        (scenario.cluster_queues, "clusterQueues"),
        (scenario.workloads, "workloads"),
        (scenario.cohorts, "cohorts"),
        (scenario.topologies, "topologies"),
        (scenario.nodes, "nodes"),
    ):
        check_names(items, path)
    _check_strategies(scenario.fair_sharing.preemption_strategies)
    for index, queue in enumerate(scenario.cluster_queues):
        _check_groups(queue.resource_groups, f"clusterQueues[{index}]", limited=bool(queue.cohort))
    for index, cohort in enumerate(scenario.cohorts):
        _check_groups(cohort.resource_groups, f"cohorts[{index}]", limited=True)
    queues = {queue.name for queue in scenario.cluster_queues}
    for index, workload in enumerate(scenario.workloads):
        check_workload(workload, f"workloads[{index}].")
        if workload.cluster_queue not in queues:
            raise unknown_name(f"workloads[{index}].clusterQueue", workload.cluster_queue, queues, "clusterQueues")
    _check_events(scenario)


_STRATEGIES: Final = (
    (FairStrategy.LESS_THAN_OR_EQUAL_TO_FINAL_SHARE,),
    (FairStrategy.LESS_THAN_INITIAL_SHARE,),
    (FairStrategy.LESS_THAN_OR_EQUAL_TO_FINAL_SHARE, FairStrategy.LESS_THAN_INITIAL_SHARE),
)
"""What Kueue's configuration takes (`pkg/config/validation.go`)."""


def _check_strategies(strategies: tuple[FairStrategy, ...] | None) -> None:
    if strategies is not None and strategies not in _STRATEGIES:
        allowed = " or ".join(f"[{', '.join(each.value for each in some)}]" for some in _STRATEGIES)
        raise wrong("fairSharing.preemptionStrategies", [each.value for each in strategies], allowed)


def check_workload(workload: WorkloadFields, path: str = "") -> None:
    """At most one PodSet may be admitted with fewer pods, and with at least one of them; each has its own name.

    Raises:
        InputError: it is not so; the field is named.
    """
    check_names(workload.pod_sets, f"{path}podSets")
    partial = [place for place, part in enumerate(workload.pod_sets) if part.min_count is not None]
    if len(partial) > 1:
        raise InputError(
            f"{path}podSets[{partial[1]}].minCount is a second one",
            fix="Kueue takes minCount in one PodSet of a job only",
        )
    for place, part in enumerate(workload.pod_sets):
        if part.min_count is not None and not 0 < part.min_count <= part.count:
            raise InputError(
                f"{path}podSets[{place}].minCount is {part.min_count} of {part.count} pods",
                fix="write at least 1 and at most count",
            )


# Quotas


def _check_groups(groups: Sequence[ResourceGroupFields], path: str, *, limited: bool) -> None:
    resources: set[str] = set()
    flavors: set[str] = set()
    for number, group in enumerate(groups):
        where = f"{path}.resourceGroups[{number}]"
        covered = group.covered_resources
        for resource in covered:
            _once(resource, resources, f"{where}.coveredResources", "a resource")
        for place, quotas in enumerate(group.flavors):
            there = f"{where}.flavors[{place}]"
            _once(quotas.flavor, flavors, f"{there}.flavor", "a flavor")
            if set(quotas.resources) != set(covered):
                raise InputError(
                    f"{there}.resources are {', '.join(quotas.resources) or 'none'}",
                    why=f"coveredResources are {', '.join(covered)}",
                    fix="give each flavor of a group a quota for each of its covered resources, and for no other",
                )
            for resource, quota in quotas.resources.items():
                _check_limits(quota, f"{there}.resources[{resource!r}]", limited=limited)


def _once(name: str, seen: set[str], path: str, what: str) -> None:
    if name in seen:
        raise InputError(f"{path}: a second {name!r}", fix=f"Kueue takes {what} once in a queue, in one resource group")
    seen.add(name)


def _check_limits(quota: QuotaFields, path: str, *, limited: bool) -> None:
    for field, limit in (("borrowingLimit", quota.borrowing_limit), ("lendingLimit", quota.lending_limit)):
        if limit is not None and not limited:
            raise InputError(
                f"{path}.{field} is set without a cohort", fix="name the queue's cohort, or drop the limit"
            )
    if (quota.lending_limit or 0) > quota.nominal:
        raise InputError(
            f"{path}.lendingLimit is {quota.lending_limit}, more than the nominal {quota.nominal}",
            fix="lend at most what is nominal",
        )


# Events


def _check_events(scenario: QueueingScenarioFields) -> None:
    """Nodes, jobs, queues and quotas that events name are in the scenario."""
    known = {
        "node": {each.name for each in scenario.nodes},
        "workload": {each.name for each in scenario.workloads},
        "clusterQueue": {each.name for each in scenario.cluster_queues},
        "cohort": {each.name for each in scenario.cohorts},
    }
    for index, event in enumerate(scenario.events):
        path = f"events[{index}]"
        for field, name in _names_in(event):
            if name is not None and name not in known[field]:
                raise unknown_name(f"{path}.{field}", name, known[field], f"{field}s")
        if isinstance(event, QuotaChangeFields):
            _check_quota_change(event, path, scenario)


def _names_in(event: EventFields) -> tuple[tuple[str, str | None], ...]:
    """What an event names: the field and the name, None where it is absent."""
    match event:
        case QuotaChangeFields():
            return ("clusterQueue", event.cluster_queue), ("cohort", event.cohort)
        case StopChangeFields():
            return (("clusterQueue", event.cluster_queue),)
        case EvictionFields():
            return (("workload", event.workload),)
        case _:
            return (("node", event.node),)


def _check_quota_change(event: QuotaChangeFields, path: str, scenario: QueueingScenarioFields) -> None:
    if (event.cluster_queue is None) is (event.cohort is None):
        both = event.cohort is not None
        raise InputError(
            f"{path} names {'both a clusterQueue and a cohort' if both else 'neither a clusterQueue nor a cohort'}",
            fix="name the one whose quota changes",
        )
    if event.nominal is None and event.borrowing_limit is None and event.lending_limit is None:
        raise InputError(f"{path} changes nothing", fix="give one of nominal, borrowingLimit, lendingLimit")
    owners: Sequence[ClusterQueueFields | CohortFields] = (
        scenario.cohorts if event.cluster_queue is None else scenario.cluster_queues
    )
    name = event.cluster_queue or event.cohort
    known = {
        (quotas.flavor, resource)
        for owner in owners
        if owner.name == name
        for group in owner.resource_groups
        for quotas in group.flavors
        for resource in quotas.resources
    }
    if (event.flavor, event.resource) not in known:
        raise InputError(
            f"{path}: {name} has no quota of {event.resource} in flavor {event.flavor}",
            why=f"it has {', '.join(sorted('/'.join(each) for each in known)) or 'none'}",
            fix="name one it has, or give it that one from the start with a nominal quota of 0",
        )
