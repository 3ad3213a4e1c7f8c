"""What every `MetricsPort` does: the same cases run on the fake (unit) and on a real Prometheus (live).

A suite that inherits `MetricsContract` gives the fixture `metrics`: the port, with the samples of `SAMPLES`.
"""

from __future__ import annotations

from typing import Final

import pytest

from allotment.ports.metrics import Gauge, MeasuredSeries, MetricsPort, TimeSteps

START: Final = 1_795_600_800_000
"""A whole hour."""
MINUTE: Final = 60_000
EVIL: Final = 'a"b\\c\nd{}=~.*'
"""A label's value that would end a string, or match everything."""


def at(minute: float, value: float) -> tuple[int, float]:
    return START + round(minute * MINUTE), value


Samples = list[tuple[str, dict[str, str], list[tuple[int, float]]]]
SAMPLES: Final[Samples] = [
    # One a minute with a hole of two, at the whole minute.
    ("util", {"gpu": "0", "zone": "a"}, [at(minute, 50 + minute) for minute in (1, 2, 3, 6, 7)]),
    # Two a minute.
    ("util", {"gpu": "1", "zone": "b"}, [at(minute / 2, 10 * (minute % 2)) for minute in range(2, 10)]),
    # The finer measure of one of them, for a while.
    ("fine", {"gpu": "0", "zone": "a"}, [at(2, 0.25)]),
    ("util", {"gpu": "2", "zone": EVIL}, [at(1, 100)]),
    ("util", {"gpu": "3", "zone": "aXb"}, [at(1, 100)]),
]
UTIL: Final = (("util", 100.0),)


def steps(count: int = 8, seconds: int = 60) -> TimeSteps:
    return TimeSteps(START, seconds, count)


def by_gpu(found: tuple[MeasuredSeries, ...]) -> dict[str, dict[int, float]]:
    return {
        each.labels["gpu"]: {step: round(value, 6) for step, value in zip(each.steps, each.values, strict=True)}
        for each in found
    }


class MetricsContract:
    def test_means_and_nothing_is_carried_over_a_hole(self, metrics: MetricsPort) -> None:
        found = by_gpu(metrics.means(Gauge(UTIL), steps()))
        assert found["0"] == {0: 0.51, 1: 0.52, 2: 0.53, 5: 0.56, 6: 0.57}
        # Minute 1 alone ends the first stretch; then two samples each, the last of which is at minute 4.5.
        assert found["1"] == {0: 0.0, 1: 0.05, 2: 0.05, 3: 0.05, 4: 0.1}

    def test_a_longer_stretch_is_the_mean_of_what_is_in_it(self, metrics: MetricsPort) -> None:
        found = by_gpu(metrics.means(Gauge(UTIL, (("gpu", ("0",)),)), steps(2, 240)))
        assert found == {"0": {0: 0.52, 1: 0.565}}

    def test_of_two_names_the_first_counts_where_it_is(self, metrics: MetricsPort) -> None:
        found = by_gpu(metrics.means(Gauge((("fine", 1.0), *UTIL)), steps()))
        assert found["0"] == {0: 0.51, 1: 0.25, 2: 0.53, 5: 0.56, 6: 0.57}

    @pytest.mark.parametrize(
        ("values", "gpus"), [(("a",), {"0"}), (("a", "b"), {"0", "1"}), ((EVIL,), {"2"}), ((EVIL, "b"), {"1", "2"}),
                             (("a.b", "x"), set()), ((".*",), set()), (("nobody",), set())],
    )  # fmt: skip
    def test_a_label_s_value_is_itself_and_no_pattern(
        self, metrics: MetricsPort, values: tuple[str, ...], gpus: set[str]
    ) -> None:
        assert set(by_gpu(metrics.means(Gauge(UTIL, (("zone", values),)), steps()))) == gpus

    def test_the_last_that_was_so_high_and_the_first_at_all(self, metrics: MetricsPort) -> None:
        last = metrics.last_at_least(Gauge(UTIL), 0.52, steps(10))
        assert {each.labels["gpu"]: (each.at - START) // MINUTE for each in last} == {"0": 7, "2": 1, "3": 1}
        last = metrics.last_at_least(Gauge(UTIL, (("zone", ("a",)),)), 0.52, steps(4))
        assert [(each.at - START) // MINUTE for each in last] == [3]
        first = metrics.first(Gauge(UTIL), steps(10))
        assert {each.labels["gpu"]: (each.at - START) // MINUTE for each in first} == {"0": 1, "1": 1, "2": 1, "3": 1}

    def test_nothing_is_an_answer(self, metrics: MetricsPort) -> None:
        assert metrics.means(Gauge((("nothing_of_that_name", 1.0),)), steps()) == ()
        assert metrics.last_at_least(Gauge(UTIL), 2.0, steps()) == ()

    def test_its_place_is_told(self, metrics: MetricsPort) -> None:
        assert "://" in metrics.place()
