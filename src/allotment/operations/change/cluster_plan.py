"""Use case: the plan that brings a cluster to what the platform declares for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Final

from allotment.model.cluster import Cluster
from allotment.model.mark import Mark
from allotment.model.platform import Platform
from allotment.operations.change import identity
from allotment.operations.change.engineers import lockout
from allotment.operations.change.living import wanted_of
from allotment.operations.change.nodes import look_at_nodes, with_node_warnings
from allotment.operations.change.planning import PlanSettings, make_plan, plan_for_empty
from allotment.plan.changes import UNKNOWN_SOURCE, Plan, PlanSource
from allotment.plan.nodes import declared_nodes
from allotment.ports.kube import KubePort
from allotment.render.manifests import render


@dataclass(frozen=True, slots=True)
class PlanWishes:
    """How a live plan is made.

    Attributes:
        force: contested fields are taken over.
        check_creations: the server tries creations too.
        allow_uncounted: running work may drop out of Kueue's accounts.
        override: another mark that the cluster may carry.
        partial: kinds that we may not read are left out.
    """

    force: bool = False
    check_creations: bool = False
    allow_uncounted: bool = False
    override: str = ""
    partial: bool = False


AS_DECLARED: Final = PlanWishes()


def offline_plan(platform: Platform, cluster: Cluster, today: dt.date) -> Plan:
    """The plan for a cluster that is still empty."""
    return plan_for_empty(render(platform, cluster), PlanSettings(platform.name, today))


def live_plan(
    platform: Platform,
    cluster: Cluster,
    kube: KubePort,
    today: dt.date,
    wishes: PlanWishes = AS_DECLARED,
    source: PlanSource = UNKNOWN_SOURCE,
) -> Plan:
    """The plan for a live cluster; changes nothing.

    Args:
        platform: the declaration.
        cluster: which of its clusters.
        kube: that cluster.
        today: decides whether data of leaving teams must still be kept.
        wishes: how it is made.
        source: what the declaration was read from; the plan remembers it.

    Raises:
        ConflictError: the server is another cluster than is meant.
    """
    taken = identity.admitted(kube, Mark(platform.name, cluster.name), wishes.override)
    wanted = wanted_of(platform, cluster, kube)
    settings = PlanSettings(
        platform.name,
        today,
        force=wishes.force,
        check_creations=wishes.check_creations,
        allow_uncounted=wishes.allow_uncounted,
        taken=taken,
        source=source,
        partial=wishes.partial,
    )
    plan = wanted.said_with(make_plan(wanted.manifests, kube, settings))
    first = (*identity.doubts(kube, identity.meant(platform, cluster)), *lockout(platform, cluster, kube))
    plan = replace(plan, warnings=(*first, *plan.warnings))
    return with_node_warnings(plan, look_at_nodes(kube, declared_nodes(platform, cluster)))
