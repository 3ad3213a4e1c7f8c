"""The pods name a PersistentVolumeClaim that does not exist."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import sureness
from allotment.diagnose.rules.storage.claims import ClaimUse, bound_then, claim_body, claim_of, claim_reference, uses
from allotment.errors import spelled
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.spelling import nearest

_MOST: Final = 3
"""Other claims that are proposed."""


def find(case: Case) -> Finding | None:
    """A name without a claim, where claims could be read."""
    if not case.seen("persistentvolumeclaims"):
        return None
    use = next((each for each in uses(case) if claim_of(case, each.name) is None and not _made_for_it(each)), None)
    if use is None:
        return None
    known = sorted(
        each.name
        for each in case.index.objects.volume_claims
        if each.namespace == case.namespace and not each.metadata.deletion_timestamp
    )
    there = f"; there {'is' if len(known) == 1 else 'are'} {', '.join(known)}" if known else "; there is none at all"
    about = case.waiting_pods[0] if case.waiting_pods else case.work
    target = case.reference if about is None else reference_of(about)
    return Finding(
        "pvc-missing",
        CauseVerdict.MISCONFIGURED,
        f"the PersistentVolumeClaim {spelled(use.name)} does not exist in namespace {case.namespace}{there}",
        facts={"claim": use.name, "claims_that_exist": known, "namespace": case.namespace, "volume": use.volume},
        evidence=(
            Evidence(target, f"spec.volumes[{use.volume}].persistentVolumeClaim.claimName", use.name, "no such claim"),
        ),
        confidence=sureness(case),
        proposals=(*_others(case, use, known), _created(case, use)),
    )


def _made_for_it(use: ClaimUse) -> bool:
    """Whether a controller makes the claim for the pod: that of an ephemeral volume."""
    return any(each.name == use.volume and each.ephemeral is not None for each in use.spec.volumes)


def _others(case: Case, use: ClaimUse, known: list[str]) -> list[Proposal]:
    meant = nearest(use.name, known)
    order = [meant, *(each for each in known if each != meant)] if meant else known
    return [
        changed_pods(
            RemedyKind.FIX_VOLUME,
            f"use the claim {other}, which exists",
            case,
            {"volumes": [{"name": use.volume, "persistentVolumeClaim": {"claimName": other}}]},
            # What is merely there, and not like the name, is no better a guess than a new one.
            cost=position if meant else 5 + position,
        )
        for position, other in enumerate(order[:_MOST])
    ]


def _created(case: Case, use: ClaimUse) -> Proposal:
    body = claim_body(case, use.name)
    size = body["spec"]["resources"]["requests"].get("storage", "")
    kind = body["spec"].get("storageClassName")
    return Proposal(
        RemedyKind.FIX_VOLUME,
        Doer.USER,
        f"create the claim {use.name} ({size}, class {kind or 'the default'}; set the size that it is to have)",
        claim_reference(case, use.name),
        Patch(PatchOp.CREATE, body),
        effect=bound_then(case, use.name, kind),
        cost=4,
    )
