"""A JobSet makes some of its Jobs only after others are ready, or done."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import over
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import is_true
from allotment.model.observed.work import Job, Owner, StartsAfter

_PART: Final = "jobset.sigs.k8s.io/replicatedjob-name"


def find(case: Case) -> Finding | None:
    """A group of which no Job is there, and one that it depends on has not come so far; why not, comes before this."""
    each = case.work
    if not isinstance(each, Owner) or not each.metadata.uid or each.suspend or not case.seen("jobs"):
        return None
    for group in each.groups:
        if _jobs(case, each, group.name):
            continue
        for first in group.after:
            jobs = _jobs(case, each, first.name)
            if jobs and not any(over(one) and not is_true(one.status.conditions, "Complete") for one in jobs):
                late = next((one for one in jobs if not _so_far(one, first)), None)
                if late is not None:
                    return _finding(each, group.name, first, late)
    return None


def _jobs(case: Case, each: Owner, part: str) -> list[Job]:
    below = (one for one in case.index.work_under.get(each.metadata.uid, ()) if isinstance(one, Job))
    return [one for one in below if one.metadata.labels.get(_PART) == part]


def _so_far(job: Job, first: StartsAfter) -> bool:
    if is_true(job.status.conditions, "Complete"):
        return True
    wanted = 1 if job.spec.parallelism is None else job.spec.parallelism
    return first.status == "Ready" and job.status.ready + job.status.succeeded >= wanted


def _finding(each: Owner, part: str, first: StartsAfter, late: Job) -> Finding:
    state = "ready" if first.status == "Ready" else "done"
    target = reference_of(late)
    return Finding(
        "jobset-waits-for-earlier",
        CauseVerdict.WAITING,
        f"the JobSet {each.name} makes the pods of {part} once {first.name} is {state} (dependsOn), and the Job "
        f"{late.name} is not yet",
        facts={"replicated_job": part, "depends_on": first.name, "until": first.status, "job": late.name},
        evidence=(Evidence(target, "status.succeeded", late.status.succeeded, f"is not {state}"),),
        # It only follows from what keeps the earlier one: any cause of that comes first.
        confidence=Confidence.LIKELY,
        proposals=(
            Proposal(
                RemedyKind.FINISH_DEPENDENCY,
                Doer.USER,
                f"wait until {late.name} is {state}",
                target,
                Patch(PatchOp.WAIT, {"until": first.status}),
            ),
        ),
    )
