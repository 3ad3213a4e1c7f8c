"""What the rules about CronJobs share: the runs that are on, and when the next is due."""

from __future__ import annotations

from datetime import datetime

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.reach import active_runs
from allotment.diagnose.rules.submission.cron import Schedule, moment, parse, zone_of
from allotment.model.observed.work import CronJob


def run_of(case: Case) -> Case | None:
    """The case of the oldest run that is on; None where the subject is no CronJob, or has none."""
    cron = case.subject
    runs = active_runs(cron, case) if isinstance(cron, CronJob) else []
    if not runs:
        return None
    run = min(runs, key=lambda each: each.metadata.creation_timestamp)
    found = Case(case.snapshot, case.source, reference_of(run), run, index=case.index)
    found.supposed, found.brief, found.one_of_many = case.supposed, case.brief, case.one_of_many
    return found


def schedule_of(cron: CronJob) -> Schedule | None:
    """Its schedule, if it can be read."""
    return parse(cron.spec.schedule)


def next_run(cron: CronJob, after: float) -> datetime | None:
    """When a run is due next after a moment (seconds since the epoch); None if never, or not known."""
    schedule, zone = schedule_of(cron), zone_of(cron.spec.time_zone)
    if schedule is None or zone is None:
        return None
    return schedule.next_after(moment(after, zone))
