"""The job that an earlier try handed in, found again by the identity in its name.

A name is its owner's to set: so account and comment have to fit too, nothing counts that came before the hand-in, and
of several the first counts, for whoever pretends comes later.
"""

from __future__ import annotations

from collections.abc import Iterable

from allotment.model.slurm.seen import SlurmBooking, SlurmJob
from allotment.model.slurm.submission import SlurmSubmission, may_have_come
from allotment.ports.slurm import SlurmReceipt


def found_again(
    asked: SlurmSubmission, user: str, jobs: Iterable[SlurmJob], bookings: Iterable[SlurmBooking], since: int
) -> SlurmReceipt | None:
    """Of the jobs that slurmctld knows, else of what the accounting has; None for none.

    Args:
        asked: what is to be handed in.
        user: whose jobs count: anybody may give a job any name.
        jobs: looked at first.
        bookings: of those that slurmctld has forgotten; read only where they are needed.
        since: seconds since 1970, from when on it may have been handed in.
    """
    for every in ((each for each in jobs if each.comment == asked.comment), bookings):
        fitting = [each for each in every if _fits(each, asked, user, since)]
        if fitting:
            first = min(fitting, key=lambda each: (each.submitted, each.job_id))
            return SlurmReceipt(first.number, again=True)
    return None


def _fits(each: SlurmJob | SlurmBooking, asked: SlurmSubmission, user: str, since: int) -> bool:
    came = may_have_come(each.account, each.submitted, asked=asked.account, since=since)
    return came and each.identity == asked.identity and user == each.user
