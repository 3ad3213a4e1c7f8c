"""Hours of queues in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from allotment.ports.queue_hours import HOUR_MS, QuotaSpan

_Key = tuple[str, str, str, str, str, int]


class MemoryQueueHours:
    """A part of `MemoryStore`."""

    def __init__(self) -> None:
        """None yet."""
        super().__init__()
        self._hours: dict[_Key, QuotaSpan] = {}

    def queue_hours(self, platform: str, since: int, step: int = HOUR_MS) -> tuple[QuotaSpan, ...]:
        """See the port."""
        found: dict[_Key, QuotaSpan] = {}
        for each in self._hours.values():
            if each.platform == platform and each.since >= since:
                span = replace(each, since=each.since // step * step)
                before = found.get(_key(span))
                found[_key(span)] = span if before is None else _sum(before, span)
        return tuple(found[each] for each in sorted(found))

    def keep_queue_hours(self, hours: Sequence[QuotaSpan]) -> None:
        """See the port."""
        self._hours |= {_key(each): each for each in hours}

    def forget_queue_hours(self, before: int) -> int:
        """See the port."""
        gone = [key for key, each in self._hours.items() if each.since < before]
        for key in gone:
            del self._hours[key]
        return len(gone)


def _key(span: QuotaSpan) -> _Key:
    return span.platform, span.cluster, span.queue, span.flavor, span.resource, span.since


def _sum(one: QuotaSpan, other: QuotaSpan) -> QuotaSpan:
    return replace(
        one,
        looks=one.looks + other.looks,
        used=one.used + other.used,
        nominal=one.nominal + other.nominal,
        most=max(one.most, other.most),
    )
