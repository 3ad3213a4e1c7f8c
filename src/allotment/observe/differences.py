"""Two snapshots → what came, went and changed in between, object by object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from allotment.model.observed.base import Object
from allotment.model.observed.index import kind_of
from allotment.model.observed.snapshot import Objects, Snapshot, Source

MOST_FIELDS: Final = 12
"""Fields of one object that are told; how many more differ is counted."""
_LONGEST: Final = 120
"""Characters of a value."""
_LEFT_OUT: Final = frozenset({"events", "service_accounts"})
"""Fields of `Objects` that are not compared: events come and go by themselves."""
_NOISE: Final = frozenset({"lastTransitionTime", "observedGeneration", "generation"})
"""Fields that change beside those that matter."""


class Happened(StrEnum):
    """What became of an object."""

    CAME = "came"
    WENT = "went"
    CHANGED = "changed"
    REPLACED = "replaced"
    """One of the same name stands in its place."""


@dataclass(frozen=True, slots=True)
class FieldMoved:
    """A field with its values, as text; empty where it was not there."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one object.

    Attributes:
        source: the cluster's name.
        more: fields that differ beside those that are told.
    """

    source: str
    kind: str
    namespace: str
    name: str
    happened: Happened
    fields: tuple[FieldMoved, ...] = ()
    more: int = 0


def differences(before: Snapshot, after: Snapshot) -> tuple[Difference, ...]:
    """All differences, by cluster, kind and name."""
    return tuple(each for old, new in _pairs(before, after) for each in _between(old, new))


def _pairs(before: Snapshot, after: Snapshot) -> Iterator[tuple[Source, Source]]:
    """Sources of one name; two snapshots of one source each are of the same, whatever it is called."""
    if len(before.sources) == 1 and len(after.sources) == 1:
        yield before.sources[0], after.sources[0]
        return
    old = {each.name: each for each in before.sources}
    new = {each.name: each for each in after.sources}
    for name in sorted(old.keys() | new.keys()):
        yield old.get(name, Source(name=name)), new.get(name, Source(name=name))


def _between(old: Source, new: Source) -> Iterator[Difference]:
    for field in msgspec.structs.fields(Objects):
        if field.name in _LEFT_OUT:
            continue
        was, now = _by_identity(old.objects, field.name), _by_identity(new.objects, field.name)
        for key in sorted(was.keys() | now.keys()):
            found = _of_object(new.name or old.name, key, was.get(key), now.get(key))
            if found is not None:
                yield found


_Key = tuple[str, str, str]


def _by_identity(objects: Objects, field: str) -> Mapping[_Key, Object]:
    found: Sequence[Any] = getattr(objects, field)
    return {(kind_of(each), each.metadata.namespace, each.metadata.name): each for each in found}


def _of_object(source: str, key: _Key, was: Object | None, now: Object | None) -> Difference | None:
    if was is None or now is None:
        return Difference(source, *key, Happened.WENT if now is None else Happened.CAME)
    if was.metadata.uid != now.metadata.uid:
        return Difference(source, *key, Happened.REPLACED)
    if was == now:
        return None
    moved = list(_moved("", msgspec.to_builtins(was), msgspec.to_builtins(now)))
    if not moved:
        return None
    return Difference(source, *key, Happened.CHANGED, tuple(moved[:MOST_FIELDS]), max(0, len(moved) - MOST_FIELDS))


def _moved(path: str, was: Any, now: Any) -> Iterator[FieldMoved]:
    was, now = _keyed(was), _keyed(now)
    if isinstance(was, dict) and isinstance(now, dict):
        for key in (*was, *(each for each in now if each not in was)):
            if key not in _NOISE and was.get(key) != now.get(key):
                yield from _moved(f"{path}.{key}" if path else key, was.get(key), now.get(key))
        return
    if isinstance(was, dict) or isinstance(now, dict):
        for key, value in (was if isinstance(was, dict) else now).items():
            if key not in _NOISE:
                there = isinstance(was, dict)
                yield from _moved(f"{path}.{key}" if path else key, *((value, None) if there else (None, value)))
        return
    if was != now:
        yield FieldMoved(path, _text(was), _text(now))


def _keyed(value: Any) -> Any:
    """A list whose entries have names or types, such as conditions, by those."""
    if not isinstance(value, list | tuple) or not value:
        return value
    for key in ("type", "name"):
        if all(isinstance(each, dict) and isinstance(each.get(key), str) for each in value):
            return {each[key]: {name: part for name, part in each.items() if name != key} for each in value}
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
