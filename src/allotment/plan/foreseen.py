"""What an apply would change, as far as it can be told here: for accounts that the server lets only read.

The server's own dry run knows the schema and every default; here the ownership record tells how lists merge, and
defaults are those of `compare`. So a field may be named that the server would have filled in itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from allotment.model import labels
from allotment.model.manifest import Body
from allotment.plan.changes import Conflict, Contested, Update, seen
from allotment.plan.compare import QUANTITY_FIELDS, Comparison, is_empty
from allotment.plan.difference import ABSENT, FieldChange, difference, value_at
from allotment.plan.fields import Owner, Tree, item_token, list_keys, owners_of, set_token, text, union
from allotment.plan.survey import Different


def foreseen(different: Different, *, forced: bool) -> Update | Conflict:
    """The step for an object that looks different and could not be tried."""
    manifest, live, ownership = different.manifest, different.live, different.ownership
    after = predicted(manifest.body, live, ownership.shape, ownership.ours)
    changes = difference(live, after, union(ownership.shape, {"f:metadata": {}}))
    added = tuple(FieldChange(path, value_at(live, path), ABSENT) for path in different.added)
    fields = tuple(_attributed(change, live) for change in (*changes, *added))
    contested = tuple(_contested(field) for field in fields if field.by and field.old is not ABSENT)
    if contested and not forced:
        return Conflict(manifest, seen(live), contested)
    return Update(manifest, seen(live), fields)


def _attributed(change: FieldChange, live: Body) -> FieldChange:
    others = [owner for owner in owners_of(live, change.path) if owner.manager != labels.FIELD_MANAGER]
    owner: Owner | None = max(others, key=lambda owner: owner.time, default=None)
    return change if owner is None else replace(change, by=owner.manager, since=owner.time)


def _contested(change: FieldChange) -> Contested:
    return Contested(text(change.path), change.by, change.since, change.old, change.new)


def predicted(desired: Mapping[str, Any], live: Mapping[str, Any], shape: Tree, ours: Tree) -> dict[str, Any]:
    """The live object as server-side apply would leave it."""
    merge = _Merge(Comparison(str(live.get("kind", ""))))
    return merge.map(desired, live, union(shape, {"f:metadata": {".": {}}}), ours, quantity=False)


class _Merge:
    """One object's merge."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison

    def map(
        self, desired: Mapping[str, Any], live: Mapping[str, Any], shape: Tree, ours: Tree, *, quantity: bool
    ) -> dict[str, Any]:
        merged = dict(live)
        for key, value in desired.items():
            token = f"f:{key}"
            if key in live or not is_empty(value):
                merged[key] = self._value(
                    value,
                    live.get(key),
                    shape.get(token, {}),
                    ours.get(token, {}),
                    quantity=quantity or key in QUANTITY_FIELDS,
                )
        for token in ours:
            if token.startswith("f:") and token[2:] not in desired:
                merged.pop(token[2:], None)
        return merged

    def _value(self, desired: Any, live: Any, shape: Tree, ours: Tree, *, quantity: bool) -> Any:
        if self._comparison.same(desired, live, shape, ours, quantity=quantity):
            return live
        if isinstance(desired, Mapping) and isinstance(live, Mapping):
            if shape:
                return self.map(desired, live, shape, ours, quantity=quantity)
            return self._atomic(desired, live, quantity=quantity)
        if isinstance(desired, list | tuple) and isinstance(live, list):
            return self._list(desired, live, shape, ours)
        return desired

    def _list(self, desired: Sequence[Any], live: Sequence[Any], shape: Tree, ours: Tree) -> list[Any]:
        keys = list_keys(shape)
        if keys:
            present = {item_token(item, keys): item for item in live}
            wanted = {item_token(item, keys): item for item in desired}
            kept = [item for token, item in present.items() if token not in wanted and token not in ours]
            return kept + [
                self._value(item, present.get(token), shape.get(token, {}), ours.get(token, {}), quantity=False)
                for token, item in wanted.items()
            ]
        if any(token.startswith("v:") for token in shape):
            kept = [item for item in live if item in desired or set_token(item) not in ours]
            return kept + [item for item in desired if item not in live]
        if len(desired) == len(live):
            return [self._value(one, other, {}, {}, quantity=False) for one, other in zip(desired, live, strict=True)]
        return list(desired)

    def _atomic(self, desired: Mapping[str, Any], live: Mapping[str, Any], *, quantity: bool) -> dict[str, Any]:
        """An atomic map is replaced as a whole; what is filled in by the server comes back."""
        merged = {
            key: value for key, value in live.items() if key not in desired and self._comparison.comes_back(key, value)
        }
        for key, value in desired.items():
            merged[key] = self._value(value, live.get(key), {}, {}, quantity=quantity or key in QUANTITY_FIELDS)
        return merged
