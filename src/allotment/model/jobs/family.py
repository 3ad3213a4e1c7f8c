"""Jobs that have members: a sweep with its trials, a schedule with its runs. What is kept of either besides a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST_VALUES: Final = 1_000
"""Reports of one trial whose values are kept, for comparison; of later ones only the last and the best are."""


@dataclass(frozen=True, slots=True)
class FamilyStanding:
    """How far a sweep or a schedule is; kept with it.

    Attributes:
        said: in a sentence, for listings.
        passed: how far its members are decided about: how many trials were made, or the last moment (milliseconds since
            the epoch) of which a run was made or left out.
        best: the best value of the sweep's metric; None where there is none.
        best_number: the trial that reported it.
        left_out: times of a schedule at which no run began.
    """

    said: str = ""
    passed: int = 0
    best: float | None = None
    best_number: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class TrialMetric:
    """What a trial has reported of its sweep's metric; None stands for a report that is no finite number.

    Attributes:
        reports: how many there were.
        values: of the first `MOST_VALUES` of them, in order.
        last: value of the last one.
        best: of all.
        log: name of the log that was read last.
        offset: bytes of it that were read.
    """

    reports: int = 0
    values: tuple[float | None, ...] = ()
    last: float | None = None
    best: float | None = None
    log: str = ""
    offset: int = 0
