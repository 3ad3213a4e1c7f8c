"""The state of a GPU-sharing cluster as arrays, changed in place and undone by a journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allotment.errors import CapacityError, ConflictError, NotFoundError
from allotment.scheduling.placement.gpu.model import WHOLE, GpuNode, GpuShape

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PlacedPod:
    """A pod on a node, with the indices of its GPUs."""

    shape: GpuShape
    node: int
    gpus: tuple[int, ...]


class GpuFleet:
    """What is left on every node. A GPU slot that a node does not have has nothing left.

    Args:
        nodes: the nodes; indices everywhere follow their order.
        memory_counts: whether memory limits placement too.
    """

    __slots__ = (
        "_checkpoints",
        "_journal",
        "changed",
        "cpu_left",
        "gpu_count",
        "gpu_left",
        "group_pods",
        "memory_counts",
        "memory_left",
        "model_code",
        "models",
        "nodes",
        "placements",
        "total_milli",
    )

    def __init__(self, nodes: Sequence[GpuNode], *, memory_counts: bool = True) -> None:
        self.nodes = tuple(nodes)
        count, slots = len(self.nodes), max((n.gpus for n in nodes), default=0)
        self.cpu_left: Ints = np.array([n.cpu for n in nodes], dtype=np.int64)
        self.memory_left: Ints = np.array([n.memory for n in nodes], dtype=np.int64)
        self.gpu_count: Ints = np.array([n.gpus for n in nodes], dtype=np.int64)
        self.gpu_left: Ints = np.where(np.arange(slots) < self.gpu_count[:, None], WHOLE, 0)
        self.models: dict[str, int] = {}
        codes = [self.models.setdefault(n.model, len(self.models)) for n in nodes]
        self.model_code: Ints = np.array(codes, dtype=np.int64)
        # Pods per node and demand class; the class of n whole GPUs is n + 1.
        self.group_pods: Ints = np.zeros((count, slots + 2), dtype=np.int64)
        self.total_milli = int(self.gpu_count.sum()) * WHOLE
        self.placements: dict[str, PlacedPod] = {}
        self.changed: list[int] = []
        self.memory_counts = memory_counts
        self._journal: list[tuple[str, PlacedPod, int]] = []
        self._checkpoints = 0

    def accepts_model(self, shape: GpuShape) -> Bools:
        """Nodes whose GPU model the shape accepts."""
        if not shape.gpus:
            return np.ones(len(self.nodes), dtype=np.bool_)
        has_gpu = self.gpu_count > 0
        if not shape.models:
            return has_gpu
        return has_gpu & np.isin(self.model_code, [self.models[m] for m in shape.models if m in self.models])

    def has_room(self, shape: GpuShape, at: Ints) -> Bools:
        """Whether the nodes `at` have the cpu, memory and GPUs left; the model is not looked at."""
        ok = self.cpu_left[at] >= shape.cpu
        if self.memory_counts:
            ok &= self.memory_left[at] >= shape.memory
        if shape.gpus:
            ok &= (self.gpu_left[at] >= shape.milli).sum(axis=1) >= shape.gpus
        return ok

    def place(self, name: str, shape: GpuShape, node: int, gpus: tuple[int, ...]) -> None:
        """Put a pod on a node.

        Raises:
            ConflictError: the name is taken.
            CapacityError: something it asks for is not left there.
        """
        if name in self.placements:
            raise ConflictError(f"pod {name} is placed already")
        left = self.gpu_left[node]
        enough_memory = not self.memory_counts or self.memory_left[node] >= shape.memory
        enough_gpu = len(set(gpus)) == shape.gpus and all(left[g] >= shape.milli for g in gpus)
        if self.cpu_left[node] < shape.cpu or not enough_memory or not enough_gpu:
            raise CapacityError(
                f"pod {name} does not fit on {self.nodes[node].name}", fix="place it on a node that has room"
            )
        self._apply(name, PlacedPod(shape, node, gpus), 1)

    def remove(self, name: str) -> PlacedPod:
        """Take a pod away.

        Raises:
            NotFoundError: it is not placed.
        """
        placement = self.placements.get(name)
        if placement is None:
            raise NotFoundError(f"pod {name} is not placed")
        self._apply(name, placement, -1)
        return placement

    def _apply(self, name: str, placement: PlacedPod, sign: int, *, record: bool = True) -> None:
        shape, node = placement.shape, placement.node
        self.cpu_left[node] -= sign * shape.cpu
        self.memory_left[node] -= sign * shape.memory
        for gpu in placement.gpus:
            self.gpu_left[node, gpu] -= sign * shape.milli
        self.group_pods[node, shape.group] += sign
        if sign > 0:
            self.placements[name] = placement
        else:
            del self.placements[name]
        self.changed.append(node)
        if record and self._checkpoints:
            self._journal.append((name, placement, sign))

    def checkpoint(self) -> int:
        """Begin recording; returns the mark to roll back to."""
        self._checkpoints += 1
        return len(self._journal)

    def rollback(self, mark: int) -> None:
        """Restore the state at the checkpoint, and close it."""
        for name, placement, sign in reversed(self._journal[mark:]):
            self._apply(name, placement, -sign, record=False)
        del self._journal[mark:]
        self._checkpoints -= 1

    def used_milli(self) -> int:
        """Milli-GPUs in use."""
        return self.total_milli - int(self.gpu_left.sum())

    def allocation(self) -> float:
        """Share of the GPUs in use, 0-1; 0 for a cluster without GPUs."""
        return self.used_milli() / self.total_milli if self.total_milli else 0.0
