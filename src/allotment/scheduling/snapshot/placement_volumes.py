"""What a pod's volumes say about where it can run: claims that are missing or unbound, and where volumes can be used.

As the scheduler's VolumeRestrictions and VolumeBinding see it. Not looked at: how many volumes a node takes, the
storage left for new ones, and claims that exclude each other (`ReadWriteOncePod`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from allotment.model.observed.index import Index
from allotment.model.observed.namespaced import PersistentVolume, StorageClass, TopologyTerm, VolumeClaim
from allotment.model.observed.pods import PodSpec
from allotment.scheduling.kinds import Operator, Requirement
from allotment.scheduling.placement.model import (
    NAME_FIELD,
    MissingClaim,
    NodeSelectorTerm,
    UnboundImmediateClaim,
    VolumePlaces,
    VolumeProblem,
)
from allotment.scheduling.snapshot.placement_shapes import node_terms
from allotment.scheduling.snapshot.quantities import units

_BOUND: Final = "pv.kubernetes.io/bind-completed"
_SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
_OLD_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_NO_PROVISIONER: Final = "kubernetes.io/no-provisioner"
_STORAGE: Final = "storage"


@dataclass(slots=True)
class VolumeRules:
    """What was found for one pod: why it can run nowhere, where its volumes can be used, and what is not known."""

    problem: VolumeProblem | None = None
    places: list[VolumePlaces] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def volume_rules(index: Index, namespace: str, pod: str, spec: PodSpec) -> VolumeRules:
    """What the volumes of a pod say.

    Args:
        index: of the source.
        namespace: of the pod.
        pod: its name, after which the claims of its ephemeral volumes are named.
        spec: of the pod.
    """
    found = VolumeRules()
    names = list(_claims(pod, spec))
    if not names:
        return found
    hidden = {gap.what for gap in index.source.gaps}
    claims: list[VolumeClaim] = []
    unseen: list[str] = []
    for name in names:
        claim = index.volume_claims.get(f"{namespace}/{name}")
        if claim is None:
            unseen.append(name)
        else:
            claims.append(claim)
    if unseen and "persistentvolumeclaims" in hidden:
        found.notes.append(f"claim {unseen[0]}: claims could not be read")
    elif unseen:
        found.problem = MissingClaim(unseen[0])
    for claim in claims:
        _judge(index, claim, found, volumes_seen="persistentvolumes" not in hidden)
        if "ReadWriteOncePod" in claim.spec.access_modes:
            found.notes.append(f"claim {claim.name} may be used by one pod only")
    return found


def _claims(pod: str, spec: PodSpec) -> Iterator[str]:
    for volume in spec.volumes:
        if volume.persistent_volume_claim is not None:
            yield volume.persistent_volume_claim.claim_name
        elif volume.ephemeral is not None:
            yield f"{pod}-{volume.name}"


def _judge(index: Index, claim: VolumeClaim, found: VolumeRules, *, volumes_seen: bool) -> None:
    bound = claim.status.phase == "Bound" or _BOUND in claim.metadata.annotations
    if claim.spec.volume_name and bound:
        volume = index.volumes.get(claim.spec.volume_name)
        if volume is None:
            if volumes_seen:
                found.places.append(VolumePlaces((), bound=True))
            else:
                found.notes.append(f"volume {claim.spec.volume_name}: volumes could not be read")
        elif volume.spec.node_affinity is not None and volume.spec.node_affinity.required is not None:
            found.places.append(VolumePlaces(node_terms(volume.spec.node_affinity.required), bound=True))
        return
    kind = index.storage_classes.get(_class_name(claim))
    if claim.spec.volume_name or kind is None or kind.volume_binding_mode != "WaitForFirstConsumer":
        found.problem = found.problem or UnboundImmediateClaim(claim.name)
        return
    terms = _to_be_found(index, claim, kind)
    if terms is not None:
        found.places.append(VolumePlaces(terms, bound=False))


def _class_name(claim: VolumeClaim) -> str:
    return claim.metadata.annotations.get(_OLD_CLASS) or claim.spec.storage_class_name or ""


def _to_be_found(index: Index, claim: VolumeClaim, kind: StorageClass) -> tuple[NodeSelectorTerm, ...] | None:
    """Where a volume for a claim that waits for its pod could be found or made; None = everywhere."""
    selected = claim.metadata.annotations.get(_SELECTED_NODE)
    if selected:
        return (NodeSelectorTerm(fields=(Requirement(NAME_FIELD, Operator.IN, (selected,)),)),)
    terms: list[NodeSelectorTerm] = []
    for volume in index.objects.volumes:
        if not _would_do(volume, claim, kind.name):
            continue
        affinity = volume.spec.node_affinity
        if affinity is None or affinity.required is None:
            return None
        terms += node_terms(affinity.required)
    if kind.provisioner not in {"", _NO_PROVISIONER}:
        if not kind.allowed_topologies:
            return None
        terms += [_topology_term(each) for each in kind.allowed_topologies]
    return tuple(terms)


def _would_do(volume: PersistentVolume, claim: VolumeClaim, kind: str) -> bool:
    spec, mine = volume.spec, volume.spec.claim_ref
    if mine is not None and (mine.namespace, mine.name) != (claim.namespace, claim.name):
        return False
    if mine is None and volume.status.phase not in {"", "Available"}:
        return False
    wanted = claim.spec.resources.requests.get(_STORAGE, 0)
    enough = units(_STORAGE, spec.capacity.get(_STORAGE, 0)) >= units(_STORAGE, wanted)
    return spec.storage_class_name == kind and enough and set(claim.spec.access_modes) <= set(spec.access_modes)


def _topology_term(term: TopologyTerm) -> NodeSelectorTerm:
    rules = []
    for each in term.match_label_expressions:
        values = each.get("values")
        read = tuple(str(value) for value in values) if isinstance(values, list) else ()
        rules.append(Requirement(str(each.get("key", "")), Operator.IN, read))
    return NodeSelectorTerm(tuple(rules))
