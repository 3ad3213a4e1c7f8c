"""Teams expose nothing by themselves: no NodePort, no LoadBalancer, no external addresses, no aliases."""

from __future__ import annotations

from typing import Final

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Resources, Rule, Scope
from allotment.render.policies.cel import Expr
from allotment.render.policies.identities import binds_all_but_engineers, binds_tenants, spec_counts
from allotment.render.policies.pod_template import when


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=(Resources("", ("services",)),),
        conditions=(binds_all_but_engineers(platform), binds_tenants(platform, cluster), spec_counts()),
        variables=(),
        checks=(_TYPE, _ADDRESSES, _ALIAS),
    )


_KIND: Final = 'dyn(object).spec.?type.orValue("ClusterIP")'

_TYPE: Final = Check(
    name="exposed",
    message="services are not exposed outside the cluster",
    faults=when(
        f'{_KIND} in ["LoadBalancer", "NodePort"]',
        "spec.type is ",
        Expr("dyn(object).spec.type"),
        ", which opens the service to the outside; use ClusterIP, and ask the platform team for a route through the"
        " gateway",
    ),
)

_ADDRESSES: Final = Check(
    name="addresses",
    message="services take no external addresses",
    faults=when(
        "size(dyn(object).spec.?externalIPs.orValue([])) > 0",
        "spec.externalIPs holds ",
        Expr("dyn(object).spec.externalIPs[0]"),
        ", which takes over traffic of that address; take externalIPs away",
    ),
)

_ALIAS: Final = Check(
    name="aliases",
    message="services are no aliases of other names",
    faults=when(
        f'{_KIND} == "ExternalName"',
        "spec.externalName is ",
        Expr('dyn(object).spec.?externalName.orValue("")'),
        ", and a name of your team that leads elsewhere misleads whoever trusts it; call that service by its own name",
    ),
)
