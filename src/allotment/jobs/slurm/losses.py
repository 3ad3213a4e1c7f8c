"""What Slurm cannot express, whatever cluster it is. What a cluster lacks is said where the job is rendered."""

from __future__ import annotations

import posixpath
from typing import Final

from allotment.jobs.fetching import FETCH_LOSSES
from allotment.jobs.losses import FieldLoss
from allotment.model.jobs.job import Job, JobType, NearnessDomain

OWN: Final = (
    "ALLOTMENT_JOB_ID",
    "ALLOTMENT_JOB_NAME",
    "ALLOTMENT_TEAM",
    "ALLOTMENT_ATTEMPT",
    "ALLOTMENT_RANK",
    "ALLOTMENT_REPLICAS",
    "ALLOTMENT_GRACE_SECONDS",
    "ALLOTMENT_CHECKPOINT_DIR",
    "MASTER_ADDR",
    "MASTER_PORT",
    "WORLD_SIZE",
    "RANK",
    "LOCAL_RANK",
)
"""Variables that Allotment sets."""
STEERING: Final = ("SLURM", "SBATCH", "SRUN", "SALLOC", "SQUEUE", "SACCT", "SCANCEL", "SINFO")
"""How variables begin that Slurm's own programs read."""


def _own_variables(job: Job) -> bool:
    given = (*job.program.environment, *(each.variable for each in job.program.secrets))
    return any(name in OWN or name.startswith(STEERING) for name in given)


def _escaping_folder(job: Job) -> bool:
    folder = job.program.working_directory
    return not folder.startswith("/") and posixpath.normpath(folder or ".").split("/")[0] == ".."


SLURM_LOSSES: Final = (
    FieldLoss(
        "run.image",
        "start an image's own program",
        "write the command out",
        lambda job: not job.program.argv,
    ),
    FieldLoss(
        "run.env",
        "set what Allotment or Slurm's programs read themselves",
        f"take names out that begin with {', '.join(STEERING)}, and {', '.join(OWN)}",
        _own_variables,
    ),
    FieldLoss(
        "run.workingDirectory",
        "start in a folder outside of the code",
        "write a folder of the code, or an absolute one",
        _escaping_folder,
    ),
    *FETCH_LOSSES,
    FieldLoss(
        "nearness",
        "promise a rack or a zone: what Slurm's switches are called is a matter of the cluster",
        "set required: false, or within: node",
        lambda job: (
            job.nearness is not None and job.nearness.required and job.nearness.within is not NearnessDomain.NODE
        ),
    ),
    FieldLoss(
        "sweep",
        "run trials of several replicas",
        "set replicas: 1",
        lambda job: job.sweep is not None and job.replicas > 1,
    ),
    FieldLoss(
        "type",
        "serve: a service or a notebook answers others by a name and a port",
        "submit it to Kubernetes",
        lambda job: job.type in {JobType.SERVICE, JobType.NOTEBOOK},
    ),
    FieldLoss(
        "resources.sharedMemory",
        "size /dev/shm for one job: it is the node's",
        "leave it out",
        lambda job: job.needs.shared_memory is not None,
    ),
    FieldLoss(
        "resources.ephemeralStorage",
        "bound the disk that a job writes",
        "leave it out",
        lambda job: job.needs.ephemeral_storage is not None,
    ),
    FieldLoss(
        "resources.accelerators.capacityType",
        "tell spot from other capacity",
        "leave capacityType out",
        lambda job: job.needs.accelerators is not None and bool(job.needs.accelerators.capacity_type),
    ),
)
