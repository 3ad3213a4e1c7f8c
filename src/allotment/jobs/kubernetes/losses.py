"""What Kubernetes cannot express: for every kind, and for some more."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Final

from allotment.jobs.fetching import fetchable, staged, volume_of
from allotment.jobs.kubernetes.environment import CODE, OWN, OWN_OF_GANGS, OWN_OF_RUNS
from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.jobs.kubernetes.storage import covering_volume
from allotment.jobs.losses import FieldLoss
from allotment.model import labels
from allotment.model.jobs.given import volume_variable
from allotment.model.jobs.job import Job, JobType, NearnessDomain, StagingTime, VolumeUse
from allotment.model.names import is_dns_label

_VALUE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_OURS: Final = (f"{labels.DOMAIN}/", "kueue.x-k8s.io/", "kubernetes.io/", "k8s.io/", "app.kubernetes.io/managed-by")


def _strange_label(job: Job) -> bool:
    return any(not _is_label(key, value) for key, value in job.labels.items())


def _is_label(key: str, value: str) -> bool:
    domain, slash, name = key.rpartition("/")
    if slash and (len(domain) > 253 or not all(is_dns_label(part) for part in domain.split("."))):
        return False
    foreign = key in labels.BILLING_LABELS or key.startswith(_OURS) or domain.endswith(("kubernetes.io", "k8s.io"))
    return not foreign and _NAME.fullmatch(name) is not None and _VALUE.fullmatch(value) is not None


def _own_variables(job: Job) -> bool:
    given = {*job.program.environment, *(each.variable for each in job.program.secrets)}
    ours = {*OWN, OWN_OF_RUNS, *(OWN_OF_GANGS if job.gang and job.replicas > 1 else ())}
    return bool(given & {*ours, *(volume_variable(each.name) for each in job.volumes)})


def _escaping_folder(job: Job) -> bool:
    folder = job.program.working_directory
    if not folder:
        return False
    if job.program.code is None:
        return not folder.startswith("/")
    inside = posixpath.normpath(posixpath.join(CODE, folder))
    return not folder.startswith("/") and inside != CODE and not inside.startswith(f"{CODE}/")


def _strange_volume(job: Job) -> bool:
    names = [volume.name for volume in job.volumes]
    return len(set(names)) < len(names) or any(
        not is_dns_label(f"v-{volume.name}") or not volume.path.startswith("/") or ":" in volume.path
        for volume in job.volumes
    )


def _uncovered_checkpoint(job: Job) -> bool:
    return job.checkpoint is not None and covering_volume(job, job.checkpoint.directory) is None


def _fetched_beside_checkpoints(job: Job) -> bool:
    """Data are fetched into the folder of the claim; in its place the pod has one of the job's own."""
    if job.checkpoint is None or (covering := covering_volume(job, job.checkpoint.directory)) is None:
        return False
    whole = posixpath.normpath(job.checkpoint.directory) == posixpath.normpath(covering.path)
    return whole and any(volume_of(job, each) is covering for each in job.data)


def _passing_target(job: Job) -> bool:
    """Data are fetched before into what comes only with the pod."""
    targets = (volume_of(job, each) for each in staged(job, StagingTime.BEFORE))
    return any(target is None or not target.claim for target in targets)


def _strange_target(job: Job) -> bool:
    return any(
        volume_of(job, each) is None or each.path.startswith("/") or ".." in each.path.split("/") for each in job.data
    )


COMMON: Final = (
    FieldLoss(
        "run.image",
        "run without an image: a pod is made of one",
        "name the image that has what the program needs, as `image` below `run`",
        lambda job: not job.program.image,
    ),
    FieldLoss(
        "run.command",
        "start an image's own program in a code folder, or with the parameters of a sweep: it is not known here",
        "write the command out",
        lambda job: not job.program.argv and (job.program.code is not None or job.sweep is not None),
    ),
    FieldLoss(
        "run.env",
        f"set what Allotment sets itself: {', '.join(OWN)}, in gangs {', '.join(OWN_OF_GANGS)}",
        "take these names out",
        _own_variables,
    ),
    FieldLoss(
        "run.workingDirectory",
        "start in a folder outside of the code, or of an image without a path from its root",
        "write a folder of the code, or an absolute one",
        _escaping_folder,
    ),
    FieldLoss(
        "labels",
        "be labels of an object: a name of Kubernetes' or ours, or a form that labels cannot have",
        "use letters, digits, - _ and . only, 63 at most, and another name",
        _strange_label,
    ),
    FieldLoss(
        "volumes.folder",
        "mount a folder of a host: Pod Security refuses it",
        "put the data on a claim of the team, and name that",
        lambda job: any(volume.folder for volume in job.volumes),
    ),
    FieldLoss(
        "volumes.claim",
        "keep what outlives the job without a claim",
        "name a claim of the team, or set use: scratch",
        lambda job: any(
            not volume.claim and not volume.folder and volume.use is not VolumeUse.SCRATCH for volume in job.volumes
        ),
    ),
    FieldLoss(
        "volumes.name",
        "be told apart, or be mounted at a path that is not absolute",
        "give each volume a name of its own, of small letters, digits and hyphens, 61 at most, and an absolute path",
        _strange_volume,
    ),
    FieldLoss(
        "checkpoint.directory",
        "outlive the pod: it lies in no volume of the job that is a claim",
        "mount a claim there, with use: checkpoint",
        _uncovered_checkpoint,
    ),
    FieldLoss(
        "checkpoint.directory",
        "be a volume as a whole into which data are fetched: each job has a folder of its own there",
        "name a folder in that volume, such as /data/checkpoints",
        _fetched_beside_checkpoints,
    ),
    FieldLoss(
        "data.volume",
        "be filled before, since it comes and goes with the pod",
        "name a claim for that volume, or set when: at-start",
        _passing_target,
    ),
    FieldLoss(
        "data.path",
        "lie in a volume of the job",
        "name one of the job's volumes, and a path in it without ..",
        _strange_target,
    ),
    FieldLoss(
        "data.source",
        "be fetched: no usual way is known for its scheme",
        "write data.command, or use https, s3, gs, hf or an absolute path",
        lambda job: any(not fetchable(each) for each in job.data),
    ),
    FieldLoss(
        "nearness.required",
        "be promised: the queue admits by quota, and pods that lie apart would wait while they hold their devices",
        "set required: false",
        lambda job: job.nearness is not None and job.nearness.required and job.replicas > 1,
    ),
    FieldLoss(
        "nearness.within",
        "be a rack: no label of racks is common to clusters",
        "set within: zone",
        lambda job: job.nearness is not None and job.nearness.within is NearnessDomain.RACK and job.replicas > 1,
    ),
    FieldLoss(
        "sweep.earlyStop",
        "end some trials of one Job and not the others",
        "leave it out: trials that have ended are not run again",
        lambda job: job.sweep is not None and job.sweep.early_stop is not None,
    ),
    FieldLoss(
        "sweep.grid",
        "have values of several lines: a trial is handed a line an argument",
        "write values without line breaks",
        lambda job: (
            job.sweep is not None and any("\n" in value for each in job.sweep.parameters for value in each.values)
        ),
    ),
    FieldLoss(
        "sweep",
        "have trials of several replicas, or run by a schedule",
        "set replicas: 1, and submit it without a schedule",
        lambda job: job.sweep is not None and (job.replicas > 1 or job.schedule is not None),
    ),
    FieldLoss(
        "after",
        "wait for other jobs at each time of a schedule",
        "leave one of the two out",
        lambda job: bool(job.after) and job.schedule is not None,
    ),
    FieldLoss(
        "data.when",
        "come before each run of a schedule",
        "set when: at-start, or fetch them with a job of their own",
        lambda job: job.schedule is not None and bool(staged(job, StagingTime.BEFORE)),
    ),
    FieldLoss(
        "schedule",
        "start a service or a notebook by the clock",
        "leave it out",
        lambda job: job.schedule is not None and not job.type.ends,
    ),
)
"""What no kind has a word for."""

_RETRIES_OF_A_GANG: Final = FieldLoss(
    "retries.safe",
    "tell a gang that never began from one that did",
    "declare retries.safe: true, or set retries.limit: 0",
    lambda job: job.retries.limit > 0 and not job.retries.safe,
)
_RESTARTS: Final = FieldLoss(
    "retries.limit",
    "count restarts: a service is started again for ever",
    "leave retries out",
    lambda job: job.retries.limit > 0,
)
_SERVICE_TIME: Final = FieldLoss(
    "maxRunTime",
    "end a service after a time",
    "leave it out, or stop the job",
    lambda job: job.run_time is not None,
)
_ENDING: Final = FieldLoss(
    "type",
    "be done some day",
    "submit it as another type of job",
    lambda job: job.type is not JobType.SERVICE,
)
_IN_RUNTIME: Final = "its pods stand in a runtime of the platform"

OF_KIND: Final[Mapping[WorkKind, tuple[FieldLoss, ...]]] = {
    WorkKind.JOB: (),
    WorkKind.CRON_JOB: (),
    WorkKind.JOB_SET: (_RETRIES_OF_A_GANG,),
    WorkKind.DEPLOYMENT: (_RESTARTS, _SERVICE_TIME, _ENDING),
    WorkKind.LEADER_WORKER_SET: (_RESTARTS, _SERVICE_TIME, _ENDING),
    WorkKind.TRAIN_JOB: (
        FieldLoss(
            "volumes",
            f"be mounted by a TrainJob: {_IN_RUNTIME}",
            "let another kind be chosen, or put them into the runtime",
            lambda job: bool(job.volumes) or job.needs.shared_memory is not None,
        ),
        FieldLoss(
            "run.code",
            f"travel with a TrainJob: {_IN_RUNTIME}",
            "build it into the image",
            lambda job: job.program.code is not None or bool(job.program.working_directory),
        ),
        FieldLoss(
            "run.secrets",
            f"be read by a TrainJob: {_IN_RUNTIME}",
            "put them into the runtime",
            lambda job: bool(job.program.secrets),
        ),
        FieldLoss("retries", "be counted by a TrainJob", "leave them out", lambda job: job.retries.limit > 0),
        FieldLoss(
            "checkpoint.grace",
            f"be given by a TrainJob: {_IN_RUNTIME}",
            "set the grace period in the runtime",
            lambda job: job.checkpoint is not None,
        ),
        FieldLoss(
            "type",
            "be run by a TrainJob: it trains",
            "let another kind be chosen",
            lambda job: job.type is not JobType.TRAINING or job.schedule is not None or job.sweep is not None,
        ),
    ),
    WorkKind.RAY_JOB: (
        FieldLoss(
            "run.command",
            "be left to the image: Ray is handed the program",
            "write the command out",
            lambda job: not job.program.argv,
        ),
        FieldLoss(
            "run.code",
            "be unpacked where Ray starts the program",
            "build it into the image",
            lambda job: job.program.code is not None or bool(job.program.working_directory),
        ),
        FieldLoss(
            "retries.safe",
            "tell a program that never began from one that did",
            "declare retries.safe: true, or set retries.limit: 0",
            lambda job: job.retries.limit > 0 and not job.retries.safe,
        ),
        FieldLoss(
            "type",
            "be run by a RayJob: it ends",
            "let another kind be chosen",
            lambda job: not job.type.ends or job.schedule is not None or job.sweep is not None,
        ),
    ),
    WorkKind.VOLCANO_JOB: (
        _RETRIES_OF_A_GANG,
        FieldLoss(
            "type",
            "be run by a Volcano Job: it ends, and runs once",
            "let another kind be chosen",
            lambda job: not job.type.ends or job.schedule is not None or job.sweep is not None,
        ),
    ),
}
"""What one kind cannot express beside that."""
