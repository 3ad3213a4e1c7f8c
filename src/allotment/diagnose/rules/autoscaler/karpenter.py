"""What Karpenter's objects say: pools that are full, and nodes that are on their way or are refused by the cloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.model.observed.base import Condition, condition
from allotment.model.observed.nodes import KarpenterNodePool, NodeClaim
from allotment.scheduling.snapshot.quantities import units

_POOL: Final = "karpenter.sh/nodepool"


def full_pools(case: Case) -> Iterator[tuple[KarpenterNodePool, str, int, int]]:
    """Pools whose limit leaves no room for one pod of the subject: pool, resource, in use, limit."""
    it = placing(case)
    for pool in case.index.objects.karpenter_node_pools:
        for resource, limit in pool.spec.limits.items():
            asked = it.requests.get(resource, 0)
            used, most = units(resource, pool.status.resources.get(resource, 0)), units(resource, limit)
            if asked and used + asked > most and _could_serve(case, pool):
                yield pool, resource, used, most
                break


def _could_serve(case: Case, pool: KarpenterNodePool) -> bool:
    """Whether nodes of the pool would do, judged by those that are there; without any, by the selector alone."""
    it = placing(case)
    there = [node for node in case.index.nodes.values() if node.metadata.labels.get(_POOL) == pool.name]
    if there:
        return any(node in it.able for node in there)
    return it.refused is not None and it.refused.pod.spec.node_selector.get(_POOL, pool.name) == pool.name


def claim_on_its_way(case: Case) -> NodeClaim | None:
    """A node that Karpenter has asked for, of a pool that could serve the subject, and that has not joined."""
    selector = placing(case).refused
    wanted = selector.pod.spec.node_selector.get(_POOL, "") if selector is not None else ""
    named = {word for pod in case.waiting_pods for event in case.events(pod) for word in event.message.split()}
    for claim in case.index.objects.node_claims:
        joined = condition(claim.status.conditions, "Initialized")
        if (joined is not None and joined.true) or refused_by_cloud(claim) is not None:
            continue
        if f"nodeclaim/{claim.name}" in {word.strip(",.") for word in named}:
            return claim
        if wanted and claim.metadata.labels.get(_POOL) == wanted:
            return claim
    return None


def refused_by_cloud(claim: NodeClaim) -> Condition | None:
    """The condition that says why the cloud did not launch a node, if it did not."""
    launched = condition(claim.status.conditions, "Launched")
    return launched if launched is not None and not launched.true and launched.message else None
