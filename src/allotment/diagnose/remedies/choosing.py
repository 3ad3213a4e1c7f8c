"""Which remedies are shown, and in which order: each tried, those that do not help left out, cheapest first."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.remedies.commands import command_of
from allotment.diagnose.remedies.trying import tried
from allotment.model.explanation import Doer, Remedy, StartsWhen

_MOST: Final = 12
"""Proposals of one finding that are tried: a longer list helps nobody."""
_DOERS: Final = tuple(Doer)


def chosen(case: Case, finding: Finding) -> tuple[Remedy, ...]:
    """The remedies of a finding: what the asker can do alone first, then what costs nobody anything."""
    order = sorted(finding.proposals[:_MOST], key=lambda each: (_DOERS.index(each.who), each.cost))
    shown: list[Remedy] = []
    for proposal in order:
        remedy = _remedy(case, finding, proposal)
        if remedy.tried.starts is not StartsWhen.NO:
            shown.append(remedy)
    return tuple(shown)


def _remedy(case: Case, finding: Finding, proposal: Proposal) -> Remedy:
    return Remedy(
        kind=proposal.kind,
        who=proposal.who,
        summary=proposal.summary,
        target=proposal.target,
        patch=proposal.patch,
        tried=tried(case, finding, proposal),
        command=command_of(case, proposal),
    )
