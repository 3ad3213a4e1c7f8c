"""The volume can be used in one zone, and the machines that the pod can use stand in another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.machines import A_NODE
from allotment.diagnose.reach import sureness
from allotment.diagnose.rules.scheduler.tainted import of_lifecycle
from allotment.diagnose.rules.storage.claims import (
    NO_PROVISIONER,
    ZONE,
    ClaimUse,
    again_in_class,
    bound,
    claim_body,
    claim_of,
    claim_reference,
    class_name,
    lost_node,
    uses,
    volume_bound,
)
from allotment.errors import spelled
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.namespaced import VolumeClaim
from allotment.model.observed.nodes import Node, NodeTaint
from allotment.model.observed.pods import PodSpec, Volume
from allotment.scheduling.kinds import first_untolerated
from allotment.scheduling.placement.model import NodeSelectorTerm, VolumePlaces
from allotment.scheduling.placement.selectors import node_admitted, term_matches
from allotment.scheduling.snapshot.placement_shapes import node_affinity, taints, tolerations
from allotment.scheduling.snapshot.placement_volumes import volume_rules
from allotment.scheduling.snapshot.pods import pod_requests
from allotment.scheduling.snapshot.quantities import all_units

_BY_NAME: Final = ("kubernetes.io/hostname", "metadata.name")


def find(case: Case) -> Finding | None:
    """Machines that would do but for a volume, and not one of them where the volume is, or can be made."""
    if not case.seen("nodes") or not case.seen("persistentvolumes"):
        return None
    for use in uses(case):
        claim = claim_of(case, use.name)
        if claim is None or lost_node(case, claim):
            continue
        nodes = _fitting(case, use.spec)
        places = _places(case, use)
        if not nodes or not places:
            continue
        if not any(_can_be_used(places, node) for node in nodes):
            return _finding(case, use, claim, nodes, places)
    return None


def _fitting(case: Case, spec: PodSpec) -> list[Node]:
    """Nodes that a pod could be on if they were empty and sound, its volumes left aside."""
    affinity = node_affinity(spec)
    tolerated, _ = tolerations(spec)
    needs = pod_requests(spec)
    found = []
    for node in case.index.nodes.values():
        has = all_units(node.status.allocatable)
        if (
            all(has.get(resource, 0) >= amount for resource, amount in needs.items())
            and node_admitted(affinity, node.name, node.metadata.labels)
            and first_untolerated(taints(_lasting(node)), tolerated) is None
        ):
            found.append(node)
    return found


def _lasting(node: Node) -> tuple[NodeTaint, ...]:
    """Taints that say whom a node is for; who is down comes back."""
    return tuple(each for each in node.spec.taints if not of_lifecycle(each))


def _places(case: Case, use: ClaimUse) -> list[VolumePlaces]:
    """Where one volume of a pod can be used; empty = anywhere, or not known."""
    volumes: tuple[Volume, ...] = tuple(each for each in use.spec.volumes if each.name == use.volume)
    spec = msgspec.structs.replace(use.spec, volumes=volumes)
    name = use.name.removesuffix(f"-{use.volume}")
    return volume_rules(case.index, case.namespace, name, spec).places


def _can_be_used(places: Iterable[VolumePlaces], node: Node) -> bool:
    return all(any(term_matches(term, node.name, node.metadata.labels) for term in each.terms) for each in places)


def _finding(
    case: Case, use: ClaimUse, claim: VolumeClaim, nodes: list[Node], places: list[VolumePlaces]
) -> Finding | None:
    terms = [term for each in places for term in each.terms]
    zones = sorted({value for term in terms for rule in term.expressions if rule.key == ZONE for value in rule.values})
    node_zones = sorted({node.metadata.labels.get(ZONE, "") for node in nodes} - {""})
    if not terms:
        return None
    has = bound(claim)
    where = f"in zone {', '.join(zones)}" if zones else _on_machines(case, terms)
    of_nodes = f"in zone {', '.join(node_zones)}" if node_zones else "elsewhere"
    if not zones:
        of_nodes = f"elsewhere ({', '.join(node.name for node in nodes[:3])}{', …' if len(nodes) > 3 else ''})"
    state = "lies" if has else "could be made only"
    target = reference_of(claim)
    return Finding(
        "pvc-unbound-wait-for-consumer-zone-conflict",
        CauseVerdict.MISCONFIGURED,
        f"the volume of the claim {claim.name} {state} {where}, and the "
        f"{'machine' if len(nodes) == 1 else f'{len(nodes)} machines'} that the pod can use "
        f"{'stands' if len(nodes) == 1 else 'stand'} {of_nodes}",
        facts={
            "claim": claim.name,
            "claim_phase": "Bound" if has else claim.status.phase or "Pending",
            "storage_class": class_name(claim),
            "volume_zone": zones[0] if len(zones) == 1 else zones,
            "gpu_node_zones": node_zones,
        },
        evidence=(
            Evidence(
                target,
                "spec.volumeName" if has else "spec.storageClassName",
                claim.spec.volume_name or class_name(claim),
            ),
            *(
                Evidence(reference_of(node), f"metadata.labels[{ZONE}]", node.metadata.labels.get(ZONE))
                for node in nodes[:3]
            ),
        ),
        confidence=sureness(case),
        proposals=(
            *(_new_claim(case, use, claim, node_zones) if has else _other_class(case, claim)),
            *_node_there(nodes, zones, terms),
        ),
    )


def _on_machines(case: Case, terms: list[NodeSelectorTerm]) -> str:
    """The machines that a volume is bound to by their names, and that they are gone where they are."""
    rules = [rule for term in terms for rule in (*term.expressions, *term.fields) if rule.key in _BY_NAME]
    names = sorted({value for rule in rules for value in rule.values})
    if not names:
        return "on other machines"
    hosts = {node.metadata.labels.get(_BY_NAME[0], node.name) for node in case.index.nodes.values()}
    gone = not hosts.intersection(names) and not set(names) & set(case.index.nodes)
    return f"on {', '.join(spelled(each) for each in names[:3])}{', which is gone' if gone else ''}"


def _new_claim(case: Case, use: ClaimUse, claim: VolumeClaim, zones: list[str]) -> list[Proposal]:
    """Another claim for the data, whose volume is where the machines are.

    The asker makes it alone where a class makes its volume; else somebody has to make the volume.
    """
    name = f"{claim.name}-2"
    change: dict[str, Any] = {"volumes": [{"name": use.volume, "persistentVolumeClaim": {"claimName": name}}]}
    by_pods = changed_pods(RemedyKind.FIX_VOLUME, "", case, change)
    body = claim_body(case, name, claim)
    own = class_name(claim) or ""
    classes = [each.name for each in case.index.objects.storage_classes if each.provisioner != NO_PROVISIONER]
    proposals = []
    for position, kind in enumerate(sorted(classes, key=lambda each: (each != own, each))):
        of = "" if kind == own else f" of the class {kind}"
        made = {**body, "spec": {**body["spec"], "storageClassName": kind}}
        what = f"create the claim {name}{of}, whose volume is made where the machines are, copy the data, and use it"
        first = ((claim_reference(case, name), Patch(PatchOp.CREATE, made)),)
        proposals.append(
            Proposal(RemedyKind.FIX_VOLUME, Doer.USER, what, by_pods.target, by_pods.patch, first=first, cost=position)
        )
    if own not in classes and zones:
        proposals.append(
            Proposal(
                RemedyKind.FIX_VOLUME,
                Doer.PLATFORM,
                f"make a volume in zone {zones[0]} that holds the data of {claim.name}; then claim it as {name}, and"
                " use that",
                by_pods.target,
                by_pods.patch,
                first=((claim_reference(case, name), Patch(PatchOp.CREATE, body)),),
                effect=volume_bound(case, name, body["spec"].get("storageClassName", ""), zones[0]),
            )
        )
    return proposals


def _other_class(case: Case, claim: VolumeClaim) -> list[Proposal]:
    """Classes that make volumes by themselves; which of them help is tried."""
    others = sorted(
        each.name
        for each in case.index.objects.storage_classes
        if each.name != class_name(claim) and each.provisioner != NO_PROVISIONER
    )
    return [again_in_class(claim, other, cost=position, volumeName=None) for position, other in enumerate(others)]


def _node_there(nodes: list[Node], zones: list[str], terms: list[NodeSelectorTerm]) -> list[Proposal]:
    if not zones or any(rule.key != ZONE for term in terms for rule in term.expressions):
        return []
    like, zone = nodes[0], zones[0]
    name = f"{like.name}-{zone}"
    made = msgspec.json.decode(msgspec.json.encode(like))
    made["metadata"] = {"name": name, "labels": {**like.metadata.labels, ZONE: zone, "kubernetes.io/hostname": name}}
    what = like.metadata.labels.get("node.kubernetes.io/instance-type") or f"machine like {like.name}"
    return [
        Proposal(
            RemedyKind.ADD_NODE,
            Doer.PLATFORM,
            f"add one {what} in zone {zone}",
            A_NODE,
            Patch(PatchOp.SIGNAL, {"zone": zone, "like": like.name}),
            effect=(
                (Reference(api_version="v1", kind="Node", name=name), Patch(PatchOp.CREATE, {**made, "kind": "Node"})),
            ),
            cost=1,
        )
    ]
