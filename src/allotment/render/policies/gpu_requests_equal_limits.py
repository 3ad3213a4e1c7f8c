"""Accelerators are asked for as they are used: request equals limit, and nobody sits on their nodes without one.

The API server itself refuses a container of a built-in kind whose accelerator request and limit differ; the rule says
so again for whatever reaches a pod by another way. What the API server does not see is the limit that was forgotten:
the pod lands on a GPU node, holds its CPU and memory, and finds no device. Nor does it mind an amount of zero, for
which Kueue would choose a flavor of devices, and with it nodes that the pod has no business on.
"""

from __future__ import annotations

from typing import Final

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, string_list
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.placement import device_selectors, taint_keys
from allotment.render.policies.pod_template import WORKLOADS, each, field, pod_variables
from allotment.render.policies.trained import SPOKEN, trained_variables


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=binds_workloads(platform, cluster, "pods"),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "pods"),
            *trained_variables(),
            *_variables(platform, cluster),
        ),
        checks=(_EQUAL, _NOT_ZERO, _FORGOTTEN),
        told_with=told_with("pods"),
    )


def _variables(platform: Platform, cluster: Cluster) -> tuple[Variable, ...]:
    taints = sorted({key for keys in taint_keys(platform, cluster).values() for key in keys})
    return (
        device_selectors(platform),
        Variable("deviceTaints", string_list(taints)),
    )


_DEVICE: Final = "variables.domains.exists(d, r.startsWith(d))"
_UNEQUAL: Final = (
    f"p.containers.filter(c, c.?resources.?requests.orValue({{}}).exists(r, {_DEVICE}"
    ' && string(c.resources.?limits[?r].orValue(dyn("0"))) != string(c.resources.requests[r])))'
)
_ZERO: Final = (
    "p.containers.filter(c, [c.?resources.?limits.orValue({}), c.?resources.?requests.orValue({})]"
    f'.exists(m, m.exists(r, {_DEVICE} && string(m[r]) == "0")))'
)
_LURES: Final = (
    "(p.selector.filter(key, key in variables.deviceSelectors)"
    ' + p.tolerations.filter(t, t.?effect.orValue("") != "PreferNoSchedule"'
    ' && t.?key.orValue("") in variables.deviceTaints).map(t, t.key))'
)

_EQUAL: Final = Check(
    name="unequalDevices",
    message="the request for an accelerator must equal its limit",
    faults=each(
        f"size({_UNEQUAL}) > 0",
        field("spec.containers: container "),
        Expr(f"{_UNEQUAL}[0].name"),
        " asks for an accelerator with a request that is not its limit; set resources.limits alone,"
        " or both to the same number",
        among=SPOKEN,
    ),
)

_NOT_ZERO: Final = Check(
    name="zeroDevices",
    message="a container that wants no accelerator does not name one",
    faults=each(
        f"size({_ZERO}) > 0",
        field("spec.containers: container "),
        Expr(f"{_ZERO}[0].name"),
        " asks for 0 accelerators, for which the queue would still choose accelerator nodes; take the line away",
        among=SPOKEN,
    ),
)

_FORGOTTEN: Final = Check(
    name="forgottenDevices",
    message="work on accelerator nodes must ask for an accelerator",
    faults=each(
        f"size(p.asked) == 0 && !p.claims && size({_LURES}) > 0",
        field("spec"),
        " chooses accelerator nodes by ",
        Expr(f"{_LURES}[0]"),
        ", but no container asks for an accelerator; add it to resources.limits, or take that node selector"
        " or toleration away",
    ),
)
