"""What a job's file leaves open is filled in for this machine: the platform's defaults are made for its nodes.

Where a file names no CPU or memory, it gets the part of the machine that its devices are of all devices; without
devices as much as one device's part. What a file names stays: if the machine has less, the job is refused.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from allotment.model.jobs.job import Job
from allotment.model.quantity import Bytes, MilliCpu
from allotment.operations.run.local.shares import MachineSize

CPU_FIELD: Final = "resources.cpu"
MEMORY_FIELD: Final = "resources.memory"
OPEN_FIELDS: Final = (CPU_FIELD, MEMORY_FIELD)
"""Fields that are filled in here where a job's file does not write them."""
_PARTS: Final = 4
"""Parts of a machine without devices."""


def fitted(job: Job, unwritten: Collection[str], size: MachineSize) -> Job:
    """The job with what it leaves open as this machine has it.

    Args:
        job: as it was loaded, defaults of the platform in it.
        unwritten: those of `OPEN_FIELDS` that its file does not write.
        size: of the machine.
    """
    parts = sum(size.devices.values()) or _PARTS
    wish = job.needs.accelerators
    mine = min(parts, 1 if wish is None else wish.count)
    needs = job.needs
    if CPU_FIELD in unwritten:
        needs = replace(needs, cpu=MilliCpu(max(1, size.cpu * mine // parts)))
    if MEMORY_FIELD in unwritten:
        needs = replace(needs, memory=Bytes(max(1, size.memory * mine // parts)))
    return replace(job, needs=needs)
