"""How a job stands, from what Slurm shows of it. Pure: only what is seen now counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from allotment.errors import shown
from allotment.jobs.slurm.rendering import attempt_of
from allotment.model.jobs.run import JobState, RunningPlace
from allotment.model.slurm.seen import SlurmBooking, SlurmExit, SlurmJob, SlurmPhase
from allotment.ports.backends import EndOfRun, FollowedJob

MOST_SAID: Final = 500
"""Characters of Slurm's words."""
_DISPLACED: Final = {
    "PREEMPTED": "it made room for others",
    "NODE_FAIL": "a node of it failed",
    "BOOT_FAIL": "its node did not start",
    "REVOKED": "its cluster gave it back",
}
_FAILED: Final = {
    "TIMEOUT": "it reached its time limit",
    "DEADLINE": "it could not end before its deadline",
    "OUT_OF_MEMORY": "it used more memory than it asked for",
}
_REQUEUED: Final = EndOfRun(None, said="Slurm took it back to the queue", displaced=True)
_HOLDS_BACK: Final = frozenset({"Dependency", "DependencyNeverSatisfied"})


def latest(jobs: Iterable[SlurmJob], user: str = "") -> dict[str, tuple[int, SlurmJob]]:
    """Of each job of ours its last submission: id → attempt at which it was handed in, and Slurm's job.

    Args:
        jobs: of all users.
        user: whose count; empty for anybody's.
    """
    found: dict[str, tuple[int, SlurmJob]] = {}
    for job in jobs:
        ours = attempt_of(job.identity)
        if ours is None or (user and job.user != user):
            continue
        job_id, attempt = ours
        if job_id not in found or (found[job_id][0], found[job_id][1].job_id) < (attempt, job.job_id):
            found[job_id] = attempt, job
    return found


def followed_on_slurm(job_id: str, attempt: int, job: SlurmJob) -> FollowedJob:
    """A job that slurmctld knows.

    Args:
        job_id: ours.
        attempt: at which it was handed in; each requeue is one more.
        job: as Slurm shows it.
    """
    state = _state(job)
    over = job.phase is SlurmPhase.ENDED
    since = {JobState.QUEUED: job.eligible or job.submitted, JobState.HELD: job.submitted}.get(
        state, job.ends if over else job.started
    )
    return FollowedJob(
        id=job_id,
        native=str(job.job_id),
        state=state,
        attempt=attempt + job.restarts,
        reason=_reason(job) if job.phase is SlurmPhase.WAITING else "",
        since=since * 1000 if since else None,
        # Where it ran, too: one that ends between two looks would have run nowhere.
        places=() if job.phase is SlurmPhase.WAITING else tuple(_places(job)),
        end=_end(job.states[0] if job.states else "", job.end, _reason(job)) if over else None,
        before=_REQUEUED if job.restarts else None,
    )


def booked_on_slurm(job_id: str, attempt: int, runs: Iterable[SlurmBooking]) -> FollowedJob | None:
    """A job that slurmctld has forgotten, by its last run in the accounting; None where there is none."""
    ended = sorted(runs, key=lambda each: each.ended)
    if not ended:
        return None
    last = ended[-1]
    return FollowedJob(
        id=job_id,
        native=str(last.job_id),
        state=_end_state(last.state),
        attempt=attempt + len(ended) - 1,
        since=last.ended * 1000 or None,
        end=_end(last.state, last.end, ""),
        before=_REQUEUED if len(ended) > 1 else None,
    )


def _state(job: SlurmJob) -> JobState:
    match job.phase:
        case SlurmPhase.WAITING:
            return JobState.HELD if job.held or _HOLDS_BACK & set(job.reasons) else JobState.QUEUED
        case SlurmPhase.RUNNING:
            return JobState.STARTING if "CONFIGURING" in job.states else JobState.RUNNING
        case SlurmPhase.ENDING:
            return JobState.STOPPING
        case SlurmPhase.ENDED:
            return _end_state(job.states[0] if job.states else "")


def _end_state(word: str) -> JobState:
    if word == "COMPLETED":
        return JobState.SUCCEEDED
    return JobState.STOPPED if word == "CANCELLED" else JobState.FAILED


def _end(word: str, end: SlurmExit | None, said: str) -> EndOfRun:
    if word == "COMPLETED":
        return EndOfRun(0)
    words = _DISPLACED.get(word) or _FAILED.get(word) or ("" if word in {"FAILED", "CANCELLED"} else word)
    code = None if end is None or (word != "FAILED" and end == SlurmExit()) else end.as_shell
    return EndOfRun(code, said=_bounded(": ".join(filter(None, (words, said)))), displaced=word in _DISPLACED)


def _reason(job: SlurmJob) -> str:
    words = [each for each in job.reasons if each not in {"NonZeroExitCode", "TimeLimit"}]
    return _bounded(": ".join(filter(None, (", ".join(words), job.said))))


def _bounded(text: str) -> str:
    return shown(" ".join(text.split()))[:MOST_SAID]


def _places(job: SlurmJob) -> Iterator[RunningPlace]:
    """Slurm gives ranks to nodes in their order, the same number to each, as it was asked to."""
    if not job.nodes or job.tasks % len(job.nodes):
        return
    together = job.tasks // len(job.nodes)
    yield from (RunningPlace(rank, job.nodes[rank // together]) for rank in range(job.tasks))
