"""Kueue sent the workload back and tries it again at a time that has not come: pods not ready, or a check's wish."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue import claims_not_counted
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import written
from allotment.scheduling.snapshot.standing import OutOfQueue


def find(case: Case) -> Finding | None:
    """A time of the next try that lies ahead, or a mark that nothing has put it into its queue again."""
    workload = case.workload
    if workload is None or workload.holds_quota or not workload.spec.active:
        return None
    absent = case.twins.queueing.absent.get(workload.key)
    if absent is None or absent.reason not in (OutOfQueue.BACKING_OFF, OutOfQueue.NOT_REQUEUED):
        return None
    if claims_not_counted.find(case) is not None:
        return None
    evicted = workload.condition("Evicted")
    timed_out = evicted is not None and evicted.true and evicted.reason == "PodsReadyTimeout"
    checked = evicted is not None and evicted.true and evicted.reason == "AdmissionCheck"
    why = "an AdmissionCheck sent it back" if checked else "it was evicted"
    why = "its pods were not all ready in time" if timed_out else why
    when = ", now that what kept its pods is mended" if timed_out else ": what is new is queued at once"
    when = ", once the check would say yes" if checked else when
    state = workload.status.requeue_state
    times = "" if state is None or not state.count else f" ({state.count} times so far)"
    target = reference_of(workload)
    if absent.reason is OutOfQueue.NOT_REQUEUED:
        summary = f"the Workload {workload.name} was sent back and is not queued again yet: {', '.join(absent.about)}"
        evidence = Evidence(target, "status.conditions[Requeued]", "False", "not in its queue")
        until = ""
    else:
        until = written(absent.until)
        left = max(0, round(absent.until / 1000 - case.now))
        summary = f"{why}{times}, so Kueue tries the Workload {workload.name} again at {until}, in {left} s"
        evidence = Evidence(target, "status.requeueState.requeueAt", until, "the next try")
    message = evicted.message if evicted is not None and evicted.true else ""
    return Finding(
        "requeue-backoff",
        CauseVerdict.WAITING,
        summary,
        facts={
            "workload": workload.name,
            "requeue_at": until,
            "count": state.count if state is not None else None,
            "evicted": evicted.reason if evicted is not None and evicted.true else "",
        },
        evidence=(
            evidence,
            *(
                (Evidence(target, "status.conditions[Evicted].message", message, "why it was sent back"),)
                if message
                else ()
            ),
        ),
        confidence=Confidence.SURE if until else Confidence.LIKELY,
        proposals=(
            Proposal(
                RemedyKind.WAIT_FOR_QUOTA,
                Doer.USER,
                f"wait until {until}" if until else "wait until Kueue queues it again",
                target,
                Patch(PatchOp.WAIT, {"event": "requeue", "at": until}),
                cost=1,
            ),
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                f"delete it and submit it again{when}",
                None if case.top is None else reference_of(case.top),
                Patch(PatchOp.RESUBMIT, {}),
                cost=2 if checked else 0,
            ),
        ),
    )
