"""The CronJob's schedule names no time that ever comes, or a time zone that does not exist."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.submission.cron import moment, zone_of
from allotment.diagnose.rules.submission.cronjob_runs import schedule_of
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.work import CronJob


def find(case: Case) -> Finding | None:
    """A schedule that is read and names no day of the coming years (31 February), or a zone nobody knows."""
    cron = case.subject
    if not isinstance(cron, CronJob) or cron.spec.suspend:
        return None
    schedule, zone = schedule_of(cron), zone_of(cron.spec.time_zone)
    said = any(each.reason in {"UnknownTimeZone", "UnparseableSchedule"} for each in case.events(cron))
    target = reference_of(cron)
    if zone is None and said:
        field, value, why = "spec.timeZone", cron.spec.time_zone, "there is no such time zone"
    elif schedule is not None and zone is not None and schedule.next_after(moment(case.now, zone)) is None:
        field, value, why = "spec.schedule", cron.spec.schedule, "no such day ever comes"
    elif schedule is None and said:
        field, value, why = "spec.schedule", cron.spec.schedule, "it cannot be read"
    else:
        return None
    return Finding(
        "cronjob-schedule-never",
        CauseVerdict.MISCONFIGURED,
        f"the CronJob {cron.name} never starts a run: {field} is {value!r}, and {why}",
        facts={"schedule": cron.spec.schedule, "time_zone": cron.spec.time_zone or None},
        evidence=(Evidence(target, field, value, why),),
        proposals=(
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                f"set {field} to one that comes",
                target,
                Patch(PatchOp.SIGNAL, {field: "…"}),
            ),
        ),
        never=True,
    )
