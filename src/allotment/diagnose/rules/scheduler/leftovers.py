"""Room that finished work still holds: nobody took it away, and nobody needs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.diagnose.case import reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.others import called
from allotment.diagnose.rules.scheduler.holders import RoomHolder, holders, is_overdue
from allotment.diagnose.rules.scheduler.placing import Placing
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import is_true
from allotment.model.observed.work import Job, Owner

_OVER: Final = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "Complete", "Failed", "Completed"})


def leftovers(placing: Placing) -> Iterator[Proposal]:
    """Deleting finished work whose pods still hold what the subject needs."""
    for each in holders(placing.case, placing.able):
        if _over(each) and placing.fits(gone=[pod.key for pod in each.pods]):
            yield Proposal(
                RemedyKind.OTHER,
                Doer.TEAM_OWNER,
                f"delete {called(placing.case, each.pods[0])}: it is over, and its pods still hold what they asked for",
                each.target,
                Patch(PatchOp.DELETE),
                effect=tuple((reference_of(pod), Patch(PatchOp.DELETE)) for pod in each.pods),
                cost=5,
            )


def overdue(placing: Placing) -> Iterator[Proposal]:
    """Pods that were told to end and hold on to what the subject needs: their node or a finalizer keeps them."""
    found = [pod for each in holders(placing.case, placing.able) for pod in each.pods if is_overdue(placing.case, pod)]
    if not found or not placing.goes_on(gone=[pod.key for pod in found]):
        return
    first = found[0]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    yield Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"see why a pod of {called(placing.case, first)} on {first.spec.node_name}{more} does not end: it was told to",
        reference_of(first),
        Patch(PatchOp.SIGNAL, {"end": first.name}),
        effect=tuple((reference_of(pod), Patch(PatchOp.DELETE)) for pod in found),
        cost=5,
    )


def _over(holder: RoomHolder) -> bool:
    """Whether the work says of itself that it is done."""
    work = holder.work
    if isinstance(work, Job):
        return is_true(work.status.conditions, "Complete") or is_true(work.status.conditions, "Failed")
    return isinstance(work, Owner) and bool({work.status.job_status, work.status.job_deployment_status} & _OVER)
