"""Which remedies are shown, and in which order: each tried, those that do not help left out, cheapest first."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.causes import CAUSES
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.remedies.commands import command_of
from allotment.diagnose.remedies.trying import tried
from allotment.errors import unquoted
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Remedy, StartsWhen, Tried

_MOST: Final = 12
"""Proposals of one finding that are tried: a longer list helps nobody."""
_DOERS: Final = tuple(Doer)
_PLACES: Final = {each.id: place for place, each in enumerate(CAUSES)}


def chosen(case: Case, finding: Finding) -> tuple[Remedy, ...]:
    """The remedies of a finding: what the asker can do alone first, then what costs nobody anything.

    Where nothing lets it start, the first act that removes this cause is told, with the cause that comes after it: it
    is necessary, and not enough.
    """
    order = sorted(finding.proposals[:_MOST], key=lambda each: (_DOERS.index(each.who), each.cost))
    shown: list[Remedy] = []
    necessary: Remedy | None = None
    for proposal in order:
        answer, remaining = tried(case, finding, proposal)
        if answer.starts is not StartsWhen.NO:
            shown.append(_remedy(case, proposal, proposal.summary, answer))
        elif necessary is None and remaining is not None and _comes_after(finding, remaining):
            said = f"{proposal.summary}; not enough by itself, for then {remaining.summary}"
            necessary = _remedy(case, proposal, said, Tried(StartsWhen.LATER))
    return tuple(shown) if shown or necessary is None else (necessary,)


def _comes_after(finding: Finding, remaining: Finding) -> bool:
    """Whether the subject has come further: to a cause that stands behind this one, which somebody has to mend."""
    mendable = finding.verdict is CauseVerdict.MISCONFIGURED and remaining.confidence is Confidence.SURE
    return mendable and _PLACES[remaining.cause] > _PLACES[finding.cause]


def _remedy(case: Case, proposal: Proposal, summary: str, answer: Tried) -> Remedy:
    return Remedy(
        kind=proposal.kind,
        who=proposal.who,
        summary=unquoted(summary),
        target=proposal.target,
        patch=proposal.patch,
        tried=answer,
        command=command_of(case, proposal),
    )
