"""Who loses what they hold if the subject starts: preempted by Kueue for quota, or by the scheduler for room."""

from __future__ import annotations

from collections.abc import Iterator

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.diagnose.others import called
from allotment.diagnose.queued_pods import pods_case
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.model.explanation import PatchOp


def displaced(case: Case) -> tuple[str, ...]:
    """Names of that work, as far as the asker may know them; each once.

    Args:
        case: after a remedy that lets the subject start.
    """
    return tuple(dict.fromkeys((*_of_quota(pods_case(case) or case), *_of_room(case))))


def ended_by(case: Case, proposal: Proposal) -> tuple[str, ...]:
    """Names of others' pods that run and that a proposal deletes itself."""
    acts = (*proposal.first, (proposal.target, proposal.patch), *proposal.then)
    names = (
        f"{target.namespace}/{target.name}"
        for target, patch in acts
        if target is not None and target.kind == "Pod" and patch is not None and patch.op is PatchOp.DELETE
    )
    own = {each.key for each in case.pods}
    found = (case.index.pods.get(name) for name in names if name not in own)
    return tuple(called(case, each) for each in found if each is not None and each.status.phase == "Running")


def _of_quota(case: Case) -> Iterator[str]:
    workload = case.workload
    if workload is None or workload.holds_quota or case.local_queue is None:
        return
    for victim in case.twins.attempt(workload.key).victims:
        found = case.index.workloads.get(victim.workload)
        if found is not None:
            yield called(case, found)


def _of_room(case: Case) -> Iterator[str]:
    for key in placing(case).victims():
        found = case.index.pods.get(key)
        if found is not None:
            yield called(case, found)
