"""What the rules about taken accelerators share: whether they are what is short, and whether they are scattered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.others import called
from allotment.diagnose.rules.scheduler.holders import RoomHolder
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.rooms import free_by_node

_MOST: Final = 8
_LOOKED_AT: Final = 64
"""Holders whose names are made: most are another team's, and all of those are called alike."""


@dataclass(frozen=True, slots=True)
class DevicesShort:
    """Accelerators are what is short; `spread_out`: enough are free, on no node as many as one pod needs."""

    spread_out: bool


def devices_short(case: Case) -> DevicesShort | None:
    """Whether accelerators that others hold are what keeps the subject."""
    held, it = kept(case), placing(case)
    if held.by not in {Keeper.RESOURCE, Keeper.SEVERAL} or not it.device or held.resource != it.device:
        return None
    free = free_by_node(it, it.able, it.device).values()
    asked = it.requests[it.device]
    # What others of the gang were given on the twin is no longer free for this one.
    placed = 0 if it.refused is None else it.refused.placed * asked
    return DevicesShort(sum(free) - placed >= asked and max(free, default=0) < asked)


def called_all(case: Case, holders: Iterable[RoomHolder]) -> list[str]:
    """Names of holders, the first few, as far as the asker may know them."""
    names: dict[str, None] = {}
    for each in islice(holders, _LOOKED_AT):
        names[called(case, each.pods[0])] = None
        if len(names) >= _MOST:
            break
    return list(names)
