"""Raw objects, from wherever they come, → the objects of a source and what was missing of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from allotment.errors import shown
from allotment.model.manifest import Body
from allotment.model.observed.base import Part
from allotment.model.observed.namespaced import Event
from allotment.model.observed.snapshot import Gap, Objects
from allotment.model.salvage import UnreadableObject
from allotment.observe.kinds import ObservedKind, unknown_owner
from allotment.observe.once_each import OnceEach
from allotment.observe.reading import Fault, kind_of_raw, read_object, read_shaped
from allotment.observe.recent_events import RecentEvents
from allotment.observe.unknown_owners import MOST_LEVELS, unknown_owners

_MOST_GAPS: Final = 100
"""Damaged objects that are named one by one; how many more there are is said in one line."""


class Gathered:
    """Collects objects until all are there. The only thing here that changes; what comes out of it does not."""

    def __init__(self) -> None:
        """With nothing in it."""
        self._found: dict[str, OnceEach] = {}
        self._gaps: list[Gap] = []
        self._unnamed = 0
        self._events = RecentEvents()

    def take(self, kind: ObservedKind, raw: Body, version: str = "") -> None:
        """A raw object of a known kind."""
        if kind.only and f"{_meta(raw, 'namespace')}/{_meta(raw, 'name')}" not in kind.only:
            return
        read = read_object(kind, raw, version)
        self._keep(kind.field, kind.kind, raw, read.value, read.faults)

    def take_shaped(self, field: str, struct: type[Part], raw: Body) -> None:
        """An object that already has the shape of its struct, from a snapshot file."""
        if isinstance(raw, UnreadableObject):
            self._keep(field, struct.__name__, raw, None, (Fault("", raw.why),))
            return
        value, faults = read_shaped(struct, raw)
        self._keep(field, struct.__name__, raw, value, faults)

    def hold(self, field: str, parts: Iterable[Part]) -> None:
        """Objects that have been read already."""
        for each in parts:
            if isinstance(each, Event):
                self._events.add(each)
            else:
                self._add(field, each)

    def take_any(self, raws: Iterable[Body]) -> int:
        """Raw objects of any kinds; how many are of a kind that is read."""
        taken = 0
        for raw in raws:
            kind = kind_of_raw(raw)
            if kind is not None:
                self.take(kind, raw)
                taken += 1
        return taken

    def take_owners(self, raws: Iterable[Body]) -> int:
        """Of objects of other kinds those that stand above what was taken; how many."""
        by_uid = {_meta(raw, "uid"): raw for raw in raws}
        taken = 0
        for _ in range(MOST_LEVELS):
            wanted = [each for each in sorted(unknown_owners(self.objects())) if each.uid in by_uid]
            for owner in wanted:
                self.take(unknown_owner(owner.api_version, owner.kind), by_uid.pop(owner.uid), owner.api_version)
            taken += len(wanted)
            if not wanted or not by_uid:
                break
        return taken

    def gap(self, gap: Gap) -> None:
        """Note what could not be seen."""
        if gap.reason == "damaged" and len(self._gaps) >= _MOST_GAPS:
            self._unnamed += 1
        else:
            self._gaps.append(gap)

    def _keep(self, field: str, kind: str, raw: Body, value: Part | None, faults: tuple[Fault, ...]) -> None:
        if isinstance(value, Event):
            self._events.add(value)
        elif value is not None:
            self._add(field, value, _meta(raw, "resourceVersion"))
        for each in damage(kind, raw, faults, whole=value is None):
            self.gap(each)

    def _add(self, field: str, value: Part, version: str = "") -> None:
        found = self._found.get(field)
        if found is None:
            found = self._found[field] = OnceEach(field)
        twice = found.add(value, version)
        if twice is not None:
            self.gap(twice)

    def objects(self) -> Objects:
        """All that was taken."""
        fields: dict[str, Any] = {field: found.parts for field, found in self._found.items()}
        return msgspec.structs.replace(Objects(), **fields, events=self._events.kept()[0])

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What could not be seen."""
        told = (*self._gaps, *self._events.kept()[1])
        if not self._unnamed:
            return told
        more = Gap(what="further objects", reason="damaged", detail=f"{self._unnamed:,} more are damaged")
        return (*told, more)


def damage(kind: str, raw: Body, faults: Iterable[Fault], *, whole: bool) -> tuple[Gap, ...]:
    """What could not be read of an object; `whole` where nothing of it could be used."""
    namespace = _meta(raw, "namespace")
    name = "/".join(shown(part) for part in (kind, namespace, _meta(raw, "name")) if part)
    return tuple(
        Gap(
            what=f"{name}{', all of it' if whole else ''}{f' at {fault.where}' if fault.where else ''}",
            namespace=namespace,
            reason="damaged",
            detail=fault.why,
        )
        for fault in faults
    )


def _meta(raw: Body, field: str) -> str:
    meta = raw.get("metadata")
    value = meta.get(field) if isinstance(meta, dict) else None
    return value if isinstance(value, str) else ""
