"""How queues were used, kept as it is seen: each look goes into the hour in which it was taken.

A question reads no snapshot: it reads some sums of hours, which are remembered until the next look.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from allotment.accounting.device_quotas import QuotaLook
from allotment.errors import UsageError
from allotment.ports.queue_hours import HOUR_MS, HOURS_KEPT_DAYS, QuotaSpan
from allotment.ports.store import DAY_MS, JobsStore

MOST_POINTS: Final = 48
"""Points of one trend, at most."""
LONGEST_TREND: Final = 30 * DAY_MS
"""Milliseconds that a trend goes back, at most."""
_STEPS: Final = (1, 2, 4, 6, 12, 24)
"""Hours of one point: the first of these with which a trend has few enough."""
_REMEMBERED: Final = 8
"""Questions whose sums are remembered."""

QuotaKey = tuple[str, str, str, str]
"""Cluster, queue, flavor and resource."""


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """What was seen in one stretch of a trend; means of all looks.

    Attributes:
        used: in units of the resource.
        nominal: what was guaranteed.
        most: the most that was used at any look.
        looks: how often it was seen.
    """

    used: float
    nominal: float
    most: int
    looks: int


@dataclass(frozen=True, slots=True)
class QuotaTrend:
    """How one quota was used.

    Attributes:
        points: from the beginning of the trend on, one a step; None where nothing was seen.
    """

    cluster: str
    queue: str
    flavor: str
    resource: str
    points: tuple[TrendPoint | None, ...]


@dataclass(frozen=True, slots=True)
class QueueTrends:
    """How some quotas were used.

    Attributes:
        since: beginning of the first point, in milliseconds since the epoch.
        step: milliseconds of a point.
        first: of the stretches in which anything of them was seen, the beginning of the first; None where nothing was.
    """

    since: int
    step: int
    first: int | None
    trends: tuple[QuotaTrend, ...]


@dataclass(frozen=True, slots=True)
class TrendFrame:
    """Which stretches a trend has.

    Attributes:
        since: beginning of the first, in milliseconds since the epoch.
        step: milliseconds of each.
        points: how many.
    """

    since: int
    step: int
    points: int


def frame_of(lasts: int, now: int) -> TrendFrame:
    """The stretches that cover a time up to now; they begin at whole hours, so that a minute later they are the same.

    Raises:
        UsageError: it is longer than what is kept, or no time at all.
    """
    if not HOUR_MS <= lasts <= LONGEST_TREND:
        raise UsageError(
            "a trend of that length is not kept",
            why=f"hours are, for {LONGEST_TREND // DAY_MS} days",
            fix="ask for 1h to 30d, such as since=7d",
        )
    hours = next(each for each in _STEPS if -(-lasts // (each * HOUR_MS)) <= MOST_POINTS)
    step = hours * HOUR_MS
    points = -(-lasts // step)
    return TrendFrame((now // step + 1 - points) * step, step, points)


def trends_in(frame: TrendFrame, spans: Iterable[QuotaSpan], wanted: Sequence[QuotaKey]) -> QueueTrends:
    """Trends of the quotas that are wanted, in that order.

    Args:
        frame: which stretches.
        spans: what was seen, of these stretches.
        wanted: of which quotas; all others are passed over.
    """
    found: dict[QuotaKey, list[TrendPoint | None]] = {each: [None for _ in range(frame.points)] for each in wanted}
    first: int | None = None
    for span in spans:
        points = found.get(_key(span))
        at = (span.since - frame.since) // frame.step
        if points is None or not 0 <= at < frame.points:
            continue
        points[at] = TrendPoint(span.used / span.looks, span.nominal / span.looks, span.most, span.looks)
        first = span.since if first is None else min(first, span.since)
    trends = tuple(QuotaTrend(*key, tuple(points)) for key, points in found.items())
    return QueueTrends(frame.since, frame.step, first, trends)


def seen_in_hour(before: QuotaSpan | None, look: QuotaLook, platform: str, hour: int) -> QuotaSpan:
    """An hour with one look more."""
    if before is None:
        place = (look.cluster, look.queue, look.flavor, look.resource)
        return QuotaSpan(platform, *place, hour, 1, look.used, look.nominal, look.used)
    return replace(
        before,
        looks=before.looks + 1,
        used=before.used + look.used,
        nominal=before.nominal + look.nominal,
        most=max(before.most, look.used),
    )


class QueueHistory:
    """Of one server; for several threads."""

    def __init__(self, store: JobsStore, platform: Callable[[], str]) -> None:
        """Goes on with what the store has.

        Args:
            store: where hours are kept.
            platform: name of the platform whose queues they are.
        """
        self._store = store
        self._platform = platform
        self._lock = threading.Lock()
        self._hour: tuple[str, int, dict[QuotaKey, QuotaSpan]] = ("", 0, {})
        self._known: dict[tuple[str, TrendFrame], tuple[QuotaSpan, ...]] = {}

    def add(self, looks: Iterable[QuotaLook], now: int) -> None:
        """Keep a look at some quotas.

        Args:
            looks: each quota once.
            now: milliseconds since the epoch.
        """
        platform, hour = self._platform(), now // HOUR_MS * HOUR_MS
        with self._lock:
            so_far = self._so_far(platform, hour)
            news = {_key(each): seen_in_hour(so_far.get(_key(each)), each, platform, hour) for each in looks}
            self._store.keep_queue_hours(tuple(news.values()))
            self._hour = (platform, hour, {**so_far, **news})
            self._known.clear()

    def forget_old(self, now: int) -> None:
        """Forget hours that no trend reaches any more."""
        self._store.forget_queue_hours(now - HOURS_KEPT_DAYS * DAY_MS)

    def trends(self, lasts: int, now: int, wanted: Sequence[QuotaKey]) -> QueueTrends:
        """How some quotas were used up to now.

        Args:
            lasts: milliseconds that it goes back.
            now: milliseconds since the epoch.
            wanted: which quotas.

        Raises:
            UsageError: it goes back further than anything is kept.
        """
        frame = frame_of(lasts, now)
        return trends_in(frame, self._spans(frame), wanted)

    def _spans(self, frame: TrendFrame) -> tuple[QuotaSpan, ...]:
        key = self._platform(), frame
        with self._lock:
            found = self._known.get(key)
            if found is None:
                found = self._store.queue_hours(key[0], frame.since, frame.step)
                while len(self._known) >= _REMEMBERED:
                    del self._known[next(iter(self._known))]
                self._known[key] = found
        return found

    def _so_far(self, platform: str, hour: int) -> Mapping[QuotaKey, QuotaSpan]:
        """What the hour holds already; a server that was started within it goes on with it."""
        if self._hour[:2] == (platform, hour):
            return self._hour[2]
        kept = self._store.queue_hours(platform, hour)
        return {_key(each): each for each in kept if each.since == hour}


def _key(of: QuotaLook | QuotaSpan) -> QuotaKey:
    return of.cluster, of.queue, of.flavor, of.resource
