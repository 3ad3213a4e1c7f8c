"""The object, or the newest of its pods, was refused for a reason that no other cause knows."""

from __future__ import annotations

import re
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import refusals
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind

RECOMPUTED: Final = re.compile(
    r"violates PodSecurity|exceeded quota|failed quota|usage per|to request ratio|ValidatingAdmissionPolicy|"
    r"serviceaccount|PriorityClass"
)
"""Words of causes that are recomputed: where those do not hold any more, the event is of an earlier try."""


def find(case: Case) -> Finding | None:
    """The server's words as they are; never for sure, for what they mean is not known."""
    said = refusals(case)
    if case.supposed or not said or (case.subject is not None and RECOMPUTED.search(said[0].message)):
        return None
    first = said[0]
    what = f"{case.reference.kind} {case.reference.name}" if case.subject is None else f"a pod of {case.reference.name}"
    return Finding(
        "creation-refused",
        CauseVerdict.MISCONFIGURED,
        f"the API server refused {what}: {quoted_message(first.message)}",
        facts={"message": first.message, "namespace": case.namespace},
        evidence=(Evidence(first.object, first.field, first.message),),
        confidence=Confidence.LIKELY,
        proposals=(
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                "mend what the message names, and submit again",
                case.reference,
                Patch(PatchOp.SIGNAL, {"message": first.message}),
            ),
        ),
    )
