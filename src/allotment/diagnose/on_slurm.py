"""Why a job of a Slurm waits: all rules over it, and each remedy tried by the same rules on how things would be."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import CauseEntry, Finding, contributing, explanation_of
from allotment.diagnose.rules.slurm.table import CAUSES, SLURM_RULES
from allotment.diagnose.slurm.asked import slurm_view
from allotment.diagnose.slurm.proposing import SlurmProposal
from allotment.diagnose.slurm.view import SlurmView, ends_at
from allotment.errors import unquoted
from allotment.model.explanation import (
    CauseVerdict,
    Confidence,
    Doer,
    Explanation,
    PatchOp,
    QueuePosition,
    Remedy,
    StartsWhen,
    StartWindow,
    Tried,
)
from allotment.model.moments import written
from allotment.model.slurm.seen import SlurmPhase

_OTHER: Final = "slurm-other"
_DOERS: Final = tuple(Doer)
_MOST: Final = 5
"""Remedies of one doer that are shown: cheapest first, what loses work last."""


def explain_on_slurm(case: Case, *, with_remedies: bool = True) -> Explanation | None:
    """The answer; None where the source is no Slurm.

    Args:
        case: the subject.
        with_remedies: whether remedies are tried and listed.
    """
    view = slurm_view(case)
    if view is None:
        return _not_told(case) if case.source.kind == "slurm" else None
    entry, finding, rest = _found(view)
    if view.job.phase is not SlurmPhase.WAITING or entry is None or finding is None:
        return _settled(case, view)
    return replace(
        explanation_of(case, entry, finding),
        facts={"job_on_slurm": view.job.job_id, **finding.facts},
        contributing=contributing(rest),
        considered=bool(view.job.reasons),
        position=_position(view),
        start=StartWindow(never=True) if finding.never else None,
        remedies=_remedies(view, finding) if with_remedies else (),
        unseen=tuple(f"{gap.what}: {gap.reason}" for gap in case.source.gaps),
    )


def _not_told(case: Case) -> Explanation:
    """Of a view, which leaves out what Slurm says: it names the jobs of all."""
    said = "what Slurm says of it is not in what was read: ask the Slurm itself"
    return Explanation(
        case.reference, case.snapshot.taken_at, "unknown", "", None, None, Confidence.UNSURE, said
    )  # fmt: skip


def _settled(case: Case, view: SlurmView) -> Explanation:
    job = view.job
    ends = ends_at(job)
    since = f" since {written(job.ends * 1000)}" if job.ends else ""
    said = {
        SlurmPhase.RUNNING: f"it runs on {', '.join(job.nodes[:3])}{f', until {ends} at the latest' if ends else ''}",
        SlurmPhase.ENDING: "it ends",
        SlurmPhase.ENDED: f"it is over, and Slurm says {', '.join(job.states)}{since}",
    }.get(job.phase, "nothing that was seen keeps it from running")
    return Explanation(
        case.reference, case.snapshot.taken_at, "none", "", None, None, Confidence.SURE, unquoted(said),
        {"job_on_slurm": job.job_id},
    )  # fmt: skip


def _found(view: SlurmView) -> tuple[CauseEntry | None, Finding | None, tuple[Finding, ...]]:
    """The dominant cause with its entry, and those that hold beside it."""
    found = [
        (entry, finding)
        for entry, (_, _, _, rule) in zip(CAUSES, SLURM_RULES, strict=True)
        if (finding := rule(view)) is not None
    ]
    if not found:
        return None, None, ()
    sure = [each for each in found if each[1].confidence is Confidence.SURE]
    first = (sure or found)[0]
    rest = tuple(each for _, each in found if each is not first[1] and each.cause != _OTHER)
    return *first, rest


def _remedies(view: SlurmView, finding: Finding) -> tuple[Remedy, ...]:
    found = [(each, _tried(view, finding, each)) for each in finding.proposals if isinstance(each, SlurmProposal)]
    useful = [(each, tried) for each, tried in found if tried.starts is not StartsWhen.NO]
    useful.sort(key=lambda each: (_DOERS.index(each[0].who), each[0].cost, each[1].starts is not StartsWhen.NOW))
    shown: list[Remedy] = []
    for who in Doer:
        shown += [
            Remedy(each.kind, who, unquoted(each.summary), patch=each.patch, tried=tried, command=each.command)
            for each, tried in [pair for pair in useful if pair[0].who is who][:_MOST]
        ]
    return tuple(shown)


def _tried(view: SlurmView, finding: Finding, each: SlurmProposal) -> Tried:
    """What the rules say of how it would be; there is no twin of Slurm: limits and room are counted, no more."""
    if each.patch is not None and each.patch.op is PatchOp.WAIT:
        return Tried(StartsWhen.NO if finding.never else StartsWhen.LATER)
    if finding.confidence is not Confidence.SURE:
        # What is not known cannot be supposed away.
        return Tried(StartsWhen.NOT_SIMULATED)
    _, left, _ = _found(view.after(each.change))
    if left is None:
        return Tried(StartsWhen.NOW)
    if left.verdict is not CauseVerdict.WAITING or left.cause == finding.cause:
        return Tried(StartsWhen.NO)
    return Tried(StartsWhen.LATER)


def _position(view: SlurmView) -> QueuePosition | None:
    """Its place among those that wait in its partition, by priority."""
    job = view.job
    waiting = [each for each in view.facts.jobs if each.phase is SlurmPhase.WAITING and each.partition == job.partition]
    before = [each for each in waiting if (each.priority, -each.job_id) > (job.priority, -job.job_id)]
    return QueuePosition(job.partition, len(before), len(waiting)) if waiting else None
