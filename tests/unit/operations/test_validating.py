"""A platform in numbers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.model.accelerator import CapacityType
from allotment.model.cluster import QueueLayout
from allotment.model.team import Offboarding
from allotment.operations.directory.validating import HOURS_PER_MONTH, accelerator_lines, node_price, summarize
from allotment.spec.load import load_platform
from tests.unit.builders import cluster, cohort, node_pool, platform, quota, team

ACME = Path(__file__).parents[3] / "examples" / "acme"


def test_promises_against_capacity() -> None:
    summary = summarize(platform(teams=[team("nlp"), team("cv")]))
    lines = {(line.flavor, line.resource): line for line in summary.quotas}
    home = platform(teams=[team("nlp"), team("cv")])
    for (flavor, resource), line in lines.items():
        assert line.free == line.capacity - line.promised
        placements = [placement for _, placement in home.teams_in(line.cluster)]
        if resource == "cpu":
            assert line.promised == sum(placement.cpu.nominal for placement in placements)
        elif resource == "memory":
            assert line.promised == sum(placement.memory.nominal for placement in placements)
        else:
            held = [entry for placement in placements for entry in placement.accelerators if entry.flavor == flavor]
            assert line.promised == sum(entry.devices.nominal for entry in held)
    assert ("a100-spot", "a100") in lines
    assert lines["a100-spot", "a100"].capacity == 32


def test_a_cohort_s_own_quota_is_promised_and_not_nobody_s() -> None:
    before = {(line.flavor, line.resource): line for line in summarize(platform(teams=[team("nlp")])).quotas}
    shared = cohort(quota=quota(cpu=8, memory_gib=16, accelerators={"a100-spot": 5}))
    after = summarize(platform(clusters=[cluster(cohorts=[shared])], teams=[team("nlp")])).quotas
    assert {(line.flavor, line.resource) for line in after} == set(before)
    for line in after:
        own = {"cpu": 8_000, "memory": 16 << 30, "a100": 5}[line.resource]
        old = before[line.flavor, line.resource]
        assert line.cohorts == own
        assert (line.promised, line.free) == (old.promised + own, old.free - own)


def test_a_team_that_leaves_is_promised_nothing() -> None:
    gone = team("cv", offboarding=Offboarding(dt.date(2027, 1, 31)))
    after, alone = (summarize(platform(teams=teams)) for teams in ([team("nlp"), gone], [team("nlp")]))
    assert after.quotas == alone.quotas
    assert after.clusters == alone.clusters
    assert after.leaving == ("cv",)


def test_with_one_shared_queue_cohorts_have_none() -> None:
    shared = cohort(quota=quota(accelerators={"a100-spot": 5}))
    place = cluster(cohorts=[shared], queue_layout=QueueLayout.SHARED)
    assert not any(line.cohorts for line in summarize(platform(clusters=[place])).quotas)


def test_the_price_of_a_node() -> None:
    home = platform()
    spot = node_pool(per_node=8, capacity_type=CapacityType.SPOT)
    assert node_price(home, spot) == 8 * 1_000_000
    assert node_price(home, node_pool(capacity_type=CapacityType.ON_DEMAND)) == 8 * 3_000_000
    assert node_price(home, node_pool(capacity_type=CapacityType.RESERVED)) is None
    assert node_price(home, node_pool("cpu", accelerator=None)) is None


def test_pools_of_unknown_price_are_named_and_count_nothing() -> None:
    pools = [node_pool(max_nodes=4), node_pool("cpu-pool", accelerator=None, flavor="cpu")]
    (line,) = summarize(platform(clusters=[cluster(node_pools=pools)])).clusters
    assert line.unpriced_pools == ("cpu-pool",)
    assert line.price_max == HOURS_PER_MONTH * 4 * 8 * 1_000_000
    assert line.price_min == 0


def test_the_reference_platform_adds_up() -> None:
    loaded = load_platform(read_tree(ACME)).platform
    summary = summarize(loaded)
    assert [line.name for line in summary.clusters] == [each.name for each in loaded.clusters]
    assert summary.teams == ("cv", "data-science", "nlp", "recsys")
    for line in summary.clusters:
        flavors = [quota for quota in summary.quotas if quota.cluster == line.name and quota.flavor != "cpu"]
        assert sum(quota.capacity for quota in flavors) == sum(number for _, number in line.devices)
        assert all(quota.free >= 0 for quota in flavors)


@pytest.mark.parametrize("name", ["a100", "t4"])
def test_the_catalogue_knows_where_a_device_is(name: str) -> None:
    loaded = load_platform(read_tree(ACME)).platform
    lines = accelerator_lines(loaded)
    (line,) = [each for each in lines if each.accelerator.name == name]
    assert line.clusters
    assert line.devices > 0
    present = [bool(each.clusters) for each in lines]
    assert present == sorted(present, reverse=True)
