"""Only team namespaces may ask for accelerators: work anywhere else has no quota, no queue and no owner to bill."""

from __future__ import annotations

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope
from allotment.render.policies.cel import Expr
from allotment.render.policies.identities import binds_workloads
from allotment.render.policies.pod_template import WORKLOADS, each, field, pod_variables


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.OTHER_NAMESPACES,
        resources=WORKLOADS,
        conditions=binds_workloads(platform, cluster, "pods"),
        variables=pod_variables(platform, "pods"),
        checks=(
            Check(
                name="devicesOutsideTeams",
                message="only team namespaces may ask for accelerators",
                faults=each(
                    "size(p.asked) > 0 || p.claims",
                    field("spec"),
                    " asks for ",
                    Expr('(size(p.asked) > 0 ? p.asked[0][0] : "a resource claim")'),
                    ", but namespace ",
                    Expr("request.namespace"),
                    " belongs to no team; submit it in your team's namespace",
                ),
            ),
        ),
    )
