"""Kueue gave the subject a flavor whose labels no node has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from allotment.diagnose.amending import amended
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.karpenter import may_grow
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.rooms import listed
from allotment.diagnose.rules.scheduler.selecting import Asked, unmatched
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.queueing import ResourceFlavor
from allotment.model.spelling import nearest


def find(case: Case) -> Finding | None:
    """The label that keeps every node away was put in by Kueue, so the asker can do nothing about it."""
    it = placing(case)
    if kept(case).by is not Keeper.NO_NODE_MATCHES:
        return None
    asked = next((each for each in unmatched(case) if each.alone and each.by_kueue), None)
    if asked is None:
        return None
    flavor = next(each for each in case.index.objects.flavors if each.spec.node_labels.get(asked.key) == asked.value)
    known = sorted({node.metadata.labels.get(asked.key, "") for node in case.index.nodes.values()} - {""})
    has = f"nodes have {listed(known)}" if known else "no node has that label at all"
    finding = about_room(
        "flavor-matches-no-node",
        CauseVerdict.MISCONFIGURED,
        f"flavor {flavor.name} puts its pods on nodes with {asked.key}={asked.value}; {has}",
        it,
        _fixes(case, flavor, asked, known),
        {"flavor": flavor.name, "label": asked.key, "value": asked.value, "existing_values": known},
        (Evidence(reference_of(flavor), f"spec.nodeLabels[{asked.key}]", asked.value, "no node has it"),),
    )
    # A flavor of a pool at zero has its nodes to come.
    sure = not may_grow(case) or bool(nearest(asked.value, known))
    return finding if sure else replace(finding, confidence=Confidence.LIKELY)


def _fixes(case: Case, flavor: ResourceFlavor, asked: Asked, known: list[str]) -> Iterator[Proposal]:
    """The value that was meant, by its spelling, started again with it; otherwise nodes that the flavor is for.

    Another kind of node is not proposed: that would be another flavor to all who use it.
    """
    meant = nearest(asked.value, known)
    target, _ = amended(case, {})
    if meant:
        yield Proposal(
            RemedyKind.FIX_LABEL,
            Doer.PLATFORM,
            f"let flavor {flavor.name} mean nodes with {asked.key}={meant}, and submit it again",
            reference_of(flavor),
            Patch(PatchOp.MERGE, {"spec": {"nodeLabels": {asked.key: meant}}}),
            then=((target, Patch(PatchOp.RESUBMIT, _without(asked))),),
        )
    yield Proposal(
        RemedyKind.ADD_NODE,
        Doer.PLATFORM,
        f"add nodes with {asked.key}={asked.value}, or label those that are meant",
        None,
        Patch(PatchOp.SIGNAL, {"label": f"{asked.key}={asked.value}", "nodes": 1}),
        cost=1,
    )


def _without(asked: Asked) -> dict[str, object]:
    """The work as its author made it: without the label that Kueue has put in."""
    return {"spec": {"template": {"spec": {"nodeSelector": {asked.key: None}}}}}
