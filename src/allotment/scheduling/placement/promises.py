"""Room promised to other pods: nodes that pods of at least the same priority are nominated for.

Such a pod waits for its victims to leave. A node that it is nominated for must take the incoming pod both with it and
without it: with it, because the room is promised; without it, because it may end up elsewhere.
"""

from __future__ import annotations

from allotment.scheduling.placement.filters import Screening
from allotment.scheduling.placement.model import Pod
from allotment.scheduling.placement.reasons import Refusal
from allotment.scheduling.placement.resources import FitStrategy
from allotment.scheduling.placement.state import ClusterState, Running


def promised_before(state: ClusterState, pod: Pod) -> dict[int, list[Running]]:
    """By node, the pods that are nominated for it and that the pod must yield to."""
    found: dict[int, list[Running]] = {}
    for key, waiting in state.promised.items():
        if waiting.pod.priority >= pod.priority and key != pod.key:
            found.setdefault(waiting.node, []).append(waiting)
    return found


def overtaken(state: ClusterState, pod: Pod, node: int) -> list[Pod]:
    """The pods of lower priority that were nominated for a node the pod is now nominated for: they must look again."""
    return [w.pod for w in state.promised.values() if w.node == node and w.pod.priority < pod.priority]


def barred(state: ClusterState, pod: Pod, strategy: FitStrategy) -> dict[int, Refusal]:
    """The nodes that refuse the pod once the promised pods are there, with what they say."""
    waiting_on = promised_before(state, pod)
    if not waiting_on:
        return {}
    compiled = state.compiled(pod.shape)
    # The scheduler decides before it adds the promised pods whether any rule between pods matters.
    rules = not Screening(state, compiled, strategy).affinity.trivial
    refused: dict[int, Refusal] = {}
    for node, waiting in waiting_on.items():
        mark = state.checkpoint()
        for promised in waiting:
            state.add(promised.pod, node)
        # Only this node is asked: for the others these pods are not there.
        said = Screening(state, compiled, strategy).refusals(between_pods=rules)
        answer = next((refusal for refusal, nodes in said.items() if node in nodes), None)
        if answer is not None:
            refused[node] = answer
        state.rollback(mark)
    return refused
