"""Runs were due and not started in time: the starting deadline is shorter than the controller's round."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import active_runs
from allotment.diagnose.rules.submission.cronjob_runs import next_run
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
from allotment.model.observed.work import CronJob

_ROUND: Final = 10
"""Seconds between the controller's looks: with a shorter deadline it comes too late (Kubernetes' documentation)."""
_REASONS: Final = ("MissSchedule", "TooManyMissedTimes")


def find(case: Case) -> Finding | None:
    """An event that says so, or a deadline below the round with a time that has passed."""
    cron = case.subject
    if not isinstance(cron, CronJob) or cron.spec.suspend or active_runs(cron, case) or case.supposed:
        return None
    deadline = cron.spec.starting_deadline_seconds
    event = next((each for each in reversed(case.events(cron)) if each.reason in _REASONS), None)
    since = seconds(cron.status.last_schedule_time or cron.metadata.creation_timestamp)
    due = next_run(cron, since)
    missed = due is not None and due.timestamp() + (deadline or 0) < case.now
    too_short = deadline is not None and deadline < _ROUND
    if not missed or not (too_short or event is not None):
        return None
    target = reference_of(cron)
    when = due.isoformat() if due is not None else ""
    limit = f"startingDeadlineSeconds {deadline}" if deadline is not None else "no startingDeadlineSeconds"
    evidence = [Evidence(target, "spec.startingDeadlineSeconds", deadline)]
    if event is not None:
        evidence.append(Evidence(target, f"events[{event.reason}].message", event.message))
    return Finding(
        "cronjob-missed-deadline",
        CauseVerdict.MISCONFIGURED,
        f"the run due at {when} was not started in time ({limit})",
        facts={"starting_deadline_seconds": deadline, "due": when, "schedule": cron.spec.schedule},
        evidence=tuple(evidence),
        # It may have been suspended at that time; what an event says of it, anybody may have written.
        confidence=Confidence.LIKELY,
        proposals=(
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                "set startingDeadlineSeconds to 200: a run that is late by minutes is started yet",
                target,
                Patch(PatchOp.MERGE, {"spec": {"startingDeadlineSeconds": 200}}),
            ),
        ),
    )
