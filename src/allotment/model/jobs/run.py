"""What becomes of a job that was submitted: its states, the moves between them, and its attempts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from allotment.errors import AllotmentError
from allotment.model.accelerator import CapacityType


class JobState(StrEnum):
    """Where a submitted job stands, the same on every back end."""

    SUBMITTED = "submitted"
    """Kept, and not yet handed to its back end."""
    HELD = "held"
    """Waits for other jobs, or was held by hand."""
    STAGING = "staging"
    """Its data are being fetched; it holds no accelerator."""
    QUEUED = "queued"
    """Its back end has it, and has not admitted it."""
    STARTING = "starting"
    """Admitted: it holds what it asked for, and does not do its work yet."""
    RUNNING = "running"
    STOPPING = "stopping"
    """Was told to end: by hand, by its run time, or to make room."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    """Ended by hand, or by somebody who may."""
    REFUSED = "refused"
    """Its back end would not take it."""

    @property
    def over(self) -> bool:
        """Whether nothing comes after it; a retry is a new job that names the old one."""
        return self in _OVER

    @property
    def holds(self) -> bool:
        """Whether it holds what it asked for."""
        return self in {JobState.STARTING, JobState.RUNNING, JobState.STOPPING}


_OVER: Final = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.STOPPED, JobState.REFUSED})

MOVES: Final[dict[JobState, frozenset[JobState]]] = {
    JobState.SUBMITTED: frozenset(
        {JobState.HELD, JobState.STAGING, JobState.QUEUED, JobState.REFUSED, JobState.STOPPED, JobState.FAILED}
    ),
    JobState.HELD: frozenset(
        {JobState.SUBMITTED, JobState.STAGING, JobState.QUEUED, JobState.STOPPED, JobState.FAILED}
    ),
    JobState.STAGING: frozenset({JobState.QUEUED, JobState.STOPPED, JobState.FAILED}),
    # A back end may admit, start and end a job between two looks.
    JobState.QUEUED: frozenset(
        {
            JobState.HELD,
            JobState.STARTING,
            JobState.RUNNING,
            JobState.STOPPING,
            JobState.SUCCEEDED,
            JobState.FAILED,
            JobState.STOPPED,
            JobState.REFUSED,
        }
    ),
    JobState.STARTING: frozenset(
        {
            JobState.QUEUED,
            JobState.RUNNING,
            JobState.STOPPING,
            JobState.SUCCEEDED,
            JobState.FAILED,
            JobState.STOPPED,
        }
    ),
    # Back to the queue when it was displaced, or is tried again after a failure.
    JobState.RUNNING: frozenset(
        {JobState.QUEUED, JobState.STOPPING, JobState.SUCCEEDED, JobState.FAILED, JobState.STOPPED}
    ),
    # To itself: it was making room, and is now to end for good.
    JobState.STOPPING: frozenset(
        {JobState.STOPPING, JobState.QUEUED, JobState.SUCCEEDED, JobState.FAILED, JobState.STOPPED}
    ),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.STOPPED: frozenset(),
    JobState.REFUSED: frozenset(),
}
"""Where a job may go from each state."""


class MoveCause(StrEnum):
    """Why a job moved; the words that history and reports use."""

    SUBMITTED = "submitted"
    TAKEN = "taken"
    """Its back end has it."""
    REFUSED = "refused"
    DEPENDENCY = "dependency"
    STAGED = "staged"
    ADMITTED = "admitted"
    STARTED = "started"
    PREEMPTED = "preempted"
    RECLAIMED = "reclaimed"
    """Its devices went away: a node, a reservation, spot capacity."""
    RETRIED = "retried"
    ENDED = "ended"
    EXIT_CODE = "exit-code"
    RUN_TIME = "run-time"
    BY_HAND = "by-hand"
    EARLY_STOP = "early-stop"
    """A trial that fell behind the others of its sweep."""
    LOST = "lost"
    """Its back end knows nothing of it any more, and it was not seen to end."""


@dataclass(frozen=True, slots=True)
class Move:
    """One step of a job's history.

    Attributes:
        at: milliseconds since the epoch.
        attempt: the attempt that it concerns, from 1; 0 before the first.
        said: in a sentence, for people: the scheduler's reason, the exit code. Foreign text, bounded.
    """

    at: int
    state: JobState
    cause: MoveCause
    attempt: int = 0
    said: str = ""


@dataclass(frozen=True, slots=True)
class GivenClass:
    """What devices a replica was given, where it asked for one class of several, or did not say how they are bought.

    Attributes:
        accelerator: class of the catalogue.
        capacity: how it is bought: ``reserved``, ``on-demand``, ``spot``.
    """

    accelerator: str
    capacity: CapacityType = CapacityType.ON_DEMAND


@dataclass(frozen=True, slots=True)
class RunningPlace:
    """Where a replica runs.

    Attributes:
        rank: of the replica, from 0.
        node: node or host.
        devices: UUIDs or indices as the back end tells them; empty where it does not.
        folder: its working directory there, where what it writes can be found; empty where nobody tells.
        given: the class of its devices; None where it has none, or its back end does not tell.
        held: number of its devices; None where that is not told.
        over: how it has ended, by itself; None while it runs, and where that is not told.
        code: its exit code, the same.
    """

    rank: int
    node: str
    devices: tuple[str, ...] = ()
    folder: str = ""
    given: GivenClass | None = None
    held: int | None = None
    over: JobState | None = None
    code: int | None = None


class IllegalMoveError(AllotmentError):
    """A job was to go where it cannot go from where it stands: a defect of ours, told with its history."""

    def __init__(self, history: JobHistory, move: Move) -> None:
        path = " → ".join(each.state.value for each in history.moves) or "nothing"
        super().__init__(
            f"a job cannot become {move.state.value} ({move.cause.value})",
            why=f"so far it was {path}",
            fix="report it with these words; the job is left as it stands",
        )
        self.history = history
        self.move = move


@dataclass(frozen=True, slots=True)
class JobHistory:
    """All moves of a job so far, oldest first; the first of all is to `SUBMITTED`."""

    moves: tuple[Move, ...] = ()

    @property
    def state(self) -> JobState | None:
        """Where it stands; None before its first move."""
        return self.moves[-1].state if self.moves else None

    @property
    def attempt(self) -> int:
        """Number of the attempt that is on, or was the last; 0 before the first."""
        return max((each.attempt for each in self.moves), default=0)

    def may(self, state: JobState) -> bool:
        """Whether it may go there now."""
        present = self.state
        return state is JobState.SUBMITTED if present is None else state in MOVES[present]

    def become(self, move: Move) -> JobHistory:
        """With one move more; its time is never before the last one's, whatever a clock says.

        Raises:
            IllegalMoveError: it cannot go there from where it stands.
        """
        if not self.may(move.state):
            raise IllegalMoveError(self, move)
        at = max(move.at, self.moves[-1].at) if self.moves else move.at
        return JobHistory((*self.moves, replace(move, at=at)))
