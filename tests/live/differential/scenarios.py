"""Random small Kueue scenarios, and all ways to make one a little smaller. Pure: the same seed, the same scenario.

A scenario is JSON in the corpora's input format (`allotment.scheduling.simulate.scenario`) with one more field:
`steps`, a list of `[verb, workload]` with verb `create` or `finish`. A `finish` of a workload that does not run when
its turn comes is left out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

Scenario = dict[str, Any]

KUEUE = "v0.19.2"
GPU = "nvidia.com/gpu"
WITHIN = ("Never", "LowerPriority", "LowerPriority", "LowerPriority", "LowerOrNewerEqualPriority")
RECLAIM = ("Never", "LowerPriority", "LowerPriority", "Any", "Any")
_ENVIRONMENT = {
    "wakeupDelay": 1000, "evictionLatency": 1, "idleCycles": 6, "maxCyclesPerInstant": 400, "maxCyclesTotal": 5000,
}  # fmt: skip


def generate(seed: int, *, fair: bool) -> Scenario:
    """A scenario of two to four ClusterQueues and five to eight workloads."""
    rng = Random(f"{seed}-{fair}")
    cohorts = _cohorts(rng, fair=fair)
    flavors = [_flavor(rng, f"f{index}") for index in range(rng.choice((1, 1, 2, 2, 3)))]
    resources = ["cpu"] if rng.random() < 0.6 else ["cpu", GPU]
    names = [each["name"] for each in cohorts]
    leaves = names[1:] if any("parent" in each for each in cohorts) else names
    queues = [_queue(rng, f"cq{index}", leaves, flavors, resources, fair=fair) for index in range(rng.randint(2, 4))]
    if rng.random() < 0.25:
        cohorts[0]["resourceGroups"] = _groups(rng, flavors, resources, limits=False)
    workloads = [_workload(rng, index, queues, flavors, resources) for index in range(rng.randint(5, 8))]
    return {
        "id": f"{'fair' if fair else 'classical'}-{seed}",
        "class": "live_differential",
        "seed": seed,
        "kueue": KUEUE,
        "env": dict(_ENVIRONMENT),
        "fairSharing": {"enabled": fair},
        "flavors": flavors,
        "cohorts": cohorts,
        "clusterQueues": queues,
        "workloads": workloads,
        "steps": _steps(rng, [each["name"] for each in workloads]),
    }


def _cohorts(rng: Random, *, fair: bool) -> list[dict[str, Any]]:
    shape = rng.random()
    if shape < 0.55:
        cohorts: list[dict[str, Any]] = [{"name": "root"}]
    elif shape < 0.9:
        cohorts = [{"name": "root"}, {"name": "left", "parent": "root"}, {"name": "right", "parent": "root"}]
    else:
        cohorts = [{"name": "one"}, {"name": "two"}]
    for each in cohorts:
        if fair and "parent" in each and rng.random() < 0.4:
            each["fairWeight"] = rng.choice((0.5, 2, 3))
    return cohorts


def _flavor(rng: Random, name: str) -> dict[str, Any]:
    flavor: dict[str, Any] = {"name": name}
    if rng.random() < 0.3:
        flavor["nodeLabels"] = {"pool": name}
    if rng.random() < 0.15:
        flavor["taints"] = [{"key": "reserved", "value": name, "effect": "NoSchedule"}]
    return flavor


def _groups(rng: Random, flavors: list[dict[str, Any]], resources: list[str], *, limits: bool) -> list[dict[str, Any]]:
    order = [each["name"] for each in flavors]
    rng.shuffle(order)
    order = order[: rng.randint(1, len(order))]

    def quota(resource: str) -> dict[str, int]:
        scale = 1000 if resource == "cpu" else 1
        result = {"nominal": scale * rng.choice((0, 1, 2, 2, 3, 4))}
        if limits and rng.random() < 0.25:
            result["borrowingLimit"] = scale * rng.randint(0, 3)
        if limits and rng.random() < 0.25:
            result["lendingLimit"] = rng.randint(0, result["nominal"] // scale) * scale
        return result

    flavored = [{"flavor": name, "resources": {each: quota(each) for each in resources}} for name in order]
    return [{"coveredResources": resources, "flavors": flavored}]


def _queue(
    rng: Random, name: str, cohorts: list[str], flavors: list[dict[str, Any]], resources: list[str], *, fair: bool
) -> dict[str, Any]:
    within, reclaim = rng.choice(WITHIN), rng.choice(RECLAIM)
    preemption: dict[str, Any] = {"withinClusterQueue": within, "reclaimWithinCohort": reclaim}
    if not fair and reclaim != "Never" and rng.random() < 0.3:
        preemption["borrowWithinCohort"] = {"policy": "LowerPriority"}
        if rng.random() < 0.5:
            preemption["borrowWithinCohort"]["maxPriorityThreshold"] = rng.choice((0, 10, 100))
    borrow, preempt = (rng.choice(("MayStopSearch", "TryNextFlavor")) for _ in range(2))
    fungibility = {"whenCanBorrow": borrow, "whenCanPreempt": preempt}
    if borrow == preempt == "TryNextFlavor" and rng.random() < 0.4:
        fungibility["preference"] = rng.choice(("BorrowingOverPreemption", "PreemptionOverBorrowing"))
    queue: dict[str, Any] = {
        "name": name,
        "cohort": rng.choice(cohorts),
        "queueingStrategy": rng.choice(("BestEffortFIFO", "BestEffortFIFO", "StrictFIFO")),
        "resourceGroups": _groups(rng, flavors, resources, limits=True),
        "preemption": preemption,
        "flavorFungibility": fungibility,
    }
    if fair and rng.random() < 0.4:
        queue["fairWeight"] = rng.choice((0, 0.5, 2, 3))
    return queue


def _workload(
    rng: Random, index: int, queues: list[dict[str, Any]], flavors: list[dict[str, Any]], resources: list[str]
) -> dict[str, Any]:
    pod_sets = [_pod_set(rng, "main", flavors, resources)]
    if rng.random() < 0.15:
        pod_sets.append(_pod_set(rng, "side", flavors, resources))
    elif pod_sets[0]["count"] > 1 and rng.random() < 0.25:
        pod_sets[0]["minCount"] = rng.randint(1, pod_sets[0]["count"] - 1)
    return {
        "name": f"w{index}",
        "uid": f"u{index}",
        "clusterQueue": rng.choice(queues)["name"],
        "priority": rng.choice((0, 0, 10, 10, 100)) + 10 * (index // 3),
        "createdAt": index * 1000,
        "runtime": 1_000_000,
        "podSets": pod_sets,
    }


def _pod_set(rng: Random, name: str, flavors: list[dict[str, Any]], resources: list[str]) -> dict[str, Any]:
    requests = {"cpu": rng.choice((500, 1000, 1000, 1500, 2000))}
    if GPU in resources and rng.random() < 0.7:
        requests[GPU] = rng.randint(1, 2)
    pod_set: dict[str, Any] = {"name": name, "count": rng.choice((1, 1, 2, 3)), "requests": requests}
    if rng.random() < 0.15:
        pod_set["nodeSelector"] = {"pool": rng.choice(flavors)["name"]}
    if rng.random() < 0.6:
        pod_set["tolerations"] = [{"key": "reserved", "operator": "Exists"}]
    return pod_set


def _steps(rng: Random, names: list[str]) -> list[list[str]]:
    """All creations in order; from the fourth on now and then a finish between, and some at the end."""
    steps: list[list[str]] = []
    for index, name in enumerate(names):
        steps.append(["create", name])
        if index >= 3 and rng.random() < 0.3:
            steps.append(["finish", rng.choice(names[: index + 1])])
    steps.extend(["finish", name] for name in rng.sample(names, 3))
    return steps


def smaller(scenario: Scenario) -> Iterator[Scenario]:
    """Every scenario that is one simplification away, the boldest first."""
    for workload in scenario["workloads"]:
        yield _without_workload(scenario, workload["name"])
    for index, (verb, _) in enumerate(scenario["steps"]):
        if verb == "finish":
            yield _changed(scenario, lambda it, at=index: it["steps"].pop(at))
    yield from _plainer_queues(scenario)
    for index, workload in enumerate(scenario["workloads"]):
        yield from _plainer_workload(scenario, index, workload)
    for index, cohort in enumerate(scenario["cohorts"]):
        for key in ("resourceGroups", "fairWeight"):
            if key in cohort:
                yield _changed(scenario, lambda it, at=index, k=key: it["cohorts"][at].pop(k))


def _plainer_queues(scenario: Scenario) -> Iterator[Scenario]:
    used = {each["clusterQueue"] for each in scenario["workloads"]}
    for index, queue in enumerate(scenario["clusterQueues"]):
        if queue["name"] not in used:
            yield _changed(scenario, lambda it, at=index: it["clusterQueues"].pop(at))
        for key in ("preemption", "flavorFungibility", "fairWeight"):
            if queue.get(key):
                yield _changed(scenario, lambda it, at=index, k=key: it["clusterQueues"][at].pop(k))
        if queue.get("preemption", {}).get("borrowWithinCohort"):
            yield _changed(
                scenario, lambda it, at=index: it["clusterQueues"][at]["preemption"].pop("borrowWithinCohort")
            )
        if queue.get("queueingStrategy") == "StrictFIFO":
            yield _changed(scenario, lambda it, at=index: it["clusterQueues"][at].pop("queueingStrategy"))
        yield from _fewer_quotas(scenario, index)


def _fewer_quotas(scenario: Scenario, index: int) -> Iterator[Scenario]:
    for place, flavor in enumerate(scenario["clusterQueues"][index]["resourceGroups"][0]["flavors"]):

        def at(it: Scenario, place: int = place) -> dict[str, Any]:
            found: dict[str, Any] = it["clusterQueues"][index]["resourceGroups"][0]["flavors"][place]["resources"]
            return found

        if len(scenario["clusterQueues"][index]["resourceGroups"][0]["flavors"]) > 1:
            yield _changed(
                scenario,
                lambda it, place=place: it["clusterQueues"][index]["resourceGroups"][0]["flavors"].pop(place),
            )
        for resource, quota in flavor["resources"].items():
            for limit in ("borrowingLimit", "lendingLimit"):
                if limit in quota:
                    yield _changed(scenario, lambda it, at=at, r=resource, k=limit: at(it)[r].pop(k))


def _plainer_workload(scenario: Scenario, index: int, workload: dict[str, Any]) -> Iterator[Scenario]:
    if workload["priority"]:
        yield _changed(scenario, lambda it: it["workloads"][index].update(priority=0))
    if len(workload["podSets"]) > 1:
        yield _changed(scenario, lambda it: it["workloads"][index]["podSets"].pop())
    for key in ("minCount", "nodeSelector"):
        if key in workload["podSets"][0]:
            yield _changed(scenario, lambda it, k=key: it["workloads"][index]["podSets"][0].pop(k))


def _without_workload(scenario: Scenario, name: str) -> Scenario:
    result = copy.deepcopy(scenario)
    result["workloads"] = [each for each in result["workloads"] if each["name"] != name]
    result["steps"] = [step for step in result["steps"] if step[1] != name]
    return result


def _changed(scenario: Scenario, change: Any) -> Scenario:
    result = copy.deepcopy(scenario)
    change(result)
    return result
