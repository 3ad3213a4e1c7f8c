"""Field ownership as the API server records it: FieldsV1 trees in ``metadata.managedFields``.

A tree's keys are tokens: ``f:NAME`` a field, ``k:{...}`` an item of a list by its keys, ``v:VALUE`` an item of a set,
``.`` the thing itself. A leaf is an empty tree. The merge structure that the server's schema prescribes can be read
off it: a list with ``k:`` tokens merges by key, one with ``v:`` is a set, and a map or list that is a leaf is atomic.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.model.labels import FIELD_MANAGER

Tree = Mapping[str, Any]
"""FieldsV1: token to subtree."""

_ITSELF: Final = "."

Path = tuple[str, ...]
"""Tokens from the root of the object."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who owns a field.

    Attributes:
        manager: the name they gave, such as ``kubectl-edit``.
        operation: ``Apply`` or ``Update``.
        time: when the entry last changed, RFC 3339; empty if the server does not say.
    """

    manager: str
    operation: str
    time: str


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns what of one live object.

    Attributes:
        ours: what our last apply set; empty if we never applied it.
        shape: union of all trees: the merge structure of everything that is set.
    """

    ours: Tree
    shape: Tree
    applied: bool


def ownership_of(body: Mapping[str, Any]) -> Ownership:
    """Read the managed fields of a live object."""
    ours: Tree = {}
    shape: Tree = {}
    applied = False
    for entry in _entries(body):
        tree = entry["fieldsV1"]
        if is_ours(entry):
            applied = True
            ours = union(ours, tree)
        shape = union(shape, tree)
    return Ownership(ours, shape, applied)


def is_ours(entry: Mapping[str, Any]) -> bool:
    """Whether a managedFields entry is that of our server-side apply."""
    return entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")


def owners_of(body: Mapping[str, Any], path: Path) -> tuple[Owner, ...]:
    """Everybody who owns the field, or something inside it."""
    return tuple(
        Owner(entry.get("manager", ""), entry.get("operation", ""), entry.get("time", ""))
        for entry in _entries(body)
        if _holds(entry["fieldsV1"], path)
    )


def union(left: Tree, right: Tree) -> Tree:
    """Both trees in one. Neither is changed; a side is returned as it is where the other adds nothing."""
    if not left:
        return right
    if not right:
        return left
    merged = dict(left)
    for token, subtree in right.items():
        merged[token] = union(merged[token], subtree) if token in merged else subtree
    return merged


def leaves(tree: Tree, path: Path = ()) -> Iterator[Path]:
    """Paths of all leaves; ``.`` is left out."""
    for token, subtree in tree.items():
        if token == _ITSELF:
            continue
        if subtree:
            yield from leaves(subtree, (*path, token))
        else:
            yield (*path, token)


def list_keys(tree: Tree) -> tuple[str, ...]:
    """Names of the key fields of a list that merges by key; empty for other lists."""
    token = next((token for token in tree if token.startswith("k:")), None)
    return tuple(json.loads(token[2:])) if token is not None else ()


def is_set(tree: Tree) -> bool:
    """Whether a list is a set of scalars."""
    return any(token.startswith("v:") for token in tree)


def item_token(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """The token of a list item, written as the server writes it (keys sorted, no spaces)."""
    parts = (f"{_WRITTEN(key)}:{_WRITTEN(item[key])}" for key in sorted(keys) if key in item)
    return f"k:{{{','.join(parts)}}}"


_WRITTEN: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
"""Made once, and given the parts one by one: it writes a text by itself faster than a map that holds it."""


def set_token(item: Any) -> str:
    """The token of an item of a set."""
    return f'v:"{item}"' if isinstance(item, str) else f"v:{item}"


def text(path: Path) -> str:
    """A path as the API server's conflict messages write it: ``.spec.containers[name="a"].image``."""
    return "".join(_piece(token) for token in path)


def _piece(token: str) -> str:
    mark, rest = token[:2], token[2:]
    if mark == "k:":
        return "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items()) + "]"
    if mark in {"v:", "i:"}:
        return f"[{rest}]"
    return f".{rest}"


def _holds(tree: Tree, path: Path) -> bool:
    for token in path:
        if token not in tree:
            # An atomic ancestor owns everything below it.
            return not tree
        tree = tree[token]
    return True


def _entries(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for entry in body.get("metadata", {}).get("managedFields") or ():
        if isinstance(entry.get("fieldsV1"), dict):
            yield entry
