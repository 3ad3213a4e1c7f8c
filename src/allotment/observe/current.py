"""The objects of one kind as a watch tells of them: what comes is kept as its struct, what goes leaves."""

from __future__ import annotations

from typing import Final

from allotment.model.manifest import Body
from allotment.model.observed.base import Part
from allotment.model.observed.namespaced import Event
from allotment.model.observed.snapshot import Gap
from allotment.observe.gathering import damage
from allotment.observe.kinds import ObservedKind
from allotment.observe.reading import read_object
from allotment.observe.recent_events import MOST, RecentEvents

_MOST_EVENTS: Final = 2 * MOST
"""Events above which the oldest are dropped: as many as a snapshot keeps are left."""


class CurrentKind:
    """What there is of a kind now, in the whole cluster or in one namespace.

    After `list_begins` what is taken counts as the list; `list_ends` drops what was not in it.
    """

    def __init__(self, kind: ObservedKind, version: str) -> None:
        """With nothing in it.

        Args:
            kind: what is watched.
            version: group and version that it is watched in.
        """
        self.kind = kind
        self._version = version
        self._parts: dict[str, Part] = {}
        self._damage: dict[str, tuple[Gap, ...]] = {}
        self._listed: set[str] | None = None

    def list_begins(self) -> None:
        """What comes now is all that there is."""
        self._listed = set()

    def list_ends(self) -> None:
        """All that there is has come."""
        if self._listed is None:
            return
        for key in (self._parts.keys() | self._damage.keys()) - self._listed:
            self._drop(key)
        self._listed = None

    def take(self, raw: Body) -> None:
        """An object that is there, in place of what it was."""
        key = _key(raw)
        read = read_object(self.kind, raw, self._version)
        self._drop(key)
        if read.value is not None:
            self._parts[key] = read.value
        faults = damage(self.kind.kind, raw, read.faults, whole=read.value is None)
        if faults:
            self._damage[key] = faults
        if self._listed is not None:
            self._listed.add(key)
        if self.kind.struct is Event and len(self._parts) > _MOST_EVENTS:
            self._cut_events()

    def forget(self, raw: Body) -> None:
        """An object that is gone."""
        self._drop(_key(raw))

    def clear(self) -> None:
        """Nothing is known any more."""
        self._parts.clear()
        self._damage.clear()
        self._listed = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self._parts) + len(self._damage)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What there is, by namespace and name."""
        return tuple(self._parts[key] for key in sorted(self._parts))

    @property
    def damaged(self) -> tuple[Gap, ...]:
        """What of it could not be read."""
        return tuple(gap for key in sorted(self._damage) for gap in self._damage[key])

    def _drop(self, key: str) -> None:
        self._parts.pop(key, None)
        self._damage.pop(key, None)

    def _cut_events(self) -> None:
        recent = RecentEvents()
        keys = {}
        for key, each in self._parts.items():
            if isinstance(each, Event):
                recent.add(each)
                keys[id(each)] = key
        self._parts = {keys[id(each)]: each for each in recent.kept()[0]}


def _key(raw: Body) -> str:
    meta = raw.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    namespace = meta.get("namespace") if isinstance(meta, dict) else None
    return f"{namespace or ''}/{name or ''}"
