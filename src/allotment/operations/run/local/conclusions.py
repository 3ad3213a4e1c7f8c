"""How an attempt ended, from how its processes did and why they were told to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from allotment.errors import quoted
from allotment.model.grammar import count
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import JobState
from allotment.ports.backends import EndOfRun
from allotment.ports.job_processes import JobAlive, JobEnded, JobGone, LaunchState

FOLDER_GONE: Final = "the folder by which it was watched is gone: nobody can tell what became of it, or stop it"
"""Of what a job may do to itself; it is never tried again, or it would run as often as it likes."""


_NOT_FOUND: Final = 127
"""Exit code of what was not found, as shells have it."""


class Leaving(Enum):
    """Why the processes of a job were told to end."""

    BY_HAND = auto()
    DISPLACED = auto()
    """To make room for another, or because the gang was not whole after a crash."""
    RUN_TIME = auto()
    RANK_FAILED = auto()
    NOT_STARTED = auto()
    """A process of it could not be started."""
    NO_ROOM = auto()
    """The same, for want of what this machine will have again: disk, memory, processes."""


@dataclass(frozen=True, slots=True)
class RankEnds:
    """How the processes of an attempt stand.

    Attributes:
        alive: number of those that run.
        missing: ranks of which nothing was ever started.
        gone: by rank, why nobody saw it end.
        ended: those that are over, by rank.
    """

    alive: int
    missing: tuple[int, ...]
    gone: tuple[tuple[int, str], ...]
    ended: tuple[tuple[int, JobEnded], ...]

    @classmethod
    def of(cls, states: Sequence[LaunchState]) -> RankEnds:
        """Of what was seen of each rank, in order."""
        ranks = list(enumerate(states))
        gone = tuple((rank, each.why) for rank, each in ranks if isinstance(each, JobGone))
        ended = tuple((rank, each) for rank, each in ranks if isinstance(each, JobEnded))
        alive = sum(isinstance(each, JobAlive) for each in states)
        known = {rank for rank, _ in (*gone, *ended)}
        missing = tuple(rank for rank, each in ranks if rank not in known and not isinstance(each, JobAlive))
        return cls(alive, missing, gone, ended)

    @property
    def failed(self) -> tuple[int, JobEnded] | None:
        """The rank that failed first of itself; None where none did."""
        failed = [(rank, each) for rank, each in self.ended if each.exit_code != 0 and not each.stopped]
        return min(failed, key=lambda found: found[1].ended_at, default=None)

    @property
    def succeeded(self) -> bool:
        """Whether every rank did its work to the end, told by nobody."""
        whole = not (self.alive or self.missing or self.gone)
        return whole and all(each.exit_code == 0 and not each.stopped for _, each in self.ended)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What becomes of a job after an attempt; queued: it is tried again."""

    state: JobState
    end: EndOfRun

    def end_with(self, said: str, ends: RankEnds) -> EndOfRun:
        """The end, with words from elsewhere where it has none of its own, and what was used."""
        used = [each for _, each in ends.ended]
        lost = sum(each.log_bytes_lost for each in used)
        words = (self.end.said or said, told_of_loss(lost))
        return replace(
            self.end,
            said="; ".join(each for each in words if each),
            output_lost=lost,
            memory=max((each.peak_memory_bytes for each in used), default=None),
            out_of_memory=any(each.out_of_memory for each in used),
            cpu_ms=round(sum(each.cpu_seconds for each in used) * 1000) if used else None,
        )


def concluded(job: Job, ends: RankEnds, leaving: Leaving | None, failures: int) -> Conclusion:
    """What becomes of a job none of whose processes runs any more.

    Args:
        job: as its file asks for it.
        ends: of its processes.
        leaving: why they were told to end; None where they were not, or nobody remembers.
        failures: earlier attempts that failed of themselves.
    """
    if ends.succeeded:
        return Conclusion(JobState.SUCCEEDED, EndOfRun(0))
    if leaving is Leaving.BY_HAND:
        return Conclusion(JobState.STOPPED, replace(_first_code(ends), said="it was stopped by hand"))
    if leaving is Leaving.RUN_TIME:
        said = f"it ran longer than the {job.run_time} s of its maxRunTime"
        return Conclusion(JobState.FAILED, replace(_first_code(ends), said=said))
    if ends.failed is not None:
        rank, end = ends.failed
        return _after_failure(job, EndOfRun(code_of(end), rank, _words(job, end)), failures, began=not end.not_started)
    if leaving is Leaving.NOT_STARTED:
        return _after_failure(job, EndOfRun(None), failures, began=bool(ends.ended or ends.gone))
    if leaving in {Leaving.DISPLACED, Leaving.NO_ROOM} or not ends.gone:
        return Conclusion(JobState.QUEUED, EndOfRun(None, displaced=True))
    rank, why = ends.gone[0]
    if why == FOLDER_GONE:
        return Conclusion(JobState.FAILED, EndOfRun(None, rank, why))
    again = job.retries.safe or job.checkpoint is not None
    state = JobState.QUEUED if again else JobState.FAILED
    return Conclusion(state, EndOfRun(None, rank, why, displaced=again))


def code_of(end: JobEnded) -> int | None:
    """Exit code as shells tell it: 128 and the number of a signal."""
    return end.exit_code if end.signal is None else 128 + end.signal


def told_of_loss(lost: int) -> str:
    """That so many bytes of output are missing; empty where none are."""
    return f"{count(lost, 'byte')} of its output could not be written: most likely the disk was full" if lost else ""


def _after_failure(job: Job, end: EndOfRun, failures: int, *, began: bool) -> Conclusion:
    again = failures < job.retries.limit and (job.retries.safe or not began)
    return Conclusion(JobState.QUEUED if again else JobState.FAILED, end)


def _first_code(ends: RankEnds) -> EndOfRun:
    coded = [(rank, code_of(each)) for rank, each in ends.ended if code_of(each) != 0]
    return EndOfRun(coded[0][1], coded[0][0]) if coded else EndOfRun(0 if ends.ended else None)


def _words(job: Job, end: JobEnded) -> str:
    if end.not_started:
        return end.not_started if end.exit_code != _NOT_FOUND else f"{end.not_started}; {_looked_for(job)}"
    if end.out_of_memory:
        return "it used more memory than it asked for"
    return "" if end.signal is None else f"signal {end.signal} ended it"


def _looked_for(job: Job) -> str:
    """Which program it was, and where it has to be."""
    name = job.program.argv[0]
    if "/" in name:
        return f"it is {quoted(name)}, seen from its working directory; or what its first line names is not there"
    return f"it is {quoted(name)}, and in no folder of the PATH that the job has"
