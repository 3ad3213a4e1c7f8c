"""A platform in numbers, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.operations.directory.validating import ClusterLine, QuotaLine, Summary


def summary_document(
    summary: Summary, quotas: Sequence[QuotaLine], warnings: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The same as JSON; money in millionths of the currency."""
    return {
        "kind": "Validation",
        "platform": summary.platform,
        "valid": True,
        "currency": summary.currency,
        "teams": summary.teams,
        "leaving": summary.leaving,
        "policies": summary.policies,
        "clusters": [figures_document(line) for line in summary.clusters],
        "slurmClusters": list(summary.slurms),
        "quotas": [quota_document(row) for row in quotas],
        "warnings": list(warnings),
    }


def figures_document(line: ClusterLine) -> Mapping[str, Any]:
    """A cluster's numbers; CPU in milli-CPU, memory in bytes, prices in millionths of the currency."""
    return {
        "name": line.name,
        "purpose": line.purpose,
        "environment": line.environment,
        "region": line.region,
        "nodePools": line.pools,
        "nodes": {"min": line.nodes_min, "max": line.nodes_max},
        "milliCPU": line.cpu,
        "memoryBytes": line.memory,
        "accelerators": dict(line.devices),
        "teams": line.teams,
        "pricePerMonthMicros": {"min": line.price_min, "max": line.price_max},
        "unpricedPools": line.unpriced_pools,
    }


def quota_document(row: QuotaLine) -> Mapping[str, Any]:
    """Amounts in base units: milli-CPU, bytes, devices."""
    return {
        "cluster": row.cluster,
        "flavor": row.flavor,
        "resource": row.resource,
        "unit": {"cpu": "milliCPU", "memory": "bytes"}.get(row.resource, "devices"),
        "promised": row.promised,
        "capacity": row.capacity,
        "free": row.free,
        "teams": row.teams,
        "mayBorrow": row.borrowable,
        "cohortsOwn": row.cohorts,
    }
