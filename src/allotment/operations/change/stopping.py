"""Stop what is under way at the next point where it waits."""

from __future__ import annotations

import datetime as dt
import threading

from allotment.ports.clock import Clock


class StoppedError(Exception):
    """Somebody asked for a stop while we waited."""


class StoppableClock:
    """A clock whose sleepers wake up, with an error, once a stop is asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stop = threading.Event()

    def stop(self) -> None:
        """Let nobody sleep any more; safe to call from any thread, and again."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether a stop was asked for."""
        return self._stop.is_set()

    def now(self) -> dt.datetime:
        """The present moment, UTC, aware."""
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            StoppedError: a stop was asked for, before or meanwhile.
        """
        if self.stopped:
            raise StoppedError
        self._clock.sleep(seconds)
        if self.stopped:
            raise StoppedError
