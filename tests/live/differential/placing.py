"""Plays placement scenarios on the live kube-scheduler, pod after pod."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from typing import Any

from allotment.adapters.kube.client import KubeClient
from allotment.model.manifest import Body, ObjectKey
from tests.live.differential.objects import node_of, quantity
from tests.live.differential.placements import PRIORITIES, Placed
from tests.live.differential.shrinking import Scenario

POLICY = "policy/v1"
SCHEDULING = "scheduling.k8s.io/v1"
HEARD = 0.1
"""The scheduler hears of a change to another kind of object a little later than we do."""


def create_priorities(kube: KubeClient) -> None:
    """The priority classes that the pods name, unless they are there."""
    there = {each["metadata"]["name"] for each in kube.list(SCHEDULING, "PriorityClass")}
    for name, value in PRIORITIES.items():
        body = {"apiVersion": SCHEDULING, "kind": "PriorityClass", "metadata": {"name": name}}
        if name not in there:
            kube.create({**body, "value": value})


def play_placement(kube: KubeClient, scenario: Scenario) -> list[Placed]:
    """Create the nodes, then pod after pod; a pod that cannot be placed is taken away. Leaves nothing."""
    _create_nodes(kube, scenario)
    for each in scenario.get("pdbs", ()):
        spec = {"selector": each["selector"], "minAvailable": each["minAvailable"]}
        metadata = {"name": each["name"], "namespace": "default"}
        body = {"apiVersion": POLICY, "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec}
        kube.create(body)
    try:
        return [_place(kube, scenario, pod) for pod in scenario["pods"]]
    finally:
        _clear(kube, scenario)


def _clear(kube: KubeClient, scenario: Scenario) -> None:
    for pod in _pods(kube):
        kube.delete("v1", _pod_key(pod["metadata"]["name"]))
    for each in scenario.get("pdbs", ()):
        kube.delete(POLICY, ObjectKey("policy", "PodDisruptionBudget", "default", each["name"]))
    for node in scenario["nodes"]:
        kube.delete("v1", ObjectKey("", "Node", "", node["name"]))
    _until(lambda: not _pods(kube), "pods go away")


def _create_nodes(kube: KubeClient, scenario: Scenario) -> None:
    for node in scenario["nodes"]:
        kube.create(node_of(node, node["name"], node["labels"]))
    wanted = {node["name"]: {each["key"] for each in node["taints"]} for node in scenario["nodes"]}

    def ready() -> bool:
        items = kube.list("v1", "Node")
        found = {each["metadata"]["name"]: {t["key"] for t in each["spec"].get("taints", [])} for each in items}
        return found == wanted

    _until(ready, "nodes lose the taints of new nodes")
    time.sleep(3 * HEARD)


def _place(kube: KubeClient, scenario: Scenario, pod: Mapping[str, Any]) -> Placed:
    existing = _running(kube, scenario)
    allowed = _allowed(kube, scenario, existing)
    there = {each["name"] for each in existing}
    kube.create(pod_object(pod))
    key = _pod_key(pod["name"])
    deadline = time.monotonic() + 60.0
    while True:
        assert time.monotonic() < deadline, f"{pod['name']} is neither placed nor refused"
        live = kube.get("v1", key)
        assert live is not None, key
        if live["spec"].get("nodeName"):
            return Placed(live["spec"]["nodeName"], "", _victims(kube, there), existing, allowed)
        refused = [each for each in live["status"].get("conditions", []) if each["type"] == "PodScheduled"]
        waits = bool(refused) and refused[0]["status"] == "False" and not live["status"].get("nominatedNodeName")
        if waits and not _victims(kube, there):
            kube.delete("v1", key)
            return Placed(None, refused[0]["message"], (), existing, allowed)
        time.sleep(0.03)


def _running(kube: KubeClient, scenario: Scenario) -> tuple[Mapping[str, Any], ...]:
    """All pods, once their kubelet has started them: the scheduler compares start times when it preempts."""
    items: list[Body] = []

    def started() -> bool:
        items[:] = _pods(kube)
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
    kube: KubeClient, scenario: Scenario, existing: tuple[Mapping[str, Any], ...]
) -> tuple[tuple[str, int], ...]:
    """What each budget allows, once the disruption controller has counted the pods."""
    wanted = {
        each["name"]: sum(pod["labels"] == each["selector"]["matchLabels"] for pod in existing)
        for each in scenario.get("pdbs", ())
    }
    found: dict[str, int] = {}

    def counted() -> bool:
        found.clear()
        for each in kube.list(POLICY, "PodDisruptionBudget", namespace="default") if wanted else ():
            status = each.get("status", {})
            if status.get("expectedPods") == status.get("currentHealthy") == wanted[each["metadata"]["name"]]:
                found[each["metadata"]["name"]] = status["disruptionsAllowed"]
        return found.keys() == wanted.keys()

    _until(counted, "budgets are counted")
    if wanted:
        time.sleep(HEARD)
    return tuple(sorted(found.items()))


def _victims(kube: KubeClient, there: set[str]) -> tuple[str, ...]:
    if not there:
        return ()
    items = _pods(kube)
    alive = {each["metadata"]["name"] for each in items if not each["metadata"].get("deletionTimestamp")}
    return tuple(sorted(there - alive))


def _pods(kube: KubeClient) -> list[Body]:
    return list(kube.list("v1", "Pod", namespace="default"))


def _pod_key(name: str) -> ObjectKey:
    return ObjectKey("", "Pod", "default", name)


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
