"""The work asks for no pods: scaled to zero, or a Job with parallelism 0."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.work import Job, Replicas


def find(case: Case) -> Finding | None:
    """The number itself."""
    each = case.subject
    if isinstance(each, Job) and each.spec.parallelism == 0:
        field, wanted = "parallelism", each.spec.completions or 1
    elif isinstance(each, Replicas) and each.spec.replicas == 0:
        field, wanted = "replicas", 1
    else:
        return None
    target = reference_of(each)
    cause = "parallelism-zero" if field == "parallelism" else "scaled-to-zero"
    return Finding(
        cause,
        CauseVerdict.MISCONFIGURED,
        f"the {target.kind} {target.name} asks for no pods: spec.{field} is 0",
        facts={f"spec.{field}": 0},
        evidence=(Evidence(target, f"spec.{field}", 0, "no pod is made"),),
        proposals=(
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                f"set spec.{field} to {wanted}",
                target,
                Patch(PatchOp.MERGE, {"spec": {field: wanted}}),
            ),
        ),
    )


def parallelism_zero(case: Case) -> Finding | None:
    """Of a Job."""
    found = find(case)
    return found if found is not None and found.cause == "parallelism-zero" else None


def scaled_to_zero(case: Case) -> Finding | None:
    """Of a Deployment or StatefulSet."""
    found = find(case)
    return found if found is not None and found.cause == "scaled-to-zero" else None
