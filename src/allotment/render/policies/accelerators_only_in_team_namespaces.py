"""Only team namespaces may ask for accelerators: work anywhere else has no quota, no queue and no owner to bill."""

from __future__ import annotations

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope
from allotment.render.policies.cel import Expr, sentence
from allotment.render.policies.identities import binds_all_but_engineers, binds_tenants_and_new, not_being_deleted
from allotment.render.policies.pod_template import WORKLOADS, field, pod_variables


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.OTHER_NAMESPACES,
        resources=WORKLOADS,
        conditions=(
            binds_all_but_engineers(platform),
            binds_tenants_and_new(platform, cluster, "pods"),
            not_being_deleted(),
        ),
        variables=pod_variables(platform, "at", "accelerated", "device"),
        checks=(
            Check(
                expression="!variables.accelerated",
                message="only team namespaces may ask for accelerators",
                explanation=sentence(
                    field("spec"),
                    " asks for ",
                    Expr("variables.device"),
                    ", but namespace ",
                    Expr("request.namespace"),
                    " belongs to no team; submit it in your team's namespace",
                ),
            ),
        ),
    )
