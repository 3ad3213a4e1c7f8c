"""Cron expressions as Kubernetes reads them: which times, how near to each other, and what a changed clock does."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.spec.jobs.cron import parse_cron
from allotment.spec.jobs.zones import is_zone
from tests.by_day import by_day

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "after", "following"),
    [
        ("0 2 * * *", "2027-01-01T02:00", "2027-01-02T02:00"),
        ("*/15 9-10 * * mon-fri", "2027-01-01T10:45", "2027-01-04T09:00"),  # a Friday
        ("30 6 13 * fri", "2027-01-01T07:00", "2027-01-08T06:30"),  # a day by number or by weekday
        ("30 6 */2 * fri", "2027-01-01T07:00", "2027-01-15T06:30"),  # with a star both have to hold
        ("5/20 0 1 jan ?", "2027-01-01T00:30", "2027-01-01T00:45"),
        ("@monthly", "2027-01-01T00:00", "2027-02-01T00:00"),
        ("0 0 29 2 *", "2027-01-01T00:00", "2028-02-29T00:00"),
    ],
)
def test_the_next_time(text, after, following):
    zone = ZoneInfo("Etc/UTC")
    found = parse_cron(text).after(dt.datetime.fromisoformat(after).replace(tzinfo=dt.UTC), zone)
    assert found == dt.datetime.fromisoformat(following).replace(tzinfo=dt.UTC)


def test_a_time_that_the_clock_skips_is_none_and_one_that_comes_twice_is_the_first():
    times = parse_cron("30 2 * * *")
    before_summer = dt.datetime(2027, 3, 27, 12, tzinfo=dt.UTC)
    assert times.after(before_summer, BERLIN) == dt.datetime(2027, 3, 29, 0, 30, tzinfo=dt.UTC)
    before_winter = dt.datetime(2027, 10, 30, 12, tzinfo=dt.UTC)
    first = times.after(before_winter, BERLIN)
    assert first == dt.datetime(2027, 10, 31, 0, 30, tzinfo=dt.UTC)
    assert times.after(first, BERLIN) == dt.datetime(2027, 11, 1, 1, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("* * * * *", 60),
        ("*/25 * * * *", 600),  # 50, then 0 again
        ("0 22,2 * * *", 4 * 3600),
        ("0 2 * * mon,tue", 86_400),
        ("0 0 1 * *", 28 * 86_400),
        ("0 0 1 1 *", 365 * 86_400),
    ],
)
def test_the_shortest_period(text, seconds):
    assert parse_cron(text).shortest_period == seconds


fields = st.tuples(
    st.sampled_from(("0", "59", "*/7", "3,40")),
    st.sampled_from(("*", "0", "23", "8-17/3")),
    st.sampled_from(("*", "1", "31", "10-20")),
    st.sampled_from(("*", "2", "apr,dec")),
    st.sampled_from(("*", "0", "mon-wed")),
).filter(lambda words: words[2:4] != ("31", "2"))


@settings(max_examples=by_day(40), deadline=None)
@given(fields, st.integers(1_767_225_600, 1_893_456_000))
def test_nothing_comes_between_a_moment_and_the_next_time(words, moment):
    """Against the definition, minute by minute, over a day before the time that was found."""
    times = parse_cron(" ".join(words))
    start = dt.datetime.fromtimestamp(moment, dt.UTC)
    found = times.after(start, ZoneInfo("Etc/UTC"))
    assert found is not None
    assert found > start

    def meant(minute: dt.datetime) -> bool:
        return minute.minute in times.minutes and minute.hour in times.hours and times.on(minute.date())

    assert meant(found)
    minute = found - dt.timedelta(minutes=1)
    while minute > max(start, found - dt.timedelta(days=1)):
        assert not meant(minute)
        minute -= dt.timedelta(minutes=1)


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "Etc/GMT+5", "America/Argentina/Ushuaia"])
def test_zones(name):
    assert is_zone(name)


@pytest.mark.parametrize(
    "name", ["", "Europe", "Europe/", "/etc/passwd", "../UTC", "localtime", "right/UTC", "tzdata.zi", "É"]
)
def test_what_is_no_zone(name):
    assert not is_zone(name)
