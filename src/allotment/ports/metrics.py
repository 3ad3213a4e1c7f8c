"""What was measured over time: a Prometheus, as far as answers ask it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from allotment.errors import AllotmentError


class TooMuchMeasuredError(AllotmentError):
    """An answer would be larger than is taken: ask for a shorter time."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A quantity.

    Attributes:
        names: of metrics that measure it, each with what its values are divided by; of two that have a value of the
            same labels at the same time the first counts.
        where: labels, each with the values that it may have; nothing is a pattern.
    """

    names: tuple[tuple[str, float], ...]
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class TimeSteps:
    """Stretches of time of one length, one after the other; a sample at the end of one belongs to it.

    Attributes:
        since: the beginning of the first, milliseconds since 1970.
        seconds: how long each is.
        count: how many.
    """

    since: int
    seconds: int
    count: int

    @property
    def until(self) -> int:
        """The end of the last, milliseconds since 1970."""
        return self.end_of(self.count - 1)

    def end_of(self, number: int) -> int:
        """The end of one, by its number from 0, milliseconds since 1970."""
        return self.since + 1000 * self.seconds * (number + 1)


@dataclass(frozen=True, slots=True)
class MeasuredSeries:
    """What one thing measured.

    Attributes:
        steps: numbers of the stretches in which there were samples, rising.
        values: the mean in each of them.
    """

    labels: Mapping[str, str]
    steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class MeasuredMoment:
    """When something held; the end of a stretch, milliseconds since 1970."""

    labels: Mapping[str, str]
    at: int


class MetricsPort(Protocol):
    """Measured quantities.

    Every method raises `UnreachableError` where nothing answers in time, `NotSignedInError` on 401, `ForbiddenError` on
    403, `TooMuchMeasuredError`, and `AllotmentError` for what is refused otherwise.
    """

    def place(self) -> str:
        """Where it is, without secrets."""
        ...

    def means(self, gauge: Gauge, steps: TimeSteps) -> tuple[MeasuredSeries, ...]:
        """The mean of each series in each stretch; stretches without a sample are left out: nothing is carried over."""
        ...

    def last_at_least(self, gauge: Gauge, least: float, steps: TimeSteps) -> tuple[MeasuredMoment, ...]:
        """The last of the stretches whose mean was so high, of each series that has one."""
        ...

    def first(self, gauge: Gauge, steps: TimeSteps) -> tuple[MeasuredMoment, ...]:
        """The first of the stretches in which there was a sample, of each series."""
        ...
