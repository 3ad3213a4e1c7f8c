"""Every workload carries the labels the bill is drawn by, with values that belong to its namespace.

The object and its pod template both need them: the ledger counts pods, and people look at the object.
"""

from __future__ import annotations

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, comma_separated, label, quote, sentence
from allotment.render.policies.identities import binds_all_but_engineers, binds_tenants, not_being_deleted
from allotment.render.policies.pod_template import WORKLOADS, pod_variables


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=(binds_all_but_engineers(platform), binds_tenants(platform, cluster), not_being_deleted()),
        variables=(
            *pod_variables(platform, "labels", "templateLabels", "at"),
            Variable("team", f"[namespaceObject.metadata.labels[{quote(labels.TENANT)}]]"),
            Variable("projects", comma_separated(labels.PROJECTS_ANNOTATION)),
            Variable("costCenters", comma_separated(labels.COST_CENTERS_ANNOTATION)),
            Variable("environment", f"[{label('namespaceObject.metadata.labels', labels.ENVIRONMENT)}]"),
        ),
        checks=(
            _check(labels.TEAM, "variables.team"),
            _check(labels.PROJECT, "variables.projects"),
            _check(labels.COST_CENTER, "variables.costCenters"),
            _check(labels.ENVIRONMENT, "variables.environment"),
        ),
    )


def _check(key: str, allowed: str) -> Check:
    own, pods = label("variables.labels", key), label("variables.templateLabels", key)
    good = f'({{value}} != "" && {{value}} in {allowed})'
    wrong_on_object = f"!{good.format(value=own)}"
    return Check(
        expression=f"{good.format(value=own)} && {good.format(value=pods)}",
        message=f"workloads carry the label {key} with a value of their team, on the object and on its pod template",
        explanation=sentence(
            Expr(f'({wrong_on_object} ? "metadata.labels.{key}" : variables.at + "metadata.labels.{key}")'),
            " is ",
            Expr(f'({wrong_on_object} ? ({own} == "" ? "missing" : {own}) : ({pods} == "" ? "missing" : {pods}))'),
            f"; set {key} to ",
            Expr(f'({allowed}.exists(v, v != "") ? {allowed}.join(" or ") : "a value your platform team declares")'),
            " on the object and on its pod template",
        ),
    )
