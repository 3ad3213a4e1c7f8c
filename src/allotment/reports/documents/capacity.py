"""What a cluster has left, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from allotment.model.devices import names_a_part
from allotment.reports.documents.fragments import CAUSE_FIELDS
from allotment.scheduling.placement.gpu.capacity import Stranded
from allotment.scheduling.placement.gpu.model import WHOLE
from allotment.scheduling.placement.survey import CapacitySurvey, NodeRoom, ShapeSurvey

STRANDED_FIELDS: Final = {
    Stranded.CORDONED: "cordoned",
    Stranded.TAINTED: "tainted",
    Stranded.WRONG_MODEL: "wrongGpuModel",
    Stranded.NOT_SELECTED: "notSelected",
    Stranded.TOO_MANY_PODS: "tooManyPods",
    Stranded.LACKS_CPU: "lacksCpu",
    Stranded.LACKS_MEMORY: "lacksMemory",
    Stranded.LACKS_OTHER: "lacksOther",
    Stranded.TOO_FEW_GPUS: "tooFewGpus",
    Stranded.REMAINDER: "remainder",
}
"""Stranded GPU by reason, as JSON names it."""


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node with its place in the survey's arrays."""

    at: int
    node: NodeRoom


def capacity_document(found: CapacitySurvey, rows: Sequence[NodeRow]) -> Mapping[str, Any]:
    """The survey as JSON; `cluster` and `shapes` are about all nodes, whatever rows were chosen."""
    fragmentation = found.fragmentation
    return {
        "kind": "CapacitySurvey",
        "cluster": {
            "nodes": len(found.nodes),
            "gpus": gpus_of(found.gpus),
            "usedGpus": gpus_of(found.gpus - found.free),
            "freeGpus": gpus_of(found.free),
            "freeGpusOnClosedNodes": gpus_of(found.shut),
            "gpusInSlices": gpus_of(found.sliced),
            "gpusByClaims": gpus_of(found.by_claims),
            "typicalShapes": found.typical,
            "pods": found.pods,
            "fragmentGpus": None if fragmentation is None else gpus_of(fragmentation.fragment),
            "idleGpusByCause": None
            if fragmentation is None
            else {CAUSE_FIELDS[cause]: gpus_of(value) for cause, value in fragmentation.cluster.items()},
        },
        "shapes": [_shape_document(shape) for shape in found.shapes],
        "nodes": [node_document(found, row) for row in rows],
    }


def node_document(found: CapacitySurvey, row: NodeRow) -> Mapping[str, Any]:
    """A node as JSON; cpu in milli-CPU, memory in bytes."""
    node = row.node
    causes = None
    if found.fragmentation is not None:
        amounts = found.fragmentation.per_node[row.at]
        causes = {field: gpus_of(float(amounts[cause])) for cause, field in CAUSE_FIELDS.items()}
    return {
        "node": node.name,
        "model": node.model,
        "cordoned": node.closed,
        "ready": not node.broken,
        "gpus": gpus_of(node.gpus),
        "slices": names_a_part(node.model),
        "usedGpus": gpus_of(node.used),
        "freeGpus": gpus_of(node.free),
        "freeCpu": node.cpu_free,
        "freeMemory": node.memory_free,
        "fragmentGpus": fragment_of(found, row),
        "idleGpusByCause": causes,
        "shapes": [
            {
                "shape": shape.text,
                "fits": int(shape.room.fits[row.at]),
                "strandedGpus": gpus_of(int(shape.room.lost[row.at])),
                "reason": None if (reason := shape.room.reasons[row.at]) is None else STRANDED_FIELDS[reason],
            }
            for shape in found.shapes
        ],
    }


def _shape_document(shape: ShapeSurvey) -> Mapping[str, Any]:
    return {
        "shape": shape.text,
        "asked": shape.asked,
        "shareOfPods": None if shape.share is None else round(shape.share, 6),
        "fits": shape.room.count,
        "strandedGpus": gpus_of(int(shape.room.lost.sum())),
        "strandedGpusByReason": {
            STRANDED_FIELDS[reason]: gpus_of(lost) for reason, lost in shape.room.stranded.items()
        },
    }


def gpus_of(milli: float) -> float:
    """GPUs as JSON and csv have them; whole ones without a fraction."""
    value = round(milli / WHOLE, 3)
    return int(value) if value == int(value) else value


def fragment_of(found: CapacitySurvey, row: NodeRow) -> float | None:
    """GPUs that no typical pod can use there; None where there is no pod to judge by."""
    return None if found.fragmentation is None else gpus_of(float(found.fragmentation.node_fragments[row.at]))
