"""How queues were used: what was seen goes into its hour, and what was not seen is a gap."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from allotment.accounting.device_quotas import QuotaLook, device_quotas
from allotment.adapters.store.fake import MemoryStore
from allotment.errors import UsageError
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.operations.ask.quotas import queues_of
from allotment.operations.watch.queue_history import (
    LONGEST_TREND,
    MOST_POINTS,
    QueueHistory,
    TrendPoint,
    frame_of,
)
from allotment.ports.queue_hours import HOUR_MS, QuotaSpan
from allotment.ports.store import DAY_MS
from tests.unit.api.test_answers import DEV, TRAINING

NOW = 1_800_000_000_000 // DAY_MS * DAY_MS + 10 * HOUR_MS + 5
KEY = ("east", "nlp", "a100", "nvidia.com/gpu")


class CountedStore(MemoryStore):
    """Knows how often it was asked."""

    asked = 0

    def queue_hours(self, platform: str, since: int, step: int = HOUR_MS) -> tuple[QuotaSpan, ...]:
        self.asked += 1
        return super().queue_hours(platform, since, step)


def look(used: int, nominal: int = 8, queue: str = "nlp") -> QuotaLook:
    return QuotaLook("east", queue, "a100", "nvidia.com/gpu", nominal, used)


def points(history: QueueHistory, lasts: int, now: int) -> Sequence[TrendPoint | None]:
    (trend,) = history.trends(lasts, now, [KEY]).trends
    return trend.points


@pytest.mark.parametrize("source", [TRAINING, DEV], ids=lambda each: each.name)
def test_a_look_is_what_the_queues_show(source: Source) -> None:
    snapshot = Snapshot(taken_at=source.observed_at, sources=(source,))
    shown = {
        (use.cluster, use.queue, use.flavor, use.resource): (use.nominal, use.used)
        for each in queues_of(snapshot).standings
        for use in each.uses
    }
    looks = list(device_quotas(Index(source)))
    assert looks
    for each in looks:
        assert shown[each.cluster, each.queue, each.flavor, each.resource] == (each.nominal, each.used)


def test_looks_are_means_of_their_hour_and_what_nobody_saw_is_a_gap() -> None:
    history = QueueHistory(MemoryStore(), lambda: "acme")
    for at, used, nominal in ((0, 2, 8), (60_000, 4, 8), (3 * HOUR_MS, 6, 12)):
        history.add([look(used, nominal)], NOW + at)
    found = points(history, 6 * HOUR_MS, NOW + 4 * HOUR_MS)
    assert found == (None, TrendPoint(3.0, 8.0, 4, 2), None, None, TrendPoint(6.0, 12.0, 6, 1), None)
    told = history.trends(6 * HOUR_MS, NOW + 4 * HOUR_MS, [KEY, ("east", "cv", "a100", "nvidia.com/gpu")])
    assert told.first == NOW // HOUR_MS * HOUR_MS
    assert [set(each.points) == {None} for each in told.trends] == [False, True]
    assert history.trends(HOUR_MS, NOW + 9 * HOUR_MS, [KEY]).first is None


def test_a_server_that_is_started_anew_goes_on_with_the_hour() -> None:
    store = MemoryStore()
    QueueHistory(store, lambda: "acme").add([look(2)], NOW)
    QueueHistory(store, lambda: "acme").add([look(6)], NOW + 60_000)
    assert points(QueueHistory(store, lambda: "acme"), HOUR_MS, NOW + 120_000) == (TrendPoint(4.0, 8.0, 6, 2),)
    assert points(QueueHistory(store, lambda: "other"), HOUR_MS, NOW + 120_000) == (None,)


def test_of_a_cluster_that_is_away_the_hour_keeps_what_it_showed() -> None:
    history = QueueHistory(MemoryStore(), lambda: "acme")
    history.add([look(2), look(1, queue="cv")], NOW)
    history.add([look(1, queue="cv")], NOW + 60_000)
    history.add([look(4), look(1, queue="cv")], NOW + 120_000)
    assert points(history, HOUR_MS, NOW + 120_000) == (TrendPoint(3.0, 8.0, 4, 2),)


def test_a_question_is_answered_from_memory_until_something_was_seen_anew() -> None:
    store = CountedStore()
    history = QueueHistory(store, lambda: "acme")
    history.add([look(2)], NOW)
    before = store.asked
    for minute in range(20):
        history.trends(7 * DAY_MS, NOW + minute * 60_000, [KEY])
    assert store.asked == before + 1
    history.add([look(4)], NOW + 21 * 60_000)
    assert points(history, 7 * DAY_MS, NOW + 22 * 60_000)[-1] == TrendPoint(3.0, 8.0, 4, 2)
    assert store.asked == before + 2


@pytest.mark.parametrize("lasts", [HOUR_MS, DAY_MS, 2 * DAY_MS, 3 * DAY_MS, 7 * DAY_MS, LONGEST_TREND])
def test_a_trend_has_few_points_however_long_it_is(lasts: int) -> None:
    frame = frame_of(lasts, NOW)
    assert 1 <= frame.points <= MOST_POINTS
    assert frame.step % HOUR_MS == frame.since % frame.step == 0
    assert frame.since <= NOW - lasts + frame.step
    assert frame.since + frame.points * frame.step > NOW, "it goes up to now"


@pytest.mark.parametrize("lasts", [0, HOUR_MS - 1, LONGEST_TREND + 1])
def test_what_is_not_kept_is_not_told(lasts: int) -> None:
    with pytest.raises(UsageError, match="not kept"):
        frame_of(lasts, NOW)


def test_hours_that_no_trend_reaches_are_forgotten() -> None:
    store = MemoryStore()
    history = QueueHistory(store, lambda: "acme")
    history.add([look(2)], NOW - 40 * DAY_MS)
    history.add([look(2)], NOW)
    history.forget_old(NOW)
    assert [each.since for each in store.queue_hours("acme", 0)] == [NOW // HOUR_MS * HOUR_MS]
