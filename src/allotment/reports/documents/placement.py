"""Placement experiments as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.operations.foresee.simulating import PlacementRuns, PolicyRun
from allotment.reports.documents.fragments import CAUSE_FIELDS
from allotment.scheduling.placement.gpu.model import WHOLE, GpuNode


def placement_document(runs: PlacementRuns, rows: Sequence[PolicyRun]) -> Mapping[str, Any]:
    """Placement experiments as JSON."""
    return {
        "kind": "PlacementRuns",
        "trace": runs.trace,
        "nodes": len(runs.nodes),
        "gpus": runs.gpus,
        "pods": runs.pods,
        "seed": runs.seed,
        "runs": [policy_document(row, runs.nodes) for row in rows],
    }


def policy_document(row: PolicyRun, nodes: Sequence[GpuNode]) -> Mapping[str, Any]:
    """A placement experiment as JSON; of the nodes those with idle GPU."""
    result = row.result
    return {
        "policy": row.policy.value,
        "allocationPercent": round(result.allocation, 4),
        "fragmentPercent": round(result.fragment, 4),
        "idlePercentByCause": {field: round(result.share(cause), 4) for cause, field in CAUSE_FIELDS.items()},
        "placed": result.placed,
        "arrived": result.arrived,
        "allocationByDemandPercent": [round(value, 4) for value in result.curve],
        "idleByDemandPercent": {
            field: [round(shares[cause], 4) for shares in result.course] for cause, field in CAUSE_FIELDS.items()
        },
        "nodes": [
            {
                "node": node.name,
                "model": node.model,
                "gpus": node.gpus,
                "idleGpus": round(float(amounts.sum()) / WHOLE, 3),
                "idleGpusByCause": {
                    field: round(float(amounts[cause]) / WHOLE, 3)
                    for cause, field in CAUSE_FIELDS.items()
                    if amounts[cause]
                },
            }
            for node, amounts in zip(nodes, result.fragmentation.per_node, strict=True)
            if amounts.any()
        ],
    }
