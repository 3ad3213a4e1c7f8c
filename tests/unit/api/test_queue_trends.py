"""Trends of queues over the API: what was kept, of the queues that the caller sees, and of no others."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from allotment.adapters.clock import FixedClock
from allotment.api.queue_keeping import keep_pass
from allotment.operations.fleet.followed import HeardCluster
from allotment.operations.watch.queue_history import QueueHistory
from allotment.ports.clock import epoch_ms
from allotment.ports.queue_hours import HOUR_MS
from tests.unit.api.test_answers import DEV, GROUPS, NOW, TRAINING, House, SeenClusters, house

__all__ = ["house"]  # a fixture


class Glimpses(SeenClusters):
    """Clusters that are looked at by nobody in particular."""

    def glimpsed(self, name: str) -> HeardCluster:
        return self._heard(name)


@pytest.fixture
def history(house: House) -> QueueHistory:
    """Of the last ten days, a look an hour; nothing of two days ago."""
    made = QueueHistory(house.world.machine.store, lambda: "acme")
    house.joined.history = made
    now = epoch_ms(FixedClock(NOW))
    for hour in range(240, -1, -1):
        if not 48 <= hour < 72:
            at = FixedClock(NOW - dt.timedelta(hours=hour))
            keep_pass(made, Glimpses(TRAINING, DEV), at, {})  # type: ignore[arg-type]
    assert made.trends(HOUR_MS, now, []).trends == ()
    return made


def trends(house: House, role: str, query: str = "") -> dict[str, Any]:
    found: dict[str, Any] = house.answer(house.session("ada", GROUPS[role]), "queue-trends", query)["document"]
    return found


def test_each_quota_of_devices_has_a_week_of_what_was_seen(house: House, history: QueueHistory) -> None:
    told = trends(house, "admin", "cluster=training-eastus")
    queues = house.answer(house.session("ada", GROUPS["admin"]), "queues", "cluster=training-eastus")["document"]
    shown = {
        (each["clusterQueue"], use["flavor"], use["resource"]): (use["used"], use["nominal"])
        for each in queues["items"]
        for use in each["quotas"]
        if use["resource"].endswith("/gpu")
    }
    found = {(each["clusterQueue"], each["flavor"], each["resource"]): each for each in told["items"]}
    assert set(found) == set(shown)
    assert (told["kind"], told["stepSeconds"]) == ("QueueTrends", 4 * 3600)
    for key, (used, nominal) in shown.items():
        each = found[key]
        assert {len(each[name]) for name in ("used", "nominal", "most", "looks")} == {42}
        assert each["used"][-1] == used
        assert each["nominal"][-1] == nominal
        gaps = [number for number, value in enumerate(each["used"]) if value is None]
        assert 5 <= len(gaps) <= 6, "a day of which nothing was seen is a gap"
        assert [each["looks"][number] for number in gaps] == [0] * len(gaps)
    assert told["first"] == told["since"]


def test_a_team_has_the_trends_of_its_own_queues_alone(house: House, history: QueueHistory) -> None:
    everybody = {each["clusterQueue"] for each in trends(house, "admin")["items"]}
    his = {each["clusterQueue"] for each in trends(house, "member")["items"]}
    text = str(trends(house, "member"))
    assert "nlp" in his
    assert his < everybody
    for other in everybody - his:
        assert f"'{other}'" not in text, other


def test_where_nothing_was_kept_that_is_said(house: House) -> None:
    told = trends(house, "admin")
    assert (told["first"], told["remarks"]) == (None, ["this server keeps no history of queues"])
    assert all(value is None for each in told["items"] for value in each["used"])
    house.joined.history = QueueHistory(house.world.machine.store, lambda: "acme")
    told = trends(house, "admin")
    assert (told["first"], told["remarks"]) == (None, [])


@pytest.mark.parametrize(("since", "says"), [("31d", "not kept"), ("5min", "not kept"), ("soon", "soon")])
def test_a_time_that_cannot_be_is_refused_in_words(house: House, since: str, says: str) -> None:
    text = house.session("ada", GROUPS["admin"])
    status, said = house.asked("GET", "/api/v1/answers/queue-trends", text, query=f"since={since}")
    assert status == 400
    assert says in said["what"]


def test_of_a_cluster_that_is_away_or_was_seen_already_nothing_is_kept(house: House) -> None:
    store, clock, seen = house.world.machine.store, FixedClock(NOW), dict[str, str]()
    history, clusters = QueueHistory(store, lambda: "acme"), Glimpses(TRAINING, DEV)
    clusters.errors["dev-eastus"] = RuntimeError()
    for _ in range(3):
        keep_pass(history, clusters, clock, seen)  # type: ignore[arg-type]
    kept = store.queue_hours("acme", 0)
    assert {each.cluster for each in kept} == {"training-eastus"}
    assert {each.looks for each in kept} == {1}
