"""Random small placement scenarios, played pod by pod on the real kube-scheduler and decided by our placement.

Scenarios are in the format of the recorded corpus (`allotment.scheduling.placement.scenario`): CPU in millicores,
memory in MiB. Only the node picked among equals is taken from the live answer.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from allotment.adapters.sandbox.client import Client
from allotment.adapters.sandbox.kwok import node_object
from allotment.adapters.sandbox.spec import FakeNode
from allotment.scheduling.placement.replay import answers
from tests.live.differential.objects import quantity

GPU = "nvidia.com/gpu"
PRIORITIES = {"differential-low": 10, "differential-high": 1000}
PODS = "/api/v1/namespaces/default/pods"
_SELECTOR = {"matchLabels": {"app": "a"}}


def generate_placement(seed: int, pods: int = 12) -> dict[str, Any]:
    """Four to eight nodes and a sequence of pods."""
    rng = Random(f"placement-{seed}")
    nodes = [_node(rng, f"p{seed}-n{index}") for index in range(rng.randint(4, 8))]
    return {
        "id": f"placement-{seed}",
        "class": "live_differential",
        "nodes": nodes,
        "pods": [_pod(rng, f"p{seed}-{index}") for index in range(pods)],
    }


def _node(rng: Random, name: str) -> dict[str, Any]:
    gpus = rng.choice((0, 0, 1, 2, 4))
    allocatable = {"cpu": rng.choice((2000, 4000, 8000)), "memory": rng.choice((4096, 8192, 16384)), "pods": 110}
    if rng.random() < 0.15:
        allocatable["pods"] = 2
    if gpus:
        allocatable[GPU] = gpus
    labels = {"zone": rng.choice("ab"), "kubernetes.io/hostname": name}
    if rng.random() < 0.5:
        labels["disk"] = rng.choice(("ssd", "hdd"))
    taints = []
    if gpus and rng.random() < 0.4:
        taints.append({"key": GPU, "value": "present", "effect": "NoSchedule"})
    if rng.random() < 0.2:
        taints.append({"key": "old", "value": "yes", "effect": "PreferNoSchedule"})
    return {"name": name, "labels": labels, "allocatable": allocatable, "taints": taints}


def _pod(rng: Random, name: str) -> dict[str, Any]:
    requests = {"cpu": rng.choice((250, 500, 1000, 2000, 3000)), "memory": rng.choice((256, 1024, 2048, 4096))}
    if rng.random() < 0.15:
        requests.popitem()
    pod: dict[str, Any] = {"name": name, "labels": {"app": rng.choice("ab")}, "requests": requests}
    if rng.random() < 0.35:
        requests[GPU] = rng.choice((1, 1, 2, 4))
    if rng.random() < 0.4:
        pod["tolerations"] = [{"key": GPU, "operator": "Exists"}]
    kind = rng.random()
    if kind < 0.15:
        pod["nodeSelector"] = {rng.choice(("disk", "zone")): rng.choice(("ssd", "hdd", "a", "b"))}
    elif kind < 0.3:
        skew = {"maxSkew": 1, "topologyKey": "zone", "labelSelector": _SELECTOR}
        pod["topologySpreadConstraints"] = [
            {**skew, "whenUnsatisfiable": rng.choice(("DoNotSchedule", "ScheduleAnyway"))}
        ]
    elif kind < 0.45:
        pod["affinity"] = {rng.choice(("podAffinity", "podAntiAffinity")): _terms(rng)}
    elif kind < 0.55:
        preference = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
        pod["affinity"] = {
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 50, "preference": preference}]
            }
        }
    pod["priority"] = rng.choice((0, 0, 0, *PRIORITIES.values()))
    return pod


def _terms(rng: Random) -> dict[str, Any]:
    term = {"topologyKey": rng.choice(("zone", "kubernetes.io/hostname")), "labelSelector": _SELECTOR}
    if rng.random() < 0.5:
        return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "podAffinityTerm": term}]}


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a pod: its node, or the message; and the pods that were preempted for it."""

    node: str | None
    message: str
    victims: tuple[str, ...]


def create_priorities(client: Client) -> None:
    """The priority classes that the pods name, unless they are there."""
    there = {each["metadata"]["name"] for each in client.get("/apis/scheduling.k8s.io/v1/priorityclasses")["items"]}
    for name, value in PRIORITIES.items():
        body = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
        if name not in there:
            client.create("/apis/scheduling.k8s.io/v1/priorityclasses", {**body, "value": value})


def play_placement(client: Client, scenario: Mapping[str, Any]) -> list[Placed]:
    """Create the nodes, then pod after pod; a pod that cannot be placed is taken away. Leaves nothing."""
    _create_nodes(client, scenario)
    placed = []
    there: set[str] = set()
    for pod in scenario["pods"]:
        answer = _place(client, pod, there)
        there -= set(answer.victims)
        if answer.node is not None:
            there.add(pod["name"])
        placed.append(answer)
    for name in there:
        client.delete(f"{PODS}/{name}")
    for node in scenario["nodes"]:
        client.delete(f"/api/v1/nodes/{node['name']}")
    _until(lambda: not client.get(PODS)["items"], "pods go away")
    return placed


def _create_nodes(client: Client, scenario: Mapping[str, Any]) -> None:
    for node in scenario["nodes"]:
        taints = tuple((each["key"], each["value"], each["effect"]) for each in node["taints"])
        amounts = {name: quantity(name, amount) for name, amount in node["allocatable"].items()}
        client.create("/api/v1/nodes", node_object(FakeNode(node["name"], node["labels"], taints, amounts)))
    wanted = {node["name"]: {each["key"] for each in node["taints"]} for node in scenario["nodes"]}

    def ready() -> bool:
        items = client.get("/api/v1/nodes")["items"]
        found = {each["metadata"]["name"]: {t["key"] for t in each["spec"].get("taints", [])} for each in items}
        return found == wanted

    _until(ready, "nodes lose the taints of new nodes")
    time.sleep(0.3)  # the scheduler hears of the last taint a little later than we do


def _place(client: Client, pod: Mapping[str, Any], there: set[str]) -> Placed:
    client.create(PODS, pod_object(pod))
    path = f"{PODS}/{pod['name']}"
    deadline = time.monotonic() + 60.0
    while True:
        assert time.monotonic() < deadline, f"{pod['name']} is neither placed nor refused"
        live = client.get(path)
        if live["spec"].get("nodeName"):
            break
        refused = [each for each in live["status"].get("conditions", []) if each["type"] == "PodScheduled"]
        waits = bool(refused) and refused[0]["status"] == "False" and not live["status"].get("nominatedNodeName")
        if waits and not _victims(client, there):
            client.delete(path)
            return Placed(None, refused[0]["message"], ())
        time.sleep(0.03)
    return Placed(live["spec"]["nodeName"], "", _victims(client, there))


def _victims(client: Client, there: set[str]) -> tuple[str, ...]:
    if not there:
        return ()
    items = client.get(PODS)["items"]
    alive = {each["metadata"]["name"] for each in items if not each["metadata"].get("deletionTimestamp")}
    return tuple(sorted(there - alive))


def _until(check: Any, what: str) -> None:
    deadline = time.monotonic() + 60.0
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


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


def placement_differences(scenario: Mapping[str, Any], placed: list[Placed]) -> list[str]:
    """Where our answer differs: node not among the best, other message, other victims."""
    picks = [
        {"pod": pod["name"], "attempts": [{"node": live.node}, {"node": live.node}]}
        for pod, live in zip(scenario["pods"], placed, strict=True)
    ]
    differences = []
    for ours, live in zip(answers({**scenario, "answers": picks}), placed, strict=True):
        last = ours["attempts"][-1]
        bound = last["outcome"] == "bound"
        victims = sorted(name for each in ours["attempts"] for name in each.get("preemption", {}).get("victims", ()))
        same = bound == (live.node is not None) and victims == sorted(live.victims)
        if same and bound:
            same = live.node in last["best"]
        elif same:
            same = live.message == last["message"]
        if not same:
            differences.append(f"{scenario['id']} {ours['pod']}: kube-scheduler {live}, ours {ours['attempts']}")
            break  # from here on the two clusters are in different states
    return differences
