"""What a container is started with, and what it finds in its environment.

The kubelet replaces ``$(NAME)`` in commands and values, so every dollar sign of a user is doubled: it arrives as it was
written. No text of a user is ever part of a shell's program: where a shell is needed, its program is a constant and all
else are its arguments.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, Final

from allotment.jobs.kubernetes.order import WorkOrder
from allotment.model.jobs.given import volume_variable
from allotment.model.jobs.job import Job

CODE: Final = "/allotment/code"
"""Where the code folder lies in a container, and where a program with code starts."""
PACKED: Final = "/allotment/packed"
"""Where its package is mounted."""
PACKAGE: Final = "code.tar.gz"
TRIALS: Final = "/allotment/trials"
"""Where the arguments of a sweep's trials are mounted: a file a trial, a line an argument."""
MASTER_PORT: Final = 29500
"""On which rank 0 of a gang listens: the port that torchrun takes if nobody says otherwise."""

JOB_ID: Final = "ALLOTMENT_JOB_ID"
RANK: Final = "ALLOTMENT_RANK"
OWN: Final = (
    JOB_ID,
    "ALLOTMENT_JOB_NAME",
    "ALLOTMENT_TEAM",
    "ALLOTMENT_ATTEMPT",
    RANK,
    "ALLOTMENT_REPLICAS",
    "ALLOTMENT_CHECKPOINT_DIR",
    "ALLOTMENT_GRACE_SECONDS",
)
OWN_OF_GANGS: Final = ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK")
OWN_OF_RUNS: Final = "ALLOTMENT_RUN"
"""Name of the Job that a CronJob made, by which its pods find each other."""

_UNPACK: Final = f'tar -xzf {PACKED}/{PACKAGE} -C {CODE} && cd "$1" && shift && exec "$@"'
_TRIAL: Final = (
    f'while IFS= read -r line || [ -n "$line" ]; do set -- "$@" "$line"; done < {TRIALS}/"$JOB_COMPLETION_INDEX" && '
)
_TRIAL_ALONE: Final = f'{_TRIAL}exec "$@"'


class RankSource(Enum):
    """What tells a pod its rank."""

    ALONE = "alone"
    """There is one pod."""
    INDEX = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    """The Job controller, on an indexed Job's pods."""
    TASK = "metadata.annotations['volcano.sh/task-index']"
    """Volcano's controller."""
    WORKER = "metadata.labels['leaderworkerset.sigs.k8s.io/worker-index']"
    """The LeaderWorkerSet controller."""


def literal(text: str) -> str:
    """A text of a user, for a command or a value: it arrives as it is."""
    return text.replace("$", "$$")


def command(order: WorkOrder) -> list[str]:
    """What the container runs; empty for the image's own entry."""
    program = order.job.program
    argv = [literal(each) for each in program.argv]
    swept = order.job.sweep is not None
    if order.code:
        script = (_TRIAL if swept else "") + _UNPACK
        return ["/bin/sh", "-c", literal(script), "allotment", literal(start_folder(order.job)), *argv]
    return ["/bin/sh", "-c", literal(_TRIAL_ALONE), "allotment", *argv] if swept else argv


def start_folder(job: Job) -> str:
    """Where a program with code starts; a relative folder lies in the code."""
    return posixpath.normpath(posixpath.join(CODE, job.program.working_directory or "."))


def environment(order: WorkOrder, ranks: RankSource, master: str = "", run: str = "") -> list[dict[str, Any]]:
    """The variables of a container, ours behind the user's.

    Args:
        order: what is run.
        ranks: what tells a pod its rank.
        master: host name of rank 0; empty for what is no gang. It may name ``$(ALLOTMENT_RUN)``.
        run: field of the pod that holds the name of this run; empty where nothing needs it.
    """
    job = order.job
    given = [{"name": name, "value": literal(value)} for name, value in sorted(job.program.environment.items())]
    secrets = [
        {"name": each.variable, "valueFrom": {"secretKeyRef": {"name": each.secret, "key": each.key}}}
        for each in job.program.secrets
    ]
    own = (*_own(order, ranks, run), *volume_variables(job))
    return [*given, *secrets, *own, *(_of_gang(job, ranks, master) if master else ())]


def volume_variables(job: Job) -> Iterator[dict[str, Any]]:
    """Where each volume of a job is: a program that asks for it finds it on every back end."""
    yield from (_value(volume_variable(each.name), literal(each.path)) for each in job.volumes)


def _own(order: WorkOrder, ranks: RankSource, run: str) -> Iterator[dict[str, Any]]:
    """Not which attempt it is: nothing of Kubernetes tells a pod that is made again, and a wrong number is no help."""
    job = order.job
    if run:
        yield _from_field(OWN_OF_RUNS, run)
    yield _value(JOB_ID, order.id)
    yield _value("ALLOTMENT_JOB_NAME", literal(job.name))
    yield _value("ALLOTMENT_TEAM", literal(job.team))
    yield _rank(RANK, ranks)
    yield _value("ALLOTMENT_REPLICAS", str(job.replicas if job.sweep is None else job.sweep.trials))
    if job.checkpoint is not None:
        yield _value("ALLOTMENT_CHECKPOINT_DIR", literal(job.checkpoint.directory))
    yield _value("ALLOTMENT_GRACE_SECONDS", str(job.grace))


def _of_gang(job: Job, ranks: RankSource, master: str) -> Iterator[dict[str, Any]]:
    yield _value("MASTER_ADDR", master)
    yield _value("MASTER_PORT", str(MASTER_PORT))
    yield _value("WORLD_SIZE", str(job.replicas))
    yield _rank("RANK", ranks)


def _rank(name: str, ranks: RankSource) -> dict[str, Any]:
    return _value(name, "0") if ranks is RankSource.ALONE else _from_field(name, ranks.value)


def _value(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}


def _from_field(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def trial_lines(trials: Sequence[Sequence[str]]) -> dict[str, str]:
    """The arguments of each trial as files: name of the file → a line an argument."""
    return {str(number): "".join(f"{argument}\n" for argument in trial) for number, trial in enumerate(trials)}
