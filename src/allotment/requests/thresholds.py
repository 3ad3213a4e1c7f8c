"""Thresholds: which one is news.

What was told is known by keys: the threshold, and what it is a part of. So a threshold that is left and reached again
is told again only if it is of something else: of other terms of a grant, as the numbers that were told hold no more, or
of another month of a quota. Use of a quota rises and falls with every job: were it told each time, nobody would read
it, and once a month is how often quotas are looked through.

Where several are reached at once the highest alone is told: it says all that the lower ones do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.accounting.quota_use import QuotaAlarm

GRANT_STEPS: Final = (80, 100)
"""Percent of a grant's device-hours, and of its time."""
QUOTA_STEPS: Final = tuple(int(each) for each in QuotaAlarm if each is not QuotaAlarm.NONE)
"""Percent of a quota, as `allot quotas` has them."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that is news.

    Attributes:
        step: percent; the highest that is reached.
        settles: keys of all that are reached and were not told.
    """

    step: int
    settles: tuple[str, ...]


def crossing(name: str, whole: str, used: int, of: int, steps: Sequence[int], told: Collection[str]) -> Crossing | None:
    """What is news of something; None where nothing is.

    Args:
        name: what is counted, such as ``hours``.
        whole: says what it is a part of; a threshold of another whole is another one.
        used: not negative.
        of: the whole, in the same unit; of nothing no share can be told.
        steps: percent, rising.
        told: keys that were told.
    """
    if of <= 0:
        return None
    reached = [step for step in steps if 100 * used >= step * of]
    keys = [f"{name}:{step}/{whole}" for step in reached]
    if not reached or keys[-1] in told:
        return None
    return Crossing(reached[-1], tuple(key for key in keys if key not in told))


def percent(used: int, of: int) -> int:
    """Used of the whole, never more than it is: 99 until all of it is used."""
    return 100 * used // of
