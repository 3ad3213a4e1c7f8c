"""How far the subject has come: whether its pods may be made already, and what failed at making them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from allotment.diagnose.case import Case, pods_at_once
from allotment.model.explanation import Confidence
from allotment.model.observed.base import Object, Reference, is_true
from allotment.model.observed.namespaced import Event
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import CronJob, Job, Owner, failed_ranges

_NOT_MADE: Final = frozenset({"FailedCreate", "JobCreationFailed", "TrainJobResourcesCreationFailed"})
"""Reasons of events by which controllers tell that something could not be made: Kubernetes' own and that of
LeaderWorkerSet, JobSet's, Kubeflow Trainer's."""
_NOT_MADE_BY_RAY: Final = "FailedToCreate"
"""How those of KubeRay begin, one for each kind that it makes."""


@dataclass(frozen=True, slots=True)
class RefusedAttempt:
    """A message by which the API server or an admission plugin refused something, and where it stands.

    Attributes:
        at: RFC 3339, when; empty where that is not known.
        by_event: it stands in an event. Anybody who may create events can have written that, so that it is never sure,
            and no guard is weakened for it.
    """

    message: str
    object: Reference
    field: str
    by_event: bool = False
    at: str = ""

    @property
    def sureness(self) -> Confidence:
        """How sure the message is by itself."""
        return Confidence.LIKELY if self.by_event else Confidence.SURE


def held_back(case: Case) -> bool:
    """Whether pods are not to be made yet: quota is still missing, or the work is suspended."""
    if case.workload is not None and not case.workload.holds_quota:
        return True
    work = case.work
    if isinstance(work, Job):
        return work.spec.suspend
    if isinstance(work, CronJob):
        return True
    return isinstance(work, Owner) and bool(work.suspend)


def sureness(case: Case) -> Confidence:
    """How sure a cause is that only matters once pods are made: an earlier one comes first."""
    return Confidence.LIKELY if held_back(case) and case.subject is not None else Confidence.SURE


def over(job: Job) -> bool:
    """Whether a Job is done or has failed: no pod of it is made any more."""
    return any(
        each.true and each.type in {"Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"}
        for each in job.status.conditions
    )


def ended_badly(case: Case) -> bool:
    """Whether the subject is over and failed: what comes after its end is no reason for it."""
    if isinstance(case.subject, Pod):
        return case.subject.status.phase == "Failed"
    job = case.work
    if isinstance(job, Owner):
        return failure_of(job) is not None
    return isinstance(job, Job) and any(each.true and each.type == "Failed" for each in job.status.conditions)


def failure_of(owner: Owner) -> tuple[str, str, str] | None:
    """Where work of a kind with a controller of its own says that it has failed for good: field, value, words."""
    status = owner.status
    for each in status.conditions:
        if each.type == "Failed" and each.true:
            return "status.conditions[Failed].reason", each.reason, each.message
    words = status.message or status.reason
    if status.job_deployment_status in {"Failed", "ValidationFailed"}:
        return "status.jobDeploymentStatus", status.job_deployment_status, words
    if status.job_status == "FAILED" and status.job_deployment_status in {"", "Complete"}:
        return "status.jobStatus", status.job_status, words
    if owner.kind == "Workflow" and status.phase in {"Failed", "Error"}:
        return "status.phase", status.phase, words
    return None


def active_runs(cron: CronJob, case: Case) -> list[Job]:
    """Jobs of the CronJob that are not over."""
    below = case.index.work_under.get(cron.metadata.uid, ())
    return [
        each
        for each in below
        if isinstance(each, Job)
        and not is_true(each.status.conditions, "Complete")
        and not is_true(each.status.conditions, "Failed")
    ]


def missing_pods(case: Case) -> int:
    """Pods that are still to be made."""
    kept = case.beside.once(_Missing, lambda: _Missing(_missing(case)))
    return int(kept)


class _Missing(int):
    """Pods of a case that are still to be made."""


def _missing(case: Case) -> int:
    if isinstance(case.subject, Pod) or (isinstance(case.work, Job) and over(case.work)):
        return 0
    made = sum(1 for pod in case.pods if not pod.ended)
    return max(0, wanted_pods(case) - made)


def wanted_pods(case: Case) -> int:
    """Pods that there are to be at this moment: of a Job that is nearly done, as many as are still to complete."""
    if isinstance(case.subject, Pod):
        return 1
    at_once = sum(each.count for each in case.to_come)
    job = case.work
    if isinstance(job, Owner) and job.kind == "JobSet":
        below = [each for each in case.index.work_under.get(job.metadata.uid, ()) if isinstance(each, Job)]
        return at_once - sum(_at_an_end(each) for each in below)
    if not isinstance(job, Job):
        return at_once
    if job.spec.completions is None:
        # Pods of a work queue: once one has succeeded, no further one is made.
        return sum(1 for pod in case.pods if not pod.ended) if job.status.succeeded else at_once
    return min(at_once, _not_settled(job, job.spec.completions))


def _at_an_end(job: Job) -> int:
    """Of the pods that a Job runs at once, those that are not needed any more, for others have succeeded."""
    at_once = pods_at_once(job.spec)
    if is_true(job.status.conditions, "Complete") or is_true(job.status.conditions, "SuccessCriteriaMet"):
        return at_once
    if job.spec.completions is None:
        return 0
    return at_once - min(at_once, _not_settled(job, job.spec.completions))


def _not_settled(job: Job, completions: int) -> int:
    """Of the pods that a Job has to bring to an end, those that neither have succeeded nor are given up for good."""
    return completions - job.status.succeeded - sum(map(len, failed_ranges(job.status)))


def refusals(case: Case) -> list[RefusedAttempt]:
    """What was refused: the submission itself, or the newest pod that a controller could not make; found out once.

    Events of a controller count only while pods are missing: those of an earlier try say nothing any more.
    """
    kept = case.beside.get(RefusedAttempt)
    if not isinstance(kept, list):
        kept = case.beside[RefusedAttempt] = _refusals(case)
    return kept


def _refusals(case: Case) -> list[RefusedAttempt]:
    if case.submission is not None and case.subject is None:
        return [RefusedAttempt(case.submission.message, case.reference, "message")]
    if not missing_pods(case):
        return []
    found = [(event, each) for each in makers(case) for event in case.events(each) if _not_made(event.reason)]
    found.sort(key=lambda pair: pair[0].at, reverse=True)
    newest = found[:1]
    return [RefusedAttempt(one.message, _reference(one), "message", by_event=True, at=one.at) for one, _ in newest]


def _not_made(reason: str) -> bool:
    return reason in _NOT_MADE or reason.startswith(_NOT_MADE_BY_RAY)


def refused_run(case: Case) -> CronJob | None:
    """The CronJob that is asked about, where it is a run of it that was refused, and no pod."""
    cron = case.subject
    said = refusals(case) if isinstance(cron, CronJob) else []
    return cron if said and said[0].object.kind == "CronJob" and isinstance(cron, CronJob) else None


def makers(case: Case) -> list[Object]:
    """The work, and what stands between it and its pods: on whose behalf controllers make them."""
    work = case.work
    if work is None:
        return []
    found: list[Object] = [work]
    for each in found:
        found += [below for below in case.index.work_under.get(each.metadata.uid, ()) if below not in found]
    return found


def _reference(event: Event) -> Reference:
    about = event.involved_object
    return Reference(api_version=about.api_version, kind=about.kind, namespace=about.namespace, name=about.name)
