"""What was done for a grant, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class StepOutcome(Enum):
    """How a step stands; the text is what is kept."""

    DONE = "done"
    FAILED = "failed"
    """It is tried again."""
    WAITS = "waits"
    """For somebody, such as whoever merges a branch."""


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """One step, as it stands.

    Attributes:
        name: such as ``commit``.
        at: when it was tried last, milliseconds since the epoch.
        outcome: of that.
        said: what came of it, such as the commit, or why it failed; empty for nothing to say.
        tries: how often it was tried.
    """

    name: str
    at: int
    outcome: StepOutcome
    said: str = ""
    tries: int = 1
