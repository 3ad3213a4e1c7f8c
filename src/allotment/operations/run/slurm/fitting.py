"""What a job's file leaves open is filled in for a Slurm: the platform's defaults are made for its clusters' nodes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from allotment.jobs.slurm.rendering import SlurmPlace
from allotment.model.jobs.job import Job
from allotment.model.quantity import Bytes, MilliCpu
from allotment.operations.run.local.fitting import CPU_FIELD, MEMORY_FIELD

_PARTS: Final = 4
"""Parts of a node without devices."""
_MIB: Final = 1 << 20


def fitted_there(job: Job, unwritten: Collection[str], place: SlurmPlace) -> Job:
    """The job with what its file leaves open as the place has it: the platform's defaults are made for its clusters.

    With devices it gets the part of a node that they are of all devices there; without, the usual amount, and at most
    the part of one device, or a quarter of a node without any. What its file names stays.

    Args:
        job: as it was loaded, defaults of the platform in it.
        unwritten: those of `OPEN_FIELDS` that its file does not write.
        place: where it is handed in.
    """
    wish, needs = job.needs.accelerators, job.needs
    if wish is None:
        shape = place.plain or next(iter(place.shapes.values()), None)
    else:
        known = [place.shapes[name] for name in wish.classes if name in place.shapes]
        shape = next((each for each in known if each.devices >= wish.count), known[0] if known else None)
    if shape is None:
        return job
    parts = shape.devices or _PARTS
    mine = 1 if wish is None else min(parts, wish.count)
    cpu = MilliCpu(1000 * max(1, shape.cpus * mine // parts))
    memory = Bytes(max(1, shape.memory // _MIB * mine // parts) * _MIB)
    if CPU_FIELD in unwritten:
        needs = replace(needs, cpu=cpu if wish is not None else min(cpu, needs.cpu))
    if MEMORY_FIELD in unwritten:
        needs = replace(needs, memory=memory if wish is not None else min(memory, needs.memory))
    return replace(job, needs=needs)
