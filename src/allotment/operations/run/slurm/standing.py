"""How a job stands, from what Slurm shows of it. Pure: only what is seen now counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from allotment.errors import shown
from allotment.jobs.slurm.identities import SlurmPart
from allotment.model.jobs.run import GivenClass, JobState, MoveCause, RunningPlace
from allotment.model.slurm.seen import SlurmBooking, SlurmExit, SlurmJob, SlurmPhase
from allotment.model.slurm.tres import gpus_of
from allotment.operations.run.slurm.reason_words import in_plain_words
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
_OF_ITSELF: Final = frozenset({"FAILED", "OUT_OF_MEMORY"})
_NEVER_BEGAN: Final = frozenset({"BOOT_FAIL", "LAUNCH_FAILED"})
_REQUEUED: Final = EndOfRun(None, said="Slurm took it back to the queue", displaced=True)
_TRIED_AGAIN: Final = EndOfRun(None, said="it failed, and is tried again")
_HOLDS_BACK: Final = frozenset({"Dependency", "DependencyNeverSatisfied"})
_NEVER: Final = "DependencyNeverSatisfied"
NOT_FETCHED: Final = "its data could not be fetched"


@dataclass(frozen=True, slots=True)
class SlurmTerms:
    """What of a job others may change once it is handed in (`scontrol update`), as Slurm has it.

    Attributes:
        account: empty where that is not told.
        minutes: time limit; None where there is none, or that is not told.
    """

    account: str = ""
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class SlurmStanding:
    """How a job stands, and what could come of it.

    Attributes:
        part: what of it that is.
        word: Slurm's for how it ended; empty where it has not, or a sweep has.
        trials: of a sweep that failed, those that may be tried again; none where that would not do.
        terms: on which Slurm runs it.
    """

    followed: FollowedJob
    part: SlurmPart
    word: str = ""
    trials: tuple[int, ...] = ()
    terms: SlurmTerms = SlurmTerms()

    def with_class(self, name: str) -> SlurmStanding:
        """The same with the class of its devices at each of its places; as it is where the name is empty.

        How they are bought Slurm cannot tell: they count as on demand.
        """
        if not name:
            return self
        return replace(self, followed=self.followed.with_class(GivenClass(name)))

    def may_be_tried_again(self, *, safe: bool) -> bool:
        """Whether it failed in a way that another try could mend.

        Args:
            safe: whether it does no harm to run it twice.
        """
        if self.followed.state is not JobState.FAILED:
            return False
        return self.word in _NEVER_BEGAN or (safe and (bool(self.trials) or failed_of_itself(self.word)))


def failed_of_itself(word: str) -> bool:
    """Whether a job that ended so is to blame, and neither its time nor others are."""
    return word in _OF_ITSELF


def standing_of(
    part: SlurmPart, job: SlurmJob, fetching: SlurmJob | None = None, *, data: bool = False
) -> SlurmStanding:
    """A job that slurmctld knows.

    Args:
        part: as what it was handed in; each requeue is one attempt more.
        job: as Slurm shows it.
        fetching: what fetches its data.
        data: whether anything does, or did.
    """
    data = data or fetching is not None
    state = state_of(job, fetching, data=data)
    over = job.phase is SlurmPhase.ENDED
    word = job.end_word
    since = {JobState.QUEUED: job.eligible or job.submitted, JobState.HELD: job.submitted}.get(
        state, job.ends if over else job.started
    )
    end = end_of(word, job.end, reason_of(job)) if over else None
    made_room = job.displaced or "PREEMPTED" in job.states
    if state is JobState.FAILED and end is None:
        end = EndOfRun(None, said=NOT_FETCHED)
    followed = FollowedJob(
        id=part.job_id,
        native=str(job.number),
        state=state,
        attempt=part.attempt + job.restarts,
        reason=waits_for(job, fetching, state),
        since=since * 1000 if since and state is not JobState.STAGING else None,
        # Where it ran, too: one that ends between two looks would have run nowhere.
        places=() if job.phase is SlurmPhase.WAITING else tuple(_places(job)),
        end=end,
        before=before_it(part, job.restarts),
        # Its nodes are cleaned; Slurm shows a word for that alone, and nobody need have told it to end.
        why=MoveCause.ENDED if state is JobState.STOPPING and not made_room else None,
    )
    return SlurmStanding(followed, part, word, terms=SlurmTerms(job.account, job.minutes))


def waits_in_vain(job: SlurmJob, fetching: SlurmJob | None, state: JobState) -> bool:
    """Whether it never runs, because its data could not be fetched; some clusters remove such a job by themselves."""
    if job.phase is SlurmPhase.WAITING:
        return state is JobState.FAILED
    over = fetching is not None and fetching.phase is SlurmPhase.ENDED
    failed = over and fetching is not None and not {"COMPLETED", "CANCELLED"} & set(fetching.states)
    return failed and "CANCELLED" in job.states and not job.nodes


def before_it(part: SlurmPart, restarts: int) -> EndOfRun | None:
    """How the attempt before ended, as far as its name and Slurm's count tell."""
    if restarts:
        return _REQUEUED
    return _TRIED_AGAIN if part.failures else None


def booked_standing(part: SlurmPart, runs: Iterable[SlurmBooking]) -> SlurmStanding | None:
    """A job that slurmctld has forgotten, by its last run in the accounting; None where there is none."""
    ended = sorted(runs, key=lambda each: each.ended)
    if not ended:
        return None
    last = ended[-1]
    followed = FollowedJob(
        id=part.job_id,
        native=str(last.job_id),
        state=end_state(last.state),
        attempt=part.attempt + len(ended) - 1,
        since=last.ended * 1000 or None,
        end=end_of(last.state, last.end, ""),
        before=before_it(part, len(ended) - 1),
    )
    return SlurmStanding(followed, part, last.state)


def state_of(job: SlurmJob, fetching: SlurmJob | None, *, data: bool) -> JobState:
    """Where a job stands; what waits for its data does not wait for its queue yet."""
    match job.phase:
        case SlurmPhase.WAITING:
            if data and _NEVER in job.reasons:
                return JobState.FAILED
            if data and _HOLDS_BACK & set(job.reasons):
                alive = fetching is not None and fetching.phase is not SlurmPhase.ENDED
                return JobState.STAGING if alive else JobState.QUEUED
            return JobState.HELD if job.held or _HOLDS_BACK & set(job.reasons) else JobState.QUEUED
        case SlurmPhase.RUNNING:
            return JobState.STARTING if "CONFIGURING" in job.states else JobState.RUNNING
        case SlurmPhase.ENDING:
            return JobState.STOPPING
        case SlurmPhase.ENDED:
            return end_state(job.end_word)


def waits_for(job: SlurmJob, fetching: SlurmJob | None, state: JobState) -> str:
    """Why a job that waits does; of one whose data are fetched, why that waits."""
    if state is JobState.STAGING:
        return _kept_by(fetching) if fetching is not None and fetching.phase is SlurmPhase.WAITING else ""
    return _kept_by(job) if job.phase is SlurmPhase.WAITING and state is not JobState.FAILED else ""


def end_state(word: str) -> JobState:
    """How a job stands that is over, by Slurm's word for that."""
    if word == "COMPLETED":
        return JobState.SUCCEEDED
    return JobState.STOPPED if word == "CANCELLED" else JobState.FAILED


def end_of(word: str, end: SlurmExit | None, said: str) -> EndOfRun:
    """How it ended: by Slurm's word, its exit code as far as that says anything, and what else was said."""
    if word == "COMPLETED":
        return EndOfRun(0)
    words = _DISPLACED.get(word) or _FAILED.get(word) or ("" if word in {"FAILED", "CANCELLED"} else word)
    code = None if end is None or (word != "FAILED" and end == SlurmExit()) else end.as_shell
    told = bounded(": ".join(filter(None, (words, said))))
    return EndOfRun(code, said=told, displaced=word in _DISPLACED, out_of_memory=word == "OUT_OF_MEMORY")


def cancelled(end: EndOfRun, by: str) -> EndOfRun:
    """The end of a job that nobody stopped but in Slurm itself; what else Slurm says of it was true before.

    Args:
        end: as Slurm tells it.
        by: user who did; empty where the accounting does not tell.
    """
    if _NEVER in end.said:
        return end
    return replace(end, said=f"stopped by hand in Slurm (scancel){f' by {shown(by)}' if by else ''}")


def tried_again(end: EndOfRun, number: str) -> EndOfRun:
    """The end of a try of a job that Slurm has under another number from then on.

    Args:
        end: of the try.
        number: of it, by which its records are found there.
    """
    return replace(end, said="; ".join(filter(None, (end.said, f"it was Slurm's job {number}"))))


def reason_of(job: SlurmJob) -> str:
    """Slurm's words on it."""
    words = [each for each in job.reasons if each not in {"NonZeroExitCode", "TimeLimit"}]
    return bounded(": ".join(filter(None, (", ".join(words), job.said))))


def _kept_by(job: SlurmJob) -> str:
    """Why it waits, in plain words with Slurm's own."""
    return bounded(": ".join(filter(None, (in_plain_words(job.reasons), job.said))))


def bounded(text: str) -> str:
    """Foreign words on one line, cut."""
    return shown(" ".join(text.split()))[:MOST_SAID]


def _places(job: SlurmJob) -> Iterator[RunningPlace]:
    """Slurm gives ranks to nodes in their order, the same number to each, as it was asked to."""
    if not job.nodes or job.tasks % len(job.nodes):
        return
    together = job.tasks // len(job.nodes)
    # Somebody may have given it another number than it asked for.
    devices = gpus_of(job.allocated)
    held = devices // job.tasks if devices and devices % job.tasks == 0 else None
    yield from (RunningPlace(rank, job.nodes[rank // together], held=held) for rank in range(job.tasks))
