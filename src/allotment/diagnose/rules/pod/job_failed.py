"""Jobs that have failed for good: too many tries, too long, or a rule of their own."""

from __future__ import annotations

from typing import Any, Final

from allotment.diagnose.amending import amended
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import failure_of
from allotment.diagnose.rules.pod.container_start import by_node
from allotment.diagnose.rules.pod.containers import Stuck, disrupted, newest_failed, statuses
from allotment.diagnose.rules.pod.crash_loop import OOM, corrected
from allotment.diagnose.rules.pod.memory import more_memory
from allotment.diagnose.rules.pod.pod_rejected import after, rejected
from allotment.errors import quoted_message, spelled
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Condition, is_true
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Job, Owner

_TOO_MANY: Final = "MaxFailedIndexesExceeded"
_TRIES: Final = frozenset({"BackoffLimitExceeded", _TOO_MANY, "FailedIndexes"})
_DEADLINE: Final = "DeadlineExceeded"
_DEFAULT_LIMIT: Final = 6
"""`backoffLimit` of a Job that says none."""


def backoff_limit(case: Case) -> Finding | None:
    """It failed as often as it may; why the pods failed, decides what helps."""
    found = _failed(case)
    if found is None or found[1].reason not in _TRIES:
        return None
    job, condition = found
    pod = newest_failed(case)
    each = _culprit(pod) if pod is not None else None
    ended = each.ended if each is not None else None
    limit = _DEFAULT_LIMIT if job.spec.backoff_limit is None else job.spec.backoff_limit
    how = ""
    if each is not None and ended is not None:
        how = f"; the container {each.status.name} last ended with {ended.exit_code} ({ended.reason})"
    if pod is not None and rejected(pod):
        how = f"; its node {pod.spec.node_name} did not take the last: {quoted_message(pod.status.message)}"
    memory = each.container.resources.limits.get("memory") if each is not None else None
    oom = ended is not None and ended.reason == OOM
    evicted = pod is not None and (pod.status.reason == "Evicted" or bool(disrupted(pod)))
    if pod is not None and disrupted(pod):
        how = f"; its last pod was taken from {pod.spec.node_name} ({spelled(disrupted(pod))})"
    evidence = [_evidence(job, condition)]
    if each is not None and ended is not None:
        evidence.append(each.evidence("state.terminated.exitCode", ended.exit_code, ended.reason))
    return Finding(
        "job-backoff-limit",
        CauseVerdict.MISCONFIGURED,
        f"{_failures(job, condition, limit)}{how}",
        facts={
            "backoff_limit": limit if condition.reason == "BackoffLimitExceeded" else None,
            **({"failed_indexes": job.status.failed_indexes} if job.status.failed_indexes else {}),
            "condition_reason": condition.reason,
            "failed_pods": job.status.failed,
            "message": condition.message,
            "exit_code": ended.exit_code if ended is not None else None,
            "container_reason": ended.reason if ended is not None else None,
            "memory_limit": str(memory) if oom and memory is not None else None,
            "pod": pod.name if pod is not None else None,
            "node": pod.spec.node_name if pod is not None else None,
        },
        evidence=tuple(evidence),
        proposals=tuple(after(case, pod))
        if pod is not None and rejected(pod)
        else _mended(case, each, oom=oom, evicted=evicted),
        never=True,
    )


def _failures(job: Job, condition: Condition, limit: int) -> str:
    """What failed too often: the Job as a whole, or some of its indexes, each of which has a limit of its own."""
    each = job.spec.backoff_limit_per_index
    if condition.reason == "BackoffLimitExceeded" or each is None:
        if job.status.failed <= limit and job.spec.template.spec.restart_policy == "OnFailure":
            # Containers that are started again in their pod count too, and only the last pod is lost.
            return f"the containers of the Job {job.name} failed more often than they may (backoffLimit {limit})"
        return f"the Job {job.name} failed {job.status.failed} times and may {limit} (backoffLimit)"
    which = job.status.failed_indexes
    named = f"the indexes {which}" if "," in which or "-" in which else f"the index {which}" if which else "indexes"
    most = job.spec.max_failed_indexes if condition.reason == _TOO_MANY else None
    more = "" if not most else f", and no more than {most} of them may (maxFailedIndexes)"
    return f"{named} of the Job {job.name} failed more often than each may (backoffLimitPerIndex {each}){more}"


def _mended(case: Case, each: Stuck | None, *, oom: bool, evicted: bool) -> tuple[Proposal, ...]:
    if each is not None and oom:
        return more_memory(case, each)
    target, patch = amended(case, {})
    if each is not None and by_node(each):
        what = f"submit it again: {each.pod.spec.node_name} could not start it, whatever it runs"
        return (Proposal(RemedyKind.OTHER, Doer.USER, what, target, patch),)
    if each is not None and each.wrong_machine:
        what = "build the image for the nodes' architecture, or select nodes of its own"
        return (Proposal(RemedyKind.FIX_IMAGE, Doer.USER, what, target, Patch(PatchOp.SIGNAL, {})),)
    if each is not None and not evicted:
        return (corrected(case, each),)
    if evicted:
        return (
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                "submit it again: its pod was evicted (a podFailurePolicy can ignore DisruptionTarget)",
                target,
                patch,
            ),
        )
    what = "correct the command or the program, and submit again: its pods are gone, so their logs alone say why"
    return (Proposal(RemedyKind.FIX_COMMAND, Doer.USER, what, target, Patch(PatchOp.SIGNAL, {})),)


def deadline(case: Case) -> Finding | None:
    """It took longer than it may; how long it would have needed, nobody knows."""
    found = _failed(case)
    pod = case.subject if isinstance(case.subject, Pod) else None
    if found is not None and found[1].reason == _DEADLINE:
        job, condition = found
        allowed, target, evidence = job.spec.active_deadline_seconds, reference_of(job), _evidence(job, condition)
        limit = f"activeDeadlineSeconds {allowed}"
        body: dict[str, Any] = {"spec": {"activeDeadlineSeconds": (allowed or 0) * 2}}
        name, message = f"Job {job.name}", condition.message
        started = job.status.start_time
    elif pod is not None and pod.status.reason == _DEADLINE and pod.status.phase == "Failed":
        allowed, target = pod.spec.active_deadline_seconds, reference_of(pod)
        evidence = Evidence(target, "status.reason", _DEADLINE, pod.status.message)
        limit = f"activeDeadlineSeconds {allowed}"
        body = {"spec": {"activeDeadlineSeconds": (allowed or 0) * 2}}
        name, message, started = f"pod {pod.name}", pod.status.message, pod.status.start_time
    else:
        return None
    return Finding(
        "job-deadline-exceeded",
        CauseVerdict.MISCONFIGURED,
        f"the {name} was ended: it took longer than it may ({limit}), started {started or 'at no known time'}",
        facts={
            "active_deadline_seconds": allowed,
            "condition_reason": _DEADLINE,
            "message": message,
            "start_time": started or None,
        },
        evidence=(evidence,),
        proposals=(
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                f"submit it again with activeDeadlineSeconds {(allowed or 0) * 2}",
                target,
                Patch(PatchOp.RESUBMIT, body),
            ),
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                "submit it again without activeDeadlineSeconds",
                target,
                Patch(PatchOp.RESUBMIT, {"spec": {"activeDeadlineSeconds": None}}),
                cost=1,
            ),
        ),
        never=True,
    )


def otherwise(case: Case) -> Finding | None:
    """A Job failed for a reason of another kind, such as its own failure policy; or what has pods without a Job did."""
    if isinstance(case.work, Owner):
        return _of_owner(case, case.work)
    found = _failed(case)
    if found is None or found[1].reason in {*_TRIES, _DEADLINE}:
        return None
    job, condition = found
    pod = newest_failed(case)
    each = _culprit(pod) if pod is not None else None
    return Finding(
        "job-failed",
        CauseVerdict.MISCONFIGURED,
        f"the Job {job.name} has failed: {condition.message or condition.reason}",
        facts={"condition_reason": condition.reason, "message": condition.message},
        evidence=(_evidence(job, condition),),
        proposals=_mended(case, each, oom=False, evicted=False),
        never=True,
    )


def _of_owner(case: Case, owner: Owner) -> Finding | None:
    said = failure_of(owner)
    if said is None:
        return None
    field, value, message = said
    pod = newest_failed(case)
    each = _culprit(pod) if pod is not None else None
    return Finding(
        "job-failed",
        CauseVerdict.MISCONFIGURED,
        f"the {owner.kind} {owner.name} has failed: {quoted_message(message or value)}",
        facts={"condition_reason": value, "message": message},
        evidence=(Evidence(reference_of(owner), field, value, message),),
        proposals=_mended(case, each, oom=False, evicted=False),
        never=True,
    )


def _failed(case: Case) -> tuple[Job, Condition] | None:
    job = case.work
    if not isinstance(job, Job) or is_true(job.status.conditions, "Complete"):
        return None
    for type_ in ("Failed", "FailureTarget"):
        for each in job.status.conditions:
            if each.type == type_ and each.true:
                return job, each
    return None


def _evidence(job: Job, condition: Condition) -> Evidence:
    return Evidence(
        reference_of(job), f"status.conditions[{condition.type}].reason", condition.reason, condition.message
    )


def _culprit(pod: Pod) -> Stuck | None:
    """The container that ended with an error, the first to do so."""
    ended = [each for each in statuses(pod) if each.ended is not None and each.ended.exit_code != 0]
    return min(ended, key=lambda each: each.ended.finished_at if each.ended is not None else "", default=None)
