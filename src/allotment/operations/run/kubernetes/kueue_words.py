"""What Kueue says of a job's place in its queue, bounded, and with the names that it leaves out."""

from __future__ import annotations

import re
from typing import Final

from allotment.errors import shown
from allotment.model.observed.base import Condition
from allotment.model.observed.queueing import Workload
from allotment.operations.run.kubernetes.seeing import SeenWork

MOST_SAID: Final = 500
"""Characters of a component's words."""
_MADE_ROOM_FOR: Final = re.compile(r"Preempted to accommodate a workload \(UID: (?P<uid>[^,\s)]+)")
"""How Kueue says for whom."""
_MOST_NAME: Final = 150
"""Characters of what it is for: whoever makes a Workload writes that."""
_OFTEN: Final = 2
"""Displacements from which on their number is told."""


def bounded(text: str) -> str:
    """On one line, as much of it as is kept."""
    return shown(" ".join(text.split()))[:MOST_SAID]


def told(found: Condition | None) -> str:
    """Words of a condition; empty where there is none."""
    return "" if found is None else found.message or found.reason


def told_by_kueue(seen: SeenWork, found: Condition | None) -> str:
    """Its words, and the name of whom it made room for: it tells a UID alone."""
    name = _preemptor(seen, told(found))
    return with_more(bounded(told(found)), f"preemptor: {name}" if name else "")


def with_more(said: str, more: str) -> str:
    """Both, the first shortened where they are too long together."""
    return f"{said[: MOST_SAID - len(more) - 2]}; {more}" if said and more else said or more


def _preemptor(seen: SeenWork, said: str) -> str:
    """Whom Kueue made room for, by name; empty where that is not known any more."""
    found = _MADE_ROOM_FOR.search(said)
    return "" if found is None else bounded(seen.others.get(found["uid"], ""))[:_MOST_NAME]


def why_unadmitted(seen: SeenWork, *, staging: bool = False) -> str:
    """Kueue's words on what it has not let in."""
    workloads = seen.books_of_staging if staging else seen.workloads
    found = (each.condition("QuotaReserved") for each in workloads)
    return next((told_by_kueue(seen, each) for each in found if each is not None and not each.true), "")


def how_often(seen: SeenWork) -> str:
    """That it is displaced again and again, and for whom the last time."""
    if seen.evictions < _OFTEN:
        return ""
    evicted = next((found for each in seen.workloads if (found := each.condition("Evicted"))), None)
    last = _preemptor(seen, told(evicted))
    return f"displaced {seen.evictions} times so far{f', last by {last}' if last else ''}"


def not_before(workload: Workload | None) -> str:
    """When what was turned out may come again: Kueue lets it wait longer each time."""
    state = None if workload is None else workload.status.requeue_state
    if state is None or not state.requeue_at:
        return ""
    often = "" if state.count is None else f" (turned out so far: {state.count})"
    return f"it queues again at {state.requeue_at}{often}"
