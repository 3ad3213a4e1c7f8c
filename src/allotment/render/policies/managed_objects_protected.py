"""What Allotment put into a team's namespace, the team cannot change, delete, or counterfeit.

A member may delete claims in general, but not the ones the platform made; and nobody may make an object look like
ours, which would hide it from, or hand it to, the platform's own inventory: neither by its own labels nor by those that
a controller will copy from inside of it onto the claims, pods and Jobs that it makes.

Elsewhere, too, nobody else writes the marks that Allotment goes by when it deletes, and when it undoes an adoption:
a record of one would be written back with an engineer's rights. There the policy looks at those marks alone, on kinds
among which Allotment looks for its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Mode, Policy
from allotment.model.rights import resource_of
from allotment.render.policies.admission import (
    ACTIONS,
    Check,
    Resources,
    Rule,
    Scope,
    Variable,
    match_resources,
    namespace_selector,
    object_name,
    resource_rule,
)
from allotment.render.policies.carried import carried_variables
from allotment.render.policies.cel import Expr, label, list_map, quote, sentence, string_list
from allotment.render.policies.identities import binds_all_but_engineers, binds_tenants
from allotment.render.policies.pod_template import WORKLOADS, pod_variables, when

RESERVED_LABELS: Final = (
    labels.FAMILY,
    labels.ISOLATION,
    labels.OFFBOARDING,
    labels.PLATFORM,
    labels.TENANT,
)
"""Labels that only Allotment sets, besides managed-by with our value."""

OURS_ANYWHERE: Final = (labels.PLATFORM, labels.MANAGED_BY)
"""Those of them that nobody else sets outside of teams' namespaces either."""

NAMESPACED_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("LimitRange", "PersistentVolumeClaim", "ResourceQuota", "ServiceAccount"),
    "kueue.x-k8s.io": ("LocalQueue",),
    "networking.k8s.io": ("NetworkPolicy",),
    "rbac.authorization.k8s.io": ("Role", "RoleBinding"),
}
CLUSTER_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "apiextensions.k8s.io": ("CustomResourceDefinition",),
    "kueue.x-k8s.io": (
        "AdmissionCheck", "ClusterQueue", "Cohort", "ResourceFlavor", "Topology", "WorkloadPriorityClass",
    ),
    "rbac.authorization.k8s.io": ("ClusterRole", "ClusterRoleBinding"),
    "scheduling.k8s.io": ("PriorityClass",),
    "storage.k8s.io": ("StorageClass",),
}  # fmt: skip
"""Among which Allotment looks for its own objects, by group: but namespaces, which have a policy of their own, and
policies with their bindings, of which the API server asks no policy."""

EVERYTHING: Final = Resources("*", ("*/*",), operations=("CREATE", "UPDATE", "DELETE"), versions=("*",))
OURS: Final = quote(labels.MANAGED_BY_VALUE)


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=(EVERYTHING, *_of(CLUSTER_KINDS, cluster_scoped=True)),
        conditions=(binds_all_but_engineers(platform), binds_tenants(platform, cluster)),
        variables=(
            *label_variables(),
            Variable("governed", _GOVERNED),
            Variable("marks", _MARKS),
            *pod_variables(platform, "templates"),
            *carried_variables(),
            Variable("makers", list_map({item.group: item.resources for item in WORKLOADS})),
            Variable("handedOn", _HANDED_ON),
        ),
        checks=(_UNTOUCHED, _NOT_COUNTERFEIT, _NOT_HANDED_ON, _NOT_OURS_ALONE),
    )


def _of(kinds: Mapping[str, tuple[str, ...]], *, cluster_scoped: bool) -> tuple[Resources, ...]:
    # Through some subresources, such as a quota's status, labels and annotations can be written as well.
    return tuple(
        Resources(
            group,
            tuple(path for kind in names for path in (resource_of(kind), f"{resource_of(kind)}/*")),
            versions=("*",),
            cluster_scoped=cluster_scoped,
        )
        for group, names in kinds.items()
    )


def further_bindings(
    rule: Rule, mode: Mode, exempt_namespaces: tuple[str, ...]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Names and specs of the bindings that put the rule in force elsewhere than in the teams' namespaces.

    The first in the platform's own namespace; the second in all others, for the kinds that it looks at there.
    Cluster-scoped objects need none, since no binding leaves them out by a namespace's labels.
    """
    name = object_name(rule.policy)
    actions = list(ACTIONS[mode])
    own = match_resources({"matchLabels": {"kubernetes.io/metadata.name": labels.SYSTEM_NAMESPACE}})
    yield f"{name}-system", {"policyName": name, "validationActions": actions, "matchResources": own}
    elsewhere = {
        **match_resources(namespace_selector(Scope.OTHER_NAMESPACES, exempt_namespaces)),
        "resourceRules": [resource_rule(item) for item in _of(NAMESPACED_KINDS, cluster_scoped=False)],
    }
    yield f"{name}-elsewhere", {"policyName": name, "validationActions": actions, "matchResources": elsewhere}


def label_variables() -> tuple[Variable, ...]:
    """Labels before and after; whether the object was ours; reserved labels that the request brings in."""
    before, after = label("variables.before", labels.MANAGED_BY), label("variables.after", labels.MANAGED_BY)
    return (
        Variable("before", "oldObject == null ? {} : dyn(oldObject).?metadata.?labels.orValue({})"),
        Variable("after", "object == null ? {} : dyn(object).?metadata.?labels.orValue({})"),
        Variable("ours", f"{before} == {OURS}"),
        Variable(
            "brought",
            f"{string_list(RESERVED_LABELS)}.filter(key, key in variables.after"
            " && !(key in variables.before && variables.before[key] == variables.after[key]))"
            f" + ({after} == {OURS} && !variables.ours ? {string_list([labels.MANAGED_BY])} : [])",
        ),
    )


# Cluster-scoped requests have no namespace, and no namespaceObject.
_IN_SYSTEM: Final = f'request.?namespace.orValue("") == {quote(labels.SYSTEM_NAMESPACE)}'
_GOVERNED: Final = (
    f'{_IN_SYSTEM} || request.?namespace.orValue("") != ""'
    f" && {quote(labels.TENANT)} in namespaceObject.metadata.?labels.orValue({{}})"
)


def _record(side: str) -> str:
    return f"dyn({side}).?metadata.?annotations[?{quote(labels.ADOPTED)}]"


_MARKS: Final = (
    f"variables.brought.filter(key, variables.governed || key in {string_list(OURS_ANYWHERE)})"
    '.map(key, "labels." + key)'
    f" + (object != null && {_record('object')}.hasValue()"
    f" && (oldObject == null || {_record('object')} != {_record('oldObject')})"
    f" ? {string_list([f'annotations.{labels.ADOPTED}'])} : [])"
)

_UNTOUCHED: Final = Check(
    name="touched",
    message="objects that Allotment manages are changed by platform engineers only",
    faults=when(
        "variables.governed && variables.ours",
        Expr("request.resource.resource"),
        " ",
        Expr("request.name"),
        f" belongs to the platform ({labels.MANAGED_BY}: {labels.MANAGED_BY_VALUE}); ask the platform team to change"
        " it in the platform directory",
    ),
)

_NOT_COUNTERFEIT: Final = Check(
    name="counterfeit",
    message="Allotment's own marks are set by Allotment only",
    faults=when(
        "!(variables.governed && variables.ours) && size(variables.marks) > 0",
        "metadata.",
        Expr("variables.marks[0]"),
        " marks objects that the platform manages; take it away",
    ),
)

_NOT_OURS_ALONE: Final = Check(
    name="inSystemNamespace",
    message=f"the namespace {labels.SYSTEM_NAMESPACE} is the platform's own",
    faults=when(
        _IN_SYSTEM,
        f"the namespace {labels.SYSTEM_NAMESPACE} is the platform's own, whatever rights somebody was given in it: "
        "only platform engineers write there",
    ),
)

# What a maker carried before this rule may stay as long as nobody touches its spec.
_MAKES: Final = (
    'request.operation != "DELETE" && request.?subResource.orValue("") == ""'
    " && request.resource.resource in variables.makers[?request.resource.group].orValue([])"
    ' && (request.operation == "CREATE" || dyn(object).?spec != dyn(oldObject).?spec)'
)
_HANDED_ON: Final = (
    f"{_MAKES} ? variables.carried.map(p, {string_list((*RESERVED_LABELS, labels.MANAGED_BY))}.filter(key,"
    f" key in p.labels && (key != {quote(labels.MANAGED_BY)} || p.labels[key] == {OURS}))"
    '.map(key, p.at + "labels." + key)).flatten() : []'
)

_NOT_HANDED_ON: Final = Check(
    name="handedOnMarks",
    message="Allotment's own labels stand on nothing that controllers make for a team",
    faults=Expr(
        "variables.handedOn.map(at, "
        + sentence(
            Expr("at"),
            " marks objects that the platform manages, and would stand on what is made of this; take this label away",
        )
        + ")"
    ),
)
