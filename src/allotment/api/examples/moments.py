"""The time of the examples, which is always the same."""

from __future__ import annotations

import datetime as dt
from typing import Final

NOW: Final = dt.datetime(2027, 1, 11, 9, 30, tzinfo=dt.UTC)
"""A busy Monday morning."""
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


class StandingClock:
    """A clock that stands: nothing takes any time, and whatever is told is the same every time."""

    def now(self) -> dt.datetime:
        """The moment of the examples."""
        return NOW

    def sleep(self, _seconds: float) -> None:
        """Nobody waits."""


def at(hours: float = 0.0) -> int:
    """So many hours after the moment of the examples, in milliseconds since the epoch."""
    return round(NOW.timestamp() * 1000 + hours * HOUR_MS)
