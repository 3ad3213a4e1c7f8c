"""A node group that is empty could make the nodes, but its template does not say that they have the accelerator."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.node_groups import NodeGroup, autoscaler_of, events_of_pods, group_of
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind

_TAG: Final = "k8s.io/cluster-autoscaler/node-template/resources/"


def find(case: Case) -> Finding | None:
    """The autoscaler says that the resource is short on its templates, and no node has any."""
    it = placing(case)
    if it.refused is None or not it.device or any(it.allocatable(n, it.device) for n in case.index.nodes):
        return None
    wanted = f"Insufficient {it.device}"
    event = next((each for each in events_of_pods(case, "NotTriggerScaleUp") if wanted in each.message), None)
    empty = _empty(case)
    if event is None or not empty:
        return None
    names = ", ".join(each.name for each in empty[:4])
    finding = about_room(
        "autoscaler-template-lacks-resource",
        CauseVerdict.MISCONFIGURED,
        f"no node has {it.device} and the autoscaler does not expect any of {names}, which "
        f"{'is' if len(empty) == 1 else 'are'} at zero: the template does not say that its nodes have some",
        it,
        [
            Proposal(
                RemedyKind.OTHER,
                Doer.PLATFORM,
                f"tag the group with {_TAG}{it.device}=N, or keep one node of it (minimum 1)",
                empty[0].reference,
                Patch(PatchOp.SIGNAL, {"tag": f"{_TAG}{it.device}"}),
            )
        ],
        {"node_groups": [each.name for each in empty], "resource": it.device},
        (Evidence(reference_of(case.waiting_pods[0]), "events[NotTriggerScaleUp].message", event.message),),
    )
    return replace(finding, confidence=Confidence.SURE if len(empty) == 1 else Confidence.LIKELY)


def _empty(case: Case) -> list[NodeGroup]:
    groups = autoscaler_of(case.index).groups
    used = {group.name for node in case.index.nodes.values() if (group := group_of(node, groups)) is not None}
    return [each for each in groups if not each.size and each.name not in used and each.most]
