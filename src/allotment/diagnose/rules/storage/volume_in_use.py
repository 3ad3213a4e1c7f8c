"""A volume for one pod only (ReadWriteOncePod) is held by another."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import sureness
from allotment.diagnose.rules.storage.claims import claim_of, users_of, uses
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind


def find(case: Case) -> Finding | None:
    """The claim's access mode, and a pod that runs with it."""
    for use in uses(case):
        claim = claim_of(case, use.name)
        if claim is None or "ReadWriteOncePod" not in claim.spec.access_modes:
            continue
        held = users_of(case, use.name)
        if not held:
            continue
        return Finding(
            "volume-in-use",
            CauseVerdict.WAITING,
            f"the claim {claim.name} is for one pod at a time (ReadWriteOncePod), and {held[0].name} has it",
            facts={"claim": claim.name, "access_mode": "ReadWriteOncePod", "held_by": held[0].name},
            evidence=(Evidence(reference_of(claim), "spec.accessModes", list(claim.spec.access_modes)),),
            confidence=sureness(case),
            proposals=(
                Proposal(
                    RemedyKind.FIX_VOLUME,
                    Doer.USER,
                    f"end the pod {held[0].name}, which has the volume",
                    held[0],
                    Patch(PatchOp.DELETE),
                    cost=1,
                ),
                Proposal(
                    RemedyKind.FIX_VOLUME,
                    Doer.USER,
                    f"wait for the pod {held[0].name} to end",
                    held[0],
                    Patch(PatchOp.WAIT, {"until": "completed"}),
                ),
            ),
        )
    return None
