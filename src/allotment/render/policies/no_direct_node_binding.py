"""Nobody puts a pod on a node past the scheduler: neither by `spec.nodeName` nor by a Binding."""

from __future__ import annotations

from typing import Final

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Resources, Rule, Scope
from allotment.render.policies.cel import Expr
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.pod_template import WORKLOADS, each, field, pod_variables, when

_BINDINGS: Final = Resources("", ("bindings", "pods/binding"), operations=("CREATE",))


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=(*WORKLOADS, _BINDINGS),
        conditions=binds_workloads(platform, cluster),
        variables=(by_tenant(platform, cluster), *pod_variables(platform, "pods")),
        checks=(_NO_BINDING, _NO_NODE_NAME),
        told_with=told_with(),
    )


_NO_BINDING: Final = Check(
    name="bindings",
    message="only the scheduler binds pods to nodes",
    faults=when(
        'variables.kind == "Binding"',
        "a Binding to node ",
        Expr('dyn(object).?target.?name.orValue("")'),
        " would put a pod past the scheduler; leave placement to the queue and the scheduler",
    ),
)

_NO_NODE_NAME: Final = Check(
    name="nodeNames",
    message="spec.nodeName is the scheduler's to set",
    faults=each(
        # The scheduler fills in a pod's node name, so it is somebody's wish only when the pod is created.
        'p.spec.?nodeName.orValue("") != "" && (variables.kind != "Pod" || request.operation == "CREATE")',
        field("spec.nodeName is "),
        Expr("p.spec.nodeName"),
        ", which puts pods on a node past the scheduler; take it away, and use a node selector or a flavor's queue",
    ),
)
