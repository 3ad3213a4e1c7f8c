"""Random small Kueue scenarios, and all ways to make one a little smaller. Pure: the same seed, the same scenario.

A scenario is JSON in the corpora's input format (`allotment.simulation.scenario`) with one more field:
`steps`, a list of `[verb, workload]` with verb `create` or `finish`. A `finish` of a workload that does not run when
its turn comes is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from tests.live.differential.shrinking import Change, Scenario
from tests.live.differential.topologies import topology_workload_request, topology_world

KUEUE = "v0.19.2"
GPU = "nvidia.com/gpu"
WITHIN = ("Never", "LowerPriority", "LowerPriority", "LowerPriority", "LowerOrNewerEqualPriority")
RECLAIM = ("Never", "LowerPriority", "LowerPriority", "Any", "Any")
_SCALE = {"cpu": 1000, "memory": 1024}
_ENVIRONMENT = {
    "wakeupDelay": 1000, "evictionLatency": 1, "idleCycles": 6, "maxCyclesPerInstant": 400, "maxCyclesTotal": 5000,
}  # fmt: skip


def generate(seed: int, *, fair: bool) -> Scenario:
    """A scenario of two to four ClusterQueues and five to eight workloads."""
    rng = Random(f"{seed}-{fair}")
    cohorts = _cohorts(rng, fair=fair)
    flavors = [_flavor(rng, f"f{index}") for index in range(rng.choice((1, 1, 2, 2, 3)))]
    resources = rng.choice((["cpu"], ["cpu"], ["cpu", GPU], ["cpu", "memory"], ["cpu", "memory", GPU]))
    names = [each["name"] for each in cohorts]
    leaves = names[1:] if any("parent" in each for each in cohorts) else names
    queues = [_queue(rng, f"cq{index}", leaves, flavors, resources, fair=fair) for index in range(rng.randint(2, 4))]
    if rng.random() < 0.25:
        cohorts[0]["resourceGroups"] = _groups(rng, flavors, resources, limits=False)
    workloads = [_workload(rng, index, queues, flavors, resources) for index in range(rng.randint(5, 8))]
    return {
        **_settings(f"{'fair' if fair else 'classical'}-{seed}", seed, fair=fair),
        "flavors": flavors,
        "cohorts": cohorts,
        "clusterQueues": queues,
        "workloads": workloads,
        "steps": _steps(rng, [each["name"] for each in workloads]),
    }


def generate_topology(seed: int, *, fair: bool) -> Scenario:
    """A scenario on nodes: one cohort, one topology-aware flavor, two or three ClusterQueues."""
    rng = Random(f"topology-{seed}-{fair}")
    resources = ["cpu"] if rng.random() < 0.5 else ["cpu", GPU]
    world = topology_world(rng)
    queues = [
        _queue(rng, f"cq{index}", ["root"], world["flavors"], resources, fair=fair)
        for index in range(rng.randint(2, 3))
    ]
    for queue in queues:
        for quota in queue["resourceGroups"][0]["flavors"][0]["resources"].values():
            quota["nominal"] *= 2
    workloads = [_workload(rng, index, queues, [{"name": "ssd"}], resources) for index in range(rng.randint(5, 8))]
    for workload in workloads:
        for pod_set in workload["podSets"]:
            pod_set["count"] *= rng.choice((1, 2))
            if "nodeSelector" in pod_set:
                pod_set["nodeSelector"] = {"disk": "ssd"}
        topology_workload_request(rng, workload["podSets"], world["topologies"][0]["levels"])
    return {
        **_settings(f"topology-{'fair' if fair else 'classical'}-{seed}", seed, fair=fair),
        **world,
        "cohorts": [{"name": "root"}],
        "clusterQueues": queues,
        "workloads": workloads,
        "steps": _steps(rng, [each["name"] for each in workloads]),
    }


def _settings(name: str, seed: int, *, fair: bool) -> Scenario:
    return {
        "id": name,
        "class": "live_differential",
        "seed": seed,
        "kueue": KUEUE,
        "env": dict(_ENVIRONMENT),
        "fairSharing": {"enabled": fair},
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
    """One resource group, or two that share neither resources nor flavors."""
    order = [each["name"] for each in flavors]
    rng.shuffle(order)
    if len(resources) > 1 and len(order) > 1 and rng.random() < 0.4:
        last = rng.randint(1, len(order) - 1)
        return [
            _group(rng, order[:last], resources[:-1], limits=limits),
            _group(rng, order[last:], resources[-1:], limits=limits),
        ]
    return [_group(rng, order[: rng.randint(1, len(order))], resources, limits=limits)]


def _group(rng: Random, flavors: list[str], resources: list[str], *, limits: bool) -> dict[str, Any]:
    def quota(resource: str) -> dict[str, int]:
        scale = _SCALE.get(resource, 1)
        result = {"nominal": scale * rng.choice((0, 1, 2, 2, 3, 4))}
        if limits and rng.random() < 0.25:
            result["borrowingLimit"] = scale * rng.randint(0, 3)
        if limits and rng.random() < 0.25:
            result["lendingLimit"] = rng.randint(0, result["nominal"] // scale) * scale
        return result

    flavored = [{"flavor": name, "resources": {each: quota(each) for each in resources}} for name in flavors]
    return {"coveredResources": resources, "flavors": flavored}


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
    if "memory" in resources:
        requests["memory"] = rng.choice((512, 1024, 2048))
    if GPU in resources and rng.random() < 0.7:
        requests[GPU] = rng.randint(1, 2)
    pod_set: dict[str, Any] = {"name": name, "count": rng.choice((1, 1, 2, 3)), "requests": requests}
    if rng.random() < 0.15:
        pod_set["nodeSelector"] = {"pool": rng.choice(flavors)["name"]}
    if rng.random() < 0.6:
        pod_set["tolerations"] = [{"key": "reserved", "operator": "Exists"}]
    return pod_set


def without_steps(scenario: Scenario) -> Scenario:
    """What the scenario format knows of it."""
    return {key: value for key, value in scenario.items() if key != "steps"}


def _steps(rng: Random, names: list[str]) -> list[list[str]]:
    """All creations in order; from the fourth on now and then a finish between, and some at the end."""
    steps: list[list[str]] = []
    for index, name in enumerate(names):
        steps.append(["create", name])
        if index >= 3 and rng.random() < 0.3:
            steps.append(["finish", rng.choice(names[: index + 1])])
    steps.extend(["finish", name] for name in rng.sample(names, 3))
    return steps


def simplifications(scenario: Scenario) -> Iterator[Change]:
    """All ways to make the scenario a little simpler, the boldest first."""
    for workload in scenario["workloads"]:
        yield Change(("workloads", workload["name"]))
    used = {each["clusterQueue"] for each in scenario["workloads"]}
    for queue in scenario["clusterQueues"]:
        if queue["name"] not in used:
            yield Change(("clusterQueues", queue["name"]))
    for step in scenario["steps"]:
        if step[0] == "finish":
            yield Change(("steps", step))
    yield from (Change(("nodes", node["name"])) for node in scenario.get("nodes", ()))
    for queue in scenario["clusterQueues"]:
        yield from _plainer_queue(queue)
    for workload in scenario["workloads"]:
        yield from _plainer_workload(workload)
    for cohort in scenario["cohorts"]:
        for key in ("resourceGroups", "fairWeight"):
            if key in cohort:
                yield Change(("cohorts", cohort["name"], key))


def _plainer_queue(queue: dict[str, Any]) -> Iterator[Change]:
    at = ("clusterQueues", queue["name"])
    for key in ("preemption", "flavorFungibility", "fairWeight"):
        if queue.get(key):
            yield Change((*at, key))
    if queue.get("preemption", {}).get("borrowWithinCohort"):
        yield Change((*at, "preemption", "borrowWithinCohort"))
    if queue.get("queueingStrategy") == "StrictFIFO":
        yield Change((*at, "queueingStrategy"))
    for group in queue["resourceGroups"]:
        for flavor in group["flavors"]:
            place = (*at, "resourceGroups", group["coveredResources"][0], "flavors", flavor["flavor"])
            if len(group["flavors"]) > 1:
                yield Change(place)
            for resource, quota in flavor["resources"].items():
                for limit in ("borrowingLimit", "lendingLimit"):
                    if limit in quota:
                        yield Change((*place, "resources", resource, limit))


def _plainer_workload(workload: dict[str, Any]) -> Iterator[Change]:
    at = ("workloads", workload["name"])
    if workload["priority"]:
        yield Change((*at, "priority"), 0)
    for pod_set in workload["podSets"]:
        place = (*at, "podSets", pod_set["name"])
        if len(workload["podSets"]) > 1:
            yield Change(place)
        for key in ("minCount", "nodeSelector", "topologyRequest"):
            if key in pod_set:
                yield Change((*place, key))
        if pod_set["count"] > 1 and "minCount" not in pod_set:
            yield Change((*place, "count"), 1)
