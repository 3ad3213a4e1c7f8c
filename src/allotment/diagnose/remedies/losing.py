"""What an act takes from the subject itself: its pods that run end where the work is made anew."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.model.explanation import PatchOp
from allotment.model.grammar import count
from allotment.model.observed.index import kind_of


def ended(case: Case, proposal: Proposal) -> int:
    """Running pods of the subject that end with a proposal."""
    target, patch = proposal.target, proposal.patch
    if case.subject is None or target is None or patch is None or patch.op is not PatchOp.RESUBMIT:
        return 0
    named = {(kind_of(each), each.name) for each in (case.subject, case.work, case.top) if each is not None}
    return len(case.running_pods) if (target.kind, target.name) in named else 0


def said_of(case: Case, proposal: Proposal) -> str:
    """The same in words, to be put behind what is to be done; empty where nothing ends."""
    lost = ended(case, proposal)
    return f" (this ends {count(lost, 'pod')} of it that {'runs' if lost == 1 else 'run'})" if lost else ""
