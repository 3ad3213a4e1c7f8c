"""The demo's platform and its people: valid, of the size that is promised, and the same for the same seed."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest

from allotment.model.source import SourceTree
from allotment.simulation.demo.declared import CLUSTERS, TEAMS, DemoCluster
from allotment.simulation.demo.fates import DemoPace, fate_of
from allotment.simulation.demo.people import MOST_AT_ONCE, REQUESTS, arriving, people, planned
from allotment.spec.jobs.load import load_jobs
from tests.unit.operations.demo.worlds import demo_platform

NOW = dt.datetime(2027, 1, 15, tzinfo=dt.UTC)


def test_the_platform_is_valid_and_as_large_as_is_said() -> None:
    platform = demo_platform()
    nodes = sum(pool.max_nodes for cluster in platform.clusters for pool in cluster.node_pools)
    assert (len(platform.clusters), len(platform.teams), nodes) == (4, 40, 600)
    assert 240 <= sum(each.running for each in CLUSTERS) <= 300


@pytest.mark.parametrize("cluster", CLUSTERS, ids=lambda each: each.name)
def test_every_job_that_is_planned_is_allowed_and_could_run(cluster: DemoCluster) -> None:
    platform = demo_platform()
    for number in range(150):
        plan = planned(7, cluster, number)
        (document,) = load_jobs(SourceTree({"demo.yaml": plan.text()}), platform, NOW)
        assert document.job.team in TEAMS
        most = max(pool.devices for pool in cluster.pools if pool.accelerator == plan.accelerator)
        assert plan.devices <= most
        assert plan.devices * plan.replicas <= 24, "a team's guarantee and what it may borrow"


def test_the_same_seed_plans_the_same_and_another_one_does_not() -> None:
    cluster = CLUSTERS[0]
    first = [planned(7, cluster, number) for number in range(20)]
    assert first == [planned(7, cluster, number) for number in range(20)]
    assert first != [planned(8, cluster, number) for number in range(20)]
    assert fate_of(7, "nlp/probe/1") == fate_of(7, "nlp/probe/1") != fate_of(8, "nlp/probe/1")


def test_jobs_come_until_the_fleet_has_its_work_and_no_more() -> None:
    pace, under_way, before = DemoPace(), Counter[str](), Counter[str]()
    steps = 0
    while come := list(arriving(pace, 0, under_way, before)):
        assert max(Counter(each.cluster for each in come).values()) <= MOST_AT_ONCE
        under_way.update(each.cluster for each in come)
        before.update(each.cluster for each in come)
        steps += 1
    assert steps < 40
    assert under_way == {each.name: each.running + each.waiting for each in CLUSTERS}
    under_way[CLUSTERS[0].name] -= 2
    assert len(list(arriving(pace, 0, under_way, before))) == 2


def test_whoever_asks_is_somebody_of_the_team() -> None:
    teams = {each.name: each.team for each in people()}
    assert len(teams) == 120
    assert all(teams[each.who] == each.team for each in REQUESTS)


def test_work_ends_in_every_way() -> None:
    fates = [fate_of(7, f"nlp/job-{number}/1") for number in range(2000)]
    codes = Counter(each.code for each in fates)
    assert codes[0] > 1700
    assert {1, 137} <= codes.keys()
    assert any(not each.image for each in fates)
    assert all(each.runs >= 600 for each in fates)
