"""What the replicas of a job wrote, attempt after attempt; and what Slurm said of it, as of rank 0.

What fetched its data comes first. The trials of a sweep are told as ranks are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from allotment.operations.run.growing_logs import GrowingLog
from allotment.ports.job_output import JobOutput

LOOK_AGAIN: Final = 0.5
"""Seconds between two looks: nodes write to a file system that is shared."""
_FILE: Final = re.compile(r"(?:attempt-(\d+)|staging)(?:\.(rank|trial)-(\d+))?\.log", re.ASCII)


def output_logs(output: JobOutput, job_id: str, rank: int | None) -> Iterator[GrowingLog]:
    """Files of a job, attempt after attempt; Slurm's own words last.

    Args:
        output: where they lie.
        job_id: of the job.
        rank: only of this one; None for all, and Slurm's own words.
    """
    found = [(match, name) for name in output.names(job_id) if (match := _FILE.fullmatch(name))]
    keyed = sorted((int(match[1] or 0), match[2] != "rank", int(match[3] or 0), name) for match, name in found)
    for _, own_words, its_rank, name in keyed:
        if rank is None or (its_rank == rank and not own_words):
            yield _log(output, job_id, name, its_rank)


def _log(output: JobOutput, job_id: str, name: str, rank: int) -> GrowingLog:
    def read(start: int) -> tuple[bytes, int]:
        data = output.read(job_id, name, start)
        return data, start + len(data)

    return GrowingLog(name, rank, read, size=lambda: output.size(job_id, name))
