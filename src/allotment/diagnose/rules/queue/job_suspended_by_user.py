"""Work that no queue manages is suspended: somebody set it so, and nobody else will undo it."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.owned import suspension
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.work import Job, Owner


def find(case: Case) -> Finding | None:
    """`suspend` on work without a queue label. With one, it is Kueue that suspends and resumes."""
    work = case.top
    if not isinstance(work, Job | Owner) or case.queue_name or case.workload is not None:
        return None
    suspended = work.spec.suspend if isinstance(work, Job) else bool(work.suspend)
    if not suspended:
        return None
    path = suspension(work).split(".") if isinstance(work, Owner) else ["suspend"]
    field = ".".join(("spec", *path))
    target = reference_of(work)
    body: object = False
    for name in (*reversed(path), "spec"):
        body = {name: body}
    return Finding(
        "job-suspended-by-user",
        CauseVerdict.MISCONFIGURED,
        f"{target.kind} {work.name} is suspended ({field}: true) and no queue manages it: somebody has to resume it",
        facts={"spec.suspend": True, "managed_by_kueue": False, "namespace": work.namespace},
        evidence=(Evidence(target, field, True, "set by a person: it has no queue label"),),
        proposals=(
            Proposal(RemedyKind.UNSUSPEND, Doer.USER, f"set {field} to false", target, Patch(PatchOp.MERGE, body)),
        ),
    )
