"""Job → processes of this machine, and what this machine cannot give it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from allotment.jobs.fetching import FETCH_LOSSES, told_of_data
from allotment.jobs.losses import FieldLoss
from allotment.model.jobs.given import volume_variable
from allotment.model.jobs.job import Job, JobType, NearnessDomain
from allotment.model.names import tenant_name

LOCAL_LOSSES: Final = (
    FieldLoss(
        "run.image",
        "run a container's own program: it starts programs of the machine",
        "name a script or a command beside the image",
        lambda job: not job.program.argv,
    ),
    *FETCH_LOSSES,
    FieldLoss(
        "nearness",
        "keep replicas nearer together than in one machine, or wait for more than that",
        "leave `nearness` out, or ask for `within: node`",
        lambda job: (
            job.nearness is not None and job.nearness.within is not NearnessDomain.NODE and job.nearness.required
        ),
    ),
    FieldLoss(
        "type",
        "serve: a service or a notebook answers others by a name and a port",
        "submit it to a cluster",
        lambda job: job.type in {JobType.SERVICE, JobType.NOTEBOOK},
    ),
    FieldLoss(
        "resources.sharedMemory",
        "size /dev/shm for one job: it is the machine's",
        "leave it out",
        lambda job: job.needs.shared_memory is not None,
    ),
    FieldLoss(
        "resources.ephemeralStorage",
        "bound the disk that a job writes",
        "leave it out",
        lambda job: job.needs.ephemeral_storage is not None,
    ),
)
"""What is refused here; see `told` for what is only different."""


@dataclass(frozen=True, slots=True)
class RankFolders:
    """Folders of one replica, absolute.

    Attributes:
        code: its working copy.
        checkpoint: kept from attempt to attempt; empty where it writes none.
        volumes: by name.
    """

    code: str
    checkpoint: str
    volumes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """One replica as a process.

    Attributes:
        folder: working directory, absolute.
    """

    argv: tuple[str, ...]
    folder: str
    environment: Mapping[str, str]


def claim_folder(team: str, claim: str) -> str:
    """Name of the folder that stands for a claim; injective, and never a path."""
    return tenant_name(team, claim)


def told(job: Job) -> tuple[str, ...]:
    """What is different here from what the file says, in sentences."""
    said = [
        f"nothing is mounted at {each.path}: the volume {each.name} is a folder of this machine, "
        f"named in {volume_variable(each.name)}"
        for each in job.volumes
    ]
    if job.program.image:
        said.insert(0, f"it runs with this machine's own programs, not in the image {job.program.image}")
    return (*said, *told_of_data(job))


def process_of(job: Job, job_id: str, attempt: int, rank: int, port: int, folders: RankFolders) -> ProcessPlan:
    """One replica in one attempt.

    Args:
        job: what is to run.
        job_id: unique over all jobs.
        attempt: from 1.
        rank: of the replica, from 0.
        port: on which rank 0 may meet the others.
        folders: of the replica.
    """
    code, inside = folders.code, job.program.working_directory
    environment = {
        # What a program prints is seen when it prints it, and not lost when it is stopped.
        "PYTHONUNBUFFERED": "1",
        **job.program.environment,
        "ALLOTMENT_JOB_ID": job_id,
        "ALLOTMENT_JOB_NAME": job.name,
        "ALLOTMENT_TEAM": job.team,
        "ALLOTMENT_ATTEMPT": str(attempt),
        "ALLOTMENT_RANK": str(rank),
        "ALLOTMENT_REPLICAS": str(job.replicas),
        "ALLOTMENT_GRACE_SECONDS": str(job.grace),
        **({"ALLOTMENT_CHECKPOINT_DIR": folders.checkpoint} if folders.checkpoint else {}),
        **{volume_variable(name): folder for name, folder in folders.volumes.items()},
    }
    if job.replicas > 1:
        environment |= {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "WORLD_SIZE": str(job.replicas),
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
        }
    folder = f"{code}/{inside}" if inside and not inside.startswith("/") else inside or code
    return ProcessPlan(job.program.argv, folder, environment)
