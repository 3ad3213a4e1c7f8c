"""What is to be rendered: one attempt of a job, with its code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from allotment.model.jobs.job import Job
from allotment.model.names import tenant_name

ONLY_CHECKED: Final = "j0"
"""In place of an id where a job is only checked."""
LONGEST_NAME: Final = 40
"""Characters of an object's name. Controllers add the name of a group, two numbers and five characters of their own,
and a pod's name that is a host's has 63."""


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """One attempt of a job.

    Attributes:
        id: of the job, unique for good, a DNS label.
        attempt: from 1.
        failures: attempts before that failed of themselves: they count among its retries.
        code: the packed code folder, a gzipped tar; empty where none travels.
    """

    id: str
    job: Job
    attempt: int = 1
    failures: int = 0
    code: bytes = b""

    @property
    def retries(self) -> int:
        """How often it may still be tried again."""
        return max(0, self.job.retries.limit - self.failures)

    @property
    def name(self) -> str:
        """Name of its objects: injective in the job's name, its id and the attempt; it begins with a letter."""
        return work_name(self.job.name, self.id, self.attempt)


def work_name(job_name: str, job_id: str, attempt: int) -> str:
    """The name of an order's objects, for what is known of it alone.

    Args:
        job_name: as its user calls it.
        job_id: of the job.
        attempt: from 1.
    """
    again = () if attempt == 1 else (f"a{attempt}",)
    return tenant_name(job_name, job_id, *again, limit=LONGEST_NAME, letter_first=True)
