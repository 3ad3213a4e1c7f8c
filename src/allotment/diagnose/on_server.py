"""Why a job waits that the server of this machine keeps: its own rules, and for a sweep what keeps its first trial."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case, Subject, reference_of
from allotment.diagnose.chain import Found
from allotment.diagnose.finding import contributing, explanation_of
from allotment.diagnose.rules.server.members import trial_facts, trials_said
from allotment.diagnose.rules.server.table import CAUSES
from allotment.diagnose.served import OVER, served_of, served_subjects
from allotment.errors import shown, unquoted
from allotment.model.explanation import Confidence, ContributingCause, Explanation
from allotment.model.observed.served import ServedJob

_NO_CAUSE: Final = frozenset({"none", "unknown"})
Explained = Callable[[Case], Explanation]


def explain_on_server(case: Case, explained: Explained) -> Explanation | None:
    """The answer; None where the subject is an object of a back end.

    Args:
        case: the subject.
        explained: the answer about another subject.
    """
    job = served_of(case)
    if job is None:
        return None
    found = [(entry, finding) for entry in CAUSES if (finding := entry.find(case)) is not None]
    first = _of_first_trial(case, job, explained, found)
    if first is not None:
        return first
    if not found:
        return _settled(case, job)
    (entry, finding), *rest = found
    if job.trials is not None:
        finding = replace(finding, summary=f"{trials_said(job.trials)}; {finding.summary}")
    beside = (*contributing(each for _, each in rest), *_behind(case, job, explained))
    return replace(explanation_of(case, entry, finding), contributing=beside)


def _of_first_trial(case: Case, job: ServedJob, explained: Explained, found: Iterable[Found]) -> Explanation | None:
    """What keeps the first trial that waits, told of its sweep; None where none waits."""
    trials = job.trials
    trial = None if trials is None or not trials.waiting else _case_of(case, trials.waiting[0])
    if trials is None or trial is None:
        return None
    told = explained(trial)
    name = shown(trial.reference.name)
    return replace(
        told,
        subject=case.reference,
        summary=unquoted(f"{trials_said(trials)}; the first that waits, {name}: {told.summary}"),
        facts={**trial_facts(trials), "first_that_waits": trial.reference.name, **told.facts},
        contributing=(*contributing(each for _, each in found), *told.contributing),
    )


def _behind(case: Case, job: ServedJob, explained: Explained) -> tuple[ContributingCause, ...]:
    """What keeps those for which it waits, and the run of a schedule: each by its dominant cause alone."""
    if case.one_of_many:
        return ()
    told = []
    run = [job.times.under_way] if job.times is not None and job.times.waits else []
    for each in (*(one.id for one in job.after), *run):
        other = _case_of(case, each, deeper=True)
        if other is not None:
            answer = explained(other)
            if answer.cause not in _NO_CAUSE and answer.verdict is not None:
                told.append(ContributingCause(answer.cause, f"{shown(other.reference.name)}: {answer.summary}"))
    return tuple(told)


def _case_of(case: Case, job_id: str, *, deeper: bool = False) -> Case | None:
    """Another job of the same source, by its id."""
    every: tuple[Subject, ...] = (*case.index.objects.jobs, *served_subjects(case.index))
    found = next((each for each in every if each.metadata.uid == job_id), None)
    if found is None:
        return None
    other = Case(case.snapshot, case.source, reference_of(found), found, index=case.index)
    other.brief = case.brief
    other.one_of_many = case.one_of_many or deeper  # what keeps it alone: its own are asked about by who asks for it
    return other


def members_of(case: Case) -> tuple[Case, ...]:
    """The members of a sweep or a schedule that were made and are not over, as far as they wait; else the subject."""
    job = served_of(case)
    if job is None or (job.trials is None and job.times is None):
        return (case,)
    ids = job.trials.waiting if job.trials is not None else ()
    if job.times is not None and job.times.waits:
        ids = (job.times.under_way,)
    return tuple(found for each in ids if (found := _case_of(case, each)) is not None)


def _settled(case: Case, job: ServedJob) -> Explanation:
    if job.state in OVER:
        said = f"it has {job.state}" if job.state == "succeeded" else f"it was {job.state}"
        said += f" at {job.since}{f': {shown(job.said)}' if job.said else ''}"
    elif job.trials is not None:
        said = trials_said(job.trials)
    else:
        said = shown(job.said) or f"it is {job.state} since {job.since}, as the server knows"
    return Explanation(
        case.reference, case.snapshot.taken_at, "none", "", None, None, Confidence.SURE, unquoted(said),
        {"job": job.id} if job.trials is None else trial_facts(job.trials),
    )  # fmt: skip
