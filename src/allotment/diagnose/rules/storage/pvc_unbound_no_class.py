"""A claim waits for a volume that nobody makes: no such StorageClass, or it names none and there is no default."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import sureness
from allotment.diagnose.rules.storage.claims import (
    NO_PROVISIONER,
    again_in_class,
    bound,
    bound_then,
    claim_of,
    class_name,
    default_class,
    uses,
    would_serve,
)
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.namespaced import VolumeClaim
from allotment.model.spelling import nearest

_MOST: Final = 3
"""Other classes that are proposed."""
_STORAGE_API: Final = "storage.k8s.io/v1"


def find(case: Case) -> Finding | None:
    """No such class, where classes could be read, and no volume that lies there and would do."""
    if not case.seen("storageclasses"):
        return None
    for use in uses(case):
        claim = claim_of(case, use.name)
        if claim is None or bound(claim) or claim.spec.volume_name:
            continue
        named = class_name(claim)
        there = default_class(case) if named is None else case.index.storage_classes.get(named)
        if there is None and not any(would_serve(each, claim) for each in case.index.objects.volumes):
            return _finding(case, claim, named)
    return None


def _finding(case: Case, claim: VolumeClaim, named: str | None) -> Finding:
    known = sorted(case.index.storage_classes)
    default = default_class(case)
    target = reference_of(claim)
    events = [
        f"{each.reason}: {each.message}"
        for each in case.events(claim)
        if each.reason in {"ProvisioningFailed", "FailedBinding"}
    ]
    if named:
        why = f"its StorageClass {named} does not exist"
    else:
        why = (
            "it names no StorageClass and there is no default"
            if named is None
            else "it takes only volumes without a class, and none is free"
        )
    there = f"; there {'is' if len(known) == 1 else 'are'} {', '.join(known)}" if known else ""
    return Finding(
        "pvc-unbound-no-class",
        CauseVerdict.MISCONFIGURED,
        f"the claim {claim.name} gets no volume: {why}{there}",
        facts={
            "claim": claim.name,
            "storage_class": named,
            "classes_that_exist": known,
            "default_class": default.name if default is not None else None,
            "claim_events": events[-1:],
        },
        evidence=(
            Evidence(target, "spec.storageClassName", named, why),
            Evidence(target, "status.phase", claim.status.phase or "Pending"),
        ),
        confidence=sureness(case),
        proposals=(*_others(case, claim, named, known), *_created(case, claim, named)),
    )


def _others(case: Case, claim: VolumeClaim, named: str | None, known: list[str]) -> list[Proposal]:
    default = default_class(case)
    meant = nearest(named, known) if named else ""
    order = [meant, default.name if default is not None else "", *known]
    order = [each for each in dict.fromkeys(order) if each][:_MOST]
    return [
        again_in_class(claim, other, bound_then(case, claim.name, other), position)
        for position, other in enumerate(order)
    ]


def _created(case: Case, claim: VolumeClaim, named: str | None) -> list[Proposal]:
    if not named:
        return []
    like = next((each for each in case.index.objects.storage_classes if each.provisioner != NO_PROVISIONER), None)
    if like is None:
        return []
    body = {
        "apiVersion": _STORAGE_API,
        "kind": "StorageClass",
        "metadata": {"name": named},
        "provisioner": like.provisioner,
        "volumeBindingMode": like.volume_binding_mode,
    }
    return [
        Proposal(
            RemedyKind.FIX_VOLUME,
            Doer.PLATFORM,
            f"create a StorageClass named {named}",
            Reference(api_version=_STORAGE_API, kind="StorageClass", name=named),
            Patch(PatchOp.CREATE, body),
            effect=() if like.volume_binding_mode == "WaitForFirstConsumer" else bound_then(case, claim.name, named),
        )
    ]
