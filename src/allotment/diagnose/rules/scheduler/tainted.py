"""What the rules about taints share: which taints of nodes that would do are not tolerated, and the toleration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from allotment.diagnose import by_hand
from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept, meant_for_work, taint_kinds
from allotment.diagnose.rules.scheduler.placing import Placing, is_accelerator, placing
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.names import is_dns_subdomain
from allotment.model.observed.nodes import Node, NodeTaint
from allotment.scheduling.kinds import first_untolerated
from allotment.scheduling.snapshot.placement_shapes import taints

_LIFECYCLE: Final = (
    "node.kubernetes.io/",
    "node.cloudprovider.kubernetes.io/",
    "ToBeDeletedByClusterAutoscaler",
    "DeletionCandidateOfClusterAutoscaler",
    "karpenter.sh/",
    "aws-node-termination-handler/",
    "cloud.google.com/impending-node-termination",
    "startup-taint.cluster-autoscaler.kubernetes.io/",
    "status-taint.cluster-autoscaler.kubernetes.io/",
    "ignore-taint.cluster-autoscaler.kubernetes.io/",
)
"""Taints by which controllers say how a node is: nobody is meant to tolerate them."""

_NOT_UP: Final = ("/agent-not-ready", "/not-ready")


def of_lifecycle(taint: NodeTaint) -> bool:
    """Whether a taint says how the node is, not whom it is for."""
    return taint.key.startswith(_LIFECYCLE) or taint.key.endswith(_NOT_UP)


def untolerated(case: Case) -> dict[str, tuple[NodeTaint, ...]]:
    """Of the nodes that could hold the subject, the taints it does not tolerate; empty if that is not what keeps it."""
    it = placing(case)
    if kept(case).by is not Keeper.TAINT or it.refused is None:
        return {}
    return it.once("untolerated", lambda: _untolerated(it))


def _untolerated(it: Placing) -> dict[str, tuple[NodeTaint, ...]]:
    kinds = taint_kinds(it)
    unmet = [_unmet(it, kind) for kind in kinds.all]
    kept_from = {number for number, left in enumerate(unmet) if left and not any(of_lifecycle(each) for each in left)}
    nodes = [node for node in meant_for_work(it) if kinds.of[node.name] in kept_from and not node.spec.unschedulable]
    return {node.name: unmet[kinds.of[node.name]] for node in it.able_to_hold(nodes, it.requests)}


def _unmet(it: Placing, kind: tuple[NodeTaint, ...]) -> tuple[NodeTaint, ...]:
    assert it.refused is not None  # noqa: S101  asked only then
    tolerations = it.refused.pod.waiting.pod.shape.tolerations
    return tuple(each for each in kind if first_untolerated(taints((each,)), tolerations) is not None)


def toleration_added(case: Case, wanted: tuple[NodeTaint, ...], cost: int = 0) -> Iterator[Proposal]:
    """A toleration of these taints, with those that the pods have: the list is replaced as a whole."""
    it = placing(case)
    if it.refused is None:
        return
    kept_ones = [
        msgspec.to_builtins(each)
        for each in it.refused.pod.spec.tolerations
        if not each.key.startswith("node.kubernetes.io/")
    ]
    added: list[dict[str, Any]] = [
        {"key": each.key, "operator": "Equal", "value": each.value, "effect": each.effect}
        if each.value
        else {"key": each.key, "operator": "Exists", "effect": each.effect}
        for each in wanted
    ]
    said = ", ".join(written(each) for each in wanted)
    what = f"add a toleration of {said}"
    yield changed_pods(RemedyKind.ADD_TOLERATION, what, case, {"tolerations": [*kept_ones, *added]}, cost)


def of_devices_tolerated(it: Placing, cost: int = 15) -> Iterator[Proposal]:
    """Tolerations of taints that only say that a node has accelerators: who asks for some is meant to have them."""
    kinds: dict[tuple[NodeTaint, ...], None] = {}
    for node in it.matching if it.device else ():
        unmet = _unmet(it, node.spec.taints)
        if unmet and all(is_accelerator(each.key) for each in unmet) and it.could_hold(node, it.requests):
            kinds[unmet] = None
    for place, kind in enumerate(list(kinds)[:2]):
        yield from toleration_added(it.case, kind, cost + place)


def taint_removed(node: Node, wanted: tuple[NodeTaint, ...], cost: int = 40) -> Proposal:
    """The taint taken off a node."""
    said = ", ".join(each.key for each in wanted)
    steps: list[dict[str, str]] = []
    # From the last to the first, so that places hold; each tested, for others may have set taints meanwhile.
    for at, each in reversed(list(enumerate(node.spec.taints))):
        if each in wanted:
            path = f"/spec/taints/{at}"
            steps += [{"op": "test", "path": f"{path}/{name}", "value": value} for name, value in _known_by(each)]
            steps.append({"op": "remove", "path": path})
    line = by_hand.line("kubectl", "taint", "node", node.name, *(f"{each.key}:{each.effect}-" for each in wanted))
    return Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"remove the taint {said} from node {node.name}",
        reference_of(node),
        Patch(PatchOp.JSON, steps),
        cost=cost,
        # A name that could pass for a flag is left to the patch.
        command=line if is_dns_subdomain(node.name) and not any(each.key.startswith("-") for each in wanted) else "",
    )


def _known_by(taint: NodeTaint) -> tuple[tuple[str, str], ...]:
    """What tells a taint from others on its node."""
    return ("key", taint.key), ("effect", taint.effect)


def written(taint: NodeTaint) -> str:
    """A taint as kubectl writes it."""
    return f"{taint.key}{f'={taint.value}' if taint.value else ''}:{taint.effect}"
