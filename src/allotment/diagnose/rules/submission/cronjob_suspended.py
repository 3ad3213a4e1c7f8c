"""The CronJob is suspended: no run is started."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.work import CronJob


def find(case: Case) -> Finding | None:
    """`spec.suspend` of the CronJob that is asked about; a run that is on is not stopped by it."""
    cron = case.subject
    if not isinstance(cron, CronJob) or not cron.spec.suspend:
        return None
    target = reference_of(cron)
    last = cron.status.last_schedule_time
    return Finding(
        "cronjob-suspended",
        CauseVerdict.MISCONFIGURED,
        f"the CronJob {cron.name} is suspended: no run is started" + (f" since that of {last}" if last else ""),
        facts={"spec.suspend": True, "schedule": cron.spec.schedule, "last_schedule_time": last or None},
        evidence=(Evidence(target, "spec.suspend", True, "no run is started"),),
        proposals=(
            Proposal(
                RemedyKind.UNSUSPEND,
                Doer.USER,
                "set spec.suspend to false",
                target,
                Patch(PatchOp.MERGE, {"spec": {"suspend": False}}),
            ),
        ),
    )
