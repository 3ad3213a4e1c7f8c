"""How often somebody may ask: so many calls a second, and for a while more than that, as long as few came before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from allotment.errors import TooOftenError

_MOST_REMEMBERED: Final = 8192
"""Senders of whom it is known how often they have asked; whoever has not asked for longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often.

    Attributes:
        rate: calls a second that may go on for good.
        burst: calls at once, where none came for a while.
    """

    rate: float
    burst: float


OF_PERSON: Final = Pace(200, 1000)
"""Of one person, or one token that is nobody's: ten programs that ask as fast as they can are slower."""
OF_ADDRESS: Final = Pace(400, 2000)
"""Of one address, behind which many people may be."""


class Pacing:
    """Keeps to a pace, for several threads."""

    def __init__(self, pace: Pace, now: Callable[[], float]) -> None:
        """Nobody has asked yet.

        Args:
            pace: of each.
            now: seconds of a clock that nobody sets.
        """
        self._pace = pace
        self._now = now
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def asked(self, who: str) -> None:
        """Somebody asks.

        Raises:
            TooOftenError: too often.
        """
        with self._lock:
            now = self._now()
            left, at = self._left.pop(who, (self._pace.burst, now))
            left = min(self._pace.burst, left + max(0.0, now - at) * self._pace.rate)
            self._left[who] = (left - 1 if left >= 1 else left, now)
            if len(self._left) > _MOST_REMEMBERED:
                del self._left[next(iter(self._left))]
        if left < 1:
            raise TooOftenError((1 - left) / self._pace.rate, f"{self._pace.rate:g} calls a second may go on for good")
