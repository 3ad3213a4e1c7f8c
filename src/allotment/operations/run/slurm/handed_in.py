"""A job that was handed to a Slurm: what is its own there, and what was seen of it last."""

from __future__ import annotations

from collections.abc import Mapping

from allotment.jobs.slurm.identities import SlurmPart
from allotment.model.jobs.run import JobState
from allotment.model.slurm.seen import SlurmJob
from allotment.model.slurm.used import SlurmUse
from allotment.operations.run.slurm.claiming import SlurmClaims
from allotment.operations.run.slurm.sweeps import TrialRun
from allotment.operations.run.slurm.trial_reports import TrialReports
from allotment.ports.backends import FollowedJob, JobToStart


class HandedInJob:
    """A job that was handed over and whose end is not on record yet."""

    def __init__(self, order: JobToStart, claims: SlurmClaims) -> None:
        """As it was handed over.

        Args:
            order: what was.
            claims: which numbers are its own; since when it may be booked.
        """
        self.order = order
        self.claims = claims
        self.since = claims.since
        self.last: FollowedJob | None = None
        self.missing: float | None = None
        self.attempt = order.attempt
        self.stopping = False
        self.arrays: dict[SlurmPart, tuple[int, ...]] = {}
        self.ended: dict[SlurmPart, dict[int, TrialRun]] = {}
        self.looked_up: dict[SlurmPart, list[int]] = {}
        self.reports: dict[SlurmPart, TrialReports] = {}
        self.used: dict[tuple[str, int], SlurmUse] = {}

    @property
    def expected(self) -> bool:
        """Whether Slurm should know something of it."""
        return self.order.taken or bool(self.claims.numbers)

    def parts(self, shown: Mapping[int, tuple[SlurmJob, ...]]) -> dict[SlurmPart, tuple[SlurmJob, ...]]:
        """What of it is among these."""
        return {part: shown[number] for part, number in self.claims.numbers.items() if number in shown}

    def as_it_was(self) -> FollowedJob:
        """How it stood when it was seen last; what nobody has seen yet is as it is on record, or before that."""
        order, part = self.order, self.claims.last
        native = order.native if part is None else str(self.claims.numbers[part])
        return self.last or FollowedJob(order.id, native, JobState.STAGING, order.attempt)
