"""What the rules of this layer share: the claims of the subject's pods, and what could serve them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from allotment.diagnose.amending import Effect
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.namespaced import PersistentVolume, StorageClass, VolumeClaim
from allotment.model.observed.pods import Pod, PodSpec
from allotment.scheduling.snapshot.quantities import units

ZONE: Final = "topology.kubernetes.io/zone"
_DEFAULT: Final = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_OLD_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_BOUND: Final = "pv.kubernetes.io/bind-completed"
SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
"""Annotation by which the scheduler says for which node a volume is to be made."""
NO_PROVISIONER: Final = "kubernetes.io/no-provisioner"
_SIZE: Final = "100Gi"
"""Size of a claim that is proposed where no other of the namespace says what is usual."""


@dataclass(frozen=True, slots=True)
class ClaimUse:
    """A claim that pods of the subject name, and the volume of theirs that names it."""

    volume: str
    name: str
    spec: PodSpec


def uses(case: Case) -> Iterator[ClaimUse]:
    """Claims of pods that wait for a node, or of those that are to come; each once."""
    seen: set[str] = set()
    for name, spec in _specs(case):
        for volume in spec.volumes:
            claim = ""
            if volume.persistent_volume_claim is not None:
                claim = volume.persistent_volume_claim.claim_name
            elif volume.ephemeral is not None and name:
                claim = f"{name}-{volume.name}"
            if claim and claim not in seen:
                seen.add(claim)
                yield ClaimUse(volume.name, claim, spec)


def _specs(case: Case) -> list[tuple[str, PodSpec]]:
    if case.waiting_pods:
        return [(pod.name, pod.spec) for pod in case.waiting_pods]
    if case.starting_pods or case.running_pods:
        return []
    return [("", part.template.spec) for part in case.to_come]


def claim_of(case: Case, name: str) -> VolumeClaim | None:
    """A claim of the subject's namespace."""
    return case.index.volume_claims.get(f"{case.namespace}/{name}")


def bound(claim: VolumeClaim) -> bool:
    """Whether a claim has its volume."""
    return bool(claim.spec.volume_name) and (claim.status.phase == "Bound" or _BOUND in claim.metadata.annotations)


def lost_node(case: Case, claim: VolumeClaim) -> str:
    """The node that a claim's volume was to be made for and that is gone; empty if there is no such thing."""
    chosen = claim.metadata.annotations.get(SELECTED_NODE, "")
    return chosen if not bound(claim) and chosen not in case.index.nodes and case.seen("nodes") else ""


def class_name(claim: VolumeClaim) -> str | None:
    """The StorageClass that a claim asks for; None where it leaves that to the default."""
    return claim.metadata.annotations.get(_OLD_CLASS) or claim.spec.storage_class_name


def default_class(case: Case) -> StorageClass | None:
    """The StorageClass of claims that name none, if there is one."""
    return next(
        (
            each
            for each in case.index.objects.storage_classes
            if any(each.metadata.annotations.get(key) == "true" for key in _DEFAULT)
        ),
        None,
    )


def would_serve(volume: PersistentVolume, claim: VolumeClaim) -> bool:
    """Whether a volume that is there can be bound to a claim."""
    spec, mine = volume.spec, volume.spec.claim_ref
    if mine is not None and (mine.namespace, mine.name) != (claim.namespace, claim.name):
        return False
    if mine is None and volume.status.phase not in {"", "Available"}:
        return False
    enough = units("storage", spec.capacity.get("storage", 0)) >= units(
        "storage", claim.spec.resources.requests.get("storage", 0)
    )
    return (
        spec.storage_class_name == (class_name(claim) or "")
        and enough
        and set(claim.spec.access_modes) <= set(spec.access_modes)
    )


def claim_body(case: Case, name: str, like: VolumeClaim | None = None) -> dict[str, Any]:
    """A claim to be made: as another, or as the namespace's others are."""
    others = [each for each in case.index.objects.volume_claims if each.namespace == case.namespace]
    like = like or (others[0] if others else None)
    default = default_class(case)
    classes = case.index.objects.storage_classes
    spec: dict[str, Any] = {
        "accessModes": list(like.spec.access_modes)
        if like is not None and like.spec.access_modes
        else ["ReadWriteOnce"],
        "resources": {"requests": dict(like.spec.resources.requests) if like is not None else {"storage": _SIZE}},
    }
    kind = class_name(like) if like is not None else None
    if kind is None and default is None and classes:
        kind = classes[0].name
    if kind is not None:
        spec["storageClassName"] = kind
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": case.namespace},
        "spec": spec,
    }


def claim_reference(case: Case, name: str) -> Reference:
    """A claim of the subject's namespace, there or not."""
    return Reference(api_version="v1", kind="PersistentVolumeClaim", namespace=case.namespace, name=name)


def bound_then(case: Case, name: str, kind: str | None) -> Effect:
    """That a claim gets its volume, where its class makes volumes at once; one that waits for its pod waits for it."""
    found = case.index.storage_classes.get(kind or "") or (default_class(case) if kind is None else None)
    if found is not None and (
        found.volume_binding_mode == "WaitForFirstConsumer" or found.provisioner == NO_PROVISIONER
    ):
        return ()
    return volume_bound(case, name, kind or "")


def volume_bound(case: Case, name: str, kind: str, zone: str = "") -> Effect:
    """That a claim has a volume of a class, in a zone where one is named."""
    volume = f"volume-of-{name}"
    rule = {"key": ZONE, "operator": "In", "values": [zone]}
    near = {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}}} if zone else {}
    made = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume},
        "spec": {"claimRef": {"namespace": case.namespace, "name": name}, "storageClassName": kind, **near},
        "status": {"phase": "Bound"},
    }
    binding = {"spec": {"volumeName": volume}, "status": {"phase": "Bound"}}
    return (
        (Reference(api_version="v1", kind="PersistentVolume", name=volume), Patch(PatchOp.CREATE, made)),
        (claim_reference(case, name), Patch(PatchOp.MERGE, binding)),
    )


def again_in_class(
    claim: VolumeClaim, kind: str, effect: Effect = (), cost: int = 0, **further: str | None
) -> Proposal:
    """That a claim is made again with another class; `further` are fields of its spec that change with it."""
    return Proposal(
        RemedyKind.FIX_VOLUME,
        Doer.USER,
        f"create the claim {claim.name} again with storageClassName {kind}",
        reference_of(claim),
        Patch(PatchOp.RESUBMIT, {"spec": {"storageClassName": kind, **further}}),
        effect=effect,
        cost=cost,
    )


def users_of(case: Case, name: str, *, own: bool = False) -> list[Pod]:
    """Pods that hold a claim, those of the subject left out, or those alone."""
    mine = {pod.key for pod in case.pods}
    return [
        pod
        for pod in case.index.objects.pods
        if pod.namespace == case.namespace
        and pod.bound
        and (pod.key in mine) is own
        and any(
            volume.persistent_volume_claim is not None and volume.persistent_volume_claim.claim_name == name
            for volume in pod.spec.volumes
        )
    ]
