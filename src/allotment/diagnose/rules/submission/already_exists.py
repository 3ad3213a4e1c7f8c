"""An object of that name is there already."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.submission.refused import refused, told
from allotment.model.explanation import CauseVerdict, Doer, Patch, PatchOp, RemedyKind


def find(case: Case) -> Finding | None:
    """A 409 at a creation that says so."""
    attempt = refused(case)
    if attempt is None or attempt.code != 409 or "already exists" not in attempt.message:
        return None
    name = case.reference.name
    return told(
        case,
        "already-exists",
        CauseVerdict.MISCONFIGURED,
        f"there is a {case.reference.kind} {name} in namespace {case.namespace} already",
        {"name": name, "namespace": case.namespace},
        (
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                f"submit it under another name, such as {name}-2",
                case.reference,
                Patch(PatchOp.SIGNAL, {"metadata": {"name": f"{name}-2"}}),
            ),
        ),
    )
