"""A rollout waits for GPUs that its own old pods hold: none may go before a new one is ready, and there is no room."""

from __future__ import annotations

from collections.abc import Sequence

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rollouts import pace_of
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.grammar import count
from allotment.model.observed.nodes import Node
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Replicas
from allotment.scheduling.snapshot.pods import pod_requests
from allotment.scheduling.snapshot.quantities import all_units


def find(case: Case) -> Finding | None:
    """New pods wait, old pods run, no old pod may go, and with one gone a new one would have room."""
    each = case.subject
    if not isinstance(each, Replicas) or each.kind != "Deployment" or not case.seen("nodes"):
        return None
    pace = pace_of(each)
    if pace is None or pace.missing > 0 or not case.waiting_pods:
        return None
    new = case.waiting_pods[0]
    owner = new.metadata.controller
    old = [pod for pod in case.running_pods if pod.metadata.controller and owner is not None]
    old = [pod for pod in old if pod.metadata.controller != owner]
    holder = _in_the_way(case, new, old)
    if holder is None:
        return None
    target = reference_of(each)
    patch = {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}}}
    return Finding(
        "rollout-blocks-itself",
        CauseVerdict.MISCONFIGURED,
        f"the rollout of {each.name} waits for what its own old pods hold: of {count(pace.wanted, 'replica')} none may "
        f"be missing (maxUnavailable), and no node has room for one more (maxSurge {pace.surge_text})",
        facts={
            "max_unavailable": 0,
            "max_surge": pace.surge_text,
            "replicas": pace.wanted,
            "waiting_pod": new.name,
            "old_pod": holder.name,
            "node": holder.spec.node_name,
        },
        evidence=(
            Evidence(target, "spec.strategy.rollingUpdate.maxUnavailable", pace.missing, "no old pod goes first"),
            Evidence(reference_of(holder), "spec.nodeName", holder.spec.node_name, "an old pod that holds the room"),
        ),
        proposals=(
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                "let one old pod go first: maxUnavailable 1, maxSurge 0",
                target,
                Patch(PatchOp.MERGE, patch),
                effect=((reference_of(holder), Patch(PatchOp.DELETE)),),
            ),
        ),
    )


def _in_the_way(case: Case, new: Pod, old: Sequence[Pod]) -> Pod | None:
    """An old pod whose room a new one would have; None if there is room anyway, or none even then."""
    needs = pod_requests(new.spec)
    found = None
    for node in case.index.nodes.values():
        labels = node.metadata.labels
        if any(labels.get(key) != value for key, value in new.spec.node_selector.items()):
            continue
        free = _free(case, node)
        if all(free.get(resource, 0) >= amount for resource, amount in needs.items()):
            return None
        for pod in old:
            if pod.spec.node_name != node.name:
                continue
            given = pod_requests(pod.spec)
            if all(free.get(key, 0) + given.get(key, 0) >= amount for key, amount in needs.items()):
                found = pod
    return found


def _free(case: Case, node: Node) -> dict[str, int]:
    if node.spec.unschedulable or not node.ready:
        return {}
    free = all_units(node.status.allocatable)
    for pod in case.index.pods_on.get(node.name, ()):
        for resource, amount in pod_requests(pod.spec).items():
            free[resource] = free.get(resource, 0) - amount
    return free
