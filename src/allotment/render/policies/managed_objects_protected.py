"""What Allotment put into a team's namespace, the team cannot change, delete, or counterfeit.

A member may delete claims in general, but not the ones the platform made; and nobody may make an object look like
ours, which would hide it from, or hand it to, the platform's own inventory: neither by its own labels nor by those that
a controller will copy from inside of it onto the claims, pods and Jobs that it makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Mode, Policy
from allotment.render.policies.admission import (
    ACTIONS,
    Check,
    Resources,
    Rule,
    Scope,
    Variable,
    match_resources,
    object_name,
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

EVERYTHING: Final = Resources("*", ("*/*",), operations=("CREATE", "UPDATE", "DELETE"), versions=("*",))
OURS: Final = quote(labels.MANAGED_BY_VALUE)


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=(EVERYTHING,),
        conditions=(binds_all_but_engineers(platform), binds_tenants(platform, cluster)),
        variables=(
            *label_variables(),
            *pod_variables(platform, "templates"),
            *carried_variables(),
            Variable("makers", list_map({item.group: item.resources for item in WORKLOADS})),
            Variable("handedOn", _HANDED_ON),
        ),
        checks=(_UNTOUCHED, _NOT_COUNTERFEIT, _NOT_HANDED_ON, _NOT_OURS_ALONE),
    )


def system_binding(rule: Rule, mode: Mode) -> tuple[str, Mapping[str, Any]]:
    """Name and spec of the binding that puts the rule in force in the platform's own namespace, too.

    A binding of its own, because the other one selects the teams' namespaces by their label.
    """
    name = object_name(rule.policy)
    selector = {"matchLabels": {"kubernetes.io/metadata.name": labels.SYSTEM_NAMESPACE}}
    spec = {
        "policyName": name,
        "validationActions": list(ACTIONS[mode]),
        "matchResources": match_resources(selector),
    }
    return f"{name}-system", spec


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


_UNTOUCHED = Check(
    name="touched",
    message="objects that Allotment manages are changed by platform engineers only",
    faults=when(
        "variables.ours",
        Expr("request.resource.resource"),
        " ",
        Expr("request.name"),
        f" belongs to the platform ({labels.MANAGED_BY}: {labels.MANAGED_BY_VALUE}); ask the platform team to change"
        " it in the platform directory",
    ),
)

_NOT_COUNTERFEIT = Check(
    name="counterfeit",
    message="Allotment's own labels are set by Allotment only",
    faults=when(
        "!variables.ours && size(variables.brought) > 0",
        "metadata.labels.",
        Expr("variables.brought[0]"),
        " marks objects that the platform manages; take this label away",
    ),
)

_NOT_OURS_ALONE = Check(
    name="inSystemNamespace",
    message=f"the namespace {labels.SYSTEM_NAMESPACE} is the platform's own",
    faults=when(
        f"request.namespace == {quote(labels.SYSTEM_NAMESPACE)}",
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

_NOT_HANDED_ON = Check(
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
