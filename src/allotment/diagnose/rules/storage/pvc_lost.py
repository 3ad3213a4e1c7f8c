"""A claim lost its volume, or is being deleted: no pod starts with it."""

from __future__ import annotations

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import sureness
from allotment.diagnose.rules.storage.claims import claim_body, claim_of, claim_reference, uses
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.namespaced import VolumeClaim


def find(case: Case) -> Finding | None:
    """The claim's phase, or the name of a volume that is gone."""
    for use in uses(case):
        claim = claim_of(case, use.name)
        if claim is None:
            continue
        name = claim.spec.volume_name
        gone = bool(name) and name not in case.index.volumes and case.seen("persistentvolumes")
        if claim.status.phase == "Lost" or (gone and claim.status.phase == "Bound"):
            field, value = ("status.phase", "Lost") if claim.status.phase == "Lost" else ("spec.volumeName", name)
            return Finding(
                "pvc-lost",
                CauseVerdict.BROKEN,
                f"the claim {claim.name} lost its volume {name}: what was on it cannot be reached",
                facts={"claim": claim.name, "volume": name, "claim_phase": claim.status.phase},
                evidence=(Evidence(reference_of(claim), field, value, "the volume is gone"),),
                confidence=sureness(case),
                proposals=(_replaced(case, use.volume, claim),),
            )
    return None


def terminating(case: Case) -> Finding | None:
    """A deletion time on a claim that the pods need: it goes once nobody holds it, and takes no new pod."""
    for use in uses(case):
        claim = claim_of(case, use.name)
        if claim is None or not claim.metadata.deletion_timestamp:
            continue
        return Finding(
            "pvc-terminating",
            CauseVerdict.MISCONFIGURED,
            f"the claim {claim.name} is being deleted since {claim.metadata.deletion_timestamp}: no new pod gets it",
            facts={"claim": claim.name, "deletion_timestamp": claim.metadata.deletion_timestamp},
            evidence=(Evidence(reference_of(claim), "metadata.deletionTimestamp", claim.metadata.deletion_timestamp),),
            confidence=sureness(case),
            proposals=(_replaced(case, use.volume, claim),),
        )
    return None


def _replaced(case: Case, volume: str, claim: VolumeClaim) -> Proposal:
    """Another claim of the same form, and the pods with it."""
    name = f"{claim.name}-2"
    change = {"volumes": [{"name": volume, "persistentVolumeClaim": {"claimName": name}}]}
    by_pods = changed_pods(RemedyKind.FIX_VOLUME, "", case, change)
    return Proposal(
        RemedyKind.FIX_VOLUME,
        Doer.USER,
        f"create the claim {name}, bring the data back to it, and use it",
        by_pods.target,
        by_pods.patch,
        first=((claim_reference(case, name), Patch(PatchOp.CREATE, claim_body(case, name, claim))),),
    )
