"""What a device costs an hour: whole ones, and those that a pool offers in slices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.accounting.moment import CountingRules
from allotment.accounting.prices import prices_of
from allotment.accounting.series import moment_ledger
from allotment.model import labels
from allotment.model.accelerator import Accelerator
from tests.unit.accounting.scenes import moment_of, node
from tests.unit.builders import accelerator, cluster, node_pool, platform

SLICE = accelerator("a100-1g-5gb", resource_name="nvidia.com/mig-1g.5gb", partition_of="a100", partitions=7)


@pytest.mark.parametrize("by_node", [None, 5_000_000], ids=["of the accelerator", "of the whole node"])
@pytest.mark.parametrize(
    ("device", "count"), [(accelerator(), 8), (SLICE, 14)], ids=["whole devices", "two devices in slices"]
)
def test_a_node_costs_what_its_pool_costs(by_node: int | None, device: Accelerator, count: int) -> None:
    """A spot device, or a slice where these are declared, is a million an hour here."""
    pool = replace(node_pool("p", accelerator=device.name, per_node=count), price_per_hour=by_node)
    declared = platform(clusters=[cluster(node_pools=[pool])], accelerators=[accelerator(), SLICE])
    machine = node("n", {device.resource_name: str(count)}, labels={labels.NODE_POOL: "p"})
    ledger, _ = moment_ledger(moment_of(0, nodes=[machine]), CountingRules(prices=prices_of(declared)))

    assert ledger.cost == (by_node or count * 1_000_000)
