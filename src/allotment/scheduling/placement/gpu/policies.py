"""Placement policies: which feasible node a pod goes to, and which of its GPUs.

Scores are 0-100, higher wins. Definitions: ATC'23 and its simulator's configuration for the published experiments.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

import numpy as np

from allotment.scheduling.placement.gpu.fleet import GpuFleet, Ints
from allotment.scheduling.placement.gpu.fragmentation import Floats, FragmentationMeter
from allotment.scheduling.placement.gpu.model import WHOLE, GpuShape, RandomIndices

MAX_SCORE: Final = 100
INFEASIBLE: Final = -1
"""In place of a score: it does not fit."""
LARGEST_CPU: Final = 128_000
"""Milli-CPU of the largest node type: what cpu is normalised by."""
LARGEST_GPU: Final = 8 * WHOLE


class GpuPolicy(Enum):
    """The policies of the published comparison."""

    RANDOM = "random"
    DOT_PRODUCT = "dot-product"
    CLUSTERING = "gpu-clustering"
    PACKING = "gpu-packing"
    BEST_FIT = "best-fit"
    FGD = "fgd"


def best_fit(fleet: GpuFleet, shape: GpuShape, at: Ints) -> Ints:
    """The less cpu and GPU is left after placing, the better; both weigh the same."""
    cpu = (fleet.cpu_left[at] - shape.cpu) / LARGEST_CPU * 0.5
    gpu = (fleet.gpu_left[at].sum(axis=1) - shape.demand) / LARGEST_GPU * 0.5
    scores: Ints = ((1.0 - (cpu + gpu)) * MAX_SCORE).astype(np.int64)
    return scores


def dot_product(fleet: GpuFleet, shape: GpuShape, at: Ints) -> Ints:
    """The smaller the product of what is asked and what is left, the better."""
    cpu = (fleet.cpu_left[at] / LARGEST_CPU) * (shape.cpu / LARGEST_CPU)
    gpu = (fleet.gpu_left[at].sum(axis=1) / LARGEST_GPU) * (shape.demand / LARGEST_GPU)
    scores: Ints = (MAX_SCORE * (1 - (cpu + gpu) / 2)).astype(np.int64)
    return scores


def gpu_packing(fleet: GpuFleet, shape: GpuShape, at: Ints) -> Ints:
    """Partly used GPUs first, then free GPUs on used nodes, idle nodes last; all the same for pods without GPU."""
    if not shape.gpus:
        return np.zeros(len(at), dtype=np.int64)
    left = fleet.gpu_left[at]
    free = (left == WHOLE).sum(axis=1)
    idle = np.maximum(MAX_SCORE // 3 - free, free)
    fresh = np.full(len(at), max(MAX_SCORE // 2 - shape.gpus, MAX_SCORE // 3), dtype=np.int64)
    # Only a share can use a partly used GPU; the fullest one that has room is taken.
    tightest = np.where(left >= shape.milli, left, WHOLE + 1).min(axis=1)
    partly = np.maximum(MAX_SCORE - (tightest * 100 // WHOLE) // 10, MAX_SCORE // 2)
    used = np.where(tightest < WHOLE, partly, fresh) if shape.shared else fresh
    result: Ints = np.where(free == fleet.gpu_count[at], idle, used)
    return result


def gpu_clustering(fleet: GpuFleet, shape: GpuShape, at: Ints) -> Ints:
    """Nodes that run the same class of GPU demand: only that first, then among others; then idle, then other ones.

    Within each, fuller nodes first.
    """
    if not shape.gpus:
        return np.zeros(len(at), dtype=np.int64)
    classes = fleet.group_pods[at, 1:] > 0
    number = classes.sum(axis=1)
    same = classes[:, shape.group - 1]
    quarter = MAX_SCORE // 4
    base = np.where(same, np.where(number == 1, 3 * quarter, 2 * quarter), np.where(number == 0, quarter, 0))
    result: Ints = base + quarter * (LARGEST_GPU - fleet.gpu_left[at].sum(axis=1)) // LARGEST_GPU
    return result


def _descent(gain: Floats) -> Ints:
    return (MAX_SCORE / (1.0 + np.exp(-gain / WHOLE))).astype(np.int64)


def _fall(usable_before: Floats, usable_after: Floats, shape: GpuShape) -> Floats:
    # The fragment is what is idle minus what is usable, and placing takes the demand from what is idle.
    return shape.demand - usable_before + usable_after


def fgd_scores(fleet: GpuFleet, shape: GpuShape, at: Ints, meter: FragmentationMeter) -> Ints:
    """How much fragmentation falls: of each GPU [node, GPU] for a share, else [node, 1]; INFEASIBLE without room."""
    left = fleet.gpu_left[at]
    model, cpu = fleet.model_code[at], fleet.cpu_left[at]
    amounts, numbers = meter.roomy(left)
    amount, number = amounts.sum(axis=1), numbers.sum(axis=1)
    before = meter.usable(model, cpu, amount, number)
    if not shape.shared:
        if shape.gpus:
            taken_amount, taken_number = meter.roomy(np.array([WHOLE], dtype=np.int64))
            amount = amount - shape.gpus * taken_amount[0]
            number = number - shape.gpus * taken_number[0]
        after = meter.usable(model, cpu - shape.cpu, amount, number)
        return _descent(_fall(before, after, shape))[:, None]
    less_amounts, less_numbers = meter.roomy(left - shape.milli)
    after = meter.usable(
        model, cpu - shape.cpu, amount[:, None] - amounts + less_amounts, number[:, None] - numbers + less_numbers
    )
    scores = _descent(_fall(before[:, None], after, shape))
    return np.where(left >= shape.milli, scores, INFEASIBLE)


def fgd(fleet: GpuFleet, shape: GpuShape, at: Ints, meter: FragmentationMeter) -> Ints:
    """Fragmentation gradient descent: 100 x sigmoid of the fall in fragment, in GPUs."""
    scores: Ints = fgd_scores(fleet, shape, at, meter).max(axis=1)
    return scores


SCORES: Final[dict[GpuPolicy, Callable[[GpuFleet, GpuShape, Ints], Ints]]] = {
    GpuPolicy.BEST_FIT: best_fit,
    GpuPolicy.DOT_PRODUCT: dot_product,
    GpuPolicy.PACKING: gpu_packing,
    GpuPolicy.CLUSTERING: gpu_clustering,
}
"""The policies that need nothing but the fleet."""


def free_gpus(fleet: GpuFleet, shape: GpuShape, node: int) -> tuple[int, ...]:
    """The first fully free GPUs."""
    return tuple(int(g) for g in np.flatnonzero(fleet.gpu_left[node] == WHOLE)[: shape.gpus])


def tightest_gpu(fleet: GpuFleet, shape: GpuShape, node: int) -> int:
    """The fullest GPU that has room for a share."""
    left = fleet.gpu_left[node]
    return int(np.argmin(np.where(left >= shape.milli, left, WHOLE + 1)))


def random_gpu(fleet: GpuFleet, shape: GpuShape, node: int, chance: RandomIndices) -> int:
    """Any GPU that has room for a share."""
    roomy = np.flatnonzero(fleet.gpu_left[node] >= shape.milli)
    return int(roomy[chance.randrange(len(roomy))])
