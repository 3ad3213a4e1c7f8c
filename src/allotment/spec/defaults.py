"""What holds where the directory says nothing: the reference ladder, tiers, counts and gates, each with its reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain
from typing import Final

from allotment.model.cluster import Environment, Feature, KueueApi, Purpose
from allotment.model.policy import Priority, SloTier
from allotment.model.requests.gates import AT_ONCE, ApprovalGate, Approvals, Route
from allotment.model.requests.terms import RequestKind

COHORT: Final = "shared"
"""The cohort of a cluster that declares none: idle quota is lent."""

ENVIRONMENT_OF: Final = {
    Purpose.SERVING: Environment.PRODUCTION,
    # Training carries no customers' traffic; a mistake costs time, not an outage.
    Purpose.TRAINING: Environment.STAGING,
    Purpose.DEVELOPMENT: Environment.DEVELOPMENT,
}

LADDER: Final = (
    Priority("production-inference", 1_000_000, preempts=True, default=False, description="Live inference."),
    Priority("scheduled-training", 100_000, preempts=True, default=False, description="Training with a deadline."),
    # The default never preempts, so that fifty notebooks do not preempt each other.
    Priority("exploratory", 1_000, preempts=False, default=True, description="Everything else; the default."),
)

OBJECT_COUNTS: Final = {
    # Every kind that a role may create has a count. A hundred of each is far above what a team of the usual size has,
    # and far below what slows etcd down; of what one sets up once, fewer will do.
    "count/jobs.batch": 100,
    "count/cronjobs.batch": 50,
    "count/deployments.apps": 50,
    # Kubernetes keeps ten revisions of a Deployment, unless somebody asks for more.
    "count/replicasets.apps": 600,
    "count/statefulsets.apps": 50,
    "count/horizontalpodautoscalers.autoscaling": 50,
    "count/poddisruptionbudgets.policy": 50,
    # Four of each are Allotment's own.
    "count/roles.rbac.authorization.k8s.io": 20,
    "count/rolebindings.rbac.authorization.k8s.io": 20,
    "configmaps": 100,
    "secrets": 100,
    "services": 20,
    # Node ports and load balancers are doors to the outside that no team opens by itself.
    "services.nodeports": 0,
    "services.loadbalancers": 0,
}

WORKLOAD_COUNTS: Final = {
    Feature.JOBSET: {"count/jobsets.jobset.x-k8s.io": 100},
    Feature.LEADERWORKERSET: {"count/leaderworkersets.leaderworkerset.x-k8s.io": 100},
    Feature.RAYJOB: {"count/rayclusters.ray.io": 100, "count/rayjobs.ray.io": 100},
    Feature.TRAINJOB: {"count/trainjobs.trainer.kubeflow.org": 100},
}
"""Counts of kinds that a cluster has by a feature."""

COUNT_OF_ANOTHER_KIND: Final = 100
"""Of a kind that a team's `extraRules` let it create."""

STORAGE_TOTAL: Final = 1 << 40
"""1Ti: a few data sets and their checkpoints."""

OVERCOMMIT: Final = 2
"""Limits over requests of a namespace: jobs burst at different times (reference team: 64 requested, 128 allowed)."""

KUEUE_COHORTS_SINCE: Final = (0, 13)
"""First Kueue that serves Cohort as v1beta1 with ``parentName`` (CHANGELOG-0.13; before: v1alpha1, ``parent``)."""
KUEUE_V1BETA2_SINCE: Final = (0, 15)
"""First Kueue that serves v1beta2 (release notes of v0.15.0)."""
KUEUE_V1BETA1_UNTIL: Final = (0, 20)
"""First Kueue that no longer serves v1beta1 (kubernetes-sigs/kueue pull request 14558)."""

MUTATING_POLICIES_SINCE: Final = (1, 36)
"""First Kubernetes in which MutatingAdmissionPolicy is generally available and on (feature gates of v1.36.3)."""

PLATFORM_LEAD: Final = "platform-lead"
"""Route of what is usual."""
ENGINEERING_LEADERSHIP: Final = "engineering-leadership"
"""Route of what is large."""


def _gate(
    name: str,
    kinds: tuple[RequestKind, ...],
    route: str,
    *,
    environments: tuple[Environment, ...] = (),
    devices: tuple[int, int | None] = (0, None),
    cheap: bool = False,
    budgeted: bool = False,
) -> ApprovalGate:
    """A usual gate; `cheap` is what costs little and is undone soon."""
    return ApprovalGate(
        name=name,
        kinds=kinds,
        workloads=(),
        environments=tuple(each.value for each in environments),
        least_devices=devices[0],
        most_devices=devices[1],
        below_price=300_000_000 if cheap else None,
        undone_within=600 if cheap else None,
        within_budget=budgeted,
        route=route,
    )


_GPUS: Final = (RequestKind.GPUS,)
_SOME: Final = (3, 7)
"""Devices that price and budget decide about; from 8 on it is a node of the usual size."""

USUAL_GATES: Final = (
    _gate("notebooks-and-volumes", (RequestKind.NOTEBOOK, RequestKind.VOLUME), AT_ONCE),
    _gate("development-namespaces", (RequestKind.NAMESPACE,), AT_ONCE, environments=(Environment.DEVELOPMENT,)),
    _gate("one-or-two-gpus", _GPUS, AT_ONCE, devices=(1, 2)),
    # A mistake under a few hundred dollars that is undone in minutes is nobody's business but the team's.
    _gate("some-gpus-cheap", _GPUS, AT_ONCE, devices=_SOME, cheap=True),
    _gate("some-gpus-in-budget", _GPUS, AT_ONCE, devices=_SOME, budgeted=True),
    _gate("some-gpus", _GPUS, PLATFORM_LEAD, devices=_SOME),
    _gate("many-gpus", _GPUS, ENGINEERING_LEADERSHIP, devices=(8, None)),
    _gate("clusters", (RequestKind.CLUSTER,), ENGINEERING_LEADERSHIP),
    _gate("teams", (RequestKind.TEAM, RequestKind.LEAVE), ENGINEERING_LEADERSHIP),
    _gate("production-endpoints", (RequestKind.ENDPOINT,), PLATFORM_LEAD, environments=(Environment.PRODUCTION,)),
    _gate("paid-model-apis", (RequestKind.MODEL_API,), PLATFORM_LEAD),
)
"""Where a directory declares none (the reference platform's gates); what meets none of them goes to `PLATFORM_LEAD`."""


def usual_routes(approvers: tuple[str, ...]) -> tuple[Route, ...]:
    """The routes of the usual gates, decided by the same groups: a directory without routes names no others."""
    day = 86_400
    return (
        Route(PLATFORM_LEAD, approvers, (), day, ENGINEERING_LEADERSHIP, others_only=True),
        Route(ENGINEERING_LEADERSHIP, approvers, (), 3 * day, "", others_only=True),
    )


def usual_approvals(approvers: tuple[str, ...]) -> Approvals:
    """What holds where a directory says nothing of it: no team has a budget, and a grant may last for good."""
    return Approvals(USUAL_GATES, usual_routes(approvers), (), (), PLATFORM_LEAD, None)


_COUNTED_BY_NAME: Final = frozenset({"configmaps", "replicationcontrollers", "services"})
_COUNTED_ANYWAY: Final = frozenset({"persistentvolumeclaims", "pods"})


def object_counts(features: Collection[Feature], created: Iterable[tuple[str, str]] = ()) -> dict[str, int]:
    """Counts by ResourceQuota key in a cluster with these features.

    Args:
        features: what the cluster declares.
        created: (group, resource) of whatever else the team may create.
    """
    added = (counts.items() for feature, counts in WORKLOAD_COUNTS.items() if feature in features)
    others = {_count_key(*kind): COUNT_OF_ANOTHER_KIND for kind in created if kind[0] or kind[1] not in _COUNTED_ANYWAY}
    return {**others, **OBJECT_COUNTS, **dict(chain.from_iterable(added))}


def _count_key(group: str, resource: str) -> str:
    if not group:
        return resource if resource in _COUNTED_BY_NAME else f"count/{resource}"
    return f"count/{resource}.{group}"


def kueue_api(version: str | None) -> KueueApi:
    """The newest API that a Kueue of this version serves."""
    known = minor_of(version) if version else None
    return KueueApi.V1BETA1 if known is not None and known < KUEUE_V1BETA2_SINCE else KueueApi.V1BETA2


def mutating_policies(version: str | None) -> bool:
    """Whether a Kubernetes of this version has MutatingAdmissionPolicy switched on."""
    return version is not None and minor_of(version) >= MUTATING_POLICIES_SINCE


def minor_of(version: str) -> tuple[int, int]:
    """Major and minor of a version such as ``1.29.4``; a missing minor is 0."""
    numbers = version.partition("-")[0].partition("+")[0].split(".")
    return int(numbers[0]), int(numbers[1]) if len(numbers) > 1 else 0


def slo_tiers(ladder: tuple[Priority, ...]) -> tuple[SloTier, ...]:
    """The reference tiers over a ladder (highest first): real-time work gets its top, batch the rung below."""
    if not ladder:
        return ()
    top, below = ladder[0].name, ladder[min(1, len(ladder) - 1)].name
    return (
        SloTier("real-time", 200, 999_500, 1_000, spot_allowed=False, default_priority=top),
        SloTier("near-real-time", 2_000, 999_000, 100, spot_allowed=False, default_priority=top),
        SloTier("batch", 3_600_000, 995_000, 0, spot_allowed=True, default_priority=below),
    )
