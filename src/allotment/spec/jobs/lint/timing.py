"""Rules about time: ends, deadlines, schedules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from allotment.model.jobs.job import JobType
from allotment.model.moments import moment
from allotment.spec.jobs.cron import CronTimes, parse_cron
from allotment.spec.jobs.lint.linted import LintAdvice, LintedJob, LintRule
from allotment.spec.jobs.zones import is_zone

_A_YEAR: Final = 366
_EVERY_HOUR: Final = 24
_MINUTE: Final = 60
_FEW: Final = 10


def no_run_time(linted: LintedJob) -> Iterator[LintAdvice]:
    """An experiment that nobody ends."""
    job = linted.job
    if job.run_time is None and job.type.ends and job.priority == linted.platform.default_priority.name:
        held = "devices" if job.devices else "CPU and memory"
        yield LintAdvice(
            ("maxRunTime",),
            f"an experiment that hangs holds its {held} until somebody notices",
            "add `maxRunTime:`, twice of what you expect",
        )


def deadline_unreachable(linted: LintedJob) -> Iterator[LintAdvice]:
    """Even at once it would be too late."""
    job = linted.job
    reached = moment(job.deadline) if job.deadline else None
    if reached is None or job.run_time is None:
        return
    left = reached / 1000 - linted.now.timestamp()
    if left < job.run_time:
        yield LintAdvice(
            ("deadline",),
            f"{_told(int(max(0, left)))} are left, and it may run for {_told(job.run_time)}",
            "choose a later deadline or a shorter run",
        )


def deadline_without_priority(linted: LintedJob) -> Iterator[LintAdvice]:
    """It has to be done by then, and waits behind everybody."""
    job = linted.job
    ladder = linted.platform.priorities
    rung = next((each for each in ladder if each.name == job.priority), None)
    if not job.deadline or rung is None or rung.preempts:
        return
    # The top of the ladder is production's.
    better = [each.name for each in ladder[1:] if each.value > rung.value and each.name in linted.team.priorities]
    if better:
        yield LintAdvice(
            ("priority",),
            f"it has a deadline, and {rung.name} displaces nobody",
            f"write `priority: {better[-1]}`, which the team may use",
        )


def schedule_without_deadline(linted: LintedJob) -> Iterator[LintAdvice]:
    """Nobody decided how late a run may start."""
    schedule = linted.job.schedule
    if schedule is not None and not linted.was_written("schedule.startingDeadline"):
        yield LintAdvice(
            ("schedule",),
            f"it is not said how late a run may start; {_told(schedule.starting_deadline)} are taken",
            "add `startingDeadline:`: after an outage, what is older is left out",
        )


def late_start(linted: LintedJob) -> Iterator[LintAdvice]:
    """A run may start when the next is due."""
    times, schedule = _times(linted), linted.job.schedule
    if times is None or schedule is None or schedule.starting_deadline < times.shortest_period:
        return
    yield LintAdvice(
        ("schedule", "startingDeadline"),
        f"a run may start {_told(schedule.starting_deadline)} late, when the next one is due already",
        f"write less than the {_told(times.shortest_period)} between two runs",
    )


def schedule_overlap(linted: LintedJob) -> Iterator[LintAdvice]:
    """A run takes longer than there is time until the next."""
    times, job = _times(linted), linted.job
    if times is None:
        return
    if job.run_time is None and job.priority != linted.platform.default_priority.name:
        yield LintAdvice(
            ("maxRunTime",),
            "a run that hangs keeps all later ones from starting",
            f"add `maxRunTime:`, {times.shortest_period // 60}m or less",
        )
    elif job.run_time is not None and job.run_time > times.shortest_period:
        period = _told(times.shortest_period)
        yield LintAdvice(
            ("maxRunTime",),
            f"a run may take {_told(job.run_time)}, and the next, due after {period}, is left out then",
            "run more seldom, or for a shorter time",
        )


def schedule_in_clock_change(linted: LintedJob) -> Iterator[LintAdvice]:
    """An hour that does not exist on one day of the year."""
    times, schedule = _times(linted), linted.job.schedule
    if times is None or schedule is None or not is_zone(schedule.time_zone):
        return
    if len(times.hours) == _EVERY_HOUR:
        return  # what is left out is made up for within the hour, and there is no other one to choose
    try:
        zone = ZoneInfo(schedule.time_zone)
    except (KeyError, ValueError, OSError):
        return  # this machine has no database of zones
    day = _skipped_day(times, zone, linted.now.astimezone(zone).date())
    if day is not None:
        yield LintAdvice(
            ("schedule", "cron"),
            f"on {day} the clock in {schedule.time_zone} skips a time of it, and that run is left out",
            "choose another hour, or `timeZone: Etc/UTC`",
        )


def _skipped_day(times: CronTimes, zone: ZoneInfo, start: dt.date) -> dt.date | None:
    expected = len(times.hours) * len(times.minutes)
    for ahead in range(_A_YEAR):
        day = start + dt.timedelta(days=ahead)
        offsets = {
            dt.datetime(each.year, each.month, each.day, tzinfo=zone).utcoffset()
            for each in (day, day + dt.timedelta(days=1))
        }
        if len(offsets) > 1 and times.on(day) and len(tuple(times.on_day(day, zone))) < expected:
            return day
    return None


def _times(linted: LintedJob) -> CronTimes | None:
    schedule = linted.job.schedule
    return None if schedule is None or linted.job.type is not JobType.SCHEDULED else parse_cron(schedule.cron)


RULES: Final = (
    LintRule("no-run-time", "An experiment without a run time", "What hangs holds its devices.", no_run_time),
    LintRule(
        "deadline-unreachable",
        "A deadline before the end of its run",
        "Even if it started now, it might be ended by its deadline.",
        deadline_unreachable,
    ),
    LintRule(
        "deadline-without-priority",
        "A deadline on a rung that displaces nobody",
        "It waits behind everybody, and nothing hurries it.",
        deadline_without_priority,
    ),
    LintRule(
        "schedule-without-deadline",
        "A schedule without a starting deadline",
        "After an outage runs that nobody needs any more start all the same.",
        schedule_without_deadline,
    ),
    LintRule(
        "late-start",
        "A starting deadline that reaches the next run",
        "Two runs are due at once.",
        late_start,
    ),
    LintRule(
        "schedule-overlap",
        "A run that may last until the next is due",
        "Runs never overlap, so the next one is left out, or all later ones where a run hangs.",
        schedule_overlap,
    ),
    LintRule(
        "schedule-in-clock-change",
        "A time that the clock skips when summer comes",
        "On that day there is no run.",
        schedule_in_clock_change,
    ),
)


def _told(seconds: int) -> str:
    """In minutes; in seconds where it is less than ten of those, and no whole number."""
    short = seconds < _FEW * _MINUTE and seconds % _MINUTE
    number, word = (seconds, "second") if short else (seconds // _MINUTE, "minute")
    return f"{number} {word}{'' if number == 1 else 's'}"
