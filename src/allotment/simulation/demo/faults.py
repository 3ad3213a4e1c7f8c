"""What breaks in a made-up cluster, and is mended: nodes that answer no more for a while."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from allotment.model.moments import milliseconds
from allotment.model.observed.base import condition
from allotment.model.observed.nodes import Node
from allotment.model.observed.pods import Pod
from allotment.simulation.demo.fates import draws
from allotment.simulation.demo.sight import ClusterSight
from allotment.simulation.demo.writes import (
    CORE,
    PatchObject,
    Write,
    conditions_with,
    key_in,
    set_false,
    set_true,
    status_of,
)

_TURN: Final = 1800.0
"""Seconds of the fleet after which it is drawn anew whether a node breaks."""
_BREAKS: Final = 0.002
"""How many of all nodes break in a turn."""
_DOWN: Final = 2700.0
"""Seconds of the fleet until a node is back."""
_UNREACHABLE: Final = "node.kubernetes.io/unreachable"


def break_and_mend(cluster: str, sight: ClusterSight) -> Iterator[Write]:
    """Nodes that break now, and those that are back.

    Args:
        cluster: name of it.
        sight: the cluster.
    """
    turn = sight.now // sight.pace.real(_TURN)
    for node in sight.index.objects.nodes:
        ready = condition(node.status.conditions, "Ready")
        if ready is None:
            continue
        if ready.true:
            (drawn,) = draws(sight.pace.seed, f"{cluster}/{node.name}/{turn}", 1)
            fresh = sight.now - milliseconds(ready.last_transition_time) < sight.pace.real(2 * _TURN)
            if drawn < _BREAKS and not fresh:
                yield from _break(sight, node)
        elif sight.now - milliseconds(ready.last_transition_time) >= sight.pace.real(_DOWN):
            yield from _mend(sight, node)


def _break(sight: ClusterSight, node: Node) -> Iterator[Write]:
    """It answers no more: its pods are lost, and what ran there begins anew elsewhere."""
    said = set_false("Ready", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    yield status_of(CORE, "Node", node, _conditions(sight, node, said))
    taints = [{"key": _UNREACHABLE, "effect": effect} for effect in ("NoSchedule", "NoExecute")]
    yield PatchObject(CORE, key_in(CORE, "Node", node), {"spec": {"taints": [*_taints(node), *taints]}})
    for pod in sight.index.objects.pods:
        if pod.spec.node_name == node.name and not pod.ended:
            yield status_of(CORE, "Pod", pod, _lost(sight, pod))


def _mend(sight: ClusterSight, node: Node) -> Iterator[Write]:
    said = set_true("Ready", "KubeletReady", "kubelet is posting ready status")
    yield status_of(CORE, "Node", node, _conditions(sight, node, said))
    kept = [each for each in _taints(node) if each["key"] != _UNREACHABLE]
    yield PatchObject(CORE, key_in(CORE, "Node", node), {"spec": {"taints": kept}})


def _conditions(sight: ClusterSight, node: Node, said: Any) -> dict[str, Any]:
    return {"conditions": conditions_with(node.status.conditions, sight.now, said)}


def _taints(node: Node) -> list[dict[str, str]]:
    found = [{"key": each.key, "value": each.value, "effect": each.effect} for each in node.spec.taints]
    return [{name: value for name, value in each.items() if value} for each in found]


def _lost(sight: ClusterSight, pod: Pod) -> dict[str, Any]:
    target = set_true("DisruptionTarget", "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
    return {
        "phase": "Failed",
        "reason": "NodeLost",
        "conditions": conditions_with(pod.status.conditions, sight.now, target),
    }
