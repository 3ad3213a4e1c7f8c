"""A schedule on a server: whether a run begins now, and which of its times were left out. Decided here, from the clock.

As a CronJob that forbids overlap: a time that comes while a run is under way waits for its end; it is left out once it
is later than the starting deadline, or once the next time has come. What was decided about is kept as the last moment
that has passed. Where the clock was set back, times come again: those that have had a run are known by its id, and
the others have their chance.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from allotment.errors import InputError, quoted
from allotment.model.jobs.job import JobSchedule
from allotment.spec.jobs.cron import CronTimes, parse_cron

MOST_COUNTED: Final = 1_000
"""Times that are counted one by one when they were left out."""
_DAY: Final = dt.timedelta(days=1)
_LAST: Final = 253_086_768_000_000
"""Milliseconds since the epoch: the year 9990, so that the next time after any moment has a date."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Times at which no run began.

    Attributes:
        times: how many; `MOST_COUNTED` stands for more than can be counted.
        first: moment of the first one, in milliseconds since the epoch.
        last: of the last one.
    """

    times: int
    first: int
    last: int

    @property
    def said(self) -> str:
        """How many, in words."""
        return f"{MOST_COUNTED} or more" if self.times >= MOST_COUNTED else str(self.times)


@dataclass(frozen=True, slots=True)
class ScheduleDecision:
    """What is to be done about a schedule now.

    Attributes:
        run: the moment of the run that begins, in milliseconds since the epoch; None where none does.
        passed: up to when its times are decided about, once that is done.
        left_out: None where none was.
        next: the first time after now; None where there is none.
    """

    run: int | None
    passed: int
    left_out: LeftOut | None
    next: int | None


class DueTimes:
    """The times of a schedule, in milliseconds since the epoch."""

    def __init__(self, times: CronTimes, zone: ZoneInfo) -> None:
        """Of an expression in a time zone."""
        self._times = times
        self._zone = zone

    def shown(self, moment: int) -> str:
        """A moment as the clock shows it in its time zone, for people."""
        return f"{_utc(moment).astimezone(self._zone):%Y-%m-%d %H:%M} {self._zone.key}"

    def after(self, moment: int) -> int | None:
        """The first time after a moment."""
        found = self._times.after(_utc(moment), self._zone)
        return None if found is None else _ms(found)

    def last(self, after: int, until: int) -> int | None:
        """The last time after one moment, and not after another."""
        earliest, latest = _utc(after), _utc(until)
        day, first = latest.astimezone(self._zone).date(), earliest.astimezone(self._zone).date()
        while day >= first:
            if self._times.on(day):
                found = [each for each in self._times.on_day(day, self._zone) if earliest < each <= latest]
                if found:
                    return _ms(max(found))
            day -= _DAY
        return None

    def between(self, after: int, until: int) -> Iterator[int]:
        """All times after one moment, and not after another."""
        earliest, latest = _utc(after), _utc(until)
        day, end = earliest.astimezone(self._zone).date(), latest.astimezone(self._zone).date()
        while day <= end:
            if self._times.on(day):
                yield from (_ms(each) for each in self._times.on_day(day, self._zone) if earliest < each <= latest)
            day += _DAY


def times_of(schedule: JobSchedule) -> DueTimes:
    """The times of a schedule.

    Raises:
        InputError: it has no cron expression, or no time zone.
    """
    return _times_of(schedule.cron, schedule.time_zone)


@lru_cache(maxsize=256)
def _times_of(cron: str, time_zone: str) -> DueTimes:
    try:
        zone = ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(
            f"there is no time zone {quoted(time_zone)} on this machine",
            why="its database of time zones has none of that name",
            fix="write an IANA name in schedule.timeZone, such as Europe/Berlin or Etc/UTC",
        ) from error
    return DueTimes(parse_cron(cron), zone)


def decide_schedule(schedule: JobSchedule, passed: int, now: int, *, busy: bool) -> ScheduleDecision:
    """What is to be done about a schedule that goes on.

    Args:
        schedule: as it was asked for.
        passed: up to when its times are decided about, in milliseconds since the epoch.
        now: milliseconds since the epoch.
        busy: a run is under way.

    Raises:
        InputError: its cron expression, or its time zone, is none.
    """
    times = times_of(schedule)
    passed = min(passed, now)
    upcoming = times.after(now)
    latest = None if busy else times.last(passed, now)
    if latest is None:
        return ScheduleDecision(None, passed, None, upcoming)
    in_time = now - latest <= schedule.starting_deadline * 1000
    # Of what is left out the last one is known without counting: it is the latest, or the one before it.
    missed = _left_out(times, passed, latest - 1 if in_time else latest)
    return ScheduleDecision(latest if in_time else None, latest, missed, upcoming)


def _left_out(times: DueTimes, after: int, until: int) -> LeftOut | None:
    last = times.last(after, until)
    if last is None:
        return None
    count, first = 0, last
    for number, moment in enumerate(times.between(after, last), start=1):
        first = moment if number == 1 else first
        count = number
        if number == MOST_COUNTED:
            break
    return LeftOut(count, first, last)


def _utc(moment: int) -> dt.datetime:
    """A damaged row, or a clock that was set to anything, is no reason to attend to nothing."""
    return dt.datetime.fromtimestamp(min(max(moment, 0), _LAST) / 1000, dt.UTC)


def _ms(moment: dt.datetime) -> int:
    return int(moment.timestamp()) * 1000
