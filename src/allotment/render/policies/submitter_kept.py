"""Who submitted work stays written on it: nobody signs in another's name, and nobody takes the name off.

The annotation is set by the API server's own admission where the cluster has mutating policies. It stands on the object
that was submitted, and nowhere in a template: what controllers make of it leads back to it by its owner.
"""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, label
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.pod_template import WORKLOADS, each, pod_variables, when

_NEW: Final = label("variables.annotations", labels.SUBMITTER)
_OLD: Final = label("dyn(oldObject).?metadata.?annotations.orValue({})", labels.SUBMITTER)


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=binds_workloads(platform, cluster),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "annotations", "pods"),
            Variable("signed", 'request.operation == "CREATE" ? request.userInfo.username : ' + _OLD),
        ),
        checks=(_OWN_NAME, _NOT_IN_TEMPLATES),
        told_with=told_with(),
    )


_OWN_NAME = Check(
    name="signature",
    message="work carries the name of who submitted it",
    faults=when(
        f'{_NEW} != variables.signed && !(request.operation == "CREATE" && {_NEW} == "")',
        f"metadata.annotations.{labels.SUBMITTER} is ",
        Expr(f'({_NEW} == "" ? "missing" : {_NEW})'),
        ", but this work was submitted by ",
        Expr('(variables.signed == "" ? "somebody before names were kept" : variables.signed)'),
        "; leave this annotation to the platform",
    ),
)

_NOT_IN_TEMPLATES = Check(
    name="templateSignature",
    message="pod templates carry nobody's name",
    faults=each(
        f'variables.kind != "Pod" && "{labels.SUBMITTER}" in p.annotations',
        Expr("p.at"),
        f"metadata.annotations.{labels.SUBMITTER} is set; leave this annotation to the platform",
    ),
)
