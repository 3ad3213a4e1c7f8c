"""The four isolation levels: what each changes in the rendered objects, and how to choose one.

* ``namespace``: nothing more than every team has: namespace, roles, quota, network policies, a queue in the cohort.
* ``node-pool``: flavors of the team's own pools carry its label and its taint; a queue of its own even where the
  others share one; policies keep foreign pods off the pool.
* ``cluster``: the team's queue stands alone, outside any cohort; its people may see the whole cluster; a second team
  in that cluster is refused.
* ``subscription``: as ``cluster``, in an account of its own. That boundary is drawn by the cloud, so all that
  Kubernetes objects can add is the label by which bills and audits find it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from allotment.errors import InputError
from allotment.model import labels
from allotment.model.cluster import Cluster, Flavor, QueueLayout, Taint, TaintEffect
from allotment.model.platform import Platform
from allotment.model.team import Isolation, Team

OWN_CLUSTER: Final = frozenset({Isolation.CLUSTER, Isolation.SUBSCRIPTION})
"""Levels at which a cluster has one tenant only."""


@dataclass(frozen=True, slots=True)
class IsolationOption:
    """One row of the decision helper.

    Attributes:
        boundary: what keeps teams apart.
        shared: what they still have in common, and could disturb each other by.
        cost: what it costs beside the devices themselves.
        overhead: work for the platform team.
        choose_when: the need that justifies it.
    """

    level: Isolation
    boundary: str
    shared: str
    cost: str
    overhead: str
    choose_when: str


@dataclass(frozen=True, slots=True)
class Needs:
    """What a team asks of its boundary.

    Attributes:
        own_hardware: devices that no other team's work may touch.
        own_resource_definitions: CRDs or webhooks of its own, or versions that differ from others'.
        other_compliance: rules (audit, upgrade dates, region) that the other teams of the cluster do not follow.
        regulated: law or contract asks for an account of its own.
        own_bill: the cloud's invoice itself must name the team.
    """

    own_hardware: bool = False
    own_resource_definitions: bool = False
    other_compliance: bool = False
    regulated: bool = False
    own_bill: bool = False


_OPTIONS: Final = (
    IsolationOption(
        Isolation.NAMESPACE,
        boundary="RBAC, quota, network policies, admission policies",
        shared="nodes, kernels, the API server, CRDs; idle quota is lent",
        cost="none; idle devices are used by others",
        overhead="one entry in the platform directory",
        choose_when="teams trust each other",
    ),
    IsolationOption(
        Isolation.NODE_POOL,
        boundary="as namespace, and nodes of its own by taint, label and policy",
        shared="the API server, CRDs, the network's core",
        cost="idle devices of the pool stay idle",
        overhead="a pool to size and upgrade",
        choose_when="a team owns its hardware, or its work must not share a kernel",
    ),
    IsolationOption(
        Isolation.CLUSTER,
        boundary="a control plane of its own (a virtual cluster is the lighter form)",
        shared="the account, its quota and its network",
        cost="a control plane and system nodes; capacity is not lent",
        overhead="a cluster more to upgrade, observe and repair",
        choose_when="other compliance rules, or CRDs of its own: they are cluster-wide",
    ),
    IsolationOption(
        Isolation.SUBSCRIPTION,
        boundary="a cloud account of its own",
        shared="nothing but the identity provider and the platform directory",
        cost="as cluster, and quota and reservations of its own",
        overhead="as cluster, and account, network and quota requests",
        choose_when="regulated work, or a bill of its own",
    ),
)


def compare_isolation() -> tuple[IsolationOption, ...]:
    """The four levels side by side, weakest and cheapest first."""
    return _OPTIONS


def advise_isolation(needs: Needs) -> Isolation:
    """The weakest level that meets the needs: everything stronger costs capacity and work."""
    if needs.regulated or needs.own_bill:
        return Isolation.SUBSCRIPTION
    if needs.own_resource_definitions or needs.other_compliance:
        return Isolation.CLUSTER
    if needs.own_hardware:
        return Isolation.NODE_POOL
    return Isolation.NAMESPACE


def has_own_queue(team: Team, cluster: Cluster) -> bool:
    """Whether the team has a ClusterQueue to itself.

    In the shared layout too, once it has pools of its own: their quota must be out of the others' reach.
    """
    return cluster.queue_layout is QueueLayout.PER_TEAM or team.isolation is not Isolation.NAMESPACE


def node_labels(flavor: Flavor) -> Mapping[str, str]:
    """What a node of the flavor carries, the mark of a dedicated pool included."""
    if flavor.dedicated_to is None:
        return flavor.node_labels
    return {**flavor.node_labels, labels.DEDICATED: flavor.dedicated_to}


def node_taints(flavor: Flavor) -> tuple[Taint, ...]:
    """The taints of the flavor's nodes, the mark of a dedicated pool included."""
    if flavor.dedicated_to is None or any(taint.key == labels.DEDICATED for taint in flavor.taints):
        return flavor.taints
    return (*flavor.taints, Taint(labels.DEDICATED, flavor.dedicated_to, TaintEffect.NO_SCHEDULE))


def check_tenancy(platform: Platform, cluster: Cluster) -> None:
    """Refuse a cluster in which a team that has it to itself is not alone.

    Raises:
        InputError: two teams share a cluster, and one of them is isolated by cluster or subscription.
    """
    teams = [team for team, _placement in platform.teams_in(cluster.name)]
    alone = next((team for team in teams if team.isolation in OWN_CLUSTER), None)
    if alone is None or len(teams) == 1:
        return
    others = ", ".join(sorted(team.name for team in teams if team is not alone))
    raise InputError(
        f"team {alone.name} is isolated by {alone.isolation.value} but shares cluster {cluster.name} with {others}",
        why="that level means a control plane without other tenants",
        fix=f"place {alone.name} on a cluster of its own, or choose the level node-pool",
    )
