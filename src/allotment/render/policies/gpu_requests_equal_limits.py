"""Accelerators are asked for as they are used: request equals limit, and nobody sits on their nodes without one.

The API server itself refuses a container of a built-in kind whose accelerator request and limit differ; the rule says
so again for whatever reaches a pod by another way. What the API server does not see is the limit that was forgotten:
the pod lands on a GPU node, holds its CPU and memory, and finds no device.
"""

from __future__ import annotations

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, sentence, string_list
from allotment.render.policies.identities import binds_all_but_engineers, binds_tenants_and_new, not_being_deleted
from allotment.render.policies.placement import taint_keys
from allotment.render.policies.pod_template import WORKLOADS, field, pod_variables


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=(
            binds_all_but_engineers(platform),
            binds_tenants_and_new(platform, cluster, "pods"),
            not_being_deleted(),
        ),
        variables=(
            *pod_variables(platform, "at", "accelerated", "tolerations", "selector"),
            *_variables(platform, cluster),
        ),
        checks=(_EQUAL, _FORGOTTEN),
    )


def _variables(platform: Platform, cluster: Cluster) -> tuple[Variable, ...]:
    taints = sorted({key for keys in taint_keys(platform, cluster).values() for key in keys})
    selectors = sorted({labels.ACCELERATOR, *(item.node_label[0] for item in platform.accelerators.values())})
    return (
        Variable(
            "unequal",
            "variables.containers.filter(c, c.?resources.?requests.orValue({}).exists(r,"
            " variables.domains.exists(d, r.startsWith(d))"
            ' && c.resources.?limits[?r].orValue("0") != c.resources.requests[r]))',
        ),
        Variable(
            "lures",
            f"variables.selector.filter(key, key in {string_list(selectors)})"
            ' + variables.tolerations.filter(t, t.?effect.orValue("") != "PreferNoSchedule"'
            f' && t.?key.orValue("") in {string_list(taints)}).map(t, t.key)',
        ),
    )


_EQUAL = Check(
    expression="size(variables.unequal) == 0",
    message="the request for an accelerator must equal its limit",
    explanation=sentence(
        field("spec.containers: container "),
        Expr("variables.unequal[0].name"),
        " asks for an accelerator with a request that is not its limit; set resources.limits alone,"
        " or both to the same number",
    ),
)

_FORGOTTEN = Check(
    expression="variables.accelerated || size(variables.lures) == 0",
    message="work on accelerator nodes must ask for an accelerator",
    explanation=sentence(
        field("spec"),
        " chooses accelerator nodes by ",
        Expr("variables.lures[0]"),
        ", but no container asks for an accelerator; add it to resources.limits, or take that node selector"
        " or toleration away",
    ),
)
