"""Nobody puts a pod on a node past the scheduler: neither by `spec.nodeName` nor by a Binding."""

from __future__ import annotations

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Resources, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, sentence
from allotment.render.policies.identities import binds_all_but_engineers, binds_tenants
from allotment.render.policies.pod_template import WORKLOADS

_BINDINGS = Resources("", ("bindings", "pods/binding"), operations=("CREATE",))


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=(*WORKLOADS, _BINDINGS),
        conditions=(binds_all_but_engineers(platform), binds_tenants(platform, cluster)),
        variables=_VARIABLES,
        checks=(_NO_BINDING, _NO_NODE_NAME),
    )


_VARIABLES = (
    Variable("kind", "dyn(object).kind"),
    Variable(
        "node",
        # The scheduler fills in a pod's node name, so it is somebody's wish only when the pod is created.
        'variables.kind == "Binding" ? ""'
        ' : (variables.kind == "Pod" ? (request.operation == "CREATE" ? dyn(object).spec.?nodeName.orValue("") : "")'
        ' : (variables.kind == "CronJob" ? dyn(object).spec.jobTemplate.spec.template.spec.?nodeName.orValue("")'
        ' : dyn(object).spec.template.spec.?nodeName.orValue("")))',
    ),
)

_NO_BINDING = Check(
    expression='variables.kind != "Binding"',
    message="only the scheduler binds pods to nodes",
    explanation=sentence(
        "a Binding to node ",
        Expr('dyn(object).?target.?name.orValue("")'),
        " would put a pod past the scheduler; leave placement to the queue and the scheduler",
    ),
)

_NO_NODE_NAME = Check(
    expression='variables.node == ""',
    message="spec.nodeName is the scheduler's to set",
    explanation=sentence(
        "spec.nodeName is ",
        Expr("variables.node"),
        ", which puts pods on a node past the scheduler; take it away, and use a node selector or a flavor's queue",
    ),
)
