"""Numbers, times and ticks in pictures."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.scheduling.simulate.charts import Series, short_number, short_time, stacked


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.25, "0.25"), (7.5, "7.5"), (100, "100"), (9_500, "9500"), (12_500, "12.5k"), (3e6, "3M")],
)
def test_numbers(value: float, text: str) -> None:
    assert short_number(value) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0"), (250, "250 ms"), (40_000, "40 s"), (300_000, "5 min"), (9_000_000, "2.5 h"), (259_200_000, "3 d")],
)
def test_times(ms: float, text: str) -> None:
    assert short_time(ms) == text


@given(
    values=st.lists(st.floats(0, 1e12, allow_nan=False), min_size=1, max_size=30),
    end=st.integers(0, 10**12),
    ceiling=st.none() | st.floats(0, 1e12),
)
def test_every_area_stays_inside_its_frame(values: list[float], end: int, ceiling: float | None) -> None:
    picture = ET.fromstring(stacked([Series("a", 0, values), Series("b", 1, values)], end, label="x", ceiling=ceiling))
    (svg,) = picture
    for path in svg.findall("path"):
        points = path.attrib["d"].strip("MZ").replace("M", "L").split("L")
        for x, y in (map(float, point.split()) for point in points):
            assert 63.9 <= x <= 944.1
            assert 11.9 <= y <= 232.1
