"""What keeps a job that has no members: other jobs, its data, a back end that does not answer; and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.served import served_of
from allotment.errors import shown
from allotment.model.explanation import CauseVerdict, Confidence, Evidence
from allotment.model.jobs.job import DependencyState
from allotment.model.jobs.run import JobState
from allotment.model.observed.served import AwaitedJob, ServedJob

_FAILED: Final = frozenset({JobState.FAILED, JobState.REFUSED})
_HAS_TO: Final[Mapping[str, str]] = {DependencyState.SUCCEEDED: "has to succeed", DependencyState.ENDED: "has to end"}


def ended_badly(case: Case) -> Finding | None:
    """It failed, or its back end refused it."""
    job = served_of(case)
    if job is None or job.state not in _FAILED:
        return None
    verb = "its back end refused it" if job.state == JobState.REFUSED else "it failed"
    said = f"{verb}: {shown(job.said)}" if job.said else verb
    return Finding(
        "job-ended-badly",
        CauseVerdict.MISCONFIGURED,
        said,
        {"job": job.id, "ended": job.since},
        _evidence(case, job),
    )


def dependency(case: Case) -> Finding | None:
    """Another job of its team has to be over first."""
    job = served_of(case)
    if job is None or job.state != JobState.HELD:
        return None
    if not job.after:
        said = shown(job.said) or "somebody holds it"
        return Finding("job-dependency", CauseVerdict.WAITING, said, {"job": job.id}, _evidence(case, job))
    waits = "; ".join(map(_awaited, job.after))
    facts = {"job": job.id, "waits_for": [each.id or each.name for each in job.after]}
    return Finding("job-dependency", CauseVerdict.WAITING, waits, facts, _evidence(case, job))


def _awaited(each: AwaitedJob) -> str:
    name = f"{shown(each.name)} ({shown(each.id)})" if each.id else shown(each.name)
    where = f", which is {shown(each.state)}," if each.state else ""
    return f"{name}{where} {_HAS_TO.get(each.must_have, 'has to end')} first"


def place_to_fetch(case: Case) -> Finding | None:
    """Its data are not fetched yet, since those of others are."""
    job = served_of(case)
    if job is None or job.state != JobState.STAGING or not job.said:
        return None
    said = f"its data are not there yet, and are not being fetched: {shown(job.said)}"
    return Finding("job-data-place", CauseVerdict.WAITING, said, {"job": job.id}, _evidence(case, job))


def data(case: Case) -> Finding | None:
    """Its data are being fetched."""
    job = served_of(case)
    if job is None or job.state != JobState.STAGING or job.said:
        return None
    said = f"its data are being fetched since {job.since}; it asks for nothing until they are there"
    return Finding("job-data-fetched", CauseVerdict.WAITING, said, {"job": job.id}, _evidence(case, job))


def not_handed_over(case: Case) -> Finding | None:
    """The server has taken it, and its back end does not have it."""
    job = served_of(case)
    if job is None or job.state != JobState.SUBMITTED:
        return None
    said = (
        f"the server has it, and {shown(case.source.name)} does not have it yet; `allot ps` says if it does not answer"
    )
    facts = {"job": job.id, "back_end": case.source.name}
    return Finding(
        "job-not-handed-over", CauseVerdict.WAITING, said, facts, _evidence(case, job), confidence=Confidence.LIKELY
    )


def _evidence(case: Case, job: ServedJob) -> tuple[Evidence, ...]:
    said = (Evidence(case.reference, "said", job.said, "what the server keeps of it"),) if job.said else ()
    return (Evidence(case.reference, "state", job.state, f"since {job.since}"), *said)
