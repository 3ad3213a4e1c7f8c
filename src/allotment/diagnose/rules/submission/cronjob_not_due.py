"""No run of the CronJob is due yet."""

from __future__ import annotations

import shlex

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import active_runs
from allotment.diagnose.rules.submission.cronjob_runs import next_run
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import rfc3339, seconds
from allotment.model.observed.work import CronJob


def find(case: Case) -> Finding | None:
    """No run is on that waits for something, and the next time of the schedule is ahead."""
    cron = case.subject
    if not isinstance(cron, CronJob) or cron.spec.suspend:
        return None
    if active_runs(cron, case) and len(case.running_pods) < max(1, sum(1 for pod in case.pods if not pod.ended)):
        return None
    since = seconds(cron.status.last_schedule_time or cron.metadata.creation_timestamp) or case.now
    due = next_run(cron, since)
    if due is None or due.timestamp() <= case.now:
        return None
    target = reference_of(cron)
    at = rfc3339(due)
    made = shlex.join(("create", "job", f"{cron.name}-now", f"--from=cronjob/{cron.name}", "-n", cron.namespace))
    return Finding(
        "cronjob-not-due",
        CauseVerdict.WAITING,
        f"the next run of {cron.name} is due at {at} (schedule {cron.spec.schedule})",
        facts={"next_run": at, "schedule": cron.spec.schedule},
        evidence=(Evidence(target, "spec.schedule", cron.spec.schedule, "not due yet"),),
        proposals=(
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                f"wait until {at}, or start one now: kubectl {made}",
                target,
                Patch(PatchOp.WAIT, {"until": at}),
            ),
        ),
    )
