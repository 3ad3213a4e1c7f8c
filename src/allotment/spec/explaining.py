"""Fields of the platform directory and of job files, looked up in the JSON Schema by dotted path. Pure.

A path names fields only: list items and the free keys of a mapping (a cluster's name below ``placements``) are left
out of it, and ignored where a user writes them as ``[]``, ``*`` or ``<name>``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from allotment.errors import NotFoundError
from allotment.model.spelling import did_you_mean

Schema = Mapping[str, Any]

_IGNORED: Final = frozenset({"", "*", "<name>"})

_DEEPEST: Final = 12
"""Levels that are searched; the directory's format has six."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        type: in words, such as ``list of text``.
        default: as YAML would write it; None where there is none.
        choices: the values it may have, if they are few.
    """

    name: str
    path: str
    type: str
    required: bool
    description: str
    default: Any
    has_default: bool
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldExplanation:
    """A field and what stands below it."""

    field: Field
    children: tuple[Field, ...]

    @property
    def children_paths(self) -> tuple[str, ...]:
        """Paths to ask for next."""
        return tuple(child.path for child in self.children)


@dataclass(frozen=True, slots=True)
class _Node:
    schema: Schema
    path: str
    required: bool = False


def kinds(schema: Schema) -> Mapping[str, Schema]:
    """The kinds of document by name."""
    branches = schema.get("oneOf") or schema.get("anyOf") or [schema]
    found: dict[str, Schema] = {}
    for branch in branches:
        resolved = _resolve(branch, schema)
        kind = resolved.get("properties", {}).get("kind", {})
        name = kind.get("const") or next(iter(kind.get("enum", ())), None)
        if name:
            found[str(name)] = resolved
    return found


def explanation(schema: Schema, path: str) -> FieldExplanation:
    """What a path means; the empty path lists the kinds.

    Raises:
        NotFoundError: there is no such field; the message suggests the nearest.
    """
    segments = [word for segment in path.split(".") if (word := segment.removesuffix("[]")) not in _IGNORED]
    if not segments:
        root = Field(
            "",
            "",
            "document",
            False,
            "Kinds of document: of a platform directory, and Job, of a job file.",
            None,
            False,
            (),
        )
        return FieldExplanation(
            root, tuple(_field(name, _Node(each, name.lower()), schema) for name, each in _sorted(schema))
        )
    name, node = _kind(schema, segments[0])
    for segment in segments[1:]:
        name, node = _step(schema, node, segment)
    children = tuple(_field(child, found, schema) for child, found in _children(schema, node))
    return FieldExplanation(_field(name, node, schema), children)


def paths_under(schema: Schema, incomplete: str) -> list[str]:
    """Paths that continue an incomplete one by one segment; for completion."""
    parent, _, _ = incomplete.rpartition(".")
    try:
        children = explanation(schema, parent).children_paths
    except NotFoundError:
        return []
    return [path for path in children if path.startswith(incomplete)]


def _sorted(schema: Schema) -> Sequence[tuple[str, Schema]]:
    return sorted(kinds(schema).items())


def _kind(schema: Schema, word: str) -> tuple[str, _Node]:
    known = kinds(schema)
    plain = word.lower().replace("-", "")
    for name, found in known.items():
        if plain in (name.lower(), f"{name.lower()}s"):
            return name, _Node(found, name.lower())
    names = [name.lower() for name in known]
    raise NotFoundError(
        f"there is no kind {word!r}",
        why=f"the kinds are {', '.join(sorted(names))}",
        fix=did_you_mean(word, names, "see `allot explain`"),
    )


def _step(schema: Schema, node: _Node, segment: str) -> tuple[str, _Node]:
    children = dict(_children(schema, node))
    wanted = segment.lower().replace("-", "").replace("_", "")
    for name, child in children.items():
        if name.lower() == wanted:
            return name, child
    raise NotFoundError(
        f"{node.path} has no field {segment!r}",
        why=f"it has {', '.join(children)}" if children else "it is a plain value",
        fix=did_you_mean(segment, children, f"see `allot explain {node.path}`"),
    )


def _children(schema: Schema, node: _Node) -> Iterator[tuple[str, _Node]]:
    """Fields of a mapping; those of its values (or items) when its keys are free or it is a list."""
    seen: set[str] = set()
    for variant in _variants(schema, node.schema):
        required = set(variant.get("required", ()))
        for name, child in variant.get("properties", {}).items():
            if name not in seen:
                seen.add(name)
                yield name, _Node(child, f"{node.path}.{name}", name in required)


def _variants(schema: Schema, node: Schema, depth: int = 0) -> Iterator[Schema]:
    """The schemas with fields behind references, alternatives, list items and free keys."""
    resolved = _resolve(node, schema)
    if depth > _DEEPEST:
        return
    if "properties" in resolved:
        yield resolved
    inner = [branch for word in ("anyOf", "oneOf", "allOf") for branch in resolved.get(word, ())]
    inner += [each for each in (resolved.get("items"), _free(resolved)) if isinstance(each, Mapping)]
    for each in inner:
        yield from _variants(schema, each, depth + 1)


def _free(resolved: Schema) -> Schema | None:
    """The schema of the values of a mapping whose keys are free."""
    patterns = resolved.get("patternProperties")
    if isinstance(patterns, Mapping) and patterns:
        return dict(next(iter(patterns.values())))
    free = resolved.get("additionalProperties")
    return free if isinstance(free, Mapping) else None


def _resolve(node: Schema, schema: Schema) -> Schema:
    """Follow references; what stands beside a reference wins."""
    merged: dict[str, Any] = dict(node)
    for _ in range(_DEEPEST):
        reference = merged.pop("$ref", None)
        if reference is None:
            return merged
        target: Any = schema
        for part in str(reference).removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        merged = {**target, **merged}
    return merged


def _field(name: str, node: _Node, schema: Schema) -> Field:
    resolved = _resolve(node.schema, schema)
    return Field(
        name=name,
        path=node.path,
        type=type_of(schema, resolved),
        required=node.required,
        description=" ".join(str(resolved.get("description", "")).split()),
        default=resolved.get("default"),
        has_default="default" in resolved,
        choices=_choices(schema, resolved),
    )


def _choices(schema: Schema, resolved: Schema) -> tuple[str, ...]:
    if "enum" in resolved:
        return tuple(str(value) for value in resolved["enum"])
    found: list[str] = []
    for branch in resolved.get("anyOf", ()):
        found.extend(_choices(schema, _resolve(branch, schema)))
    return tuple(dict.fromkeys(found))


def type_of(schema: Schema, node: Schema, depth: int = 0) -> str:
    """A type in words."""
    resolved = _resolve(node, schema)
    if depth > _DEEPEST:
        return "value"
    if "anyOf" in resolved or "oneOf" in resolved:
        branches = resolved.get("anyOf") or resolved.get("oneOf") or ()
        words = [type_of(schema, branch, depth + 1) for branch in branches]
        return " or ".join(dict.fromkeys(word for word in words if word != "nothing"))
    if "enum" in resolved:
        return " | ".join(str(value) for value in resolved["enum"])
    if "const" in resolved:
        return f"always {resolved['const']}"
    types = resolved.get("type", "value")
    words = [_word(schema, resolved, each, depth) for each in ([types] if isinstance(types, str) else types)]
    return " or ".join(dict.fromkeys(words))


def _word(schema: Schema, resolved: Schema, name: str, depth: int) -> str:
    match name:
        case "array":
            items = resolved.get("items")
            return f"list of {type_of(schema, items, depth + 1)}" if isinstance(items, Mapping) else "list"
        case "object":
            free = _free(resolved)
            return "mapping" if free is None else f"mapping of name to {type_of(schema, free, depth + 1)}"
        case "string":
            return "text"
        case "boolean":
            return "true or false"
        case "null":
            return "nothing"
        case _:
            return name
