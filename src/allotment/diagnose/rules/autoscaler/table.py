"""Causes of this layer in their order: of several that hold, the first is the dominant one."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.rules.autoscaler import (
    autoscaler_at_max,
    autoscaler_cloud_quota,
    autoscaler_no_group_matches,
    autoscaler_out_of_stock,
    autoscaler_pool_not_ready,
    autoscaler_scaling_up,
    autoscaler_template_lacks_resource,
)
from allotment.model.explanation import Layer

CAUSES: Final[tuple[CauseEntry, ...]] = (
    CauseEntry(
        "ALT-1501", "autoscaler-scaling-up", Layer.AUTOSCALER, "nodes are on their way", autoscaler_scaling_up.find
    ),
    CauseEntry(
        "ALT-1502",
        "autoscaler-cloud-quota",
        Layer.AUTOSCALER,
        "the cloud's quota is used up",
        autoscaler_cloud_quota.find,
    ),
    CauseEntry(
        "ALT-1503",
        "autoscaler-out-of-stock",
        Layer.AUTOSCALER,
        "the cloud has no such machine",
        autoscaler_out_of_stock.find,
    ),
    CauseEntry(
        "ALT-1504",
        "autoscaler-at-max",
        Layer.AUTOSCALER,
        "node groups are as large as they may be",
        autoscaler_at_max.find,
    ),
    CauseEntry(
        "ALT-1505",
        "autoscaler-template-lacks-resource",
        Layer.AUTOSCALER,
        "an empty group whose template has no GPU",
        autoscaler_template_lacks_resource.find,
    ),
    CauseEntry(
        "ALT-1507",
        "autoscaler-pool-not-ready",
        Layer.AUTOSCALER,
        "a NodePool that is not ready",
        autoscaler_pool_not_ready.find,
    ),
    CauseEntry(
        "ALT-1506",
        "autoscaler-no-group-matches",
        Layer.AUTOSCALER,
        "no node group makes such nodes",
        autoscaler_no_group_matches.find,
    ),
)
