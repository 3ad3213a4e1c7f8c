"""A run is due, and the CronJob forbids two at a time while the one before goes on."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import active_runs
from allotment.diagnose.rules.submission.cronjob_runs import next_run
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
from allotment.model.observed.work import CronJob


def find(case: Case) -> Finding | None:
    """A run that is on, and a time of the schedule since it began."""
    cron = case.subject
    if not isinstance(cron, CronJob) or cron.spec.suspend or cron.spec.concurrency_policy != "Forbid":
        return None
    runs = active_runs(cron, case)
    if not runs:
        return None
    run = min(runs, key=lambda each: each.metadata.creation_timestamp)
    last = cron.status.last_schedule_time or run.metadata.creation_timestamp
    due = next_run(cron, seconds(last))
    # One from before this run is of an earlier one.
    since = seconds(run.metadata.creation_timestamp)
    event = next(
        (
            each
            for each in reversed(case.events(cron))
            if each.reason == "JobAlreadyActive" and seconds(each.at) >= since
        ),
        None,
    )
    if event is None and (due is None or due.timestamp() > case.now):
        return None
    deadline = cron.spec.starting_deadline_seconds
    late = deadline is not None and due is not None and due.timestamp() + deadline < case.now
    after = "the next one starts when it is due" if late else "the one that was missed starts then"
    target, held = reference_of(cron), reference_of(run)
    evidence = [Evidence(target, "spec.concurrencyPolicy", "Forbid", "two runs are never on at a time")]
    if event is not None:
        evidence.append(Evidence(target, f"events[{event.reason}].message", event.message))
    return Finding(
        "cronjob-forbid-overlap",
        CauseVerdict.WAITING,
        f"the run {run.name} is still on since {run.metadata.creation_timestamp} and concurrencyPolicy Forbid lets no "
        "second one start",
        facts={
            "active_job": run.name,
            "concurrency_policy": "Forbid",
            "schedule": cron.spec.schedule,
            "last_schedule_time": cron.status.last_schedule_time or None,
            "event": event.message if event is not None else None,
        },
        evidence=tuple(evidence),
        # A run that does not run itself has a cause of its own, which comes first.
        confidence=Confidence.SURE if case.running_pods else Confidence.LIKELY,
        proposals=(
            Proposal(
                RemedyKind.WAIT_FOR_CAPACITY,
                Doer.USER,
                f"wait for the run {run.name} to end: {after}",
                held,
                Patch(PatchOp.WAIT, {"until": "completed"}),
            ),
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                "set concurrencyPolicy to Allow: runs may overlap, and ask for their GPUs together",
                target,
                Patch(PatchOp.MERGE, {"spec": {"concurrencyPolicy": "Allow"}}),
                cost=1,
            ),
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                f"set concurrencyPolicy to Replace: the next run ends {run.name}",
                target,
                Patch(PatchOp.MERGE, {"spec": {"concurrencyPolicy": "Replace"}}),
                cost=2,
            ),
        ),
    )
