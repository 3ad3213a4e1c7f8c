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
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.pod_template import WORKLOADS, pod_variables


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=binds_workloads(platform, cluster),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "labels", "pods"),
            Variable("team", f"[namespaceObject.metadata.labels[{quote(labels.TENANT)}]]"),
            Variable("projects", comma_separated(labels.PROJECTS_ANNOTATION)),
            Variable("costCenters", comma_separated(labels.COST_CENTERS_ANNOTATION)),
            Variable("environment", f"[{label('namespaceObject.metadata.labels', labels.ENVIRONMENT)}]"),
        ),
        checks=(
            _check("teamLabel", labels.TEAM, "variables.team"),
            _check("projectLabel", labels.PROJECT, "variables.projects"),
            _check("costCenterLabel", labels.COST_CENTER, "variables.costCenters"),
            _check("environmentLabel", labels.ENVIRONMENT, "variables.environment"),
        ),
        told_with=told_with(),
    )


def _check(name: str, key: str, allowed: str) -> Check:
    own, pods = label("variables.labels", key), label("p.labels", key)
    good, said = '({0} != "" && {0} in {1})', '({0} == "" ? "missing" : {0})'
    places = (
        f'({good.format(own, allowed)} ? [] : ["metadata.labels.{key} is " + {said.format(own)}])'
        f' + variables.pods.filter(p, variables.kind != "Pod" && !{good.format(pods, allowed)})'
        f'.map(p, p.at + "metadata.labels.{key} is " + {said.format(pods)})'
    )
    fix = sentence(
        Expr('found.join(" and ")'),
        f"; set {key} to ",
        Expr(f'({allowed}.exists(v, v != "") ? {allowed}.join(" or ") : "a value your platform team declares")'),
        Expr(f"(variables.kind == {quote('Pod')} ? {quote('')} : {quote(' on the object and on its pod template')})"),
    )
    return Check(
        name=name,
        message=f"workloads carry the label {key} with a value of their team, on the object and on its pod template",
        faults=f"[{places}].filter(found, size(found) > 0).map(found, {fix})",
    )
