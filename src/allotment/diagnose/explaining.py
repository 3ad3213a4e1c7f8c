"""A case → an explanation: all rules, one dominant cause, the remedies of which each was tried."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from allotment.diagnose.case import Case
from allotment.diagnose.chain import dominant, findings
from allotment.diagnose.finding import Finding, contributing, explanation_of
from allotment.diagnose.on_machine import of_this_machine
from allotment.diagnose.on_server import explain_on_server
from allotment.diagnose.on_slurm import explain_on_slurm
from allotment.diagnose.remedies.choosing import chosen
from allotment.diagnose.standing import standing
from allotment.model.explanation import Explanation


def explain(case: Case, *, with_remedies: bool = True) -> Explanation:
    """Why the subject does not run.

    Args:
        case: the subject.
        with_remedies: whether remedies are tried and listed; the cause alone is much quicker.
    """
    case.brief = case.brief or not with_remedies
    elsewhere = explain_on_server(case, partial(explain, with_remedies=with_remedies)) or explain_on_slurm(
        case, with_remedies=with_remedies
    )
    if elsewhere is not None:
        return elsewhere
    stands = standing(case)
    found = findings(case)
    first = dominant(found)
    if first is None:
        return stands.without_cause(case)
    entry, finding = first[0], of_this_machine(case, *first)
    return replace(
        explanation_of(case, entry, finding),
        contributing=contributing(each for _, each in found if not _same(each, first[1])),
        considered=stands.considered,
        position=stands.position,
        start=stands.start(case, finding),
        remedies=chosen(case, finding) if with_remedies else (),
        unseen=stands.unseen,
    )


def _same(each: Finding, first: Finding) -> bool:
    """Whether it is the dominant cause, or rests on the very same values under another name."""
    if each is first:
        return True
    seen, rests = ({(part.object, part.field) for part in one.evidence} for one in (each, first))
    return bool(seen) and seen == rests and each.verdict == first.verdict
