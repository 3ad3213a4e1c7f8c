"""The pod of a DaemonSet as its controller looks for nodes: labels and taints count, room does not."""

from __future__ import annotations

from typing import Final

import msgspec

from allotment.model.observed.pods import PodTemplate, Resources, Toleration
from allotment.model.observed.work import DaemonSet

_TOLERATED: Final = tuple(
    Toleration(key=f"node.kubernetes.io/{each}", operator="Exists")
    for each in ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
)
"""What the controller adds to all its pods."""


def without_nodes(each: DaemonSet) -> PodTemplate | None:
    """What its controller looks for nodes with, where it has found none; None where it has."""
    if each.status.desired_number_scheduled:
        return None
    spec = each.spec.template.spec
    bare = tuple(msgspec.structs.replace(one, resources=Resources()) for one in spec.containers)
    spec = msgspec.structs.replace(
        spec, containers=bare, init_containers=(), tolerations=(*spec.tolerations, *_TOLERATED)
    )
    return msgspec.structs.replace(each.spec.template, spec=spec)
