"""A remedy tried: the snapshot as it would be, asked again by the same rules, which ask the same twins."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.chain import dominant, findings
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.remedies.changed import after
from allotment.diagnose.remedies.displacing import displaced
from allotment.model.explanation import CauseVerdict, PatchOp, StartsWhen, Tried


def tried(case: Case, finding: Finding, proposal: Proposal) -> tuple[Tried, Finding | None]:
    """Whether the subject starts with it, and what keeps it then.

    What leaves the same cause in place, or another that somebody has to mend, does not help. What leaves it to wait for
    others helps later.
    """
    if proposal.patch is not None and proposal.patch.op is PatchOp.WAIT:
        return Tried(StartsWhen.LATER), None
    changed = after(case, proposal)
    if changed is None:
        return Tried(StartsWhen.NOT_SIMULATED), None
    left = dominant(findings(changed))
    if left is None:
        if _is_blind(case):
            return Tried(StartsWhen.NOT_SIMULATED), None
        return Tried(StartsWhen.NOW, displaces=displaced(changed)), None
    _, remaining = left
    if remaining.cause == finding.cause or remaining.verdict is not CauseVerdict.WAITING:
        return Tried(StartsWhen.NO), remaining
    return Tried(StartsWhen.LATER), remaining


def _is_blind(case: Case) -> bool:
    """Whether it cannot be told that something starts: where it would run, or its queue, could not be read."""
    kinds = ("nodes", "pods", *(("clusterqueues", "workloads") if case.queue_name else ()))
    return not all(case.seen_everywhere(kind) for kind in kinds)
