"""The twin finds a place, but the pod still waits: its verdict is stale, or nobody schedules."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.verdicts import foreign_reasons
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
from allotment.model.observed.base import condition
from allotment.model.observed.pods import Pod
from allotment.scheduling.snapshot.placement import is_waiting

_FLUSHED: Final = 330.0
"""Seconds after which kube-scheduler looks again at what it found unschedulable, with a margin."""
_NEW: Final = 60.0
"""Seconds in which a scheduler that works has looked at a pod."""


def find(case: Case) -> Finding | None:
    """A pod has waited for longer than a scheduler takes to look at it."""
    if case.supposed:
        # After a change the scheduler looks again; its verdict of before says nothing.
        return None
    pod = next((each for each in case.waiting_pods if is_waiting(each) and each.metadata.creation_timestamp), None)
    it = placing(case)
    if pod is None or not it.pods or it.refused is not None or pod.status.nominated_node_name:
        return None
    said = condition(pod.status.conditions, "PodScheduled")
    since = seconds(said.last_transition_time if said is not None else pod.metadata.creation_timestamp)
    waited = case.now - max(since, seconds(pod.metadata.creation_timestamp))
    if waited < (_NEW if said is None else _FLUSHED) or it.view.unmodelled or _unmodelled(case):
        return None
    if said is not None and foreign_reasons(said.message):
        return None
    never = said is None
    busy = any(_placed_since(other, since) for other in case.index.objects.pods)
    what = "no scheduler has looked at it" if never else "the scheduler's last verdict is older than the room"
    return Finding(
        "scheduler-has-not-looked",
        CauseVerdict.BROKEN,
        f"pod {pod.name} has waited {int(waited)} s and fits on a node now; {what}",
        facts={"pod": pod.name, "waited_seconds": int(waited), "other_pods_placed_since": busy},
        evidence=(_evidence(pod),),
        confidence=Confidence.SURE if never and not busy else Confidence.LIKELY,
        proposals=_proposals(pod, never=never and not busy),
    )


def _unmodelled(case: Case) -> bool:
    return any(each.waiting.unmodelled for each in placing(case).pods)


def _placed_since(pod: Pod, since: float) -> bool:
    said = condition(pod.status.conditions, "PodScheduled")
    return said is not None and said.true and seconds(said.last_transition_time) > since


def _evidence(pod: Pod) -> Evidence:
    said = condition(pod.status.conditions, "PodScheduled")
    return Evidence(reference_of(pod), "status.conditions[PodScheduled]", said.message if said is not None else None)


def _proposals(pod: Pod, *, never: bool) -> tuple[Proposal, ...]:
    if never:
        what = "bring kube-scheduler back: no pod has been placed since this one was made"
        return (Proposal(RemedyKind.OTHER, Doer.PLATFORM, what, None, Patch(PatchOp.SIGNAL, {"restart": "scheduler"})),)
    if pod.metadata.controller is None:
        return ()
    what = f"delete pod {pod.name}: its controller makes a new one, at which the scheduler looks at once"
    return (Proposal(RemedyKind.OTHER, Doer.USER, what, reference_of(pod), Patch(PatchOp.DELETE)),)
