"""Field by field, how two states of one object differ; values of Secrets never leave this module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from allotment.model.manifest import SERVER_METADATA
from allotment.plan.compare import same_quantity
from allotment.plan.fields import Path, Tree, is_set, item_token, list_keys, set_token, text


class Absent:
    """The field is not there; JSON has no value for that, and null is another thing."""

    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = Absent()
REDACTED: Final = "(redacted)"

_SECRET_FIELDS: Final = frozenset({"f:data", "f:stringData"})
_LAST_APPLIED: Final = "f:kubectl.kubernetes.io/last-applied-configuration"

_NOISE: Final = frozenset({"apiVersion", "kind", "status"})


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that changes.

    Attributes:
        path: tokens from the root, as `fields` describes them.
        old: value now, or `ABSENT`.
        new: value afterwards, or `ABSENT`.
        by: manager who last set the present value, if somebody else did; empty if unknown or ourselves.
        since: when that manager last wrote, RFC 3339; empty if unknown.
    """

    path: Path
    old: Any
    new: Any
    by: str = ""
    since: str = ""

    @property
    def field(self) -> str:
        """The path as people read it: ``.spec.hard.pods``."""
        return text(self.path)


def difference(old: Mapping[str, Any], new: Mapping[str, Any], shape: Tree) -> tuple[FieldChange, ...]:
    """The fields in which two states of one object differ, in the order of their paths.

    What the server keeps for itself (versions, times, status) is left out. `shape` tells which lists merge by key;
    other lists are compared as a whole unless they have the same length.
    """
    secret = old.get("kind", new.get("kind")) == "Secret"
    changes = _maps(declared_part(old), declared_part(new), shape, ())
    return tuple(sorted((_safe(change, secret=secret) for change in changes), key=lambda change: change.path))


def value_at(body: Any, path: Path) -> Any:
    """The value at a path, or `ABSENT`; the value of a Secret is redacted."""
    secret = isinstance(body, Mapping) and body.get("kind") == "Secret"
    value = body
    for token in path:
        value = _step(value, token)
        if value is ABSENT:
            return ABSENT
    return REDACTED if _is_secret(path, secret=secret) else value


def _step(value: Any, token: str) -> Any:
    mark, name = token[:2], token[2:]
    if mark == "f:" and isinstance(value, Mapping):
        return value.get(name, ABSENT)
    if mark == "k:" and isinstance(value, list):
        keys = list_keys({token: {}})
        return next((item for item in value if item_token(item, keys) == token), ABSENT)
    if mark == "i:" and isinstance(value, list) and int(name) < len(value):
        return value[int(name)]
    if mark == "v:" and isinstance(value, list):
        return next((item for item in value if set_token(item) == token), ABSENT)
    return ABSENT


def declared_part(body: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what the server keeps for itself: versions, times, field managers, status."""
    kept = {key: value for key, value in body.items() if key not in _NOISE}
    metadata = body.get("metadata", {})
    return kept | {"metadata": {key: value for key, value in metadata.items() if key not in SERVER_METADATA}}


def _values(old: Any, new: Any, shape: Tree, path: Path) -> Iterator[FieldChange]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _maps(old, new, shape, path)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lists(old, new, shape, path)
    elif old != new and not (_is_number(old) and _is_number(new) and same_quantity(old, new)):
        yield FieldChange(path, old, new)


def _maps(old: Mapping[str, Any], new: Mapping[str, Any], shape: Tree, path: Path) -> Iterator[FieldChange]:
    for key in old.keys() | new.keys():
        token = f"f:{key}"
        yield from _values(old.get(key, ABSENT), new.get(key, ABSENT), shape.get(token, {}), (*path, token))


def _lists(old: Sequence[Any], new: Sequence[Any], shape: Tree, path: Path) -> Iterator[FieldChange]:
    keys = list_keys(shape)
    if keys:
        before = {item_token(item, keys): item for item in old}
        after = {item_token(item, keys): item for item in new}
        for token in before.keys() | after.keys():
            yield from _values(
                before.get(token, ABSENT), after.get(token, ABSENT), shape.get(token, {}), (*path, token)
            )
    elif is_set(shape):
        for item in [item for item in old if item not in new]:
            yield FieldChange((*path, set_token(item)), item, ABSENT)
        for item in [item for item in new if item not in old]:
            yield FieldChange((*path, set_token(item)), ABSENT, item)
    elif len(old) == len(new):
        for index, (before_item, after_item) in enumerate(zip(old, new, strict=True)):
            yield from _values(before_item, after_item, {}, (*path, f"i:{index}"))
    else:
        yield FieldChange(path, list(old), list(new))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool) and str(value)[:1].isdigit()


def _safe(change: FieldChange, *, secret: bool) -> FieldChange:
    if not _is_secret(change.path, secret=secret):
        return change
    old = change.old if change.old is ABSENT else REDACTED
    new = change.new if change.new is ABSENT else REDACTED
    return FieldChange(change.path, old, new, change.by, change.since)


def _is_secret(path: Path, *, secret: bool) -> bool:
    return (secret and bool(path) and path[0] in _SECRET_FIELDS) or _LAST_APPLIED in path
