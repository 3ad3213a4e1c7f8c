"""How many more pods of one shape fit a GPU fleet, and why the rest of the idle GPU is stranded for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from allotment.scheduling.placement.gpu.fleet import Bools, GpuFleet, Ints
from allotment.scheduling.placement.gpu.model import GpuShape

UNLIMITED: Final = int(np.iinfo(np.int64).max)
"""The count of pods that ask for nothing."""


class Stranded(Enum):
    """Why idle GPU cannot take a pod of the shape; of several reasons the first that applies counts."""

    CORDONED = "node is cordoned"
    TAINTED = "taint not tolerated"
    WRONG_MODEL = "GPU model not accepted"
    NOT_SELECTED = "node selector or affinity not met"
    TOO_MANY_PODS = "no room for another pod on the node"
    LACKS_CPU = "not enough cpu left on the node"
    LACKS_MEMORY = "not enough memory left on the node"
    LACKS_OTHER = "not enough of another resource left on the node"
    TOO_FEW_GPUS = "too few GPUs with enough left on the node"
    REMAINDER = "left over after what fits"


@dataclass(frozen=True, slots=True, eq=False)
class ShapeRoom:
    """What pods of one shape could still get, node by node.

    Attributes:
        fits: how many more fit on each node.
        lost: idle milli-GPU of each node that they cannot use; 0 everywhere for a shape without GPU.
        reasons: why, None where nothing is lost.
    """

    fits: Ints
    lost: Ints
    reasons: tuple[Stranded | None, ...]

    @property
    def count(self) -> int:
        """How many more fit in all."""
        return UNLIMITED if (self.fits == UNLIMITED).any() else int(self.fits.sum())

    @property
    def stranded(self) -> dict[Stranded, int]:
        """Lost milli-GPU by reason."""
        amounts = dict.fromkeys(Stranded, 0)
        for reason, lost in zip(self.reasons, self.lost, strict=True):
            if reason is not None:
                amounts[reason] += int(lost)
        return amounts


def room_from(idle: Ints, demand: int, fits: Ints, blocked: Sequence[tuple[Stranded, Bools]]) -> ShapeRoom:
    """Put a reason to all idle GPU that pods of a shape cannot use.

    Args:
        idle: milli-GPU per node.
        demand: milli-GPU a pod takes; 0 = a shape without GPU, to which no idle GPU is lost.
        fits: how many more pods fit per node.
        blocked: why not even one fits, with the nodes where that is so; the first that applies counts.
    """
    lost: Ints = idle - fits * demand if demand else np.zeros_like(idle)
    code = np.full(len(idle), len(blocked), dtype=np.int64)
    for index in reversed(range(len(blocked))):
        code[blocked[index][1]] = index
    names = [*(reason for reason, _ in blocked), Stranded.REMAINDER]
    reasons = tuple(names[c] if amount else None for c, amount in zip(code, lost, strict=True))
    return ShapeRoom(fits, lost, reasons)


def _fit_per_node(fleet: GpuFleet, shape: GpuShape) -> Ints:
    counts = np.full(len(fleet.nodes), UNLIMITED, dtype=np.int64)
    if shape.cpu:
        counts = np.minimum(counts, fleet.cpu_left // shape.cpu)
    if shape.memory and fleet.memory_counts:
        counts = np.minimum(counts, fleet.memory_left // shape.memory)
    if shape.demand:
        slots = (fleet.gpu_left // shape.milli).sum(axis=1)
        counts = np.minimum(counts, slots // shape.gpus)
    return np.where(fleet.accepts_model(shape), counts, 0)


def room(fleet: GpuFleet, shape: GpuShape) -> ShapeRoom:
    """What pods of this one shape could still get; exact, because they do not get in each other's way."""
    blocked = (
        (Stranded.WRONG_MODEL, ~fleet.accepts_model(shape)),
        (Stranded.LACKS_CPU, fleet.cpu_left < shape.cpu),
        (Stranded.LACKS_MEMORY, (fleet.memory_left < shape.memory) & fleet.memory_counts),
        (Stranded.TOO_FEW_GPUS, (fleet.gpu_left >= shape.milli).sum(axis=1) < shape.gpus),
    )
    return room_from(fleet.gpu_left.sum(axis=1), shape.demand, _fit_per_node(fleet, shape), blocked)
