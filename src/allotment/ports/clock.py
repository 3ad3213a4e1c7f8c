"""Time, passed in."""

from __future__ import annotations

import datetime as dt
from typing import Protocol


class Clock(Protocol):
    """Time, passed in."""

    def now(self) -> dt.datetime:
        """The present moment, UTC, aware."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let real (or virtual) time pass."""
        ...


def epoch_ms(clock: Clock) -> int:
    """The present moment, as what is kept has it: milliseconds since the epoch."""
    return round(clock.now().timestamp() * 1000)
