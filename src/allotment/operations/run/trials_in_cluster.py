"""A sweep that runs as one Job of a cluster: what is answered about that Job is told of its trials."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.diagnose.rules.server.members import trial_facts, trials_said
from allotment.errors import unquoted
from allotment.model import labels
from allotment.model.explanation import ContributingCause
from allotment.model.grammar import count
from allotment.model.observed.base import is_true
from allotment.model.observed.served import ServedTrials
from allotment.model.observed.snapshot import Snapshot
from allotment.model.observed.work import Job, failed_ranges
from allotment.operations.ask.explaining import ExplainedWaiting

_AT_ONCE: Final = "sweep-at-once"


def told_of_trials(found: ExplainedWaiting, snapshot: Snapshot) -> ExplainedWaiting:
    """The same answer with how many trials run, wait and are over; as it is where it is about no such Job.

    Args:
        found: about one subject.
        snapshot: in which it is.
    """
    trials = _trials(found, snapshot)
    if trials is None:
        return found
    told = found.explanation
    later = _later(trials)
    held_back = () if not trials.later else (ContributingCause(_AT_ONCE, later),)
    told = replace(
        told,
        summary=unquoted(f"{trials_said(trials)}; {told.summary}"),
        facts={**trial_facts(trials), **told.facts},
        contributing=(*held_back, *told.contributing),
    )
    return replace(found, explanation=told)


def _trials(found: ExplainedWaiting, snapshot: Snapshot) -> ServedTrials | None:
    subject = found.subject
    jobs = (each for source in snapshot.sources if source.name == found.source for each in source.objects.jobs)
    job = next((each for each in jobs if (each.namespace, each.name) == (subject.namespace, subject.name)), None)
    if subject.kind != "Job" or job is None or found.pods is None or not _runs_trials(job):
        return None
    total, at_once = job.spec.completions or 1, job.spec.parallelism or 1
    over = min(total, job.status.succeeded + sum(map(len, failed_ranges(job.status))))
    running = min(total - over, found.pods.running)
    waiting = max(0, min(at_once, total - over) - running)
    return ServedTrials(total, at_once, over + running + waiting, running, (job.metadata.uid,) * waiting)


def _runs_trials(job: Job) -> bool:
    """Whether it is ours, is not over, and one index that fails leaves the others alone: those of a gang do not."""
    main = job.metadata.labels.get(labels.JOB_PART) == labels.JOB_MAIN
    over = any(is_true(job.status.conditions, name) for name in ("Complete", "Failed"))
    return main and not over and job.spec.runs_trials


def _later(trials: ServedTrials) -> str:
    comes = "comes" if trials.later == 1 else "come"
    return f"{count(trials.later, 'trial')} {comes} later: atOnce lets {trials.at_once} be under way at the same time"
