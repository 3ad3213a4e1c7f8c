"""Makes a differing scenario small: whatever can be left out while it still differs is left out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

Scenario = dict[str, Any]


def shrink(scenario: Scenario, differs: Callable[[Scenario], bool], attempts: int = 3000) -> Scenario:
    """The smallest scenario found that still differs.

    Args:
        scenario: one that differs.
        differs: does this smaller one still?
        attempts: how many smaller ones are tried at most.
    """
    found = True
    while found and attempts > 0:
        found = False
        for smaller in _smaller(scenario):
            attempts -= 1
            if attempts <= 0:
                break
            if differs(smaller):
                scenario, found = smaller, True
                break
    return scenario


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    yield from _without_chunks(scenario, "workloads")
    used = {each["clusterQueue"] for each in scenario["workloads"]}
    for index, queue in enumerate(scenario["clusterQueues"]):
        if queue["name"] not in used:
            yield _without(scenario, "clusterQueues", index)
    yield from _without_chunks(scenario, "nodes")
    parents = {each.get("parent") for each in scenario["cohorts"]}
    parents |= {each.get("cohort") for each in scenario["clusterQueues"]}
    for index, cohort in enumerate(scenario["cohorts"]):
        if cohort["name"] not in parents:
            yield _without(scenario, "cohorts", index)
    yield from _without_options(scenario, ("cohorts",), ("resourceGroups", "fairWeight", "parent"))
    yield from _without_options(
        scenario, ("clusterQueues",), ("cohort", "queueingStrategy", "fairWeight", "preemption", "flavorFungibility")
    )
    yield from _without_options(scenario, ("flavors",), ("taints", "tolerations", "nodeLabels", "topology"))
    yield from _without_options(scenario, ("nodes",), ("taints",))
    yield from _without_quotas(scenario)
    yield from _plainer_policies(scenario)
    yield from _plainer_workloads(scenario)
    if scenario["env"]["evictionLatency"]:
        yield _with(scenario, ("env",), "evictionLatency", 0)


def _without(scenario: Scenario, part: str, index: int) -> Scenario:
    smaller = copy.deepcopy(scenario)
    del smaller[part][index]
    return smaller


def _without_chunks(scenario: Scenario, part: str) -> Iterator[Scenario]:
    members = scenario.get(part) or []
    size = len(members) // 2
    while size > 0:
        for start in range(0, len(members), size):
            smaller = copy.deepcopy(scenario)
            del smaller[part][start : start + size]
            yield smaller
        size //= 2


def _at(scenario: Scenario, path: tuple[str | int, ...]) -> Any:
    place: Any = scenario
    for step in path:
        place = place[step]
    return place


def _with(scenario: Scenario, path: tuple[str | int, ...], key: str, value: Any) -> Scenario:
    smaller = copy.deepcopy(scenario)
    _at(smaller, path)[key] = value
    return smaller


def _drop(scenario: Scenario, path: tuple[str | int, ...], key: str | int) -> Scenario:
    smaller = copy.deepcopy(scenario)
    del _at(smaller, path)[key]
    return smaller


def _without_options(scenario: Scenario, path: tuple[str, ...], keys: tuple[str, ...]) -> Iterator[Scenario]:
    for index, each in enumerate(scenario.get(path[0]) or []):
        for key in keys:
            if each.get(key):
                yield _drop(scenario, (*path, index), key)


def _without_quotas(scenario: Scenario) -> Iterator[Scenario]:
    for part in ("clusterQueues", "cohorts"):
        for index, each in enumerate(scenario[part]):
            groups = each.get("resourceGroups") or []
            for number, group in enumerate(groups):
                if len(groups) > 1:
                    yield _drop(scenario, (part, index, "resourceGroups"), number)
                for place, flavor in enumerate(group["flavors"]):
                    path = (part, index, "resourceGroups", number, "flavors")
                    if len(group["flavors"]) > 1:
                        yield _drop(scenario, path, place)
                    for resource, quota in flavor["resources"].items():
                        for limit in ("borrowingLimit", "lendingLimit"):
                            if limit in quota:
                                yield _drop(scenario, (*path, place, "resources", resource), limit)


def _plainer_policies(scenario: Scenario) -> Iterator[Scenario]:
    for index, queue in enumerate(scenario["clusterQueues"]):
        policies = queue.get("preemption") or {}
        for key, value in policies.items():
            if value != "Never":
                yield _drop(scenario, ("clusterQueues", index, "preemption"), key)
        if (queue.get("flavorFungibility") or {}).get("preference"):
            yield _drop(scenario, ("clusterQueues", index, "flavorFungibility"), "preference")


def _plainer_workloads(scenario: Scenario) -> Iterator[Scenario]:
    keys = ("minCount", "nodeSelector", "requiredAffinity", "tolerations", "topologyRequest")
    for index, workload in enumerate(scenario["workloads"]):
        if "queuedAt" in workload and workload["queuedAt"] != workload["createdAt"]:
            yield _drop(scenario, ("workloads", index), "queuedAt")
        if workload["priority"]:
            yield _with(scenario, ("workloads", index), "priority", 0)
        for number, pod_set in enumerate(workload["podSets"]):
            path = ("workloads", index, "podSets")
            if len(workload["podSets"]) > 1:
                yield _drop(scenario, path, number)
            for key in keys:
                if pod_set.get(key):
                    yield _drop(scenario, (*path, number), key)
            for resource in pod_set["requests"]:
                if len(pod_set["requests"]) > 1:
                    yield _drop(scenario, (*path, number, "requests"), resource)
