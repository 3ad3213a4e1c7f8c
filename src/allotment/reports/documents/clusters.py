"""Clusters and their node pools as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allotment.model.cluster import Cluster, NodePool
from allotment.operations.directory.validating import ClusterLine
from allotment.reports.documents.summary import figures_document


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """A cluster with its numbers."""

    cluster: Cluster
    line: ClusterLine


def cluster_document(row: ClusterRow) -> Mapping[str, Any]:
    """A cluster as JSON; the numbers as in a summary."""
    versions = row.cluster.versions
    return {
        **figures_document(row.line),
        "provider": row.cluster.provider,
        "context": row.cluster.context,
        "versions": {
            "kubernetes": versions.kubernetes,
            "kueue": versions.kueue,
            "driver": versions.driver,
            "cuda": versions.cuda,
            "cudnn": versions.cudnn,
            "runtime": versions.runtime,
        },
        "kueueApi": row.cluster.kueue_api.value,
        "queueLayout": row.cluster.queue_layout.value,
        "fairSharing": row.cluster.fair_sharing,
        "features": sorted(feature.value for feature in row.cluster.features),
        "flavors": [flavor.name for flavor in row.cluster.flavors],
    }


@dataclass(frozen=True, slots=True)
class PoolRow:
    """A node pool; `price`: of one node, an hour, in millionths of the currency."""

    cluster: str
    pool: NodePool
    price: int | None


def pool_document(row: PoolRow) -> Mapping[str, Any]:
    """A node pool as JSON; CPU in milli-CPU, memory in bytes."""
    pool = row.pool
    return {
        "cluster": row.cluster,
        "name": pool.name,
        "flavor": pool.flavor,
        "accelerator": pool.accelerator,
        "acceleratorsPerNode": pool.accelerators_per_node,
        "milliCPU": pool.cpu,
        "memoryBytes": pool.memory,
        "pods": pool.pods,
        "nodes": {"min": pool.min_nodes, "max": pool.max_nodes},
        "capacityType": pool.capacity_type.value,
        "machineType": pool.machine_type,
        "dedicatedTo": pool.dedicated_to,
        "labels": pool.labels,
        "taints": [{"key": t.key, "value": t.value, "effect": t.effect.value} for t in pool.taints],
        "nodePricePerHourMicros": row.price,
    }
