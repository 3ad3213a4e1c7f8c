"""Volumes of a job's pods, and how data come into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from allotment.jobs.fetching import fetch_command, volume_of
from allotment.jobs.kubernetes.environment import CODE, PACKED, TRIALS, literal
from allotment.jobs.kubernetes.order import WorkOrder
from allotment.model.jobs.job import Job, StagedData, VolumeUse
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
    found = [
        _mount(volume_name(volume.name), volume.path, read_only=volume.use is VolumeUse.READ_MOSTLY)
        for volume in order.job.volumes
    ]
    if order.job.needs.shared_memory is not None:
        found.append(_mount("shm", _SHM))
    if order.code:
        found += [_mount("packed", PACKED, read_only=True), _mount("code", CODE)]
    if order.job.sweep is not None:
        found.append(_mount("trials", TRIALS, read_only=True))
    return found


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
