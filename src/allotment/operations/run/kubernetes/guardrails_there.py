"""What the guardrails of a cluster do to jobs, as the platform directory renders them there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from allotment.errors import quoted
from allotment.jobs.kubernetes.kinds import WithheldKind, WorkKind
from allotment.model.cluster import Cluster, Feature
from allotment.model.jobs.job import Job
from allotment.model.platform import Platform
from allotment.model.policy import Mode, Policy, PolicyName
from allotment.render.policies.identities import FEATURE_NAMESPACES, exempt_namespaces
from allotment.render.policies.trusted_registries import prefixes

_FEATURES: Final[Mapping[WorkKind, Feature]] = {
    WorkKind.JOB_SET: Feature.JOBSET,
    WorkKind.LEADER_WORKER_SET: Feature.LEADERWORKERSET,
    WorkKind.TRAIN_JOB: Feature.TRAINJOB,
    WorkKind.RAY_JOB: Feature.RAYJOB,
}
"""Kinds whose controller makes objects of its own, with the feature by which a directory names it."""


def withheld_kinds(
    platform: Platform, cluster: Cluster, kinds: Collection[WorkKind], namespace: str = ""
) -> Mapping[WorkKind, WithheldKind]:
    """Kinds that are served and not started: our own policy would refuse what their controllers make.

    Args:
        platform: as declared.
        cluster: one of its clusters.
        kinds: those that are served there.
        namespace: where work is to be made; empty for any namespace of a team.
    """
    if _refusing(platform, cluster, PolicyName.QUEUE_MARKS_PROTECTED, namespace) is None:
        return {}
    spared = exempt_namespaces(platform, cluster)
    return {
        kind: _withheld(cluster, kind, feature)
        for kind, feature in _FEATURES.items()
        if kind in kinds and feature not in cluster.features and FEATURE_NAMESPACES.get(feature, "") not in spared
    }


def _withheld(cluster: Cluster, kind: WorkKind, feature: Feature) -> WithheldKind:
    return WithheldKind(
        f"{cluster.name} serves {kind}, but its policy {PolicyName.QUEUE_MARKS_PROTECTED} refuses all that the "
        f"controller of {kind} makes: the platform directory does not name the feature {feature} of the cluster",
        f"the platform team adds {feature} to `features` in the cluster's file, then plans and applies it",
    )


def let_past_registries(
    platform: Platform, cluster: Cluster, job: Job, namespace: str, groups: Collection[str] | None = None
) -> str:
    """What is told of a job that was let in although its image is of no trusted registry; empty where it is of one.

    Args:
        platform: as declared.
        cluster: one of its clusters, which has been asked and did not refuse the job.
        job: what is to be run.
        namespace: where.
        groups: of whoever submits it; None where they are not known here.
    """
    image = job.program.image
    policy = _refusing(platform, cluster, PolicyName.TRUSTED_REGISTRIES, namespace)
    if policy is None or not policy.registries or not image:
        return ""
    if ".." not in image and image.startswith(prefixes(policy)):
        return ""
    spared = groups is None or not set(groups).isdisjoint(platform.admin_groups)
    engineers = "from members of the team and does not bind platform engineers, or it " if spared else "and "
    return (
        f"{cluster.name} was asked, and lets you use the image {quoted(image)}: its policy {policy.name} refuses it "
        f"{engineers}is not applied there yet"
    )


def _refusing(platform: Platform, cluster: Cluster, name: PolicyName, namespace: str) -> Policy | None:
    """The policy, if it refuses what it objects to in a namespace."""
    policy = next((each for each in platform.policies if each.name is name), None)
    if policy is None or policy.modes[cluster.name] is not Mode.ENFORCE or namespace in policy.exempt_namespaces:
        return None
    return None if policy.may_only_warn and namespace in cluster.warn_namespaces else policy
