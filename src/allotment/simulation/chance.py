"""Where randomness comes from: a seeded source that is passed in, so that the same seed gives the same answer."""

from __future__ import annotations

from typing import Protocol


class Chance(Protocol):
    """The source of randomness; `random.Random(seed)` is one."""

    def random(self) -> float:
        """Uniform in [0, 1)."""
        ...

    def randrange(self, stop: int, /) -> int:
        """A whole number in [0, stop)."""
        ...

    def gauss(self, mu: float, sigma: float, /) -> float:
        """A normally distributed number."""
        ...

    def expovariate(self, lambd: float, /) -> float:
        """An exponentially distributed number of mean 1/lambd."""
        ...

    def lognormvariate(self, mu: float, sigma: float, /) -> float:
        """A log-normally distributed number."""
        ...
