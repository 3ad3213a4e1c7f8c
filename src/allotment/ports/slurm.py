"""A Slurm: jobs are handed in, looked at and ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from allotment.errors import AllotmentError
from allotment.model.slurm.seen import (
    SlurmAssociation,
    SlurmBooking,
    SlurmJob,
    SlurmLicense,
    SlurmNode,
    SlurmPartition,
    SlurmQos,
    SlurmReservation,
)
from allotment.model.slurm.submission import SlurmSubmission
from allotment.model.slurm.used import SlurmUse


class SlurmRefusedError(AllotmentError):
    """Slurm does not take it as it is: an account that is not there, a field that it does not know."""


@dataclass(frozen=True, slots=True)
class SlurmReceipt:
    """A job that was handed in.

    Attributes:
        job_id: Slurm's number of it; of an array, the number of the whole.
        again: whether it was there already, from an earlier try with the same identity.
        said: what Slurm remarked, such as that it will not start as it is.
    """

    job_id: int
    again: bool = False
    said: str = ""


class SlurmPort(Protocol):
    """One Slurm, as one user of it.

    Every method raises `UnreachableError` where nothing answers in time, `NotSignedInError` where the token is not
    accepted, `ForbiddenError` where the user may not, and `SlurmRefusedError` for what Slurm refuses otherwise.
    """

    def place(self) -> str:
        """Where it is, without secrets."""
        ...

    @property
    def user(self) -> str:
        """Who we are there: a job of another user is never ours, whatever its name. Empty where nobody knows."""
        ...

    def version(self) -> str:
        """What is spoken: ``22.05.8 (REST v0.0.38)``."""
        ...

    def submit(self, asked: SlurmSubmission, since: int | None = 0) -> SlurmReceipt:
        """Hand a job in; one with the same identity, account and comment, of ours, is not handed in again.

        Args:
            asked: the job.
            since: seconds since 1970, from when on it may have been handed in before; None where it never was: then
                nothing is looked for, unless the answer is lost.

        Raises:
            CapacityError: no node could ever run it.
        """
        ...

    def jobs(self) -> tuple[SlurmJob, ...]:
        """All that slurmctld knows, of all users, those that ended lately included."""
        ...

    def cancel(self, job_id: int, signal: str = "", *, task: int | None = None) -> None:
        """End a job, or send a signal to its steps; nothing where it is over.

        Args:
            job_id: of the job; of an array, the number of the whole.
            signal: without SIG; empty to end it.
            task: of the array, only this one.

        Raises:
            NotFoundError: there is no such job.
        """
        ...

    def hold(self, job_id: int) -> None:
        """Let a waiting job not start.

        Raises:
            NotFoundError: there is no such job.
        """
        ...

    def release(self, job_id: int) -> None:
        """Let a held job start.

        Raises:
            NotFoundError: there is no such job.
        """
        ...

    def nodes(self) -> tuple[SlurmNode, ...]:
        """All nodes."""
        ...

    def partitions(self) -> tuple[SlurmPartition, ...]:
        """All partitions."""
        ...

    def associations(self) -> tuple[SlurmAssociation, ...]:
        """Limits of accounts and users; empty where no accounting is kept."""
        ...

    def qualities(self) -> tuple[SlurmQos, ...]:
        """All qualities of service; empty where no accounting is kept."""
        ...

    def reservations(self) -> tuple[SlurmReservation, ...]:
        """All reservations of nodes."""
        ...

    def licenses(self) -> tuple[SlurmLicense, ...]:
        """All that is counted for the whole cluster."""
        ...

    def used(self, job_id: int) -> SlurmUse:
        """What all runs of a job, or of a task of an array, used together, as far as it was gathered.

        Raises:
            NotFoundError: no accounting is kept.
        """
        ...

    def bookings(self, since: int) -> tuple[SlurmBooking, ...]:
        """Runs of jobs that the accounting has, of those that were there since a time (seconds since 1970).

        Raises:
            NotFoundError: no accounting is kept.
        """
        ...
