"""The job that an earlier try handed in, found again by the identity in its name."""

from __future__ import annotations

from collections.abc import Iterable

from allotment.model.slurm.seen import SlurmBooking, SlurmJob
from allotment.model.slurm.submission import SlurmSubmission
from allotment.ports.slurm import SlurmReceipt


def found_again(
    asked: SlurmSubmission, user: str, jobs: Iterable[SlurmJob], bookings: Iterable[SlurmBooking]
) -> SlurmReceipt | None:
    """Of the jobs that slurmctld knows, else of what the accounting has; None for none.

    Args:
        asked: what is to be handed in.
        user: whose jobs count: anybody may give a job any name.
        jobs: looked at first.
        bookings: of those that slurmctld has forgotten; read only where they are needed.
    """
    for job in jobs:
        if job.identity == asked.identity and user == job.user:
            return SlurmReceipt(job.array_id or job.job_id, again=True)
    for booking in bookings:
        if booking.identity == asked.identity and user == booking.user:
            return SlurmReceipt(booking.array_id or booking.job_id, again=True)
    return None
