"""Nodes and pods as a GPU-sharing cluster sees them: cpu, memory, and GPUs in thousandths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

WHOLE: Final = 1000
"""One GPU in milli-GPUs."""


class RandomIndices(Protocol):
    """The source of randomness, passed in; `random.Random(seed)` is one."""

    def randrange(self, stop: int, /) -> int:
        """A number from 0 to `stop` - 1."""
        ...


@dataclass(frozen=True, slots=True)
class GpuNode:
    """A node: milli-CPU, bytes of memory, number of GPUs and their model."""

    name: str
    cpu: int
    memory: int
    gpus: int
    model: str = ""


@dataclass(frozen=True, slots=True)
class GpuShape:
    """What a pod asks for.

    Attributes:
        cpu: milli-CPU.
        memory: bytes.
        gpus: number of GPUs.
        milli: share of each of them in thousandths; below 1000 only with one GPU.
        models: GPU models it accepts, sorted; empty = any.
    """

    cpu: int
    memory: int = 0
    gpus: int = 0
    milli: int = 0
    models: tuple[str, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether it takes part of one GPU."""
        return self.gpus == 1 and self.milli < WHOLE

    @property
    def demand(self) -> int:
        """Milli-GPUs in all."""
        return self.gpus * self.milli

    @property
    def group(self) -> int:
        """The demand class of GPU clustering: 0 no GPU, 1 a share, n + 1 for n whole GPUs."""
        if not self.gpus:
            return 0
        return 1 if self.shared else self.gpus + 1


@dataclass(frozen=True, slots=True)
class GpuPod:
    """A pod with its name."""

    name: str
    shape: GpuShape
