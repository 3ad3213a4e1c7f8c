"""What the processes of a job wrote, attempt after attempt; what fetched its data first, as of rank 0."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Final

from allotment.errors import NotFoundError
from allotment.operations.run.growing_logs import GrowingLog
from allotment.operations.run.local.conclusions import told_of_loss
from allotment.operations.run.local.launching import launch_id
from allotment.ports.job_processes import JobEnded, JobProcesses

LOOK_AGAIN: Final = 0.1
"""Seconds between two looks at a log that grows."""
_GAP: Final = 3
"""Attempts in a row of which nothing is there, after which there are no later ones: what never started is forgotten."""


def process_logs(processes: JobProcesses, job_id: str, rank: int | None) -> Iterator[GrowingLog]:
    """Logs of all launches of a job, attempt after attempt; those of other jobs are not looked at.

    Args:
        processes: what ran it.
        job_id: of the job.
        rank: only of this one; None for all.
    """
    missing = 0
    for attempt in count():
        ranks = list(_ranks(processes, job_id, attempt))
        for one in ranks:
            its_rank = one if attempt else 0
            if rank in {None, its_rank}:
                yield _log(processes, launch_id(job_id, attempt, one), its_rank)
        missing = 0 if ranks or not attempt else missing + 1
        if missing > _GAP:
            return


def _ranks(processes: JobProcesses, job_id: str, attempt: int) -> Iterator[int]:
    for rank in count():
        try:
            processes.look(launch_id(job_id, attempt, rank))
        except NotFoundError:
            return
        yield rank


def _log(processes: JobProcesses, launch: str, rank: int) -> GrowingLog:
    def read(start: int) -> tuple[bytes, int]:
        part = processes.log(launch, start)
        return part.data, part.end

    def closing() -> str:
        try:
            state = processes.look(launch)
        except NotFoundError:
            return ""
        said = told_of_loss(state.log_bytes_lost) if isinstance(state, JobEnded) else ""
        return said and f"[allotment: in all {said}]"

    return GrowingLog(launch, rank, read, closing, size=lambda: processes.log(launch).end)
