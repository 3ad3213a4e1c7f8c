"""Types of times: moments, which say their zone, and stretches of time."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Final

from allotment.model.moments import LATEST
from allotment.spec.problems import echo
from allotment.spec.schema.base import refuse
from allotment.spec.schema.scalars import scalar

_DAY: Final = 86_400
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_STRETCH: Final = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s)?", re.ASCII)
_DAYS: Final = re.compile(r"(\d{1,5})d", re.ASCII)
_LONGEST_ANSWER: Final = 366 * _DAY
_MOST_DAYS: Final = 3660

STRETCH_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$",
    "minLength": 2,
}
MOMENT_SCHEMA: Final[dict[str, Any]] = {"type": "string", "format": "date-time"}


def stretch_seconds(value: str, longest: int) -> int:
    """Seconds of a stretch of time such as ``1h30m`` or ``2d``; refuses any other text, and one that is 0.

    Args:
        value: as it is written.
        longest: seconds; more is refused.
    """
    match = _STRETCH.fullmatch(value) if value else None
    if match is None:
        refuse(f"{echo(value)} is no duration", "write numbers with their units: 90s, 30m, 4h, 1h30m, 2d")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total == 0:
        refuse("the duration is 0", "leave the field out")
    if total > longest:
        refuse(f"{echo(value)} is more than {longest // _DAY} days", "write a shorter time")
    return total


def zoned(value: str) -> dt.datetime:
    """A time that says its zone, between 1970 and the year 9000; refuses any other text."""
    example = "for example 2027-01-31T06:00:00Z, or with +01:00 in place of Z"
    try:
        found = dt.datetime.fromisoformat(value) if len(value) < 40 and value.isascii() else None
    except ValueError:
        found = None
    if found is None or len(value) == 10:
        refuse(f"{echo(value)} is no time", f"write it as RFC 3339 has it, {example}")
    if found.tzinfo is None:
        refuse(f"{echo(value)} has no time zone", f"add it, {example}")
    if not 0 <= _milliseconds(found) <= LATEST:
        refuse(f"{echo(value)} is no time that somebody waits for", f"check the year, {example}")
    return found


def _milliseconds(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)


def _instant(value: str) -> int:
    return _milliseconds(zoned(value))


def _answer(value: str) -> int:
    return stretch_seconds(value, _LONGEST_ANSWER)


def _days(value: str) -> int:
    match = _DAYS.fullmatch(value)
    if match is None or int(match[1]) == 0:
        refuse(f"{echo(value)} is no number of days", "write whole days with their unit: 30d")
    if int(match[1]) > _MOST_DAYS:
        refuse(f"{echo(value)} is more than ten years", "write fewer days, or leave the field out")
    return int(match[1])


Stretch = Annotated[int, *scalar(_answer, STRETCH_SCHEMA, "duration: 10m, 8h, 1d")]
Days = Annotated[int, *scalar(_days, {"type": "string", "pattern": "^[0-9]+d$"}, "whole days: 30d")]
Instant = Annotated[int, *scalar(_instant, MOMENT_SCHEMA, "time with its zone (2027-01-31T06:00:00Z)")]
"""Milliseconds since the epoch; what is finer is left out."""
