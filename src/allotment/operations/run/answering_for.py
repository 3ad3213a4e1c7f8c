"""What is kept of who asked the server for something: each act in the words in which the audit trail has it."""

from __future__ import annotations

from allotment.model.access.caller import Caller
from allotment.model.audit.act import AuditedAct, AuditSubject, AuditVerb, act_of
from allotment.ports.stored_jobs import StoredJob, row_of


def submitted(caller: Caller, job: StoredJob, *, retry: bool) -> AuditedAct:
    """Somebody has handed in a job.

    Args:
        caller: who.
        job: as it is kept.
        retry: whether it is another one, submitted again.
    """
    row = row_of(job)
    devices = f"{row.devices} {row.accelerator}" if row.devices else ""
    details = {
        "backend": job.backend,
        "project": row.project,
        "priority": row.priority,
        "devices": devices,
        "code": job.code,
        "supersedes": job.supersedes,
    }
    verb = AuditVerb.JOB_RETRIED if retry else AuditVerb.JOB_SUBMITTED
    return _of_job(caller, verb, job, job.submitted, **details)


def stopped(caller: Caller, job: StoredJob, at: int, grace: int | None) -> AuditedAct:
    """Somebody wants a job to end.

    Args:
        caller: who.
        job: as it stood.
        at: milliseconds since the epoch.
        grace: seconds that it gets; None for its own.
    """
    return _of_job(
        caller,
        AuditVerb.JOB_STOPPED,
        job,
        at,
        state=job.state.value,
        owner=job.owner,
        grace="" if grace is None else f"{grace} s",
    )


def _of_job(caller: Caller, verb: AuditVerb, job: StoredJob, at: int, **details: str) -> AuditedAct:
    told = tuple((name, value) for name, value in details.items() if value)
    return act_of(caller, verb, at, subject_of(job), details=told)


def subject_of(job: StoredJob) -> AuditSubject:
    """A job, as the audit trail has it."""
    return AuditSubject(f"job/{job.id}", job.job.name, job.job.team)
