"""What jobs leave on this machine: records of launches, working copies, checkpoints, packed code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class RemainsKind(StrEnum):
    """What it is."""

    LAUNCH = "launch"
    """Record and log of one process of one attempt."""
    WORK = "work"
    """Working copies and scratch of a job."""
    CHECKPOINT = "checkpoint"
    CODE = "code"
    """Packed code, as it was submitted."""


@dataclass(frozen=True, slots=True)
class JobRemains:
    """One folder, or file of packed code.

    Attributes:
        name: id of the launch or of the job; the reference of packed code.
        modified: milliseconds since the epoch, when anything was last added to it.
    """

    kind: RemainsKind
    name: str
    modified: int


class RemainsOfJobs(Protocol):
    """All of them. What cannot be looked at is left out, and what cannot be removed stays."""

    def listed(self) -> tuple[JobRemains, ...]:
        """Everything that is there, by kind and name."""
        ...

    def size(self, one: JobRemains) -> int:
        """Bytes that it takes on the disk."""
        ...

    def runs(self, launch_id: str) -> bool:
        """Whether anything of a launch still runs."""
        ...

    def end(self, launch_id: str) -> None:
        """End what still runs of a launch, without a grace."""
        ...

    def remove(self, one: JobRemains) -> bool:
        """Remove it; whether it is gone. A launch of which anything runs stays."""
        ...
