"""Numbers, times and ticks in pictures."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.reports.pages.charts import (
    Limit,
    Points,
    Series,
    scatter,
    short_number,
    short_time,
    stacked,
    tiles,
)


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
    steps=st.lists(st.tuples(st.integers(1, 10**12), st.floats(0, 1e12)), max_size=4),
)
def test_every_area_and_limit_stays_inside_its_frame(
    values: list[float], end: int, steps: list[tuple[int, float]]
) -> None:
    limits = [Limit("quota", 0, [(0, 1.0), *sorted(steps)])] if steps else []
    series = [Series("a", 0, values), Series("b", 1, values)]
    picture = ET.fromstring(stacked(series, end, label="x", limits=limits))
    (svg,) = picture
    for path in svg.findall("path"):
        points = path.attrib["d"].strip("MZ").replace("M", "L").split("L")
        for x, y in (map(float, point.split()) for point in points):
            assert 63.9 <= x <= 944.1
            assert 11.9 <= y <= 232.1


def test_a_limit_is_a_step_line_that_ends_with_the_picture() -> None:
    text = stacked(
        [Series("a", 0, [1.0])], 1000, label="x", limits=[Limit("q", 0, [(0, 4.0), (500, 2.0), (2000, 9.0)])]
    )
    (svg,) = ET.fromstring(text)
    (line,) = [path for path in svg.findall("path") if path.get("class") == "limit k0"]
    xs, ys = zip(
        *((float(x), float(y)) for x, y in map(str.split, line.attrib["d"].strip("M").split("L"))), strict=True
    )
    assert xs == (64.0, 504.0, 504.0, 944.0)
    assert ys[0] == ys[1] < ys[2] == ys[3]


def test_a_tile_for_each_thing() -> None:
    (svg,) = ET.fromstring(tiles([0, 2, 2, 0, 1] * 40, label="x"))
    drawn = {path.attrib["class"]: path.attrib["d"].count("M") for path in svg.findall("path")}
    assert drawn == {"l0": 80, "l1": 40, "l2": 80}


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)), max_size=20))
def test_points_stay_inside_and_keep_their_side_of_the_diagonal(values: list[tuple[float, float]]) -> None:
    (svg,) = ET.fromstring(scatter([Points("a", 0, values)], label="x", across="before", up="after"))
    for (x, y), point in zip(values, svg.findall("circle"), strict=True):
        right, up = float(point.attrib["cx"]) - 64, 532 - float(point.attrib["cy"])
        assert -0.1 <= right <= 520.1
        assert -0.1 <= up <= 520.1
        if x < y:
            assert right <= up + 0.11
