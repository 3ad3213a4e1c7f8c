"""Volumes of a job's pods, and how data come into them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from allotment.jobs.fetching import fetch_command, volume_of
from allotment.jobs.kubernetes.environment import CODE, OWN_OF_RUNS, PACKED, RANK, TRIALS, literal
from allotment.jobs.kubernetes.order import WorkOrder
from allotment.model.jobs.job import Job, JobVolume, StagedData, VolumeUse
from allotment.model.quantity import format_bytes

MOST_CODE: Final = 900 << 10
"""Bytes of packed code that travel: an object of the API has a mebibyte, and some is the object's own."""

_SHM: Final = "/dev/shm"  # noqa: S108 (not a file of ours: where shared memory is in a container)


def volumes(order: WorkOrder) -> list[dict[str, Any]]:
    """Volumes of the pod."""
    return [*_given(order.job), *_own(order)]


def _given(job: Job) -> Iterator[dict[str, Any]]:
    for volume in job.volumes:
        name = volume_name(volume.name)
        if volume.claim:
            yield {"name": name, "persistentVolumeClaim": {"claimName": volume.claim}}
        else:
            yield {"name": name, "emptyDir": {} if volume.size is None else {"sizeLimit": format_bytes(volume.size)}}


def _own(order: WorkOrder) -> Iterator[dict[str, Any]]:
    needs = order.job.needs
    if needs.shared_memory is not None:
        yield {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": format_bytes(needs.shared_memory)}}
    if order.code:
        yield {"name": "packed", "configMap": {"name": order.name}}
        yield {"name": "code", "emptyDir": {}}
    if order.job.sweep is not None:
        yield {"name": "trials", "configMap": {"name": trials_name(order.name)}}


def mounts(order: WorkOrder) -> list[dict[str, Any]]:
    """Mounts of the program's container; what is only read cannot be written."""
    job, kept = order.job, checkpoint_folder(order)
    directory = "" if job.checkpoint is None else posixpath.normpath(job.checkpoint.directory)
    found = [
        _mount(volume_name(volume.name), volume.path, read_only=volume.use is VolumeUse.READ_MOSTLY)
        for volume in job.volumes
        if kept is None or volume is not kept.volume or posixpath.normpath(volume.path) != directory
    ]
    if kept is not None:
        found.append({"name": volume_name(kept.volume.name), "mountPath": directory, "subPathExpr": kept.inner})
    if order.job.needs.shared_memory is not None:
        found.append(_mount("shm", _SHM))
    if order.code:
        found += [_mount("packed", PACKED, read_only=True), _mount("code", CODE)]
    if order.job.sweep is not None:
        found.append(_mount("trials", TRIALS, read_only=True))
    return found


@dataclass(frozen=True, slots=True)
class CheckpointFolder:
    """Where the checkpoints of a job lie.

    Attributes:
        volume: of the job, a claim.
        inner: path in the claim; it may name variables of the pod.
    """

    volume: JobVolume
    inner: str


def checkpoint_folder(order: WorkOrder) -> CheckpointFolder | None:
    """The folder that stands for a job's checkpoint directory in its pods; None where it writes none.

    Jobs of a team share its claims, so each has a folder of its own there, and so has each trial and each run: none
    goes on from what another has written. The kubelet makes it. Whoever mounts the whole claim finds all of them.
    """
    job = order.job
    covering = None if job.checkpoint is None else covering_volume(job, job.checkpoint.directory)
    if job.checkpoint is None or covering is None:
        return None
    inner = [posixpath.relpath(posixpath.normpath(job.checkpoint.directory), posixpath.normpath(covering.path))]
    inner.append(job.checkpoint.of or order.id)
    if job.schedule is not None:
        inner.append(f"$({OWN_OF_RUNS})")
    if job.sweep is not None:
        inner.append(f"$({RANK})")
    return CheckpointFolder(covering, posixpath.normpath("/".join(inner)))


def covering_volume(job: Job, directory: str) -> JobVolume | None:
    """The claim that a folder of a job's pods lies in, the innermost; None where it lies in none."""
    place = posixpath.normpath(directory)
    paths = {
        posixpath.normpath(each.path): each for each in job.volumes if each.claim and each.use is not VolumeUse.SCRATCH
    }
    around = [path for path in paths if place == path or place.startswith(f"{path.rstrip('/')}/")]
    return paths[max(around, key=len)] if around else None


def _mount(name: str, path: str, *, read_only: bool = False) -> dict[str, Any]:
    return {"name": name, "mountPath": path, **({"readOnly": True} if read_only else {})}


def volume_name(name: str) -> str:
    """Name of a job's volume in its pod: none of ours begins so."""
    return f"v-{name}"


def trials_name(work: str) -> str:
    """Name of the ConfigMap with the trials of a sweep, by that of what runs the job."""
    return f"{work}-trials"


def staging_mounts(job: Job, data: StagedData) -> list[dict[str, Any]]:
    """Mounts of a container that fetches: the volume that it fills, and those that it may copy from."""
    target = volume_of(job, data)
    return [
        _mount(volume_name(each.name), each.path, read_only=each is not target and each.use is VolumeUse.READ_MOSTLY)
        for each in job.volumes
        if each.claim or each is target
    ]


def fetch(job: Job, data: StagedData) -> list[str]:
    """What a container runs to fetch data; never a shell."""
    target = volume_of(job, data)
    place = f"{'' if target is None else target.path.rstrip('/')}/{data.path}"
    return [literal(each) for each in fetch_command(data, data.source, place)]
