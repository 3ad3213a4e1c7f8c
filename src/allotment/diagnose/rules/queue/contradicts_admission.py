"""Kueue admitted the job and could not start it: its template contradicts what the admission would write into it.

Mostly a copy of a job that had been admitted before: its template still names the earlier Workload.
"""

from __future__ import annotations

import re
from typing import Any, Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import is_true
from allotment.model.observed.work import Job

_REFUSED: Final = "FailedToStart"
_CONFLICT: Final = re.compile(r"conflict for (annotations|labels|nodeSelector): conflict for key=([^,\s]+),")


def find(case: Case) -> Finding | None:
    """The Workload is finished with that reason, and the job is not."""
    job, workload = case.work, case.workload
    if case.supposed or workload is None or not isinstance(job, Job):
        return None
    finished = workload.condition("Finished")
    ended = is_true(job.status.conditions, "Complete") or is_true(job.status.conditions, "Failed")
    if finished is None or not finished.true or finished.reason != _REFUSED or ended:
        return None
    conflict = _CONFLICT.search(finished.message)
    where, key = conflict.groups() if conflict else ("", "")
    return Finding(
        "template-contradicts-admission",
        CauseVerdict.MISCONFIGURED,
        f"Kueue admitted it and could not start it: its template has a {_word(where)} {key} of its own"
        if key
        else f"Kueue admitted it and could not start it: {quoted_message(finished.message)}",
        facts={"workload": workload.name, "field": where, "key": key},
        evidence=(Evidence(reference_of(workload), "status.conditions[Finished].message", finished.message),),
        confidence=Confidence.SURE if key else Confidence.LIKELY,
        proposals=(_again(job, where, key),) if key else (),
        never=True,
    )


def _word(where: str) -> str:
    return {"annotations": "annotation", "labels": "label"}.get(where, "node selector")


def _again(job: Job, where: str, key: str) -> Proposal:
    gone = {where: {key: None}}
    template: dict[str, Any] = {"spec": gone} if where == "nodeSelector" else {"metadata": gone}
    patch = Patch(PatchOp.RESUBMIT, {"spec": {"template": template}})
    summary = f"submit it again without the {_word(where)} {key}"
    return Proposal(RemedyKind.OTHER, Doer.USER, summary, reference_of(job), patch)
