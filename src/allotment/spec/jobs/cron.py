"""Cron expressions as Kubernetes reads them (robfig/cron's standard form): five fields, and five words for them.

A day is meant by its number and by its weekday; where both are given, either of them is enough, as cron has it since
1979.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from allotment.errors import InputError
from allotment.spec.problems import echo

_WORDS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_WEEKDAYS: Final = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_LONGEST: Final = 200
_EPOCH: Final = dt.date(2024, 1, 1)
_YEARS: Final = 8
"""Years in which every expression that has a time at all has one: a leap day comes at least every eighth year."""
_NUMBER: Final = re.compile(r"\d{1,2}", re.ASCII)


class CronError(InputError):
    """The text is no cron expression, or means no time at all."""


@dataclass(frozen=True, slots=True)
class _CronField:
    name: str
    least: int
    most: int
    words: Mapping[str, int]


_FIELDS: Final = (
    _CronField("minute", 0, 59, {}),
    _CronField("hour", 0, 23, {}),
    _CronField("day of the month", 1, 31, {}),
    _CronField("month", 1, 12, _MONTHS),
    _CronField("day of the week", 0, 6, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class CronTimes:
    """The times that an expression means.

    Attributes:
        text: its five fields, one blank between them.
        minutes: of the hour, in order.
        hours: of the day, in order.
        any_day: no number of a day is given.
        any_weekday: no weekday is given.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def on(self, day: dt.date) -> bool:
        """Whether it runs on a day."""
        if day.month not in self.months:
            return False
        by_number, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_number and by_weekday if self.any_day or self.any_weekday else by_number or by_weekday

    def after(self, moment: dt.datetime, zone: ZoneInfo) -> dt.datetime | None:
        """The next time after an aware moment, in UTC. None where there is none in eight years.

        A time that the clock skips when summer comes is none; one that comes twice is the first of the two.
        """
        day = moment.astimezone(zone).date()
        for ahead in range(_YEARS * 366):
            try:
                candidate = day + dt.timedelta(days=ahead)
            except OverflowError:
                return None
            if self.on(candidate):
                for found in self.on_day(candidate, zone):
                    if found > moment:
                        return found
        return None

    def on_day(self, day: dt.date, zone: ZoneInfo) -> Iterator[dt.datetime]:
        """Its times on a day, in UTC, without those that the clock skips."""
        for hour in self.hours:
            for minute in self.minutes:
                local = dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                found = local.astimezone(dt.UTC)
                if found.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                    yield found

    @property
    def shortest_period(self) -> int:
        """Least seconds between two of its times, by a clock that nobody changes."""
        return _shortest_period(self)


@lru_cache(maxsize=256)
def _shortest_period(cron: CronTimes) -> int:
    times = [hour * 60 + minute for hour in cron.hours for minute in cron.minutes]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    days = [ahead for ahead in range(_YEARS * 366) if cron.on(_EPOCH + dt.timedelta(days=ahead))]
    gaps += [(later - earlier) * 1440 - times[-1] + times[0] for earlier, later in pairwise(days)]
    return min(gaps) * 60 if gaps else _YEARS * 366 * 86_400


@lru_cache(maxsize=256)
def parse_cron(text: str) -> CronTimes:
    """Read an expression.

    Raises:
        CronError: it is none, or never comes.
    """
    if len(text) > _LONGEST:
        raise CronError("the cron expression is too long", fix="write five fields, for example 0 2 * * *")
    found = _expanded(text)
    words = found.split()
    if len(words) != len(_FIELDS):
        raise CronError(
            f"{echo(text)} has {len(words)} fields",
            fix="write five: minute, hour, day of the month, month, day of the week, for example 0 2 * * *",
        )
    minutes, hours, days, months, weekdays = (_values(word, field) for word, field in zip(words, _FIELDS, strict=True))
    times = CronTimes(
        " ".join(words),
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        days,
        months,
        weekdays,
        any_day=words[2].startswith(("*", "?")),
        any_weekday=words[4].startswith(("*", "?")),
    )
    if not any(times.on(_EPOCH + dt.timedelta(days=ahead)) for ahead in range(_YEARS * 366)):
        raise CronError(f"{echo(text)} never comes: no such month has that day", fix="choose another day or month")
    return times


def _expanded(text: str) -> str:
    lowered = text.strip().lower()
    if lowered.startswith(("tz=", "cron_tz=")):
        raise CronError("the cron expression names a time zone", fix="write it in schedule.timeZone")
    if lowered.startswith("@"):
        if lowered not in _WORDS:
            raise CronError(f"{echo(text)} is not known", fix=f"write five fields, or one of {', '.join(_WORDS)}")
        return _WORDS[lowered]
    return lowered


def _values(word: str, field: _CronField) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        found.update(_part(part, field))
    return frozenset(found)


def _part(part: str, field: _CronField) -> range:
    span, slash, step = part.partition("/")
    if span in ("*", "?"):
        first, last = field.least, field.most
    else:
        start, dash, end = span.partition("-")
        first = _number(start, field)
        # With a step, a single number begins a range to the end of the field.
        last = _number(end, field) if dash else field.most if slash else first
    every = 1
    if slash:
        if _NUMBER.fullmatch(step) is None or int(step) == 0:
            raise CronError(f"the step {echo(step)} of the {field.name} is none", fix="write a number from 1")
        every = int(step)
    if first > last:
        raise CronError(
            f"the {field.name} {echo(span)} ends before it begins", fix=f"write {last}-{first}, or two ranges"
        )
    return range(first, last + 1, every)


def _number(word: str, field: _CronField) -> int:
    if word in field.words:
        return field.words[word]
    if _NUMBER.fullmatch(word) is None:
        raise CronError(f"{echo(word)} is no {field.name}", fix=f"write {field.least} to {field.most}, *, or a list")
    number = int(word)
    if not field.least <= number <= field.most:
        fix = "write 0 for Sunday" if field.words is _WEEKDAYS and number == 7 else ""
        raise CronError(f"{number} is no {field.name}", fix=fix or f"write {field.least} to {field.most}, *, or a list")
    return number
