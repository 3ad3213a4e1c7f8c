"""Nodes and pods as a GPU-sharing cluster sees them: cpu, memory, and GPUs in thousandths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from allotment.errors import InputError

WHOLE = 1000
"""One GPU in milli-GPUs."""


class Chance(Protocol):
    """The source of randomness, passed in; `random.Random(seed)` is one."""

    def randrange(self, stop: int, /) -> int:
        """A number from 0 to `stop` - 1."""
        ...


@dataclass(frozen=True, slots=True)
class GpuNode:
    """A node: milli-CPU, MiB of memory, number of GPUs and their model."""

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
        memory: MiB.
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


def _number(row: Mapping[str, str], column: str, line: int) -> int:
    text = row.get(column)
    if text is None or not text.strip().isdigit():
        raise InputError(
            f"line {line}: column {column} is {text!r}, not a whole number",
            fix="compare the header with the openb lists: cpu_milli, memory_mib, gpu or num_gpu, gpu_milli",
        )
    return int(text)


def parse_nodes(rows: Iterable[Mapping[str, str]]) -> list[GpuNode]:
    """Nodes of an openb node list (`sn, cpu_milli, memory_mib, gpu, model`), one mapping per line.

    Raises:
        InputError: a column is missing or not a number.
    """
    return [
        GpuNode(
            row.get("sn", f"node-{line}"),
            _number(row, "cpu_milli", line),
            _number(row, "memory_mib", line),
            _number(row, "gpu", line),
            row.get("model", ""),
        )
        for line, row in enumerate(rows, start=2)
    ]


def parse_pods(rows: Iterable[Mapping[str, str]]) -> list[GpuPod]:
    """Pods of an openb pod list (`name, cpu_milli, memory_mib, num_gpu, gpu_milli, gpu_spec`); times are not read.

    Raises:
        InputError: a column is missing or not a number, or a share of more than one GPU is asked for.
    """
    pods = []
    for line, row in enumerate(rows, start=2):
        gpus = _number(row, "num_gpu", line)
        shape = GpuShape(
            _number(row, "cpu_milli", line),
            _number(row, "memory_mib", line),
            gpus,
            _number(row, "gpu_milli", line) if gpus else 0,
            tuple(sorted(m for m in (row.get("gpu_spec") or "").split("|") if m)),
        )
        if gpus > 1 and shape.milli != WHOLE:
            raise InputError(
                f"line {line}: {gpus} GPUs at {shape.milli} milli each",
                why="only a single GPU can be shared",
                fix="ask for one GPU, or for whole ones (gpu_milli 1000)",
            )
        pods.append(GpuPod(row.get("name", f"pod-{line}"), shape))
    return pods
