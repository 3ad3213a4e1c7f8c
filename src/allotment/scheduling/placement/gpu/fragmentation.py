"""Fragmentation after "Beware of Fragmentation" (FGD, ATC'23): idle GPU that typical pods could not use.

For a node and one typical pod the fragment is all idle GPU if the pod cannot run there (or needs no GPU), else what is
left on the GPUs that are too full for it. The node's fragment is the mean over the typical pods, weighted by how
frequent they are; the cluster's is the sum over nodes. Unit: milli-GPU. Memory is not considered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from allotment.scheduling.placement.gpu.fleet import GpuFleet, Ints
from allotment.scheduling.placement.gpu.model import GpuShape

Floats = NDArray[np.float64]
POPULARITY: Final = 0.95
"""Share of the pods the typical ones cover (the published experiments; the simulator's own default is 0.6)."""
STEP: Final = 10
"""Shapes are taken this many at a time until the share is covered."""


class FragmentCause(IntEnum):
    """Why idle GPU is of no use to a typical pod; `SATISFIED` is the part that is of use."""

    LACKS_BOTH = 0
    LACKS_GPU = 1
    SATISFIED = 2
    LACKS_CPU = 3
    NO_GPU_TASK = 4
    NO_GPU_TASK_LACKS_CPU = 5
    WRONG_MODEL = 6

    @property
    def title(self) -> str:
        """In a few words, as a key or a column heading has it."""
        return _TITLES[self]


_TITLES: Final = {
    FragmentCause.LACKS_BOTH: "lacks GPU and CPU",
    FragmentCause.LACKS_GPU: "lacks GPU",
    FragmentCause.SATISFIED: "of use",
    FragmentCause.LACKS_CPU: "lacks CPU",
    FragmentCause.NO_GPU_TASK: "pod needs no GPU",
    FragmentCause.NO_GPU_TASK_LACKS_CPU: "pod needs no GPU, lacks CPU",
    FragmentCause.WRONG_MODEL: "wrong GPU model",
}
FRAGMENT_CAUSES: Final = tuple(cause for cause in FragmentCause if cause is not FragmentCause.SATISFIED)
"""The parts of the fragment."""


@dataclass(frozen=True, slots=True)
class TypicalPod:
    """A shape (memory left out) and its share among the typical pods; the shares sum to 1."""

    shape: GpuShape
    share: float


def _frequency(item: tuple[GpuShape, int]) -> tuple[int, int, int, int, tuple[str, ...]]:
    shape, count = item
    return count, shape.cpu, shape.milli, shape.gpus, shape.models


def typical_pods(
    shapes: Iterable[GpuShape], popularity: float = POPULARITY, step: int = STEP
) -> tuple[TypicalPod, ...]:
    """The most frequent shapes that together cover `popularity` of the pods, pods without GPU included."""
    counts = Counter(GpuShape(s.cpu, 0, s.gpus, s.milli, s.models) for s in shapes)
    ordered = sorted(counts.items(), key=_frequency, reverse=True)
    total = sum(counts.values())
    taken = covered = 0
    while covered < popularity * total and taken < len(ordered):
        batch = ordered[taken : taken + step]
        covered += sum(count for _, count in batch)
        taken += len(batch)
    return tuple(TypicalPod(shape, count / covered) for shape, count in ordered[:taken])


class FragmentationMeter:
    """The measure for one set of typical pods on one set of GPU models, arranged for many nodes at once.

    Typical pods that differ only in cpu share a column. What they could use of a node is then a table look-up by
    (model, cpu left) times what is left on GPUs that are roomy enough.
    """

    __slots__ = ("_cpu_steps", "_milli", "_needed", "_weights", "typical")

    def __init__(self, models: Mapping[str, int], typical: Sequence[TypicalPod]) -> None:
        self.typical = tuple(typical)
        gpu_pods = [t for t in typical if t.shape.gpus]
        columns = sorted({(t.shape.milli, t.shape.gpus, t.shape.models) for t in gpu_pods})
        self._milli: Ints = np.array([c[0] for c in columns], dtype=np.int64)
        self._needed: Ints = np.array([c[1] for c in columns], dtype=np.int64)
        self._cpu_steps: Ints = np.array(sorted({t.shape.cpu for t in gpu_pods}), dtype=np.int64)
        weights = np.zeros((len(models), len(self._cpu_steps) + 1, len(columns)))
        for pod in gpu_pods:
            shape = pod.shape
            column = columns.index((shape.milli, shape.gpus, shape.models))
            first = int(np.searchsorted(self._cpu_steps, shape.cpu)) + 1
            for model, code in models.items():
                if not shape.models or model in shape.models:
                    weights[code, first:, column] += pod.share
        self._weights: Floats = weights

    def roomy(self, gpu_left: Ints) -> tuple[Ints, Ints]:
        """Per column: what is left on each GPU if that is enough, and whether it is (arrays [..., GPU, column])."""
        enough = gpu_left[..., None] >= self._milli
        return gpu_left[..., None] * enough, enough.astype(np.int64)

    def usable(self, model_code: Ints, cpu_left: Ints, amount: Ints, number: Ints) -> Floats:
        """Mean milli-GPU that typical pods could use.

        Args:
            model_code: GPU model per node [n].
            cpu_left: milli-CPU left per node [n].
            amount: milli-GPU on roomy GPUs per column [n, ..., column].
            number: roomy GPUs per column [n, ..., column].
        """
        weights = self._weights[model_code, np.searchsorted(self._cpu_steps, cpu_left, side="right")]
        weights = weights.reshape(weights.shape[:1] + (1,) * (amount.ndim - 2) + weights.shape[1:])
        result: Floats = (weights * (amount * (number >= self._needed))).sum(axis=-1)
        return result

    def fragment(self, fleet: GpuFleet, at: Ints) -> Floats:
        """The fragment of the nodes `at` as they are."""
        left = fleet.gpu_left[at]
        amount, number = self.roomy(left)
        usable = self.usable(fleet.model_code[at], fleet.cpu_left[at], amount.sum(axis=1), number.sum(axis=1))
        fragment: Floats = left.sum(axis=1) - usable
        return fragment


@dataclass(frozen=True, slots=True)
class Fragmentation:
    """Idle milli-GPU by cause.

    Attributes:
        per_node: array [node, cause].
    """

    per_node: Floats

    @property
    def cluster(self) -> dict[FragmentCause, float]:
        """Sums over the nodes."""
        sums = self.per_node.sum(axis=0)
        return {cause: float(sums[cause]) for cause in FragmentCause}

    @property
    def idle(self) -> float:
        """All idle milli-GPU."""
        return float(self.per_node.sum())

    @property
    def fragment(self) -> float:
        """Idle milli-GPU that is of no use to the mean typical pod."""
        return self.idle - float(self.per_node[:, FragmentCause.SATISFIED].sum())

    @property
    def node_fragments(self) -> Floats:
        """The fragment of each node."""
        result: Floats = self.per_node.sum(axis=1) - self.per_node[:, FragmentCause.SATISFIED]
        return result


def _cause_of(shape: GpuShape, fleet: GpuFleet, at: Ints) -> Ints:
    enough_cpu = fleet.cpu_left[at] >= shape.cpu
    if not shape.gpus:
        return np.where(enough_cpu, FragmentCause.NO_GPU_TASK, FragmentCause.NO_GPU_TASK_LACKS_CPU).astype(np.int64)
    enough_gpu = (fleet.gpu_left[at] >= shape.milli).sum(axis=1) >= shape.gpus
    with_gpu = np.where(enough_cpu, FragmentCause.SATISFIED, FragmentCause.LACKS_CPU)
    without = np.where(enough_cpu, FragmentCause.LACKS_GPU, FragmentCause.LACKS_BOTH)
    accepted = fleet.accepts_model(shape)[at]
    return np.where(accepted, np.where(enough_gpu, with_gpu, without), FragmentCause.WRONG_MODEL).astype(np.int64)


def amounts_by_cause(fleet: GpuFleet, typical: Sequence[TypicalPod], at: Ints) -> Floats:
    """Idle milli-GPU of the nodes `at` by cause, array [node, cause].

    Of a node that can run a pod, what is on too full GPUs lacks GPU.
    """
    left = fleet.gpu_left[at]
    amounts = np.zeros((len(at), len(FragmentCause)))
    idle = left.sum(axis=1)
    rows = np.arange(len(at))
    for pod in typical:
        shape = pod.shape
        cause = _cause_of(shape, fleet, at)
        too_full = np.where(cause == FragmentCause.SATISFIED, np.where(left < shape.milli, left, 0).sum(axis=1), 0)
        amounts[rows, cause] += pod.share * (idle - too_full)
        amounts[:, FragmentCause.LACKS_GPU] += pod.share * too_full
    return amounts


def measure(fleet: GpuFleet, typical: Sequence[TypicalPod]) -> Fragmentation:
    """Idle GPU of every node by cause."""
    return Fragmentation(amounts_by_cause(fleet, typical, np.arange(len(fleet.nodes))))
