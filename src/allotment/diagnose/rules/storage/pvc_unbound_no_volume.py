"""A claim waits for a volume: its class makes none by itself and none that is there will do, or its maker fails."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import sureness
from allotment.diagnose.rules.scheduler.verdicts import said_of
from allotment.diagnose.rules.storage.claims import (
    NO_PROVISIONER,
    SELECTED_NODE,
    bound,
    claim_of,
    class_name,
    default_class,
    lost_node,
    uses,
    would_serve,
)
from allotment.errors import quoted_message, spelled
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
from allotment.model.observed.base import Reference
from allotment.model.observed.namespaced import StorageClass, VolumeClaim

_AT_USE: Final = "WaitForFirstConsumer"
_SPEAKS_WITHIN: Final = 120.0
"""Seconds in which a provisioner that runs has made a volume, or said why not."""


def no_volume(case: Case) -> Finding | None:
    """A class without a maker, and no free volume of the claim's size and modes."""
    for claim, kind in _waiting(case):
        if kind.provisioner != NO_PROVISIONER or not case.seen("persistentvolumes"):
            continue
        if any(would_serve(each, claim) for each in case.index.objects.volumes):
            continue
        asked = claim.spec.resources.requests.get("storage", "")
        of_class = [each for each in case.index.objects.volumes if each.spec.storage_class_name == kind.name]
        sizes = {each.name: str(each.spec.capacity.get("storage", "")) for each in of_class}
        return Finding(
            "pvc-unbound-no-volume",
            CauseVerdict.MISCONFIGURED,
            f"the claim {claim.name} asks for {asked} of the class {kind.name}, which makes no volumes, and none of "
            f"the {len(of_class)} that are there is free and large enough",
            facts={"claim": claim.name, "storage_class": kind.name, "asked": str(asked), "volumes": sizes},
            evidence=(
                Evidence(reference_of(claim), "status.phase", claim.status.phase or "Pending"),
                Evidence(reference_of(kind), "provisioner", kind.provisioner, "volumes are made by hand"),
            ),
            confidence=sureness(case),
            proposals=(*_other_classes(case, claim, kind), _made(claim, kind)),
        )
    return None


def provisioning_failed(case: Case) -> Finding | None:
    """The newest event of a waiting claim says that its volume could not be made; or it was for a node that is gone."""
    lost = next((claim for claim, _ in _waiting(case) if lost_node(case, claim)), None)
    if lost is not None:
        return _for_nobody(case, lost)
    for claim, kind in _waiting(case):
        events = [each for each in case.events(claim) if each.reason in {"ProvisioningFailed", "ProvisioningSucceeded"}]
        if not events or events[-1].reason != "ProvisioningFailed":
            continue
        message = events[-1].message
        if message.startswith("storageclass") and "not found" in message:
            # Said before the class was there.
            continue
        target = reference_of(claim)
        return Finding(
            "pvc-provisioning-failed",
            CauseVerdict.BROKEN,
            f"no volume can be made for the claim {claim.name} ({kind.provisioner}): {quoted_message(message)}",
            facts={
                "claim": claim.name,
                "storage_class": kind.name,
                "provisioner": kind.provisioner,
                "message": message,
            },
            evidence=(Evidence(target, "events[ProvisioningFailed].message", message),),
            confidence=Confidence.LIKELY,
            proposals=(
                *_other_classes(case, claim, kind),
                Proposal(
                    RemedyKind.FIX_VOLUME,
                    Doer.PLATFORM,
                    f"mend what the provisioner {kind.provisioner} says",
                    target,
                    Patch(PatchOp.SIGNAL, {"provisioner": kind.provisioner, "message": message}),
                ),
            ),
        )
    return _silent(case)


def being_made(case: Case) -> Finding | None:
    """A volume that is to be made for the node that was chosen, as long as its provisioner may still speak."""
    for claim, kind in _waiting(case):
        if kind.provisioner == NO_PROVISIONER or not _being_made(case, claim):
            continue
        since = _awaited_since(case, claim, kind)
        if case.now - seconds(since, case.now) >= _SPEAKS_WITHIN:
            continue
        node, target = claim.metadata.annotations[SELECTED_NODE], reference_of(claim)
        return Finding(
            "pvc-being-made",
            CauseVerdict.WAITING,
            f"the node {spelled(node)} was chosen, and the provisioner {kind.provisioner} is making the volume of the "
            f"claim {claim.name} for it",
            facts={"claim": claim.name, "storage_class": kind.name, "provisioner": kind.provisioner, "node": node},
            evidence=(
                Evidence(target, f"metadata.annotations[{SELECTED_NODE}]", node),
                Evidence(target, "status.phase", claim.status.phase or "Pending", f"awaited since {since}"),
            ),
            confidence=Confidence.LIKELY,
        )
    return None


def _being_made(case: Case, claim: VolumeClaim) -> bool:
    """Whether the scheduler has chosen a node for a volume and waits for it to be made there, or has done so in vain.

    While it waits it says nothing for ten minutes, but names the node that it has chosen for the pod.
    """
    node = claim.metadata.annotations.get(SELECTED_NODE)
    if not node:
        return False
    said = said_of(case)
    if said is not None:
        return "binding volumes" in said[0]
    return any(pod.status.nominated_node_name == node for pod in case.waiting_pods)


def _awaited_since(case: Case, claim: VolumeClaim, kind: StorageClass) -> str:
    """From when on a volume could have been made: no node was chosen before its pod was there, or its maker called."""
    made = claim.metadata.creation_timestamp
    if kind.volume_binding_mode != _AT_USE:
        return made
    called = [each.first_timestamp or "" for each in case.events(claim) if each.reason == "ExternalProvisioning"]
    asked = [each.metadata.creation_timestamp for each in case.waiting_pods]
    return max(made, min(called, default=""), min(asked, default=""))


def _for_nobody(case: Case, claim: VolumeClaim) -> Finding:
    """The scheduler keeps to the node that it once chose for a volume, also where that has been taken away since."""
    node, target = lost_node(case, claim), reference_of(claim)
    return Finding(
        "pvc-provisioning-failed",
        CauseVerdict.BROKEN,
        f"the volume of the claim {claim.name} was to be made for the node {spelled(node)}, which is gone: its pod can "
        "go to no other until it is forgotten",
        facts={"claim": claim.name, "storage_class": class_name(claim), "selected_node": node, "message": None},
        evidence=(Evidence(target, f"metadata.annotations[{SELECTED_NODE}]", node, "there is no such node"),),
        confidence=sureness(case),
        proposals=(
            Proposal(
                RemedyKind.FIX_VOLUME,
                Doer.USER,
                f"take the annotation {SELECTED_NODE} from the claim {claim.name}",
                target,
                Patch(PatchOp.MERGE, {"metadata": {"annotations": {SELECTED_NODE: None}}}),
            ),
        ),
    )


def _silent(case: Case) -> Finding | None:
    """A claim whose volume should have been made at once, and whose provisioner says nothing."""
    for claim, kind in _waiting(case):
        since = _awaited_since(case, claim, kind)
        waited = case.now - seconds(since, case.now)
        if kind.provisioner == NO_PROVISIONER or waited < _SPEAKS_WITHIN:
            continue
        if kind.volume_binding_mode == _AT_USE and not _being_made(case, claim):
            continue
        if claim.spec.volume_name or any(would_serve(each, claim) for each in case.index.objects.volumes):
            continue
        target = reference_of(claim)
        act = Proposal(
            RemedyKind.FIX_VOLUME,
            Doer.PLATFORM,
            f"see that the provisioner {kind.provisioner} of class {kind.name} runs",
            target,
            Patch(PatchOp.SIGNAL, {"provisioner": kind.provisioner}),
        )
        return Finding(
            "pvc-provisioning-failed",
            CauseVerdict.BROKEN,
            f"the claim {claim.name} waits for its volume since {since}: the provisioner "
            f"{kind.provisioner} has made none, and does not say why",
            facts={"claim": claim.name, "storage_class": kind.name, "provisioner": kind.provisioner, "message": None},
            evidence=(Evidence(target, "status.phase", claim.status.phase or "Pending", "no volume yet"),),
            confidence=Confidence.LIKELY,
            proposals=(*_other_classes(case, claim, kind), act),
        )
    return None


def _waiting(case: Case) -> list[tuple[VolumeClaim, StorageClass]]:
    found = []
    for use in uses(case):
        claim = claim_of(case, use.name)
        if claim is None or bound(claim):
            continue
        named = class_name(claim)
        kind = default_class(case) if named is None else case.index.storage_classes.get(named)
        if kind is not None:
            found.append((claim, kind))
    return found


def _other_classes(case: Case, claim: VolumeClaim, kind: StorageClass) -> list[Proposal]:
    return [
        Proposal(
            RemedyKind.FIX_VOLUME,
            Doer.USER,
            f"create the claim {claim.name} again with storageClassName {each.name}",
            reference_of(claim),
            Patch(PatchOp.RESUBMIT, {"spec": {"storageClassName": each.name}}),
            cost=position,
        )
        for position, each in enumerate(
            sorted(
                (
                    each
                    for each in case.index.objects.storage_classes
                    if each.name != kind.name and each.provisioner not in {NO_PROVISIONER, kind.provisioner}
                ),
                key=lambda each: each.name,
            )[:2]
        )
    ]


def _made(claim: VolumeClaim, kind: StorageClass) -> Proposal:
    asked = claim.spec.resources.requests.get("storage", "")
    return Proposal(
        RemedyKind.FIX_VOLUME,
        Doer.PLATFORM,
        f"create a PersistentVolume of at least {asked} with the class {kind.name}",
        Reference(api_version="v1", kind="PersistentVolumeClaim", namespace=claim.namespace, name=claim.name),
        Patch(PatchOp.SIGNAL, {"storageClassName": kind.name, "capacity": {"storage": str(asked)}}),
    )
