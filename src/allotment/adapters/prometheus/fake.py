"""`MetricsPort` in memory; checked against a real Prometheus by contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from allotment.errors import AllotmentError
from allotment.ports.metrics import Gauge, MeasuredMoment, MeasuredSeries, TimeSteps, TooMuchMeasuredError

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class FakeMetrics:
    """Samples.

    Attributes:
        most_values: of an answer; a longer one is too much.
        error: raised by every question, where there is one.
        asked: how many questions there were.
    """

    most_values: int = 10**9
    error: AllotmentError | None = None
    asked: int = 0
    _samples: dict[tuple[str, Labels], list[tuple[int, float]]] = field(default_factory=dict)

    def put(self, name: str, labels: Mapping[str, str], samples: Iterable[tuple[int, float]]) -> None:
        """Samples of a series: milliseconds since 1970, and the value."""
        self._samples.setdefault((name, tuple(sorted(labels.items()))), []).extend(samples)

    def place(self) -> str:
        """A made-up address."""
        return "fake://prometheus"

    def means(self, gauge: Gauge, steps: TimeSteps) -> tuple[MeasuredSeries, ...]:
        """The mean of each series in each stretch."""
        found = self._means(gauge, steps)
        if sum(len(values) for values in found.values()) > self.most_values:
            raise TooMuchMeasuredError("too much")
        return tuple(
            MeasuredSeries(dict(labels), tuple(sorted(values)), tuple(values[step] for step in sorted(values)))
            for labels, values in sorted(found.items())
        )

    def last_at_least(self, gauge: Gauge, least: float, steps: TimeSteps) -> tuple[MeasuredMoment, ...]:
        """The last stretch that was so high."""
        return tuple(
            MeasuredMoment(dict(labels), aligned.end_of(max(high)))
            for labels, values, aligned in self._aligned(gauge, steps)
            if (high := [step for step, value in values.items() if value >= least])
        )

    def first(self, gauge: Gauge, steps: TimeSteps) -> tuple[MeasuredMoment, ...]:
        """The first stretch with a sample."""
        return tuple(
            MeasuredMoment(dict(labels), aligned.end_of(min(values)))
            for labels, values, aligned in self._aligned(gauge, steps)
        )

    def _aligned(self, gauge: Gauge, steps: TimeSteps) -> Iterator[tuple[Labels, dict[int, float], TimeSteps]]:
        """A Prometheus puts the ends of such stretches at whole multiples of their length."""
        step = 1000 * steps.seconds
        aligned = TimeSteps(steps.until // step * step - step * steps.count, steps.seconds, steps.count)
        for labels, values in sorted(self._means(gauge, aligned).items()):
            yield labels, values, aligned

    def _means(self, gauge: Gauge, steps: TimeSteps) -> dict[Labels, dict[int, float]]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        found: dict[Labels, dict[int, float]] = {}
        for name, divisor in gauge.names:
            for (own, labels), samples in self._samples.items():
                marks = dict(labels)
                if own == name and all(marks.get(label, "") in values for label, values in gauge.where):
                    values = found.setdefault(labels, {})
                    for step, value in _by_step(samples, steps).items():
                        values.setdefault(step, value / divisor)
        return {labels: values for labels, values in found.items() if values}


def _by_step(samples: Iterable[tuple[int, float]], steps: TimeSteps) -> dict[int, float]:
    together: dict[int, list[float]] = {}
    for at, value in samples:
        step = -(-(at - steps.since) // (1000 * steps.seconds)) - 1
        if 0 <= step < steps.count:
            together.setdefault(step, []).append(value)
    return {step: sum(values) / len(values) for step, values in together.items()}
