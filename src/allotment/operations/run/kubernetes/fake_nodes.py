"""Nodes that are objects alone: KWOK plays their kubelet, as in a sandbox. Pods seem to run there, and nothing does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from allotment.errors import NotFoundError, shown
from allotment.model.manifest import Body, ObjectKey
from allotment.model.observed.pods import Pod
from allotment.ports.kube import KubePort, RefusedError

_ANNOTATION: Final = ("kwok.x-k8s.io/node", "fake")
_LABEL: Final = ("type", "kwok")
"""What KWOK's nodes carry: the annotation by which it knows its own, and the label by which people do."""
_SEEMS: Final = "no program runs on them; pods there seem to run and to succeed, and have no output"


def is_fake(node: Body) -> bool:
    """Whether a Node says that nothing runs on it."""
    metadata = node["metadata"]
    pairs = ((_ANNOTATION, metadata.get("annotations")), (_LABEL, metadata.get("labels")))
    return any((given or {}).get(key) == value for (key, value), given in pairs)


def told_of_fakes(nodes: Iterable[Body]) -> tuple[str, ...]:
    """What whoever submits a job has to know of the nodes of a cluster; nothing where all are real."""
    marks = [is_fake(each) for each in nodes]
    if not any(marks):
        return ()
    which = "the" if all(marks) else f"{sum(marks)} of the {len(marks)}"
    return (f"{which} nodes of this cluster are fake (KWOK): {_SEEMS}",)


def nothing_ran(kube: KubePort, pod: Pod) -> NotFoundError | None:
    """Why there is no output of a pod that nobody hands out; None where its node is real, or nobody may look."""
    name = pod.spec.node_name
    try:
        node = kube.get("v1", ObjectKey("", "Node", "", name), lenient=True) if name else None
    except RefusedError:
        return None
    if node is None or not is_fake(node):
        return None
    return NotFoundError(
        "there is no output of the job: nothing of it has run",
        why=f"its node {shown(name)} is fake (KWOK): pods there only seem to run",
        fix="submit it to a cluster with real nodes, or to this machine: --on local",
    )
