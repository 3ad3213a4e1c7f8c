"""A job of the store → what the machine's queues and processes are told of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allotment.errors import InputError
from allotment.jobs.fetching import kept_for_data
from allotment.jobs.local import RankFolders, claim_folder, process_of
from allotment.model.jobs.job import Job
from allotment.model.platform import Platform
from allotment.operations.run.local.queueing import QueuedWork
from allotment.ports.backends import JobToStart
from allotment.ports.job_folders import JobFolders
from allotment.ports.job_processes import FoundLaunch, JobAlive, JobGone, JobLaunch, JobNeverStarted, JobProcesses
from allotment.ports.job_secrets import JobSecrets

_FIRST_PORT: Final = 20_000
_PORTS: Final = 10_000
"""Where rank 0 may meet the others: below the ports that Linux gives away by itself."""


_FORM: Final = re.compile(r"(.+)-(0|[1-9][0-9]{0,8})-(0|[1-9][0-9]{0,8})")
MOST_PROCESSES: Final = 16_384
"""Processes and threads of one job: half of those that Linux gives a machine by default (32,768), so that it leaves
some to all else. Each replica has its share."""
_LEAST_PROCESSES: Final = 1_024
"""Of a replica, however many there are: what one framework with its threads needs. All jobs together are bounded, too,
by the cgroup that theirs stand in."""
_ONE_CPU: Final = 1000
"""Milli-CPU that a process may use at least, whatever is counted for it: idle CPU is nobody's gain."""


def meeting_port(job_id: str, attempt: int) -> int:
    """Where rank 0 meets the others: any of the range alike, another one in each attempt."""
    drawn = hashlib.sha256(f"{job_id} {attempt}".encode()).digest()
    return _FIRST_PORT + int.from_bytes(drawn[:8]) % _PORTS


def launch_id(job_id: str, attempt: int, rank: int) -> str:
    """Of one replica in one attempt; injective, because attempt and rank are numbers at the end.

    Attempt 0 is what fetches the data, again and again in place of the rank.
    """
    return f"{job_id}-{attempt}-{rank}"


def job_of_launch(launch: str) -> str:
    """The job that a launch is of; empty where its id has another form."""
    parts = _FORM.fullmatch(launch)
    return "" if parts is None else parts[1]


class EarlierLaunches:
    """What earlier servers have left; a launch is looked at only when its job is asked for, however many there are."""

    def __init__(self, processes: JobProcesses) -> None:
        """Of all launches that are there now."""
        self._processes = processes
        self._attempts: dict[str, dict[int, dict[int, str]]] = {}
        self._open: dict[str, list[str]] = {}
        for each, ended in processes.known().items():
            parts = _FORM.fullmatch(each)
            if parts is None:
                continue  # a job may make folders among those of launches
            attempt = self._attempts.setdefault(parts[1], {}).setdefault(int(parts[2]), {})
            attempt[int(parts[3])] = each
            if not ended:
                self._open.setdefault(parts[1], []).append(each)

    def newest(self, job_id: str) -> tuple[int, dict[int, FoundLaunch]]:
        """The newest attempt of a job of which anything was started, with its launches by rank; 0 where there is none.

        From now on the job is known, and none of those that `unknown` tells of.
        """
        self._open.pop(job_id, None)
        attempts = self._attempts.pop(job_id, {})
        for attempt in sorted(attempts, reverse=True):
            found = {each.id: each for each in self._processes.found(attempts[attempt].values())}
            ranks = {rank: found[each] for rank, each in sorted(attempts[attempt].items()) if each in found}
            started = {rank: each for rank, each in ranks.items() if not isinstance(each.state, JobNeverStarted)}
            if started:
                return attempt, started
        return 0, {}

    def devices_of_unknown(self) -> frozenset[str]:
        """Devices that processes still have which belong to no job that was asked for: nobody goes on with those."""
        if not self._open:
            return frozenset()
        found = self._processes.found([each for ids in self._open.values() for each in ids])
        alive = [each for each in found if isinstance(each.state, JobAlive | JobGone) and _runs(each)]
        jobs = {job_of_launch(each.id) for each in alive}
        self._open = {job: ids for job, ids in self._open.items() if job in jobs}
        return frozenset(name for each in alive for name in each.devices)


def _runs(found: FoundLaunch) -> bool:
    return isinstance(found.state, JobAlive) or (isinstance(found.state, JobGone) and bool(found.state.left))


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


@dataclass(frozen=True, slots=True)
class LocalStorage:
    """Folders of jobs, the user's secrets, and what data are fetched with.

    Attributes:
        has_program: whether the machine has a program.
    """

    folders: JobFolders
    secrets: JobSecrets
    has_program: Callable[[str], bool] = lambda _: True


def volumes_of(order: JobToStart, attempt: int, folders: JobFolders) -> dict[str, str]:
    """Folders of a job's volumes by name; one that data were fetched into is the same in each attempt."""
    job = order.job
    return {
        each.name: each.folder
        or (folders.claim(claim_folder(job.team, each.claim)) if each.claim else "")
        or folders.scratch(*((order.data_id, 1) if kept_for_data(job, each) else (order.id, attempt)), each.name)
        for each in job.volumes
    }


def secrets_of(job: Job, secrets: JobSecrets) -> dict[str, str]:
    """Values by variable. They must reach nothing but the environment of the job's processes.

    Raises:
        InputError: one is not there, or somebody else could read or change it.
    """
    return {each.variable: secrets.value(job.team, each.secret, each.key) for each in job.program.secrets}


def launches_for(
    order: JobToStart, attempt: int, devices: Sequence[str], storage: LocalStorage, instead: Mapping[str, str]
) -> Iterator[JobLaunch]:
    """What is to be launched, rank after rank.

    Args:
        order: the job.
        attempt: from 1.
        devices: ids of all devices that it was given.
        storage: where it runs, and what it is told in secret.
        instead: programs that the machine has under another name.

    Raises:
        AllotmentError: a folder cannot be made, or a secret is not there.
    """
    job, folders = order.job, storage.folders
    told = secrets_of(job, storage.secrets)
    per_rank = 0 if job.needs.accelerators is None else job.needs.accelerators.count
    code = folders.working_copy(order.id, attempt, order.code)
    volumes = volumes_of(order, attempt, folders)
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
            environment={**told, **plan.environment},
            name=job.name,
            cpu_milli=max(_ONE_CPU, job.needs.cpu),
            memory_bytes=job.needs.memory,
            most_processes=max(_LEAST_PROCESSES, MOST_PROCESSES // job.replicas),
            devices=tuple(devices[rank * per_rank : (rank + 1) * per_rank]),
            grace_seconds=float(job.grace),
        )
