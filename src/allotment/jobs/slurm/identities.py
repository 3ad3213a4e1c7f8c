"""What of a job is what on Slurm, by the end of its name: injective, and read back by whoever comes later."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_FORM: Final = re.compile(r"(.+)-(?:s1|a([1-9][0-9]{0,8})(?:-f([1-9][0-9]{0,8}))?)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class SlurmPart:
    """A job of Slurm's that is one of ours, or the fetching of its data.

    Attributes:
        job_id: ours.
        failures: times that it had failed of itself before; 0 for the first.
        attempt: at which it was handed in; Slurm's requeues are further ones. 0 for the fetching.
    """

    job_id: str
    failures: int
    attempt: int

    @property
    def fetches(self) -> bool:
        """Whether it fetches the data, and does not do the work."""
        return self.attempt == 0

    @property
    def identity(self) -> str:
        """How it is called: ``x1-a1``; ``x1-a3-f1`` after a failure; ``x1-s1`` where it fetches."""
        if self.fetches:
            return f"{self.job_id}-s1"
        return f"{self.job_id}-a{self.attempt}{f'-f{self.failures}' if self.failures else ''}"


def part_of(identity: str) -> SlurmPart | None:
    """What an identity stands for; None where it is none of ours."""
    found = _FORM.fullmatch(identity)
    return None if found is None else SlurmPart(found[1], int(found[3] or 0), int(found[2] or 0))
