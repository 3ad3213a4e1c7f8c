"""What Slurm shows, by number, and by the ends of names of jobs that nobody follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from allotment.jobs.slurm.identities import SlurmPart, part_of
from allotment.model.slurm.seen import SlurmBooking, SlurmJob, SlurmPhase


@dataclass(frozen=True, slots=True)
class SeenOnSlurm:
    """What slurmctld shows of one of our jobs.

    Attributes:
        parts: by what they are; of an array its tasks, those that wait together as one.
    """

    parts: Mapping[SlurmPart, tuple[SlurmJob, ...]]

    @property
    def last(self) -> SlurmPart | None:
        """What does its work now, or did last; None where only its data are fetched so far."""
        return max((each for each in self.parts if not each.fetches), default=None)

    @property
    def fetching(self) -> SlurmJob | None:
        """What fetches its data; None where nothing is known of it."""
        return next((jobs[-1] for part, jobs in self.parts.items() if part.fetches), None)

    def unfinished(self) -> Iterator[int]:
        """Numbers of what is not over, the work first: what waits for the fetching must not see it end."""
        for _, jobs in sorted(self.parts.items(), key=lambda each: each[0].fetches):
            left = [each for each in jobs if each.phase is not SlurmPhase.ENDED]
            yield from dict.fromkeys(each.number for each in left)


def gathered(jobs: Iterable[SlurmJob], user: str = "") -> dict[str, SeenOnSlurm]:
    """Of each job that calls itself ours what slurmctld has, by id.

    Args:
        jobs: of all users.
        user: whose count; empty for anybody's.
    """
    found: dict[str, dict[SlurmPart, list[SlurmJob]]] = {}
    for job in sorted(jobs, key=lambda each: each.job_id):
        part = part_of(job.identity)
        if part is not None and user in {"", job.user}:
            found.setdefault(part.job_id, {}).setdefault(part, []).append(job)
    return {job_id: SeenOnSlurm({part: tuple(each) for part, each in parts.items()}) for job_id, parts in found.items()}


def numbered(jobs: Iterable[SlurmJob], user: str = "") -> dict[int, tuple[SlurmJob, ...]]:
    """What slurmctld has of a user, by number; of an array its tasks, by the array's."""
    found: dict[int, list[SlurmJob]] = {}
    for job in sorted(jobs, key=lambda each: each.job_id):
        if user in {"", job.user}:
            found.setdefault(job.number, []).append(job)
    return {number: tuple(each) for number, each in found.items()}


def numbered_bookings(bookings: Iterable[SlurmBooking], user: str = "") -> dict[int, list[SlurmBooking]]:
    """Runs of a user that are over, by number, or their array's."""
    found: dict[int, list[SlurmBooking]] = {}
    for each in bookings:
        if each.over and user in {"", each.user}:
            found.setdefault(each.number, []).append(each)
    return found
