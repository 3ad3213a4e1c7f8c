"""Nodes, a topology and requests for it: what a topology-aware scenario has beside the others. Pure."""

from __future__ import annotations

from random import Random
from typing import Any

HOST = "kubernetes.io/hostname"
_LEVELS = (["block", "rack", HOST], ["block", "rack", HOST], ["rack", HOST], ["block", "rack"], [HOST])


def topology_world(rng: Random) -> dict[str, Any]:
    """One topology-aware flavor on five to nine nodes in up to four racks of two blocks."""
    nodes = [_node(rng, f"n{number}") for number in range(rng.randint(5, 9))]
    return {
        "topologies": [{"name": "topo", "levels": list(rng.choice(_LEVELS))}],
        "nodes": nodes,
        "flavors": [{"name": "tas", "nodeLabels": {"pool": "tas"}, "topology": "topo"}],
    }


def _node(rng: Random, name: str) -> dict[str, Any]:
    block = f"b{rng.randint(0, 1)}"
    labels = {"pool": "tas", "block": block, "rack": f"{block}r{rng.randint(0, 1)}", HOST: name}
    if rng.random() < 0.5:
        labels["disk"] = "ssd"
    allocatable = {"cpu": rng.choice((2000, 4000, 4000)), "nvidia.com/gpu": rng.choice((0, 2, 4))}
    taints = [{"key": "reserved", "value": "yes", "effect": "NoSchedule"}] if rng.random() < 0.15 else []
    return {
        "name": name,
        "labels": labels,
        "allocatable": {**allocatable, "pods": rng.choice((110, 110, 3))},
        "taints": taints,
    }


def topology_workload_request(rng: Random, pod_sets: list[dict[str, Any]], levels: list[str]) -> None:
    """Let each PodSet ask for a placement; without a request it gets any, at the lowest level."""
    if len(pod_sets) == 2 and rng.random() < 0.5:
        # A leader and its workers are placed together.
        request = {rng.choice(("required", "preferred")): rng.choice(levels), "podSetGroupName": "group"}
        pod_sets[1]["count"] = 1
        for each in pod_sets:
            each["topologyRequest"] = request
        return
    for each in pod_sets:
        kind = rng.random()
        if kind < 0.35:
            each["topologyRequest"] = {"required": rng.choice(levels)}
        elif kind < 0.65:
            each["topologyRequest"] = {"preferred": rng.choice(levels)}
        elif kind < 0.85:
            each["topologyRequest"] = {"unconstrained": True}
        if kind < 0.65 and each["count"] % 2 == 0 and "minCount" not in each and rng.random() < 0.5:
            wide = levels.index(next(iter(each["topologyRequest"].values())))
            slices = {"podSetSliceRequiredTopology": rng.choice(levels[wide:]), "podSetSliceSize": 2}
            each["topologyRequest"] = {**each["topologyRequest"], **slices}
