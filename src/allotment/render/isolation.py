"""The four isolation levels: what each changes in the rendered objects.

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
from typing import Final

from allotment.errors import InputError
from allotment.model import labels
from allotment.model.cluster import Cluster, Flavor, QueueLayout, Taint, TaintEffect
from allotment.model.platform import Platform
from allotment.model.team import Isolation, Team

OWN_CLUSTER: Final = frozenset({Isolation.CLUSTER, Isolation.SUBSCRIPTION})
"""Levels at which a cluster has one tenant only."""


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
