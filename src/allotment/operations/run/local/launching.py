"""A job of the store → what the machine's queues and processes are told of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from allotment.errors import InputError
from allotment.jobs.local import RankFolders, claim_folder, process_of
from allotment.model.platform import Platform
from allotment.operations.run.local.queueing import QueuedWork
from allotment.ports.backends import JobToStart
from allotment.ports.job_folders import JobFolders
from allotment.ports.job_processes import FoundLaunch, JobLaunch, JobNeverStarted

_FIRST_PORT: Final = 20_000
_PORTS: Final = 10_000
"""Where rank 0 may meet the others: below the ports that Linux gives away by itself."""


_FORM: Final = re.compile(r"(.+)-([1-9][0-9]{0,8})-(0|[1-9][0-9]{0,8})")
_ONE_CPU: Final = 1000
"""Milli-CPU that a process may use at least, whatever is counted for it: idle CPU is nobody's gain."""


def meeting_port(job_id: str, attempt: int) -> int:
    """Where rank 0 meets the others: any of the range alike, another one in each attempt."""
    drawn = hashlib.sha256(f"{job_id} {attempt}".encode()).digest()
    return _FIRST_PORT + int.from_bytes(drawn[:8]) % _PORTS


def launch_id(job_id: str, attempt: int, rank: int) -> str:
    """Of one replica in one attempt; injective, because attempt and rank are numbers at the end."""
    return f"{job_id}-{attempt}-{rank}"


def job_of_launch(launch: str) -> str:
    """The job that a launch is of; empty where its id has another form."""
    parts = _FORM.fullmatch(launch)
    return "" if parts is None else parts[1]


def launches_of(found: Iterable[FoundLaunch]) -> dict[str, tuple[int, dict[int, FoundLaunch]]]:
    """By job the newest attempt of which anything was started, with its launches by rank."""
    newest: dict[str, tuple[int, dict[int, FoundLaunch]]] = {}
    for each in found:
        parts = _FORM.fullmatch(each.id)
        if parts is None or isinstance(each.state, JobNeverStarted):
            continue  # a job may make folders among those of launches
        job_id, attempt, rank = parts[1], int(parts[2]), int(parts[3])
        present = newest.get(job_id, (0, {}))
        if attempt > present[0]:
            newest[job_id] = (attempt, {rank: each})
        elif attempt == present[0]:
            present[1][rank] = each
    return newest


def work_of(order: JobToStart, platform: Platform) -> QueuedWork:
    """The job as the machine's queues see it.

    Raises:
        InputError: the platform has no such rung, or no such team.
    """
    job, needs = order.job, order.job.needs
    rung = next((each for each in platform.priorities if each.name == job.priority), None)
    if rung is None or platform.team(job.team) is None:
        what = f"the rung {job.priority}" if rung is None else f"the team {job.team}"
        raise InputError(f"{what} is not in the platform directory", fix="name one that `allot validate` shows")
    wish = needs.accelerators
    return QueuedWork(
        id=order.id,
        team=job.team,
        priority=rung.value,
        queued_since=order.queued_since,
        cpu=needs.cpu,
        memory=needs.memory,
        devices=0 if wish is None else wish.count,
        classes=() if wish is None else wish.classes,
        replicas=job.replicas,
    )


def launches_for(
    order: JobToStart, attempt: int, devices: Sequence[str], folders: JobFolders, instead: Mapping[str, str]
) -> Iterator[JobLaunch]:
    """What is to be launched, rank after rank.

    Args:
        order: the job.
        attempt: from 1.
        devices: ids of all devices that it was given.
        folders: where it runs.
        instead: programs that the machine has under another name.
    """
    job = order.job
    per_rank = 0 if job.needs.accelerators is None else job.needs.accelerators.count
    code = folders.working_copy(order.id, attempt, order.code)
    volumes = {
        each.name: each.folder
        or (folders.claim(claim_folder(job.team, each.claim)) if each.claim else "")
        or folders.scratch(order.id, attempt, each.name)
        for each in job.volumes
    }
    checkpoint = "" if job.checkpoint is None else folders.checkpoint(order.id)
    if job.checkpoint is not None and not job.checkpoint.directory.startswith("/"):
        folders.link(code, job.checkpoint.directory, checkpoint)
    port = meeting_port(order.id, attempt)
    for rank in range(job.replicas):
        plan = process_of(job, order.id, attempt, rank, port, RankFolders(code, checkpoint, volumes))
        yield JobLaunch(
            id=launch_id(order.id, attempt, rank),
            argv=(instead.get(plan.argv[0], plan.argv[0]), *plan.argv[1:]),
            working_directory=Path(plan.folder),
            environment=plan.environment,
            name=job.name,
            cpu_milli=max(_ONE_CPU, job.needs.cpu),
            memory_bytes=job.needs.memory,
            devices=tuple(devices[rank * per_rank : (rank + 1) * per_rank]),
            grace_seconds=float(job.grace),
        )
