"""A made-up fleet is built: what the platform directory says of each cluster is applied, and its nodes stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from allotment.model import labels
from allotment.model.cluster import Cluster, NodePool
from allotment.model.manifest import Body, Manifest, key_of
from allotment.model.platform import Platform
from allotment.model.quantity import format_bytes, format_cpu
from allotment.ports.kube import KubePort
from allotment.render.manifests import render

_KUEUE: Final = "kueue-system"
_VERSION: Final = "0.19.2"


def build(platform: Platform, cluster: Cluster, kube: KubePort, since: str) -> None:
    """Fill an API server.

    Args:
        platform: whose cluster it is.
        cluster: of it.
        kube: where there is nothing yet.
        since: RFC 3339, from when on its nodes are there.
    """
    for each in sorted(render(platform, cluster).objects, key=_namespaces_first):
        kube.apply(each.body)
    for body in _kueue(cluster):
        kube.create(body)
    for kind in ("ClusterQueue", "LocalQueue"):
        for body in tuple(kube.list("kueue.x-k8s.io/v1beta2", kind)):
            _activate(kube, body)
    for pool in cluster.node_pools:
        for number in range(pool.max_nodes):
            kube.create(node(platform, cluster, pool, number, since))


def _kueue(cluster: Cluster) -> Iterator[Body]:
    """By what Kueue is known to be there: its namespace, its configuration, and its version."""
    within = {"namespace": _KUEUE}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _KUEUE}, "status": {"phase": "Active"}}
    text = "apiVersion: config.kueue.x-k8s.io/v1beta2\nkind: Configuration\n"
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kueue-manager-config", **within},
        "data": {"controller_manager_config.yaml": text},
    }
    container = {"name": "manager", "image": f"registry.k8s.io/kueue/kueue:v{cluster.versions.kueue or _VERSION}"}
    yield {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "kueue-controller-manager", **within},
        "spec": {"replicas": 0, "template": {"spec": {"containers": [container]}}},
    }


def _namespaces_first(manifest: Manifest) -> bool:
    return manifest.key.kind != "Namespace"


def _activate(kube: KubePort, body: Body) -> None:
    active = {"type": "Active", "status": "True", "reason": "Ready", "message": "Can admit new workloads"}
    status = {"status": {"conditions": [{**active, "lastTransitionTime": body["metadata"]["creationTimestamp"]}]}}
    kube.merge_patch(body["apiVersion"], key_of(body), status, subresource="status", manager="kueue")


def node(platform: Platform, cluster: Cluster, pool: NodePool, number: int, since: str) -> dict[str, Any]:
    """A node of a pool, with every label that flavors select by."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": f"{pool.name}-{number:03}",
            "creationTimestamp": since,
            "labels": dict(_labels(platform, cluster, pool)) | {"kubernetes.io/hostname": f"{pool.name}-{number:03}"},
        },
        "spec": {
            "taints": [{"key": each.key, "value": each.value, "effect": each.effect.value} for each in pool.taints]
        },
        "status": {
            "allocatable": _amounts(platform, pool),
            "capacity": _amounts(platform, pool),
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "KubeletReady",
                    "message": "kubelet is posting ready status",
                    "lastTransitionTime": since,
                }
            ],
        },
    }


def _amounts(platform: Platform, pool: NodePool) -> dict[str, str]:
    found = {"cpu": format_cpu(pool.cpu), "memory": format_bytes(pool.memory), "pods": str(pool.pods)}
    if pool.accelerator:
        found[platform.accelerators[pool.accelerator].resource_name] = str(pool.accelerators_per_node)
    return found


def _labels(platform: Platform, cluster: Cluster, pool: NodePool) -> Iterator[tuple[str, str]]:
    yield "topology.kubernetes.io/region", cluster.region
    yield "node.kubernetes.io/instance-type", pool.machine_type
    yield labels.NODE_POOL, pool.name
    yield labels.CAPACITY_TYPE, pool.capacity_type.value
    if pool.accelerator:
        yield labels.ACCELERATOR, pool.accelerator
        yield platform.accelerators[pool.accelerator].node_label
    yield from cluster.flavor(pool.flavor).node_labels.items()
    yield from pool.labels.items()
