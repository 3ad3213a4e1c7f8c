"""Roles of a team's namespace, bound to the identity provider's groups.

Four roles, each a table below: what a verb is missing from, nobody of that role may do. Exec into pods is a role of
its own, and owners do not hold it, so that they cannot hand it on either: the API server lets nobody bind rights that
he does not have. No role has wildcards, `bind`, `escalate`, `impersonate`, or any right to ask for tokens; none
changes quotas, limits, network policies or queues. A team's `extraRules` come on top; the directory's checks keep
them from any of that.

Two ClusterRoles only read: engineers what answers are computed from, a team's people the words of the platform that
their work may name (`model/reading.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from allotment.model.cluster import WORKLOAD_FEATURES, Feature
from allotment.model.manifest import Family, Manifest
from allotment.model.reading import READ_RESOURCES, READER, VISIBILITY_GROUP, WORD_READER, WORDS, ReadResource
from allotment.model.team import AccessRule, Groups, Isolation
from allotment.render.objects import Shelf, Site, Tenant

RBAC_API: Final = "rbac.authorization.k8s.io/v1"
_RBAC_GROUP: Final = "rbac.authorization.k8s.io"

Rule = Mapping[str, list[str]]


class Role(StrEnum):
    """Names of the Roles in every team namespace; a RoleBinding has the name of its Role."""

    OWNER = "allotment-owner"
    MEMBER = "allotment-member"
    VIEWER = "allotment-viewer"
    EXEC = "allotment-exec"


_WORD: Final = {Role.OWNER: "owner", Role.MEMBER: "member", Role.VIEWER: "viewer", Role.EXEC: "exec"}
"""Role → its name in the platform directory."""

OWN_CLUSTER_VIEWER: Final = "allotment-own-cluster-viewer"
"""ClusterRole of a team that has a cluster to itself: it may see the whole of it."""

_READ: Final = ("get", "list", "watch")
_RUN: Final = (*_READ, "create", "delete")
_EDIT: Final = (*_RUN, "update", "patch")


def _rule(group: str, resources: tuple[str, ...], verbs: tuple[str, ...]) -> Rule:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


_SEE: Final[tuple[Rule, ...]] = (
    _rule("", ("configmaps", "events", "persistentvolumeclaims", "pods", "services"), _READ),
    _rule("", ("pods/log",), ("get",)),
    _rule("", ("limitranges", "resourcequotas", "serviceaccounts"), _READ),
    # Of namespaces its own alone: a Role gives no other, and no list of them.
    _rule("", ("namespaces",), ("get",)),
    _rule("apps", ("daemonsets", "deployments", "replicasets", "statefulsets"), _READ),
    _rule("autoscaling.x-k8s.io", ("provisioningrequests",), _READ),
    _rule("batch", ("cronjobs", "jobs"), _READ),
    _rule("events.k8s.io", ("events",), _READ),
    _rule("kueue.x-k8s.io", ("localqueues", "workloads"), _READ),
    _rule("networking.k8s.io", ("networkpolicies",), _READ),
    _rule("policy", ("poddisruptionbudgets",), _READ),
    _rule(_RBAC_GROUP, ("rolebindings", "roles"), _READ),
    _rule("resource.k8s.io", ("resourceclaims", "resourceclaimtemplates"), _READ),
    _rule("scheduling.k8s.io", ("podgroups",), _READ),
    _rule(VISIBILITY_GROUP, ("localqueues/pendingworkloads",), ("get",)),
)

_WORK: Final[tuple[Rule, ...]] = (
    _rule("", ("configmaps", "persistentvolumeclaims", "pods", "services"), ("create", "delete")),
    _rule("apps", ("deployments",), ("create", "update", "patch", "delete")),
    # The number of a Deployment's pods only, which are judged one by one; a set is counted as it was submitted.
    _rule("apps", ("deployments/scale",), ("get", "update", "patch")),
    _rule("batch", ("jobs",), ("create", "delete")),
)

_OWN: Final[tuple[Rule, ...]] = (
    _rule("", ("configmaps", "persistentvolumeclaims", "services"), ("update", "patch")),
    # Owners bring the team's credentials; nobody else sees them.
    _rule("", ("secrets",), ("get", "list", "create", "update", "patch", "delete")),
    _rule("apps", ("statefulsets",), ("create", "update", "patch", "delete")),
    _rule("autoscaling", ("horizontalpodautoscalers",), _EDIT),
    _rule("batch", ("cronjobs",), ("create", "update", "patch", "delete")),
    _rule("policy", ("poddisruptionbudgets",), _EDIT),
    # Self-service below the owner's own rights: the API server's escalation check bounds both.
    _rule(_RBAC_GROUP, ("rolebindings", "roles"), ("create", "delete")),
)

RULES: Final[Mapping[Role, tuple[Rule, ...]]] = {
    Role.OWNER: (*_SEE, *_WORK, *_OWN),
    Role.MEMBER: (*_SEE, *_WORK),
    Role.VIEWER: _SEE,
    Role.EXEC: (
        _rule("", ("pods",), ("get", "list")),
        _rule("", ("pods/attach", "pods/exec", "pods/portforward"), ("create",)),
    ),
}
"""What each role may do in its namespace, in every cluster and team."""

# What a job is, is fixed when Kueue admits it; what serves is scaled and rolled like a Deployment.
_WORKLOADS: Final[Mapping[Feature, tuple[str, tuple[str, ...], tuple[str, ...]]]] = {
    Feature.JOBSET: ("jobset.x-k8s.io", ("jobsets",), ("create", "delete")),
    Feature.LEADERWORKERSET: (
        "leaderworkerset.x-k8s.io",
        ("leaderworkersets",),
        ("create", "update", "patch", "delete"),
    ),
    Feature.RAYJOB: ("ray.io", ("rayclusters", "rayjobs"), ("create", "delete")),
    Feature.TRAINJOB: ("trainer.kubeflow.org", ("trainjobs",), ("create", "delete")),
}
"""Feature → (group, resources, what members may do beside reading)."""


def _reading(resources: Iterable[ReadResource]) -> tuple[Rule, ...]:
    """A rule for each group, and one for what is read of a resource by name."""
    wanted = tuple(resources)
    groups: dict[str, list[str]] = {}
    for each in sorted(wanted):
        if not each.only:
            groups.setdefault(each.group, []).append(each.resource)
    named: tuple[Rule, ...] = tuple(
        {
            "apiGroups": [each.group],
            "resources": [each.resource],
            "resourceNames": sorted(place.partition("/")[2] for place in each.only),
            "verbs": ["get"],
        }
        for each in wanted
        if each.only
    )
    return (*(_rule(group, tuple(held), _READ) for group, held in groups.items()), *named)


READER_RULES: Final[tuple[Rule, ...]] = (
    *_reading(READ_RESOURCES),
    _rule(VISIBILITY_GROUP, ("clusterqueues/pendingworkloads", "localqueues/pendingworkloads"), ("get",)),
)
"""What answers are computed from, in the whole cluster: for engineers."""

WORD_RULES: Final = _reading(WORDS)
"""What the people of every team may look up."""

_OWN_CLUSTER_RULES: Final[tuple[Rule, ...]] = (
    *_reading(each for each in READ_RESOURCES if not each.namespaced),
    _rule("apiextensions.k8s.io", ("customresourcedefinitions",), _READ),
    _rule(VISIBILITY_GROUP, ("clusterqueues/pendingworkloads",), ("get",)),
)


def rules_of(role: Role, features: Collection[Feature]) -> tuple[Rule, ...]:
    """What a role may do in a cluster with these features: kinds of workloads that it does not declare are nobody's."""
    declared = [_WORKLOADS[feature] for feature in WORKLOAD_FEATURES if feature in features]
    if role is Role.EXEC:
        return RULES[role]
    see = tuple(_rule(group, resources, _READ) for group, resources, _ in declared)
    work = tuple(_rule(group, resources, verbs) for group, resources, verbs in declared)
    return (*RULES[role], *see) if role is Role.VIEWER else (*RULES[role], *see, *work)


def render_rbac(site: Site) -> Iterator[Manifest]:
    """Roles and bindings in every namespace of the teams that stay; a role that no group holds is not rendered.

    Before them the roles that read; engineers are bound to theirs where the platform names their groups.
    """
    rules = {role: list(rules_of(role, site.cluster.features)) for role in Role}
    yield from _platform_readers(site)
    for tenant in site.tenants:
        if tenant.leaving:
            continue  # With its workloads gone, a way in could only start new ones.
        shelf = tenant.shelf(Family.RBAC)
        for role, groups in _holders(tenant.team.groups):
            if groups:
                held = [*rules[role], *_extra(tenant.team.extra_rules.held_by(_WORD[role]))]
                yield shelf.namespaced((RBAC_API, "Role"), role.value, {"rules": held})
                yield shelf.namespaced((RBAC_API, "RoleBinding"), role.value, _binding("Role", role.value, groups))
        if tenant.is_first:
            yield from _word_readers(tenant, shelf)
            yield from _own_cluster(tenant, shelf)


def _extra(rules: tuple[AccessRule, ...]) -> Iterator[Rule]:
    for rule in rules:
        yield {"apiGroups": list(rule.api_groups), "resources": list(rule.resources), "verbs": list(rule.verbs)}


def _holders(groups: Groups) -> tuple[tuple[Role, tuple[str, ...]], ...]:
    return (
        (Role.OWNER, groups.owners),
        (Role.MEMBER, groups.members),
        (Role.VIEWER, groups.viewers),
        (Role.EXEC, groups.exec),
    )


def _platform_readers(site: Site) -> Iterator[Manifest]:
    shelf = site.shelf(Family.RBAC)
    groups = site.platform.admin_groups
    if groups:
        yield shelf.clustered((RBAC_API, "ClusterRole"), READER, {"rules": list(READER_RULES)})
        yield shelf.clustered((RBAC_API, "ClusterRoleBinding"), READER, _binding("ClusterRole", READER, groups))
    if any(_people(tenant) for tenant in site.teams):
        yield shelf.clustered((RBAC_API, "ClusterRole"), WORD_READER, {"rules": list(WORD_RULES)})


def _word_readers(tenant: Tenant, shelf: Shelf) -> Iterator[Manifest]:
    groups = _people(tenant)
    if groups:
        name = f"{WORD_READER}-{tenant.team.id}"
        yield shelf.clustered((RBAC_API, "ClusterRoleBinding"), name, _binding("ClusterRole", WORD_READER, groups))


def _people(tenant: Tenant) -> tuple[str, ...]:
    """Groups of a team that stays whose people ask about work."""
    groups = tenant.team.groups
    return () if tenant.leaving else tuple(dict.fromkeys((*groups.owners, *groups.members, *groups.viewers)))


def _own_cluster(tenant: Tenant, shelf: Shelf) -> Iterator[Manifest]:
    """Nothing in a cluster of one's own is another team's, so its owners and members may see all of it."""
    groups = tuple(dict.fromkeys((*tenant.team.groups.owners, *tenant.team.groups.members)))
    if tenant.team.isolation in {Isolation.CLUSTER, Isolation.SUBSCRIPTION} and groups:
        yield shelf.clustered((RBAC_API, "ClusterRole"), OWN_CLUSTER_VIEWER, {"rules": list(_OWN_CLUSTER_RULES)})
        yield shelf.clustered(
            (RBAC_API, "ClusterRoleBinding"), OWN_CLUSTER_VIEWER, _binding("ClusterRole", OWN_CLUSTER_VIEWER, groups)
        )


def _binding(kind: str, role: str, groups: tuple[str, ...]) -> dict[str, Any]:
    return {
        "roleRef": {"apiGroup": _RBAC_GROUP, "kind": kind, "name": role},
        "subjects": [{"apiGroup": _RBAC_GROUP, "kind": "Group", "name": group} for group in groups],
    }
