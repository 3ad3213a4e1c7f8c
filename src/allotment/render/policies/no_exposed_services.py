"""Teams expose nothing to the outside by themselves: no NodePort, no LoadBalancer, no external addresses."""

from __future__ import annotations

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Resources, Rule, Scope
from allotment.render.policies.cel import Expr, sentence
from allotment.render.policies.identities import binds_all_but_engineers, binds_tenants, not_being_deleted


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=(Resources("", ("services",)),),
        conditions=(binds_all_but_engineers(platform), binds_tenants(platform, cluster), not_being_deleted()),
        variables=(),
        checks=(_TYPE, _ADDRESSES),
    )


_TYPE = Check(
    expression='!(dyn(object).spec.?type.orValue("ClusterIP") in ["LoadBalancer", "NodePort"])',
    message="services are not exposed outside the cluster",
    explanation=sentence(
        "spec.type is ",
        Expr("dyn(object).spec.type"),
        ", which opens the service to the outside; use ClusterIP, and ask the platform team for a route through the"
        " gateway",
    ),
)

_ADDRESSES = Check(
    expression="size(dyn(object).spec.?externalIPs.orValue([])) == 0",
    message="services take no external addresses",
    explanation=sentence(
        "spec.externalIPs holds ",
        Expr("dyn(object).spec.externalIPs[0]"),
        ", which takes over traffic of that address; take externalIPs away",
    ),
)
