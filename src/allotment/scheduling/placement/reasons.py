"""Why a node refuses a pod: a closed, ordered vocabulary with kube-scheduler's texts (v1.36).

The order of `Kind` is the order of the filters; the first failing filter of a node names its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final


class Plugin(Enum):
    """The filter and score plugins of the default profile."""

    NODE_UNSCHEDULABLE = "NodeUnschedulable"
    TAINT_TOLERATION = "TaintToleration"
    NODE_AFFINITY = "NodeAffinity"
    NODE_PORTS = "NodePorts"
    NODE_RESOURCES_FIT = "NodeResourcesFit"
    VOLUME_RESTRICTIONS = "VolumeRestrictions"
    VOLUME_BINDING = "VolumeBinding"
    POD_TOPOLOGY_SPREAD = "PodTopologySpread"
    INTER_POD_AFFINITY = "InterPodAffinity"
    BALANCED_ALLOCATION = "NodeResourcesBalancedAllocation"
    IMAGE_LOCALITY = "ImageLocality"
    NONE = ""


class Code(Enum):
    """Whether removing pods from the node could help."""

    UNSCHEDULABLE = "Unschedulable"
    UNRESOLVABLE = "UnschedulableAndUnresolvable"


class Kind(IntEnum):
    """Every way a node, or the pod as a whole, is refused, in filter order."""

    CLAIM_MISSING = 1
    CLAIM_UNBOUND = 2
    AFFINITY_CONFLICT = 3
    NOT_NAMED = 4
    CORDONED = 5
    TAINTED = 6
    NODE_AFFINITY = 7
    PORTS = 8
    POD_LIMIT = 9
    RESOURCE = 10
    VOLUME_ELSEWHERE = 11
    VOLUME_NOWHERE = 12
    SPREAD_LABEL = 13
    SPREAD_SKEW = 14
    POD_AFFINITY = 15
    POD_ANTI_AFFINITY = 16
    EXISTING_ANTI_AFFINITY = 17
    NO_VICTIMS = 18
    NOT_HELPFUL = 19


_PLUGIN: Final = {
    Kind.CLAIM_MISSING: Plugin.VOLUME_RESTRICTIONS,
    Kind.CLAIM_UNBOUND: Plugin.VOLUME_BINDING,
    Kind.AFFINITY_CONFLICT: Plugin.NODE_AFFINITY,
    Kind.NOT_NAMED: Plugin.NONE,
    Kind.CORDONED: Plugin.NODE_UNSCHEDULABLE,
    Kind.TAINTED: Plugin.TAINT_TOLERATION,
    Kind.NODE_AFFINITY: Plugin.NODE_AFFINITY,
    Kind.PORTS: Plugin.NODE_PORTS,
    Kind.POD_LIMIT: Plugin.NODE_RESOURCES_FIT,
    Kind.RESOURCE: Plugin.NODE_RESOURCES_FIT,
    Kind.VOLUME_ELSEWHERE: Plugin.VOLUME_BINDING,
    Kind.VOLUME_NOWHERE: Plugin.VOLUME_BINDING,
    Kind.SPREAD_LABEL: Plugin.POD_TOPOLOGY_SPREAD,
    Kind.SPREAD_SKEW: Plugin.POD_TOPOLOGY_SPREAD,
    Kind.POD_AFFINITY: Plugin.INTER_POD_AFFINITY,
    Kind.POD_ANTI_AFFINITY: Plugin.INTER_POD_AFFINITY,
    Kind.EXISTING_ANTI_AFFINITY: Plugin.INTER_POD_AFFINITY,
    Kind.NO_VICTIMS: Plugin.NONE,
    Kind.NOT_HELPFUL: Plugin.NONE,
}

_TEXT: Final = {
    Kind.CLAIM_MISSING: 'persistentvolumeclaim "{}" not found',
    Kind.CLAIM_UNBOUND: "pod has unbound immediate PersistentVolumeClaims",
    Kind.AFFINITY_CONFLICT: "pod affinity terms conflict",
    Kind.NOT_NAMED: "node(s) didn't satisfy plugin(s) [NodeAffinity]",
    Kind.CORDONED: "node(s) were unschedulable",
    Kind.TAINTED: "node(s) had untolerated taint(s)",
    Kind.NODE_AFFINITY: "node(s) didn't match Pod's node affinity/selector",
    Kind.PORTS: "node(s) didn't have free ports for the requested pod ports",
    Kind.POD_LIMIT: "Too many pods",
    Kind.RESOURCE: "Insufficient {}",
    Kind.VOLUME_ELSEWHERE: "node(s) didn't match PersistentVolume's node affinity",
    Kind.VOLUME_NOWHERE: "node(s) didn't find available persistent volumes to bind",
    Kind.SPREAD_LABEL: "node(s) didn't match pod topology spread constraints (missing required label)",
    Kind.SPREAD_SKEW: "node(s) didn't match pod topology spread constraints",
    Kind.POD_AFFINITY: "node(s) didn't match pod affinity rules",
    Kind.POD_ANTI_AFFINITY: "node(s) didn't match pod anti-affinity rules",
    Kind.EXISTING_ANTI_AFFINITY: "node(s) didn't satisfy existing pods anti-affinity rules",
    Kind.NO_VICTIMS: "No preemption victims found for incoming pod",
    Kind.NOT_HELPFUL: "Preemption is not helpful for scheduling",
}

_RESOLVABLE: Final = frozenset(
    {
        Kind.PORTS,
        Kind.POD_LIMIT,
        Kind.RESOURCE,
        Kind.SPREAD_SKEW,
        Kind.POD_ANTI_AFFINITY,
        Kind.EXISTING_ANTI_AFFINITY,
    }
)


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """One reason; `detail` is the resource or claim it is about."""

    kind: Kind
    detail: str = ""

    @property
    def text(self) -> str:
        """The words kube-scheduler uses."""
        return _TEXT[self.kind].format(self.detail)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What one node answers: the reasons of its first failing filter, and whether preemption could help."""

    reasons: tuple[Reason, ...]
    code: Code

    @property
    def plugin(self) -> Plugin:
        """The filter that refused."""
        return _PLUGIN[self.reasons[0].kind]


def refusal(kind: Kind, detail: str = "") -> Refusal:
    """The refusal with one reason whose code follows from its kind."""
    code = Code.UNSCHEDULABLE if kind in _RESOLVABLE else Code.UNRESOLVABLE
    return Refusal((Reason(kind, detail),), code)
