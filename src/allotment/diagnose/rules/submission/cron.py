"""Schedules of CronJobs: when a run is due, and whether one ever is.

The grammar is that of `robfig/cron`, which Kubernetes uses: five fields, names, steps, lists, and the words ``@daily``
and the like. Where day of month and day of week are both given, either makes a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_WORDS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_YEARS: Final = 9
"""Years in which a leap day comes for certain: what does not come in them never does."""
_LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class Schedule:
    """Minutes, hours, days, months and weekdays on which a run is due."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def on(self, day: datetime) -> bool:
        """Whether runs are due on a day."""
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, (day.weekday() + 1) % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday

    def next_after(self, moment: datetime) -> datetime | None:
        """The first run after a moment, in its time zone; None if none ever is."""
        day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        for _ in range(_YEARS * 366):
            if self.on(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        due = day.replace(hour=hour, minute=minute)
                        if due > moment:
                            return due
            day += timedelta(days=1)
        return None


def parse(text: str) -> Schedule | None:
    """A schedule; None where the text is none, or one that this does not read (``@every``)."""
    text = _WORDS.get(text.strip().lower(), text.strip())
    fields = text.split()
    if len(fields) != 5 or len(text) > _LONGEST:
        return None
    try:
        minutes, hours = _field(fields[0], 0, 59), _field(fields[1], 0, 23)
        days, months = _field(fields[2], 1, 31), _field(fields[3], 1, 12, _MONTHS)
        weekdays = frozenset(each % 7 for each in _field(fields[4], 0, 7, _DAYS))
    except ValueError:
        return None
    return Schedule(minutes, hours, days, months, weekdays, _any(fields[2]), _any(fields[4]))


def _any(field: str) -> bool:
    """Whether a field leaves the day to the other one: a star with a step is a list of days like any other."""
    starred = (part.partition("/") for part in field.split(","))
    return any(first in {"*", "?"} and step in {"", "1"} for first, _, step in starred)


def zone_of(name: str) -> ZoneInfo | None:
    """A time zone; that of the controller is taken to be UTC; None where there is no such zone."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def moment(seconds: float, zone: ZoneInfo) -> datetime:
    """Seconds since the epoch as a time of a zone."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone)


def _field(text: str, least: int, most: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = int(step_text) if slash else 1
        if step < 1:
            raise ValueError(part)
        first, dash, last = span.partition("-")
        if first in {"*", "?"}:
            low, high = least, min(most, 6) if names is _DAYS else most
        else:
            low = _number(first, least, names)
            high = _number(last, least, names) if dash else (most if slash else low)
        if not least <= low <= high <= most:
            raise ValueError(part)
        found.update(range(low, high + 1, step))
    return frozenset(found)


def _number(text: str, least: int, names: tuple[str, ...]) -> int:
    word = text.lower()
    return names.index(word) + least if word in names else int(text)
