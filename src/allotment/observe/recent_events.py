"""Events, bounded: of each object and each namespace the newest, so that who floods the cluster hides nobody else's.

Whoever may create events writes their times too: what is kept of one namespace never depends on another's.
"""

from __future__ import annotations

from itertools import count
from typing import Final

from allotment.errors import shown
from allotment.model.observed.namespaced import Event
from allotment.model.observed.snapshot import Gap

MOST_OF_ONE: Final = 64
"""Events of one object that are kept; the API server counts repetitions in one, so more are seldom more to say."""
MOST: Final = 20_000
"""Events in all: some 20 MB. Where there are more, each namespace keeps its newest, up to a share."""
LEFT_OUT: Final = "of the namespace are left out"
"""Ends what a gap says of a namespace whose share was too small."""
_MOST_NAMED: Final = 10


class RecentEvents:
    """Collects events."""

    def __init__(self) -> None:
        """None yet."""
        self._by_object: dict[tuple[str, str, str], dict[str, Event]] = {}
        self._dropped: dict[tuple[str, str, str], int] = {}
        self._number = count()

    def add(self, event: Event) -> None:
        """One more, or a newer form of one that came already; its object's oldest may go."""
        about = event.involved_object
        key = (about.kind, about.namespace, about.name)
        found = self._by_object.setdefault(key, {})
        meta = event.metadata
        # One that cannot be told from others is kept beside them.
        name = f"{meta.namespace}/{meta.name}" if meta.name else meta.uid or f"#{next(self._number)}"
        if name not in found or _at(event) >= _at(found[name]):
            found[name] = event
        if len(found) >= 2 * MOST_OF_ONE:
            self._cut(key)

    def _cut(self, key: tuple[str, str, str]) -> None:
        found = self._by_object[key]
        over = len(found) - MOST_OF_ONE
        if over > 0:
            self._by_object[key] = dict(sorted(found.items(), key=lambda each: _at(each[1]))[over:])
            self._dropped[key] = self._dropped.get(key, 0) + over

    def kept(self) -> tuple[tuple[Event, ...], tuple[Gap, ...]]:
        """What is kept, oldest first, and what was left out."""
        for key in self._by_object:
            self._cut(key)
        events = sorted((each for found in self._by_object.values() for each in found.values()), key=_at)
        gaps = [_too_many(key, number) for key, number in sorted(self._dropped.items())]
        if len(gaps) > _MOST_NAMED:
            rest = sum(number for _, number in sorted(self._dropped.items())[_MOST_NAMED:])
            words = f"{rest:,} older ones of {len(gaps) - _MOST_NAMED:,} further objects are left out"
            gaps[_MOST_NAMED:] = [Gap(what="events", reason="cut", detail=words)]
        if len(events) > MOST:
            events, cut = _shared_out(events)
            gaps += cut
        return tuple(events), tuple(gaps)


def _shared_out(events: list[Event]) -> tuple[list[Event], list[Gap]]:
    """Of each namespace the newest, up to the share that is left when those with fewer keep all; and what goes."""
    of: dict[str, list[Event]] = {}
    for each in events:
        of.setdefault(each.involved_object.namespace, []).append(each)
    left, share = MOST, 0
    for number, found in enumerate(sorted(of.values(), key=len)):
        share = left // (len(of) - number)
        left -= min(len(found), share)
    gaps = [
        Gap(what="events", namespace=name, reason="cut", detail=f"the {len(found) - share:,} oldest {LEFT_OUT}")
        for name, found in sorted(of.items())
        if len(found) > share
    ]
    kept = (each for found in of.values() for each in found[-share:])
    return sorted(kept, key=_at), gaps


def _at(event: Event) -> str:
    return event.at


def _too_many(key: tuple[str, str, str], number: int) -> Gap:
    kind, namespace, name = key
    about = "/".join(shown(part) for part in (kind, namespace, name) if part)
    return Gap(
        what="events", namespace=namespace, reason="cut", detail=f"{number:,} older ones of {about} are left out"
    )
