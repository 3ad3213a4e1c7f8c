"""Nodes with room for what a pod asks for run as many pods as a node may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.others import called
from allotment.diagnose.rules.scheduler.answering import about_room, more_nodes, together
from allotment.diagnose.rules.scheduler.holders import holders, waits
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.rooms import listed
from allotment.model.explanation import CauseVerdict, Doer, Patch, PatchOp, RemedyKind
from allotment.model.grammar import count
from allotment.model.observed.base import Reference
from allotment.model.observed.nodes import Node
from allotment.model.observed.work import Replicas

_MORE: Final = 2
"""How many times as many pods a node is to take: the smallest step that kubelets are set by."""


def find(case: Case) -> Finding | None:
    """The number of pods alone keeps it."""
    it = placing(case)
    if kept(case).by is not Keeper.POD_LIMIT or it.refused is None:
        return None
    full = [node for node in it.able if it.free(node.name, "pods") <= 0]
    if not full:
        return None
    limit = max(it.allocatable(node.name, "pods") for node in full)
    return about_room(
        "too-many-pods",
        CauseVerdict.WAITING,
        f"{listed(node.name for node in full)} {'runs' if len(full) == 1 else 'run'} {limit} pods, as many as a node "
        "may, and would else have room",
        it,
        together(waits(it, full), _scaled(it, full), _raised(it, full), more_nodes(it)),
        {"nodes": [node.name for node in full], "pod_limit_per_node": limit},
    )


def _scaled(it: Placing, full: list[Node]) -> Iterator[Proposal]:
    """Fewer replicas of what runs most pods there: as few less as let the subject in."""
    services = [each for each in holders(it.case, full) if isinstance(each.work, Replicas)]
    for each in sorted(services, key=lambda one: -len(one.pods)):
        assert isinstance(each.work, Replicas)  # noqa: S101  narrowed above
        replicas = each.work.spec.replicas or 1
        for less in range(1, min(len(each.pods), 8) + 1):
            gone = each.pods[-less:]
            if not it.goes_on(gone=[pod.key for pod in gone]):
                continue
            yield Proposal(
                RemedyKind.OTHER,
                Doer.TEAM_OWNER,
                f"scale {called(it.case, each.pods[0])} from {replicas} to {count(replicas - less, 'replica')}",
                each.target,
                Patch(PatchOp.MERGE, {"spec": {"replicas": replicas - less}}),
                effect=tuple((reference_of(pod), Patch(PatchOp.DELETE)) for pod in gone),
                cost=10,
            )
            return


def _raised(it: Placing, full: list[Node]) -> Iterator[Proposal]:
    node = full[0]
    wanted = str(_MORE * it.allocatable(node.name, "pods"))
    body = {"status": {"allocatable": {"pods": wanted}, "capacity": {"pods": wanted}}}
    target = Reference(api_version="v1", kind="Node", name=node.name)
    yield Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"raise maxPods of the kubelet of {node.name} to {wanted}",
        target,
        Patch(PatchOp.SIGNAL, {"maxPods": int(wanted)}),
        effect=((target, Patch(PatchOp.MERGE, body)),),
        cost=20,
    )
