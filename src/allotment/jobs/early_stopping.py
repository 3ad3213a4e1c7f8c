"""Which trials of a sweep fall behind, by what they report of themselves."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from statistics import median
from typing import Final

from allotment.model.jobs.job import EarlyStop

LEAST_OTHERS: Final = 2
"""Trials that have come as far: beside one alone nobody is behind."""
_NUMBER: Final = re.compile(r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf|nan)", re.ASCII | re.IGNORECASE)
_LONGEST: Final = 60
"""Characters of a number."""


def reported(line: bytes, metric: str) -> float | None:
    """The number that a line of a trial's output reports as ``NAME=NUMBER``; None where it reports none."""
    name, equals, number = line.decode("utf-8", "replace").strip().partition("=")
    if not equals or name != metric or len(number) > _LONGEST or not _NUMBER.fullmatch(number):
        return None
    return float(number)


def behind(
    reports: Mapping[int, Sequence[float]], rule: EarlyStop, running: Collection[int]
) -> tuple[int, ...]:  # fmt: skip
    """Trials that run and are worse than the median of the others at the same report.

    That is the last one that the trial and two others have made. Whoever was not heard for a while may have come
    farther since: then the best of what it has reported from there on counts.

    Args:
        reports: of each trial, what it has reported so far.
        rule: what is reported, and how often every trial may.
        running: trials that could be ended.
    """
    worth = {trial: [_worth(each, rule) for each in values] for trial, values in reports.items()}
    found = []
    for trial in sorted(running):
        mine = worth.get(trial, ())
        others = [values for other, values in worth.items() if other != trial]
        if len(others) < LEAST_OTHERS:
            continue
        report = min(len(mine), sorted(map(len, others))[-LEAST_OTHERS])
        if report <= rule.after:
            continue
        theirs = [values[report - 1] for values in others if len(values) >= report]
        if max(mine[report - 1 :]) < median(theirs):
            found.append(trial)
    return tuple(found)


def _worth(value: float, rule: EarlyStop) -> float:
    """More is better; what is no number is worst."""
    if math.isnan(value):
        return -math.inf
    return value if rule.maximise else -value
