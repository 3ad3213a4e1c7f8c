"""Each object once: a list that was begun again, two files in a row or two threads may bring one twice."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec

from allotment.errors import shown
from allotment.model.observed.base import Part
from allotment.model.observed.snapshot import Gap, Objects
from allotment.observe.kinds import KINDS

_SHARED: Final = frozenset(field for field, number in Counter(each.field for each in KINDS).items() if number > 1)
"""Fields that hold objects of several kinds."""
_KIND_OF: Final = {each.field: each.kind for each in KINDS}
_EVENTS: Final = "events"
_LONGEST_VERSION: Final = 20

Identity = tuple[str, ...]


def identity(field: str, part: Any) -> Identity | None:
    """What no two objects of a field have in common at one moment; None for one without name and uid."""
    meta = part.metadata
    if meta.name:
        if field in _SHARED:
            return part.api_version.rpartition("/")[0], part.kind, meta.namespace, meta.name
        return meta.namespace, meta.name
    return (meta.uid,) if meta.uid else None


class OnceEach:
    """Collects the objects of one field. Of one that comes again, the newer is kept: by version, else the later."""

    def __init__(self, field: str) -> None:
        """Of a field of `Objects`, with nothing in it."""
        self._field = field
        self._found: dict[Identity | int, tuple[Part, int]] = {}

    def add(self, part: Part, version: object = None) -> Gap | None:
        """One more; a gap where it has come already, and was another.

        Args:
            part: the object.
            version: its resourceVersion, as it came.
        """
        key = identity(self._field, part)
        number = _number(version)
        # One that cannot be told from others is kept beside them.
        place = len(self._found) if key is None else key
        known = self._found.get(place)
        if known is None:
            self._found[place] = part, number
            return None
        was, before = known
        if number >= before or not number:
            self._found[place] = part, number
        return None if was == part else _twice(self._field, part)

    @property
    def parts(self) -> tuple[Part, ...]:
        """All of them, in the order in which each came first."""
        return tuple(part for part, _ in self._found.values())


def each_once(objects: Objects) -> tuple[Objects, tuple[Gap, ...]]:
    """Objects that have been read already, each once; and which were not the same. Events are not looked at."""
    fields: dict[str, Any] = {}
    gaps: list[Gap] = []
    for info in msgspec.structs.fields(Objects):
        parts = getattr(objects, info.name)
        if info.name == _EVENTS or len({identity(info.name, each) or id(each) for each in parts}) == len(parts):
            continue
        once = OnceEach(info.name)
        gaps.extend(gap for gap in [once.add(each) for each in parts] if gap is not None)
        fields[info.name] = once.parts
    return _replaced(objects, fields), tuple(gaps)


def _replaced(objects: Objects, fields: dict[str, Any]) -> Objects:
    replaced: Objects = msgspec.structs.replace(objects, **fields) if fields else objects
    return replaced


def _number(version: object) -> int:
    text = version if isinstance(version, str) and len(version) <= _LONGEST_VERSION else ""
    return int(text) if text.isascii() and text.isdecimal() else 0


def _twice(field: str, part: Any) -> Gap:
    meta = part.metadata
    kind = part.kind if field in _SHARED and part.kind else _KIND_OF[field]
    name = "/".join(shown(each) for each in (kind, meta.namespace, meta.name or meta.uid) if each)
    detail = "it came twice, and not the same: the newer, else the later, counts"
    return Gap(what=name, namespace=meta.namespace, reason="damaged", detail=detail)
