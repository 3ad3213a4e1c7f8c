"""Causes that lie in how a job was handed in: an account, a dependency, a hold, a time, an unknown account."""

from __future__ import annotations

import re
from typing import Any, Final

from allotment.diagnose.finding import Finding
from allotment.diagnose.slurm.evidence import reason_evidence
from allotment.diagnose.slurm.proposing import done, elsewhere, updated, waited
from allotment.diagnose.slurm.view import SlurmChange, SlurmView, ends_at
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, Doer, RemedyKind
from allotment.model.grammar import count
from allotment.model.moments import written
from allotment.model.slurm.seen import SlurmJob, SlurmPhase
from allotment.model.slurm.tres import tasks_of

_INVALID: Final = (
    "AssociationJobLimit", "InvalidAccount", "InvalidQOS", "QOSNotAllowed", "AccountNotAllowed", "QOSUsageThreshold",
)  # fmt: skip
_NEVER: Final = "DependencyNeverSatisfied"
_HOLDS: Final = (
    "JobHeldUser", "JobHeldAdmin", "JobHoldMaxRequeue", "job_requeued_in_held_state",
    "launch_failed_requeued_held", "ReservationDeleted",
)  # fmt: skip
_DEPENDENCY: Final = re.compile(r"([a-z]+):(\d+)(?:_\*|_\d+)?(?:\(([a-z]+)\))?", re.ASCII)
_ARRAY: Final = "JobArrayTaskLimit"
_THROTTLE: Final = re.compile(r"%(\d{1,9})", re.ASCII)
_MOST_NAMED: Final = 5
_SOON: Final = 2
"""Seconds: a time that is as near as that has come when the answer is read."""


def invalid(view: SlurmView) -> Finding | None:
    """An account or a quality of service that it may not use there."""
    job = view.job
    reason = next((each for each in job.reasons if each in _INVALID), "")
    unknown = bool(view.facts.associations) and not any(each.user == job.user for each in view.chain)
    refused = [each for each in view.partitions if each.accounts and job.account not in each.accounts]
    closed = bool(view.partitions) and len(refused) == len(view.partitions)
    if not (reason or (unknown and view.supposed) or closed):
        return None
    where = f" in the partition {job.partition}" if closed else ""
    what = f"the quality of service {job.qos}" if "QOS" in reason else f"the account {job.account}"
    return Finding(
        "slurm-not-allowed",
        CauseVerdict.MISCONFIGURED,
        f"{job.user} may not use {what}{where}{f' (Slurm says {reason})' if reason else ''}",
        facts={"account": job.account, "quality_of_service": job.qos, "partition": job.partition},
        evidence=reason_evidence(view),
        proposals=tuple(elsewhere(view, partitions=closed, accounts="QOS" not in reason, qualities="QOS" in reason)),
    )


def dependency_never(view: SlurmView) -> Finding | None:
    """What it depends on can no longer come about."""
    if not view.says(_NEVER):
        return None
    job = view.job
    on = f" {quoted_message(job.dependency)}" if job.dependency else ""
    return Finding(
        "slurm-dependency-never",
        CauseVerdict.MISCONFIGURED,
        f"the dependency{on} can never be satisfied: what it depends on has ended otherwise than was asked for",
        facts={"dependency": job.dependency, "ended": _ended(view)},
        evidence=reason_evidence(view),
        proposals=(
            updated(view, RemedyKind.FINISH_DEPENDENCY, "run it without the dependency", "dependency=",
                    SlurmChange(job={"dependency": ""})),
        ),
        never=True,
    )  # fmt: skip


def held(view: SlurmView) -> Finding | None:
    """Somebody holds it, or Slurm does after it could not be launched."""
    job = view.job
    reason = next((each for each in job.reasons if each in _HOLDS), "")
    if not reason:
        return None
    by = {"JobHeldUser": f"{job.user}, or whoever handed it in,", "JobHeldAdmin": "an administrator"}.get(
        reason, "Slurm"
    )
    who = Doer.USER if reason == "JobHeldUser" else Doer.PLATFORM
    change: dict[str, Any] = {"priority": max(1, job.priority)}
    if reason == "ReservationDeleted":
        change |= {"reservation": ""}
    return Finding(
        "slurm-held",
        CauseVerdict.MISCONFIGURED,
        f"{by} holds it ({reason}): it starts when it is released",
        facts={"held_by": by.rstrip(","), "said": job.said},
        evidence=reason_evidence(view),
        proposals=(
            done(RemedyKind.UNSUSPEND, who, "release it", f"scontrol release {job.called}", SlurmChange(job=change)),
        ),
    )


def dependency(view: SlurmView) -> Finding | None:
    """It waits for other jobs."""
    job = view.job
    if view.says(_NEVER) or not (view.says("Dependency") or (view.supposed and job.dependency)):
        return None
    others = [found for each in _numbers(job) if (found := view.job_of(each)) is not None]
    alive = [each for each in others if each.phase is not SlurmPhase.ENDED]
    # A job that waits itself may run its whole time limit after that.
    ends = [ends_at(each) if each.holds else "" for each in alive]
    latest = max(ends) if ends and all(ends) else ""
    named = ", ".join(f"{view.named(each)} ({each.phase})" for each in alive[:5])
    return Finding(
        "slurm-dependency",
        CauseVerdict.WAITING,
        f"it depends on {named or quoted_message(job.dependency)}",
        facts={"dependency": job.dependency, "ends_at_the_latest": latest},
        evidence=reason_evidence(view),
        proposals=(
            waited(RemedyKind.FINISH_DEPENDENCY, f"wait until {named or 'what it depends on'} has ended", latest),
            updated(view, RemedyKind.FINISH_DEPENDENCY, "run it without the dependency, if it needs nothing of that",
                    "dependency=", SlurmChange(job={"dependency": ""})),
        ),
    )  # fmt: skip


def begins_later(view: SlurmView) -> Finding | None:
    """It may not start before a time."""
    job = view.job
    later = job.eligible > view.now + _SOON
    if not (view.says("BeginTime") or (view.supposed and later)):
        return None
    at = written(job.eligible * 1000) if job.eligible else ""
    again = f" after it was requeued ({job.restarts} times so far)" if job.restarts else ""
    return Finding(
        "slurm-begin-time",
        CauseVerdict.WAITING,
        f"it may not start before {at or 'the time that was given'}{again}",
        facts={"begins": at, "restarts": job.restarts or None},
        evidence=reason_evidence(view),
        proposals=(
            waited(RemedyKind.OTHER, "wait for the time", at),
            updated(view, RemedyKind.OTHER, "let it start at once", "starttime=now",
                    SlurmChange(job={"eligible": int(view.now)})),
        ),
    )  # fmt: skip


def array_limit(view: SlurmView) -> Finding | None:
    """As many tasks of its array run as its own throttle lets."""
    job = view.job
    running = [each for each in view.holding if each.array_id == job.array_id]
    throttle = _THROTTLE.search(job.array_tasks)
    most = 0 if throttle is None else int(throttle[1])
    binds = bool(job.array_id and most) and len(running) >= most
    if not (view.says(_ARRAY) or (view.supposed and binds)):
        return None
    ends = min((end for each in running if (end := ends_at(each))), default="")
    tasks = tasks_of(job.array_tasks)
    lets = f"and its throttle lets {most} run at once" if most else "as many as its throttle lets"
    named = f": {', '.join(map(view.named, running[:_MOST_NAMED]))}" if running else ""
    raise_it = updated(
        view,
        RemedyKind.RAISE_QUOTA,
        f"let {most + 1} tasks of it run at once",
        f"arraytaskthrottle={most + 1}",
        SlurmChange(job={"array_tasks": _THROTTLE.sub(f"%{most + 1}", job.array_tasks)}),
    )
    return Finding(
        "slurm-array-limit",
        CauseVerdict.WAITING,
        f"{count(len(running), 'task')} of its array {job.number} {'runs' if len(running) == 1 else 'run'}, {lets}"
        f"{named}",
        facts={
            "array": job.number,
            "at_once": most or None,
            "running": [each.called for each in running],
            "waiting": None if tasks is None else len(tasks),
            "next_ends": ends,
        },
        evidence=reason_evidence(view),
        proposals=(
            waited(RemedyKind.WAIT_FOR_QUOTA, "wait until a task of it has ended", ends),
            *((raise_it,) if most else ()),
        ),
    )


def other(view: SlurmView) -> Finding | None:
    """What Slurm says and no other rule is about; told in its own words."""
    job = view.job
    if view.supposed:
        return None
    said = ", ".join(job.reasons)
    if said:
        more = f": {quoted_message(job.said)}" if job.said else ""
        summary = f"Slurm says {quoted_message(said)}{more}; nothing that was counted keeps it"
        return Finding(
            "slurm-other", CauseVerdict.WAITING, summary, {"reason": said}, reason_evidence(view), Confidence.UNSURE
        )
    summary = "nothing that was counted keeps it: Slurm has not looked at it yet, or starts it with its next pass"
    return Finding("slurm-other", CauseVerdict.WAITING, summary, evidence=(), confidence=Confidence.LIKELY)


def _numbers(job: SlurmJob) -> list[int]:
    return [int(match[2]) for match in _DEPENDENCY.finditer(job.dependency)]


def _ended(view: SlurmView) -> list[str]:
    found = [each for number in _numbers(view.job) if (each := view.job_of(number)) is not None]
    return [f"job {each.called} {each.states[0] if each.states else ''}".strip() for each in found]
