"""How busy the devices of made-up work are: most are at work, some half of the time, some were taken and forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from allotment.simulation.demo.fates import DemoPace, draws

_WORKS: Final = 0.74
_HALF: Final = 0.12
"""Parts of all work that is at work, and half of the time; the rest comes to nothing."""
_NEVER: Final = 0.5
"""Part of that rest which never began to use its devices."""
_AT_WORK: Final = (0.72, 0.98)
_HALF_AT_WORK: Final = (0.3, 0.6)
_FORGOTTEN: Final = (0.0, 0.03)
_FALLS: Final = 900.0
"""Seconds of the fleet after which the other part uses them no more."""
_HANGS: Final = 2.0
"""How many times as long as other work what is forgotten goes on."""
_WAVES: Final = 0.04
"""By how much a device's use goes up and down."""


@dataclass(frozen=True, slots=True)
class WorkUse:
    """How busy the devices of one attempt are.

    Attributes:
        share: of time with work on them, 0 to 1.
        falls: milliseconds after its beginning from which on it is `low`; None where it stays.
        low: share of time from then on.
    """

    share: float
    falls: int | None = None
    low: float = 0.0

    @property
    def lasts(self) -> float:
        """How many times as long as it would it runs: nobody ends what is forgotten."""
        return 1.0 if self.falls is None else _HANGS

    def over(self, since: int, until: int) -> float:
        """The mean share of a stretch of time, milliseconds after the beginning."""
        if self.falls is None or until <= self.falls:
            return self.share
        if since >= self.falls:
            return self.low
        before = (self.falls - since) / (until - since)
        return self.share * before + self.low * (1 - before)


def use_of_work(pace: DemoPace, key: str) -> WorkUse:
    """The use of an attempt.

    Args:
        pace: of the fleet, with its seed.
        key: of the attempt, as its fate has it.
    """
    sort, never, level, low = draws(pace.seed, f"{key}/use", 4)
    if sort < _WORKS:
        return WorkUse(_between(_AT_WORK, level))
    if sort < _WORKS + _HALF:
        return WorkUse(_between(_HALF_AT_WORK, level))
    forgotten = _between(_FORGOTTEN, low)
    return WorkUse(_between(_AT_WORK, level), 0 if never < _NEVER else pace.real(_FALLS), forgotten)


def wave(seed: int, device: str, minute: int) -> float:
    """By how much a device's use differs from its work's in a minute: a factor near 1."""
    (drawn,) = draws(seed, f"{device}/{minute}", 1)
    return 1 + _WAVES * (2 * drawn - 1)


def _between(bounds: tuple[float, float], drawn: float) -> float:
    low, high = bounds
    return low + drawn * (high - low)
