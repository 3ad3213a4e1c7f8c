"""Nodes as an API server lists them: those of a cluster's pools, and broken ones."""

from __future__ import annotations

from typing import Any

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.operations.foresee.sandboxing import nodes_of
from allotment.ports.sandboxes import FakeNode

Node = dict[str, Any]


def node(
    name: str,
    labels: dict[str, str] | None = None,
    taints: tuple[tuple[str, str, str], ...] = (),
    allocatable: dict[str, str] | None = None,
) -> Node:
    """A Node."""
    listed = [{"key": key, "effect": effect} | ({"value": value} if value else {}) for key, value, effect in taints]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": dict(labels or {})},
        "spec": {"taints": listed} if listed else {},
        "status": {"allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110", **(allocatable or {})}},
    }


def node_of(shape: FakeNode) -> Node:
    """The Node that a sandbox makes of a fake one."""
    return node(shape.name, dict(shape.labels), shape.taints, dict(shape.allocatable))


def declared(platform: Platform, cluster: Cluster, per_pool: int | None = None) -> list[Node]:
    """The nodes that a cluster declares."""
    return [node_of(shape) for shape in nodes_of(platform, cluster, per_pool)]
