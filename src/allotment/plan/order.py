"""The apply order, as a table: this is where it stands, and each line says why.

Creation walks the table downwards, deletion upwards. So nobody is let in before the guardrails stand, and the
guardrails fall only after everybody has left (Kubernetes CVE-2024-7598 is what happens otherwise).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from allotment.model.manifest import ObjectKey
from allotment.model.policy import NAMESPACE_GATE
from allotment.plan.changes import Change, Delete, Drain


class Stage(StrEnum):
    """What a rank is for; decides what depends on it."""

    FOUNDATION = "foundation"
    """Later ranks cannot exist without it."""
    GUARDRAIL = "guardrail"
    """Access is not opened where one is missing."""
    CAPACITY = "capacity"
    """What work runs on; nothing waits for it."""
    ACCESS = "access"
    """Lets people and their work in."""


class GroupKind(NamedTuple):
    """A kind, without a version."""

    group: str
    kind: str


@dataclass(frozen=True, slots=True)
class Rank:
    """One line of the order. Within a rank the order does not matter, so its objects are applied side by side.

    Attributes:
        name: of the only object of these kinds that has its place here; empty: all that have none of their own.
    """

    stage: Stage
    kinds: tuple[GroupKind, ...]
    reason: str
    name: str = ""


_KUEUE: Final = "kueue.x-k8s.io"
_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"

RANKS: Final = (
    Rank(
        Stage.GUARDRAIL,
        (GroupKind(_ADMISSION, "ValidatingAdmissionPolicy"),),
        "a namespace that is no older than this policy is shown to be ours",
        NAMESPACE_GATE,
    ),
    Rank(
        Stage.GUARDRAIL,
        (GroupKind(_ADMISSION, "ValidatingAdmissionPolicyBinding"),),
        "from here on nobody claims a namespace, nor makes one with our marks",
        NAMESPACE_GATE,
    ),
    Rank(
        Stage.FOUNDATION,
        (GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"),),
        "objects of a kind need the kind",
    ),
    Rank(
        Stage.FOUNDATION,
        (GroupKind("", "Namespace"),),
        "everything of a team lives in its namespace; while it is empty it opens nothing to anybody",
    ),
    Rank(
        Stage.FOUNDATION,
        (GroupKind("scheduling.k8s.io", "PriorityClass"), GroupKind("storage.k8s.io", "StorageClass")),
        "names that quotas, policies and claims refer to",
    ),
    Rank(
        Stage.GUARDRAIL,
        (GroupKind(_ADMISSION, "MutatingAdmissionPolicy"), GroupKind(_ADMISSION, "ValidatingAdmissionPolicy")),
        "a policy without a binding has no effect: the rule stands before it is switched on",
    ),
    Rank(
        Stage.GUARDRAIL,
        (
            GroupKind(_ADMISSION, "MutatingAdmissionPolicyBinding"),
            GroupKind(_ADMISSION, "ValidatingAdmissionPolicyBinding"),
        ),
        "the rules are in force before anybody can send a pod",
    ),
    Rank(
        Stage.GUARDRAIL,
        (
            GroupKind("", "ResourceQuota"),
            GroupKind("", "LimitRange"),
            GroupKind("networking.k8s.io", "NetworkPolicy"),
            GroupKind("", "ServiceAccount"),
        ),
        "limits of a namespace stand before its first pod",
    ),
    Rank(
        Stage.CAPACITY,
        (GroupKind("", "PersistentVolumeClaim"),),
        "claims count against the quota, so after it",
    ),
    Rank(
        Stage.CAPACITY,
        (GroupKind(_KUEUE, "ResourceFlavor"), GroupKind(_KUEUE, "Topology"), GroupKind(_KUEUE, "AdmissionCheck")),
        "a ClusterQueue is inactive while a flavor or check of it is missing",
    ),
    Rank(
        Stage.CAPACITY,
        (GroupKind(_KUEUE, "Cohort"), GroupKind(_KUEUE, "WorkloadPriorityClass")),
        "the tree stands before queues join it, or a queue would be in a cohort without limits for a moment",
    ),
    Rank(Stage.CAPACITY, (GroupKind(_KUEUE, "ClusterQueue"),), "a LocalQueue points to it"),
    Rank(
        Stage.ACCESS,
        (GroupKind(_KUEUE, "LocalQueue"),),
        "the team's door to the queue: opened when all behind it is in place",
    ),
    Rank(
        Stage.ACCESS,
        (GroupKind(_RBAC, "ClusterRole"), GroupKind(_RBAC, "Role")),
        "a binding needs its role",
    ),
    Rank(
        Stage.ACCESS,
        (GroupKind(_RBAC, "ClusterRoleBinding"), GroupKind(_RBAC, "RoleBinding")),
        "people come in last, and leave first",
    ),
)

_UNKNOWN_KIND: Final = next(place for place, rank in enumerate(RANKS) if rank.stage is Stage.ACCESS)
"""Kinds that the table does not name go where access begins: behind every guardrail."""

DEFAULT_ACCOUNT: Final = "default"
"""The ServiceAccount that Kubernetes puts into every namespace."""

_PLACES: Final = {(kind, rank.name): place for place, rank in enumerate(RANKS) for kind in rank.kinds}


def place(key: ObjectKey) -> int:
    """Index of the rank an object belongs to."""
    if key.kind == "ServiceAccount" and key.name != DEFAULT_ACCOUNT:
        return _UNKNOWN_KIND  # a hardened account is a guardrail, any other lets somebody in
    kind = GroupKind(key.group, key.kind)
    return _PLACES.get((kind, key.name), _PLACES.get((kind, ""), _UNKNOWN_KIND))


def stage(key: ObjectKey) -> Stage:
    """Stage of the rank an object belongs to."""
    return RANKS[place(key)].stage


def position(change: Change) -> tuple[int, int, ObjectKey]:
    """Where a step stands: (phase, rank within the phase, object). Steps equal in the first two run side by side."""
    rank = place(change.key)
    if isinstance(change, Drain):
        return (3 if change.again else 1), 0, change.key
    if isinstance(change, Delete):
        falls_last = RANKS[rank].stage in {Stage.FOUNDATION, Stage.GUARDRAIL}
        return (4 if falls_last else 2), -rank, change.key
    return 0, rank, change.key


def kinds() -> Iterator[GroupKind]:
    """Every kind of the table: prune looks for our objects among these, whether or not one is still desired."""
    return (kind for rank in RANKS if not rank.name for kind in rank.kinds)


VERSIONS: Final = {
    "": ("v1",),
    "apiextensions.k8s.io": ("v1",),
    "scheduling.k8s.io": ("v1",),
    "storage.k8s.io": ("v1",),
    "networking.k8s.io": ("v1",),
    _ADMISSION: ("v1",),
    _RBAC: ("v1",),
    _KUEUE: ("v1beta2", "v1beta1"),
}
"""Versions in which prune may look for the kinds of a group, best first; the first one served is taken."""
