"""Plays placement scenarios on the live kube-scheduler, pod after pod."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from typing import Any

from allotment.adapters.sandbox.client import Client
from tests.live.differential.objects import node_of, quantity
from tests.live.differential.placements import PRIORITIES, Placed
from tests.live.differential.shrinking import Scenario

PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
HEARD = 0.1
"""The scheduler hears of a change to another kind of object a little later than we do."""


def create_priorities(client: Client) -> None:
    """The priority classes that the pods name, unless they are there."""
    there = {each["metadata"]["name"] for each in client.get("/apis/scheduling.k8s.io/v1/priorityclasses")["items"]}
    for name, value in PRIORITIES.items():
        body = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
        if name not in there:
            client.create("/apis/scheduling.k8s.io/v1/priorityclasses", {**body, "value": value})


def play_placement(client: Client, scenario: Scenario) -> list[Placed]:
    """Create the nodes, then pod after pod; a pod that cannot be placed is taken away. Leaves nothing."""
    _create_nodes(client, scenario)
    for each in scenario.get("pdbs", ()):
        spec = {"selector": each["selector"], "minAvailable": each["minAvailable"]}
        metadata = {"name": each["name"], "namespace": "default"}
        body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec}
        client.create(BUDGETS, body)
    try:
        return [_place(client, scenario, pod) for pod in scenario["pods"]]
    finally:
        _clear(client, scenario)


def _clear(client: Client, scenario: Scenario) -> None:
    for pod in client.get(PODS)["items"]:
        client.delete(f"{PODS}/{pod['metadata']['name']}")
    for each in scenario.get("pdbs", ()):
        client.delete(f"{BUDGETS}/{each['name']}")
    for node in scenario["nodes"]:
        client.delete(f"/api/v1/nodes/{node['name']}")
    _until(lambda: not client.get(PODS)["items"], "pods go away")


def _create_nodes(client: Client, scenario: Scenario) -> None:
    for node in scenario["nodes"]:
        client.create("/api/v1/nodes", node_of(node, node["name"], node["labels"]))
    wanted = {node["name"]: {each["key"] for each in node["taints"]} for node in scenario["nodes"]}

    def ready() -> bool:
        items = client.get("/api/v1/nodes")["items"]
        found = {each["metadata"]["name"]: {t["key"] for t in each["spec"].get("taints", [])} for each in items}
        return found == wanted

    _until(ready, "nodes lose the taints of new nodes")
    time.sleep(3 * HEARD)


def _place(client: Client, scenario: Scenario, pod: Mapping[str, Any]) -> Placed:
    existing = _running(client, scenario)
    allowed = _allowed(client, scenario, existing)
    there = {each["name"] for each in existing}
    client.create(PODS, pod_object(pod))
    path = f"{PODS}/{pod['name']}"
    deadline = time.monotonic() + 60.0
    while True:
        assert time.monotonic() < deadline, f"{pod['name']} is neither placed nor refused"
        live = client.get(path)
        if live["spec"].get("nodeName"):
            return Placed(live["spec"]["nodeName"], "", _victims(client, there), existing, allowed)
        refused = [each for each in live["status"].get("conditions", []) if each["type"] == "PodScheduled"]
        waits = bool(refused) and refused[0]["status"] == "False" and not live["status"].get("nominatedNodeName")
        if waits and not _victims(client, there):
            client.delete(path)
            return Placed(None, refused[0]["message"], (), existing, allowed)
        time.sleep(0.03)


def _running(client: Client, scenario: Scenario) -> tuple[Mapping[str, Any], ...]:
    """All pods, once their kubelet has started them: the scheduler compares start times when it preempts."""
    items: list[dict[str, Any]] = []

    def started() -> bool:
        items[:] = client.get(PODS)["items"]
        return all(each["status"].get("startTime") and _is_ready(each) for each in items)

    _until(started, "pods start")
    specs = {each["name"]: each for each in scenario["pods"]}
    return tuple(
        {
            **specs[each["metadata"]["name"]],
            "node": each["spec"]["nodeName"],
            "start": dt.datetime.fromisoformat(each["status"]["startTime"]).timestamp(),
        }
        for each in items
    )


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def _allowed(
    client: Client, scenario: Scenario, existing: tuple[Mapping[str, Any], ...]
) -> tuple[tuple[str, int], ...]:
    """What each budget allows, once the disruption controller has counted the pods."""
    wanted = {
        each["name"]: sum(pod["labels"] == each["selector"]["matchLabels"] for pod in existing)
        for each in scenario.get("pdbs", ())
    }
    found: dict[str, int] = {}

    def counted() -> bool:
        found.clear()
        for each in client.get(BUDGETS)["items"] if wanted else ():
            status = each.get("status", {})
            if status.get("expectedPods") == status.get("currentHealthy") == wanted[each["metadata"]["name"]]:
                found[each["metadata"]["name"]] = status["disruptionsAllowed"]
        return found.keys() == wanted.keys()

    _until(counted, "budgets are counted")
    if wanted:
        time.sleep(HEARD)
    return tuple(sorted(found.items()))


def _victims(client: Client, there: set[str]) -> tuple[str, ...]:
    if not there:
        return ()
    items = client.get(PODS)["items"]
    alive = {each["metadata"]["name"] for each in items if not each["metadata"].get("deletionTimestamp")}
    return tuple(sorted(there - alive))


def _until(check: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60.0
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.03)


def pod_object(pod: Mapping[str, Any]) -> dict[str, Any]:
    """The Pod to create."""
    requests = {name: quantity(name, amount) for name, amount in pod["requests"].items()}
    limits = {name: amount for name, amount in requests.items() if "/" in name}
    spec: dict[str, Any] = {
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "main", "image": "none", "resources": {"requests": requests, "limits": limits}}],
    }
    for key in ("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints"):
        if key in pod:
            spec[key] = pod[key]
    name = next((name for name, value in PRIORITIES.items() if value == pod["priority"]), None)
    if name is not None:
        spec["priorityClassName"] = name
    metadata = {"name": pod["name"], "namespace": "default", "labels": pod["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
