"""Who submitted work stays written on it: nobody signs in another's name, and nobody takes the name off.

The annotation is set by the API server's own admission where the cluster has mutating policies. It stands on the object
that was submitted, and nowhere inside it: what controllers make of it leads back to it by its owner, and would carry
whatever name stands in a template as if it were the truth.
"""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.carried import carried_variables
from allotment.render.policies.cel import Expr, label, quote
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.pod_template import WORKLOADS, each, pod_variables, when

_KEY: Final = quote(labels.SUBMITTER)
_NEW: Final = label("variables.annotations", labels.SUBMITTER)
_SIGNED: Final = f"{_KEY} in variables.annotations"
_BEFORE: Final = "dyn(oldObject).?metadata.?annotations.orValue({})"


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=binds_workloads(platform, cluster),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "annotations", "templates"),
            *carried_variables(),
            Variable(
                "signed",
                f'request.operation == "CREATE" ? request.userInfo.username : {label(_BEFORE, labels.SUBMITTER)}',
            ),
        ),
        checks=(_OWN_NAME, _NOT_IN_TEMPLATES),
        told_with=told_with(),
    )


_OWN_NAME: Final = Check(
    name="signature",
    message="work carries the name of who submitted it",
    # An empty name is none: nobody would know that the true one was ever asked for.
    faults=when(
        f'request.operation == "CREATE" ? {_SIGNED} && {_NEW} != variables.signed'
        f" : {_NEW} != variables.signed || ({_SIGNED}) != ({_KEY} in {_BEFORE})",
        f"metadata.annotations.{labels.SUBMITTER} is ",
        Expr(f'({_NEW} != "" ? {_NEW} : ({_SIGNED} ? "empty" : "missing"))'),
        ", but this work was submitted by ",
        Expr('(variables.signed == "" ? "somebody before names were kept" : variables.signed)'),
        "; leave this annotation to the platform",
    ),
)

_NOT_IN_TEMPLATES: Final = Check(
    name="templateSignature",
    message="templates carry nobody's name",
    faults=each(
        f"{_KEY} in p.annotations",
        Expr("p.at"),
        f"annotations.{labels.SUBMITTER} is set; leave this annotation to the platform",
        among="variables.carried",
    ),
)
