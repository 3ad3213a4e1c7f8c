"""Events, bounded: of each object the newest, so that one that floods the cluster hides nobody else's."""

from __future__ import annotations

from typing import Final

from allotment.errors import shown
from allotment.model.observed.namespaced import Event
from allotment.model.observed.snapshot import Gap

MOST_OF_ONE: Final = 64
"""Events of one object that are kept; the API server counts repetitions in one, so more are seldom more to say."""
MOST: Final = 20_000
"""Events in all, the newest: some 20 MB."""
_MOST_NAMED: Final = 10


class RecentEvents:
    """Collects events."""

    def __init__(self) -> None:
        """None yet."""
        self._by_object: dict[tuple[str, str, str], list[Event]] = {}
        self._dropped: dict[tuple[str, str, str], int] = {}

    def add(self, event: Event) -> None:
        """One more; its object's oldest may go."""
        about = event.involved_object
        key = (about.kind, about.namespace, about.name)
        found = self._by_object.setdefault(key, [])
        found.append(event)
        if len(found) >= 2 * MOST_OF_ONE:
            self._cut(key)

    def _cut(self, key: tuple[str, str, str]) -> None:
        found = self._by_object[key]
        over = len(found) - MOST_OF_ONE
        if over > 0:
            found.sort(key=_at)
            del found[:over]
            self._dropped[key] = self._dropped.get(key, 0) + over

    def kept(self) -> tuple[tuple[Event, ...], tuple[Gap, ...]]:
        """What is kept, oldest first, and what was left out."""
        for key in self._by_object:
            self._cut(key)
        events = sorted((each for found in self._by_object.values() for each in found), key=_at)
        gaps = [_too_many(key, number) for key, number in sorted(self._dropped.items())]
        if len(gaps) > _MOST_NAMED:
            rest = sum(number for _, number in sorted(self._dropped.items())[_MOST_NAMED:])
            words = f"{rest:,} older ones of {len(gaps) - _MOST_NAMED:,} further objects are left out"
            gaps[_MOST_NAMED:] = [Gap(what="events", reason="cut", detail=words)]
        over = len(events) - MOST
        if over > 0:
            events = events[over:]
            gaps.append(Gap(what="events", reason="cut", detail=f"the {over:,} oldest are left out"))
        return tuple(events), tuple(gaps)


def _at(event: Event) -> str:
    return event.at


def _too_many(key: tuple[str, str, str], number: int) -> Gap:
    kind, namespace, name = key
    about = "/".join(shown(part) for part in (kind, namespace, name) if part)
    return Gap(
        what="events", namespace=namespace, reason="cut", detail=f"{number:,} older ones of {about} are left out"
    )
