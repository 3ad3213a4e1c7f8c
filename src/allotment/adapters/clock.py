"""The machine's clock, behind the `Clock` port, and a virtual one for tests and simulations."""

from __future__ import annotations

import datetime as dt
import time

from allotment.ports.clock import Clock


class SystemClock:
    """Real time."""

    def now(self) -> dt.datetime:
        """The present moment, UTC, aware."""
        return dt.datetime.now(dt.UTC)

    def sleep(self, seconds: float) -> None:
        """Let real time pass."""
        time.sleep(max(0.0, seconds))


class LaterClock:
    """The later of two, for what is over as soon as it is over by either: none that is slow has it count for longer."""

    def __init__(self, one: Clock, other: Clock) -> None:
        """Of two clocks; it sleeps as the first does."""
        self._one = one
        self._other = other

    def now(self) -> dt.datetime:
        """The present moment, UTC, aware."""
        return max(self._one.now(), self._other.now())

    def sleep(self, seconds: float) -> None:
        """As the first."""
        self._one.sleep(seconds)


class FixedClock:
    """Virtual time: it stands still until somebody sleeps."""

    def __init__(self, start: dt.datetime) -> None:
        """Begin at an aware moment.

        Raises:
            ValueError: `start` names no time zone; a naive moment would mean another time on every machine.
        """
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware moment")
        self._now = start.astimezone(dt.UTC)

    def now(self) -> dt.datetime:
        """The virtual moment, UTC, aware."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Advance at once."""
        self._now += dt.timedelta(seconds=max(0.0, seconds))
