"""The fake nodes of a sandbox in its API server."""

from __future__ import annotations

from allotment.adapters.sandbox.kwok import node_changes
from allotment.model.manifest import ObjectKey
from allotment.ports.kube import KubePort
from allotment.ports.sandboxes import SandboxSpec


def reconcile_nodes(kube: KubePort, spec: SandboxSpec) -> None:
    """Bring the live fake nodes to what the specification says."""
    delete, create = node_changes(spec.nodes, kube.list("v1", "Node"))
    for name in delete:
        kube.delete("v1", ObjectKey("", "Node", "", name))
    for body in create:
        kube.create(body)


def nodes_ready(kube: KubePort, spec: SandboxSpec) -> bool:
    """Whether every wanted node is Ready."""
    ready = dict(read_nodes(kube))
    return all(ready.get(node.name, False) for node in spec.nodes)


def read_nodes(kube: KubePort) -> tuple[tuple[str, bool], ...]:
    """(name, Ready) of all nodes."""
    return tuple(
        (
            node["metadata"]["name"],
            any(
                condition["type"] == "Ready" and condition["status"] == "True"
                for condition in node["status"].get("conditions", [])
            ),
        )
        for node in kube.list("v1", "Node")
    )
