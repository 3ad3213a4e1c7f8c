"""Whom the rules do not bind: platform engineers (the breakglass), and the controllers of the system.

A service account is trusted by the namespace it lives in, and a team's namespace is never trusted, whatever the
platform directory lists: otherwise a team named after a controller's namespace would inherit its rights.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster, Feature
from allotment.model.platform import Platform
from allotment.render.policies.admission import Condition, Variable
from allotment.render.policies.cel import Expr, string_list

KUEUE_NAMESPACE: Final = "kueue-system"
ALWAYS_EXEMPT: Final = ("kube-system", "kube-public", "kube-node-lease", labels.SYSTEM_NAMESPACE, KUEUE_NAMESPACE)
"""Namespaces without which no cluster runs, whatever the platform directory says."""

FEATURE_NAMESPACES: Final = {Feature.JOBSET: "jobset-system", Feature.LEADERWORKERSET: "lws-system"}
"""Where the controllers of further kinds live, by their own manifests. They are the system's where a cluster declares
the kind: what they make was judged when its owner was written."""

JOB_CONTROLLERS: Final = ("system:serviceaccount:kube-system:job-controller", "system:kube-controller-manager")
"""Who makes pods out of Jobs; the second where controllers share one identity."""

JOB_MAKERS: Final = ("system:serviceaccount:jobset-system:jobset-controller-manager",)
"""Who makes Jobs out of objects that Kueue holds themselves."""

_SYSTEM_USERS: Final = ("system:kube-controller-manager", "system:kube-scheduler", "system:apiserver")
_SYSTEM_GROUPS: Final = ("system:nodes",)
_MASTERS: Final = "system:masters"


def exempt_namespaces(platform: Platform, cluster: Cluster) -> tuple[str, ...]:
    """Namespaces of the system in this cluster, sorted; never a team's."""
    of_teams = {name for team, _ in platform.teams_in(cluster.name) for name in team.namespaces}
    of_features = {namespace for feature, namespace in FEATURE_NAMESPACES.items() if feature in cluster.features}
    return tuple(sorted({*ALWAYS_EXEMPT, *of_features, *platform.exempt_namespaces} - of_teams))


def engineer_groups(platform: Platform) -> tuple[str, ...]:
    """Groups whose members are platform engineers: the declared ones, and the cluster's own superusers."""
    return (*platform.admin_groups, _MASTERS)


def binds(platform: Platform, cluster: Cluster, user: str, groups: Collection[str]) -> bool:
    """Whether the policies bind somebody: what `is_engineer` and `is_controller` say in CEL, the other way round."""
    prefixes = tuple(f"system:serviceaccount:{name}:" for name in exempt_namespaces(platform, cluster))
    trusted = {*engineer_groups(platform), *_SYSTEM_GROUPS}
    return not (trusted & {*groups} or user in _SYSTEM_USERS or user.startswith(prefixes))


def is_engineer(platform: Platform) -> Expr:
    """CEL: the request comes from a platform engineer or the cluster's own superusers."""
    groups = string_list(engineer_groups(platform))
    return Expr(f"request.userInfo.?groups.orValue([]).exists(group, group in {groups})")


def is_controller(platform: Platform, cluster: Cluster) -> Expr:
    """CEL: the request comes from a component of the system."""
    prefixes = string_list(f"system:serviceaccount:{name}:" for name in exempt_namespaces(platform, cluster))
    return Expr(
        f"(request.userInfo.username in {string_list(_SYSTEM_USERS)}"
        f" || {prefixes}.exists(prefix, request.userInfo.username.startsWith(prefix))"
        f" || request.userInfo.?groups.orValue([]).exists(group, group in {string_list(_SYSTEM_GROUPS)}))"
    )


def binds_all_but_engineers(platform: Platform) -> Condition:
    """The breakglass."""
    return Condition("not-a-platform-engineer", f"!{is_engineer(platform)}")


def binds_tenants(platform: Platform, cluster: Cluster) -> Condition:
    """Leaves the system's controllers alone: what they make was checked when its owner was written."""
    return Condition("not-a-system-controller", f"!{is_controller(platform, cluster)}")


def binds_tenants_and_new(platform: Platform, cluster: Cluster, *resources: str) -> Condition:
    """Binds the system's controllers too, but only when they create these resources.

    Their updates (a finalizer taken off, a status written) must pass even for objects older than the policy.
    """
    return Condition("tenant-or-new", f"({_new(resources)}) || !{is_controller(platform, cluster)}")


def spec_counts() -> Condition:
    """An object on its way out must be able to lose its finalizers; its spec is judged all the same if it changes."""
    return Condition(
        "not-only-being-deleted",
        "!has(dyn(object).metadata.deletionTimestamp) || oldObject == null"
        " || dyn(object).?spec != dyn(oldObject).?spec",
    )


def binds_workloads(platform: Platform, cluster: Cluster, *new: str) -> tuple[Condition, ...]:
    """Conditions of a rule about workloads; `new` names resources whose creation binds the system's controllers too."""
    tenants = binds_tenants_and_new(platform, cluster, *new) if new else binds_tenants(platform, cluster)
    return binds_all_but_engineers(platform), tenants, spec_counts()


def by_tenant(platform: Platform, cluster: Cluster) -> Variable:
    """Whether a rule that binds tenants only holds for the request."""
    return Variable("byTenant", f"!{is_controller(platform, cluster)}")


def told_with(*new: str) -> str:
    """CEL for `Rule.told_with`: the conditions of `binds_workloads`, once those of any rule about workloads hold."""
    return f"(variables.byTenant || {_new(new)})" if new else "variables.byTenant"


def _new(resources: tuple[str, ...]) -> str:
    return f'request.operation == "CREATE" && request.resource.resource in {string_list(resources)}'


def by_job_controller() -> Expr:
    """CEL: the pod was made out of a Job."""
    return Expr(f"request.userInfo.username in {string_list(JOB_CONTROLLERS)}")


def by_job_maker() -> Expr:
    """CEL: the Job was made out of an object that Kueue held itself."""
    return Expr(f"request.userInfo.username in {string_list(JOB_MAKERS)}")


def by_ray_controller(platform: Platform, cluster: Cluster) -> Expr:
    """CEL: the pod was made out of a Ray cluster, which Kueue held itself."""
    of_cluster = 'o.?controller.orValue(false) && o.kind == "RayCluster" && o.apiVersion.startsWith("ray.io/")'
    owners = "dyn(object).metadata.?ownerReferences.orValue([])"
    return Expr(f"({is_controller(platform, cluster)} && {owners}.exists(o, {of_cluster}))")
