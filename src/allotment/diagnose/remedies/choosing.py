"""Which remedies are shown, and in which order: each tried, those that do not help left out, cheapest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.causes import CAUSES
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.growing import ends_what_runs
from allotment.diagnose.remedies.by_job_file import by_job_file
from allotment.diagnose.remedies.commands import command_of
from allotment.diagnose.remedies.hidden import NOT_SHOWN, names_hidden
from allotment.diagnose.remedies.losing import ended, said_of
from allotment.diagnose.remedies.ordered import in_order
from allotment.diagnose.remedies.patching import patched
from allotment.diagnose.remedies.permitted import permitted
from allotment.diagnose.remedies.trying import tried
from allotment.diagnose.rules.quota.flavors_contradict import by_chance
from allotment.errors import unquoted
from allotment.model.explanation import (
    CauseVerdict,
    Confidence,
    Doer,
    Patch,
    PatchOp,
    Remedy,
    RemedyKind,
    StartsWhen,
    Tried,
)

_MOST: Final = 12
"""Proposals of one finding that are tried: a longer list helps nobody."""
_DOERS: Final = tuple(Doer)
_OPTIONAL: Final = frozenset({RemedyKind.FIX_QUEUE_NAME, RemedyKind.RAISE_PRIORITY, RemedyKind.CHANGE_FLAVOR})
_OF_BOUNDS: Final = frozenset({"limitrange-max", "limitrange-min", "limitrange-ratio", "resourcequota-exceeded"})
_ROLLOUT: Final = "rollout-blocks-itself"
_BOUNDS: Final = frozenset({"LimitRange", "ResourceQuota"})
_PLACES: Final = {each.id: place for place, each in enumerate(CAUSES)}


def chosen(case: Case, finding: Finding) -> tuple[Remedy, ...]:
    """The remedies of a finding: what the asker can do alone first, then what loses and costs nobody anything.

    What ends work of others stands behind all that does not, whoever can do it.

    Where nothing lets it start, the first act that removes this cause is told, with the cause that comes after it: it
    is necessary, and not enough.
    """
    proposals = (permitted(case, each) for each in in_order(case, finding.proposals[:_MOST]))
    possible = [each for each in proposals if not ends_what_runs(case, each)]
    order = sorted(possible, key=lambda each: (_DOERS.index(each.who), ended(case, each) > 0, each.cost))
    shown: list[Remedy] = []
    necessary: list[tuple[bool, Proposal, Finding]] = []
    bounded: list[Proposal] = []
    for each in order:
        proposal, answer, remaining = _tried(case, finding, each)
        bounded += _with_bounds(proposal, remaining)
        if answer.starts is not StartsWhen.NO:
            luck = by_chance(remaining)
            shown.append(_remedy(case, proposal, f"{proposal.summary}{f'; if {luck}' if luck else ''}", answer))
        elif remaining is not None and _is_necessary(case, finding, proposal, remaining):
            necessary.append((remaining.never, proposal, remaining))
    for proposal in bounded if not shown else ():
        answer, _ = tried(case, finding, proposal)
        if answer.starts is not StartsWhen.NO:
            return (_remedy(case, proposal, proposal.summary, answer),)
    if shown or not necessary:
        return tuple(sorted(shown, key=lambda each: bool(each.tried.displaces)))
    # Of several the first after which it may start some day.
    _, proposal, remaining = min(necessary, key=lambda each: each[0])
    said = f"{proposal.summary}; not enough by itself, for then {remaining.summary}"
    return (_remedy(case, proposal, said, Tried(StartsWhen.NO)),)


def _tried(case: Case, finding: Finding, proposal: Proposal) -> tuple[Proposal, Tried, Finding | None]:
    """A proposal tried; where the rollout that it begins waits for its own old pods, with leave for one to go first."""
    answer, remaining = tried(case, finding, proposal)
    leave = next(iter(remaining.proposals), None) if remaining is not None and remaining.cause == _ROLLOUT else None
    patch = proposal.patch
    if leave is None or leave.patch is None or leave.target != proposal.target or patch is None:
        return proposal, answer, remaining
    if patch.op not in {PatchOp.MERGE, PatchOp.STRATEGIC}:
        return proposal, answer, remaining
    said = f"{proposal.summary}, and let one old pod go first (maxUnavailable 1, maxSurge 0)"
    both = replace(proposal, summary=said, patch=Patch(patch.op, patched(patch.body, leave.patch)))
    answer_then, remaining_then = tried(case, finding, both)
    if answer_then.starts is StartsWhen.NO:
        return proposal, answer, remaining
    return both, answer_then, remaining_then


def _with_bounds(proposal: Proposal, remaining: Finding | None) -> Iterator[Proposal]:
    """The same with the bound of the namespace moved before, where that alone refuses what is made anew."""
    if remaining is None or proposal.patch is None or proposal.patch.op is not PatchOp.RESUBMIT or proposal.first:
        return
    for each in remaining.proposals if remaining.cause in _OF_BOUNDS else ():
        if each.target is None or each.patch is None or each.target.kind not in _BOUNDS:
            continue
        said = f"{each.summary.removesuffix(', and submit again')}, and {proposal.summary}"
        yield replace(proposal, who=each.who, summary=said, first=((each.target, each.patch),), cost=each.cost)


def _is_necessary(case: Case, finding: Finding, proposal: Proposal, remaining: Finding) -> bool:
    """Whether the subject has come further: to a cause that stands behind this one, which somebody has to mend.

    What may be done or left is not necessary where it leads to what never starts: another class, another queue than
    one that is there, or to end what others run.
    """
    optional = _OPTIONAL if case.local_queue is not None else _OPTIONAL - {RemedyKind.FIX_QUEUE_NAME}
    ends = proposal.patch is not None and proposal.patch.op is PatchOp.DELETE
    if remaining.never and (ends or proposal.kind in optional):
        return False
    mendable = finding.verdict is not CauseVerdict.WAITING and remaining.confidence is Confidence.SURE
    # What could never start and then needs a repair has come further too, wherever that stands among the causes.
    further = _PLACES[remaining.cause] > _PLACES[finding.cause] or (finding.never and not remaining.never)
    return mendable and further and remaining.cause != finding.cause


def _remedy(case: Case, proposal: Proposal, summary: str, answer: Tried) -> Remedy:
    if names_hidden(case, proposal):
        # The patch would be of an object that nobody has, or, of the same name, of another.
        patch = None if proposal.patch is None else Patch(PatchOp.SIGNAL)
        said = unquoted(f"{summary}{said_of(case, proposal)}; {NOT_SHOWN}")
        return Remedy(proposal.kind, Doer.PLATFORM, said, target=proposal.target, patch=patch, tried=answer)
    act = by_job_file(case, proposal)
    said = summary if act is None or not act.said else f"{summary} ({act.said})"
    return Remedy(
        kind=proposal.kind,
        who=proposal.who,
        summary=unquoted(said + said_of(case, proposal)),
        target=proposal.target,
        patch=proposal.patch,
        tried=answer,
        command=command_of(case, proposal) if act is None else act.command,
    )
