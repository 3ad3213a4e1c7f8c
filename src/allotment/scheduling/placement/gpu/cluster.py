"""Kubernetes' nodes and pods in terms of GPUs, so that the fragmentation measure applies to them."""

from __future__ import annotations

from collections.abc import Mapping

from allotment.model.devices import DEVICE_RESOURCES, MODEL_LABELS
from allotment.scheduling.kinds import Operator
from allotment.scheduling.placement.gpu.model import WHOLE, GpuShape
from allotment.scheduling.placement.model import CPU, MEMORY, Node, PodShape


def _gpus(amounts: Mapping[str, int]) -> int:
    return sum(amounts.get(name, 0) for name in DEVICE_RESOURCES)


def node_model(node: Node) -> str:
    """The model of a node's GPUs as its labels name it; empty if they do not."""
    return next((node.labels[label] for label in MODEL_LABELS if label in node.labels), "")


def models_of(shape: PodShape) -> tuple[str, ...]:
    """GPU models that the pod's node selector or affinity names, sorted; empty = it names none."""
    models = {value for key, value in shape.node_affinity.selector if key in MODEL_LABELS}
    for term in shape.node_affinity.required or ():
        for rule in term.expressions:
            if rule.key in MODEL_LABELS and rule.operator is Operator.IN:
                models.update(rule.values)
    return tuple(sorted(models))


def gpu_shape(shape: PodShape) -> GpuShape:
    """A pod's shape in terms of GPUs; accepted models are those its node selector or affinity names."""
    requests = dict(shape.requests)
    gpus = _gpus(requests)
    models = models_of(shape) if gpus else ()
    return GpuShape(requests.get(CPU, 0), requests.get(MEMORY, 0), gpus, WHOLE if gpus else 0, models)
