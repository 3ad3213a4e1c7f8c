"""What a job of a Slurm used, as its accounting gathered it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

MEMORY: Final = "mem"
GPU_USE: Final = "gres/gpuutil"
GPU_MEMORY: Final = "gres/gpumem"
"""Resources as ``TRESUsageIn`` names them; those of GPUs are there where the cluster gathers them."""


@dataclass(frozen=True, slots=True)
class SlurmStepUse:
    """What one step used.

    Attributes:
        name: ``batch``, ``extern``, or its number.
        cpu_ms: milliseconds of CPU of all its tasks; None where nobody counted.
        most: most that one task had, by resource: bytes, percent.
        mean: mean of its tasks, by resource.
    """

    name: str
    cpu_ms: int | None = None
    most: Mapping[str, int] = field(default_factory=dict)
    mean: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SlurmUse:
    """What a run used; None of what was not gathered.

    Attributes:
        memory: most bytes that one task had.
        cpu_ms: milliseconds of CPU of all tasks.
        gpu_percent: mean use of a device.
        gpu_memory: most bytes in use on a device.
        ended_by: user who cancelled it; empty where nobody did, or that is not told.
    """

    memory: int | None = None
    cpu_ms: int | None = None
    gpu_percent: int | None = None
    gpu_memory: int | None = None
    ended_by: str = ""


def used_by(steps: Iterable[SlurmStepUse], ended_by: str = "") -> SlurmUse:
    """What all steps of a run used together; of the use of devices what the step says that used them most.

    Args:
        steps: of the run.
        ended_by: see `SlurmUse`.
    """
    counted = [each for each in steps if each.name != "extern"]
    cpu = [each.cpu_ms for each in counted if each.cpu_ms is not None]
    return SlurmUse(
        memory=_most(each.most.get(MEMORY) for each in counted),
        cpu_ms=sum(cpu) if any(cpu) else None,
        gpu_percent=_most(each.mean.get(GPU_USE) for each in counted),
        gpu_memory=_most(each.most.get(GPU_MEMORY) for each in counted),
        ended_by=ended_by,
    )


def _most(values: Iterable[int | None]) -> int | None:
    return max((each for each in values if each), default=None)
