"""How many more pods of one shape fit a GPU fleet, and why the rest of the idle GPU is stranded for it."""

from __future__ import annotations

from enum import Enum

import numpy as np

from allotment.scheduling.placement.gpu.fleet import GpuFleet, Ints
from allotment.scheduling.placement.gpu.model import GpuShape


class Stranded(Enum):
    """Why idle GPU cannot take a pod of the shape; of several reasons the first that applies counts."""

    WRONG_MODEL = "GPU model not accepted"
    LACKS_CPU = "not enough cpu left on the node"
    LACKS_MEMORY = "not enough memory left on the node"
    TOO_FEW_GPUS = "too few GPUs with enough left on the node"
    REMAINDER = "left over once as many pods as fit are placed"


def _fit_per_node(fleet: GpuFleet, shape: GpuShape) -> Ints:
    unlimited = np.full(len(fleet.nodes), np.iinfo(np.int64).max, dtype=np.int64)
    counts = unlimited
    if shape.cpu:
        counts = np.minimum(counts, fleet.cpu_left // shape.cpu)
    if shape.memory and fleet.memory_counts:
        counts = np.minimum(counts, fleet.memory_left // shape.memory)
    if shape.demand:
        slots = (fleet.gpu_left // shape.milli).sum(axis=1)
        counts = np.minimum(counts, slots // shape.gpus)
    return np.where(fleet.accepts_model(shape), counts, 0)


def how_many_fit(fleet: GpuFleet, shape: GpuShape) -> int:
    """How many more pods of this one shape fit; exact, because pods of one shape do not get in each other's way.

    A shape that asks for nothing fits without limit, which is answered as the largest 64-bit number.
    """
    if not (shape.cpu or shape.demand or (shape.memory and fleet.memory_counts)):
        return int(np.iinfo(np.int64).max)
    return int(_fit_per_node(fleet, shape).sum())


def stranded(fleet: GpuFleet, shape: GpuShape) -> dict[Stranded, int]:
    """Idle milli-GPU that pods of this shape cannot use, by reason. The rest of the idle GPU is of use to them."""
    idle = fleet.gpu_left.sum(axis=1)
    if not shape.demand:
        return dict.fromkeys(Stranded, 0)
    wrong_model = ~fleet.accepts_model(shape)
    lacks_cpu = fleet.cpu_left < shape.cpu
    lacks_memory = (fleet.memory_left < shape.memory) & fleet.memory_counts
    too_few = (fleet.gpu_left >= shape.milli).sum(axis=1) < shape.gpus
    amounts: dict[Stranded, int] = {}
    counted = np.zeros(len(fleet.nodes), dtype=np.bool_)
    for reason, applies in (
        (Stranded.WRONG_MODEL, wrong_model),
        (Stranded.LACKS_CPU, lacks_cpu),
        (Stranded.LACKS_MEMORY, lacks_memory),
        (Stranded.TOO_FEW_GPUS, too_few),
    ):
        amounts[reason] = int(idle[applies & ~counted].sum())
        counted |= applies
    used = _fit_per_node(fleet, shape) * shape.demand
    amounts[Stranded.REMAINDER] = int((idle - used)[~counted].sum())
    return amounts
