"""Times: one way to read them and one to write them, whatever somebody wrote."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.diagnose.case import seconds as of_rules
from allotment.model import moments
from allotment.model.moments import LATEST, milliseconds, moment, rfc3339, seconds, written

NOON = 1_795_780_800_000

TIMES: dict[str, tuple[str, int | None]] = {
    "of the API server": ("2026-11-27T12:00:00Z", NOON),
    "of events, finer": ("2026-11-27T12:00:00.250000Z", NOON + 250),
    "of another zone": ("2026-11-27T13:30:00+01:30", NOON),
    "without a zone": ("2026-11-27T12:00:00", NOON),
    "absent": ("", None),
    "no time": ("yesterday\x1b", None),
    "before all": ("0001-01-01T00:00:00+23:59", 0),
    "before 1970": ("1969-12-31T00:00:00Z", 0),
    "after all": ("9999-12-31T23:59:59-23:59", LATEST),
}


@pytest.fixture(autouse=True)
def far_from_greenwich() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Pacific/Auckland"
    time.tzset()
    yield
    del os.environ["TZ"]
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()
    moments.moment.cache_clear()


@pytest.mark.parametrize(("text", "ms"), TIMES.values(), ids=TIMES)
def test_a_time_is_read_alike_by_all_who_ask(text: str, ms: int | None) -> None:
    moments.moment.cache_clear()
    assert moment(text) == ms
    assert milliseconds(text) == (ms or 0)
    assert seconds(text) == of_rules(text) == (ms or 0) / 1000
    assert seconds(text, float("inf")) == (float("inf") if ms is None else ms / 1000)


@given(ms=st.integers(-(2**70), 2**70))
def test_what_is_written_is_read_again_to_the_second(ms: int) -> None:
    assert moment(written(ms)) == min(max(0, ms), LATEST) // 1000 * 1000


def test_a_date_is_written_in_utc_and_whole_seconds() -> None:
    east = dt.timezone(dt.timedelta(hours=1))
    assert rfc3339(dt.datetime(2026, 11, 27, 13, 0, 0, 999, tzinfo=east)) == "2026-11-27T12:00:00Z"
