"""The need that a team has shown: how many devices it held for how long, in whole numbers.

A time of which nothing is known counts for nothing: neither as use nor as time without any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from allotment.accounting.capacity import PER_DEVICE
from allotment.accounting.ledger import MS_PER_HOUR, CauseOfTime
from allotment.model.requests.request import DemonstratedNeed

NEED_DAYS: Final = 30
"""So many of the last days are looked at, at most."""
DAY_MS: Final = 24 * MS_PER_HOUR
HELD: Final = frozenset(
    {
        CauseOfTime.UNHEALTHY,
        CauseOfTime.SUSPENDED_HELD,
        CauseOfTime.STAGING,
        CauseOfTime.STARTING,
        CauseOfTime.IDLE_HELD,
        CauseOfTime.PRODUCTIVE,
        CauseOfTime.UNMEASURED,
    }
)
"""Causes of a device's time in which somebody holds it, if it is anybody's."""
MEASURED: Final = frozenset({CauseOfTime.IDLE_HELD, CauseOfTime.PRODUCTIVE})
"""Causes of time in which somebody measured what a device does."""
_MS: Final = 1000
_PART_MS: Final = PER_DEVICE * _MS
"""Millionths of a device times milliseconds in a device-second."""
_HALF: Final = 2
_TWENTIETH: Final = 20


@dataclass(frozen=True, slots=True)
class DeviceSpan:
    """Devices for a time, in milliseconds since the epoch; the end does not belong to it.

    Attributes:
        parts: of devices, in millionths.
    """

    since: int
    until: int
    parts: int


class NeedCount:
    """Counts time piece by piece, in any order; `close` gives the need."""

    def __init__(self) -> None:
        self._held: Counter[int] = Counter()
        self._idle: int | None = None
        self._waited = 0

    def hold(self, parts: int, ms: int) -> None:
        """A time that is known, in which the team held so many parts of devices, or none."""
        self._held[parts] += ms

    def hold_spans(self, spans: Iterable[DeviceSpan], since: int, until: int) -> None:
        """A time that is known, in which the team held what the spans say, and nothing else."""
        for parts, ms in _steps(spans, since, until):
            self.hold(parts, ms)

    def idle(self, part_ms: int) -> None:
        """Of what it held, what did nothing; 0 says that somebody measured."""
        self._idle = (self._idle or 0) + part_ms

    def wait(self, part_ms: int) -> None:
        """What its work asked for while it waited."""
        self._waited += part_ms

    def close(self, guaranteed: int) -> DemonstratedNeed | None:
        """The need; None where no time is known.

        Args:
            guaranteed: devices that its guarantee and its grants are.
        """
        known = self._held.total()
        if known <= 0:
            return None
        used = sum(parts * ms for parts, ms in self._held.items())
        return DemonstratedNeed(
            days=min(NEED_DAYS, -(-known // DAY_MS)),
            granted=guaranteed * known // _MS,
            used=used // _PART_MS,
            # What is measured in another rhythm than what is held may seem to be more.
            idle=None if self._idle is None else min(self._idle, used) // _PART_MS,
            half=self._held_in(known, _HALF) // PER_DEVICE,
            most=self._held_in(known, _TWENTIETH) // PER_DEVICE,
            waited=self._waited // _PART_MS,
        )

    def _held_in(self, known: int, of: int) -> int:
        """The most that was held, or exceeded, in one `of`-th of the time."""
        so_far = 0
        for parts in sorted(self._held, reverse=True):
            so_far += self._held[parts]
            if so_far * of >= known:
                return parts
        return 0


def part_ms(spans: Iterable[DeviceSpan], since: int, until: int) -> int:
    """Parts of devices times milliseconds of what lies in a time."""
    return sum(each.parts * max(0, min(each.until, until) - max(each.since, since)) for each in spans)


def _steps(spans: Iterable[DeviceSpan], since: int, until: int) -> Iterator[tuple[int, int]]:
    """Parts that are held together, and for how many milliseconds, one after the other from end to end."""
    changes = Counter({since: 0, max(since, until): 0})
    for each in spans:
        start, end = max(each.since, since), min(each.until, until)
        if start < end:
            changes[start] += each.parts
            changes[end] -= each.parts
    held, before = 0, since
    for at in sorted(changes):
        if at > before:
            yield held, at - before
        held, before = held + changes[at], at
