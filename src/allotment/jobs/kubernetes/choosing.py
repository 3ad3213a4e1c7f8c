"""Which kind of object runs a job best, of those that a cluster offers, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.errors import InputError
from allotment.jobs.kubernetes.kinds import NOTHING_WITHHELD, WithheldKind, WorkKind
from allotment.model.jobs.job import Job, JobType


@dataclass(frozen=True, slots=True)
class ChosenKind:
    """A kind, and why it is the best."""

    kind: WorkKind
    reason: str


_NO_QUEUE: Final = "in this cluster Kueue holds no pods that run until they are stopped"


def choose(
    job: Job,
    kinds: Collection[WorkKind],
    *,
    queues_pods: bool,
    withheld: Mapping[WorkKind, WithheldKind] = NOTHING_WITHHELD,
) -> ChosenKind:
    """The best kind.

    Args:
        job: what is to be run.
        kinds: those that the cluster serves.
        queues_pods: whether Kueue holds pods and Deployments, too.
        withheld: those that it serves and that are not to be started.

    Raises:
        InputError: the cluster has no kind for it.
    """
    if job.type is JobType.SERVICE:
        return _service(job, kinds, queues_pods=queues_pods, withheld=withheld.get(WorkKind.LEADER_WORKER_SET))
    if job.schedule is not None:
        return ChosenKind(WorkKind.CRON_JOB, "it runs by a schedule, and each run waits in the queue")
    if job.sweep is not None:
        return ChosenKind(WorkKind.JOB, "its trials are the indices of one Job")
    if job.gang and job.replicas > 1:
        if WorkKind.JOB_SET in kinds:
            return ChosenKind(WorkKind.JOB_SET, "a gang of several pods starts, and starts again, as a whole")
        without = withheld.get(WorkKind.JOB_SET)
        why = "the cluster has no JobSet" if without is None else f"JobSet is not used ({without.why}; {without.fix})"
        return ChosenKind(WorkKind.JOB, f"{why}: the queue admits the gang whole, and a lost rank comes back alone")
    if job.replicas > 1:
        return ChosenKind(WorkKind.JOB, "its replicas do not need each other: they are the indices of one Job")
    return ChosenKind(WorkKind.JOB, "one pod that ends")


def _service(job: Job, kinds: Collection[WorkKind], *, queues_pods: bool, withheld: WithheldKind | None) -> ChosenKind:
    if not queues_pods:
        raise InputError(
            "the cluster cannot run a service",
            why=_NO_QUEUE,
            fix="choose a cluster with the feature pod-integration",
        )
    if job.replicas == 1:
        return ChosenKind(WorkKind.DEPLOYMENT, "a service of one pod that is started again when it ends")
    if WorkKind.LEADER_WORKER_SET not in kinds:
        raise InputError(
            f"the cluster cannot run a service of {job.replicas} pods that belong together",
            why="it does not serve LeaderWorkerSet" if withheld is None else withheld.why,
            fix="set replicas: 1, or choose a cluster with the feature leaderworkerset"
            if withheld is None
            else f"{withheld.fix}; or set replicas: 1",
        )
    return ChosenKind(WorkKind.LEADER_WORKER_SET, "a service of several pods that are of use only together")
