"""How made-up work goes: how long it runs and how it ends. The same seed and the same work have the same fate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

_MEDIAN: Final = 2.0 * 3600
"""Seconds of the fleet that work runs, half of the time."""
_SPREAD: Final = 0.8
"""Standard deviation of the logarithm: a tenth runs for more than five hours."""
_SHORTEST: Final = 600.0
_PULLS: Final = (30.0, 150.0)
"""Seconds of the fleet in which an image comes."""
_FAILS: Final = 0.08
_BROKEN_IMAGE: Final = 0.005


@dataclass(frozen=True, slots=True)
class DemoPace:
    """How fast the fleet lives.

    Attributes:
        seed: of all that is drawn.
        speed: seconds of the fleet in one second.
    """

    seed: int = 7
    speed: int = 60

    def real(self, seconds: float) -> int:
        """Milliseconds in which so many seconds of the fleet pass."""
        return max(1, round(seconds * 1000 / self.speed))


@dataclass(frozen=True, slots=True)
class WorkFate:
    """How one attempt goes; seconds of the fleet.

    Attributes:
        pulls: until its image is there.
        runs: from then to its end.
        code: exit code.
        reason: why its container ended, in the kubelet's word.
        image: whether its image comes at all.
    """

    pulls: float
    runs: float
    code: int = 0
    reason: str = "Completed"
    image: bool = True


_ENDS: Final = ((1, "Error"), (1, "Error"), (137, "OOMKilled"), (2, "Error"))


def fate_of(seed: int, key: str) -> WorkFate:
    """The fate of an attempt.

    Args:
        seed: of the fleet.
        key: of the attempt, such as ``nlp/train-llm/1``.
    """
    pull, length, spread, ends, image = draws(seed, key, 5)
    normal = math.sqrt(-2 * math.log(max(length, 1e-12))) * math.cos(2 * math.pi * spread)
    runs = max(_SHORTEST, _MEDIAN * math.exp(_SPREAD * normal))
    pulls = _PULLS[0] + pull * (_PULLS[1] - _PULLS[0])
    if ends < _FAILS:
        code, reason = _ENDS[int(ends / _FAILS * len(_ENDS))]
        return WorkFate(pulls, max(_SHORTEST, runs * ends / _FAILS), code, reason)
    return WorkFate(pulls, runs, image=image >= _BROKEN_IMAGE)


def draws(seed: int, key: str, number: int) -> list[float]:
    """Numbers in [0, 1), the same ones for the same seed and key."""
    digest = blake2b(f"{seed}/{key}".encode(), digest_size=8 * number).digest()
    return [int.from_bytes(digest[8 * at : 8 * at + 8]) / 2**64 for at in range(number)]
