"""Which running work would have to move where, so that a node has room for the subject; each move tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.diagnose.case import reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.others import called
from allotment.diagnose.rules.scheduler.holders import RoomHolder, holders
from allotment.diagnose.rules.scheduler.placing import Placing, ToPlace
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.scheduling.snapshot.placement import waiting_pod

_MOST: Final = 16
"""Holders that are tried, the youngest first: they lose least."""


def moves(placing: Placing, cost: int = 35) -> Iterator[Proposal]:
    """The work that lets the subject start by being started again elsewhere: the youngest that does."""
    for each in list(reversed(holders(placing.case, placing.able)))[:_MOST]:
        if each.ends and _moves(placing, each):
            names = called(placing.case, each.pods[0])
            nodes = ", ".join(sorted({pod.spec.node_name for pod in each.pods}))
            yield Proposal(
                RemedyKind.DEFRAGMENT,
                Doer.TEAM_OWNER,
                f"start {names} again once this has started: it leaves {nodes} and fits elsewhere",
                each.target,
                Patch(PatchOp.RESUBMIT, {}),
                effect=tuple((reference_of(pod), Patch(PatchOp.DELETE)) for pod in each.pods),
                cost=cost,
            )
            return


def _moves(placing: Placing, holder: RoomHolder) -> bool:
    """Whether the subject and then what is moved both find a place."""
    gone = [pod.key for pod in holder.pods]
    again = tuple(ToPlace(waiting_pod(placing.view, pod), pod.spec) for pod in holder.pods)
    both = Placing(placing.case, (*placing.pods, *(each.named(f"{each.waiting.pod.name}-again") for each in again)))
    return both.fits(gone=gone)
