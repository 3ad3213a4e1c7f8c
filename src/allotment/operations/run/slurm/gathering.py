"""What Slurm shows of each of our jobs: all that was handed in for it, by the ends of names."""

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
            yield from dict.fromkeys(each.array_id or each.job_id for each in left)


def gathered(jobs: Iterable[SlurmJob], user: str = "") -> dict[str, SeenOnSlurm]:
    """Of each job of ours what slurmctld has, by id.

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


def booked_parts(bookings: Iterable[SlurmBooking], user: str = "") -> dict[SlurmPart, list[SlurmBooking]]:
    """Runs that are over, by what they were."""
    found: dict[SlurmPart, list[SlurmBooking]] = {}
    for each in bookings:
        part = part_of(each.identity)
        if part is not None and each.over and user in {"", each.user}:
            found.setdefault(part, []).append(each)
    return found
