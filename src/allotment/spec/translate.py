"""Pydantic's errors as issues in the words of the platform directory."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from allotment.spec.problems import Issue, Path, Source, did_you_mean, dotted, echo
from allotment.spec.schema.base import REFUSED, Spec, fields_of
from allotment.spec.schema.places import FieldPlace, field_at, model_at, places_of, plain

_CONTAINERS: Final = {
    "model_type": ("a mapping", "write its fields below it, indented, one `field: value` a line"),
    "model_attributes_type": ("a mapping", "write its fields below it, indented, one `field: value` a line"),
    "dict_type": ("a mapping", "write `name: value` lines below it, indented"),
    "tuple_type": ("a list", "write one `- item` a line below it, or [] for none"),
}


_REFERENCE: Final = "see the field in docs/platform-directory.md"


def issues_of(
    error: ValidationError, model: type[BaseModel], source: Source, otherwise: str = _REFERENCE
) -> Iterator[Issue]:
    """One issue for each of pydantic's errors.

    Args:
        error: what pydantic says.
        model: of what it says it.
        source: where it stands.
        otherwise: the fix of what has none of its own.
    """
    for detail in error.errors(include_url=False):
        path = tuple(part for part in detail["loc"] if part != "[key]")
        what, fix = _words(detail["type"], detail.get("input"), detail.get("ctx") or {}, path, model)
        yield Issue(source, path, what, fix or otherwise)


def _words(kind: str, value: Any, context: Mapping[str, Any], path: Path, model: type[BaseModel]) -> tuple[str, str]:
    name = path[-1] if path else ""
    if kind == REFUSED:
        return str(context["what"]), str(context["fix"])
    if kind == "missing":
        return f"the field {echo(name)} is missing", f"add it: {_purpose(model, path)}"
    if kind == "extra_forbidden":
        return f"unknown field {echo(name)}", _field_meant(str(name), value, model_at(model, path[:-1]), model)
    if kind == "literal_error":
        return f"{echo(value)} is not known here", f"write {context['expected']}"
    if kind in _CONTAINERS:
        expected, fix = _CONTAINERS[kind]
        return f"{echo(value)} where {expected} belongs", fix
    return f"{echo(value)} does not fit", ""


_GPU: Final = frozenset({"gpu", "gpus", "gpucount", "gpuspernode", "nvidia.com/gpu"})
_ALMOST: Final = 0.85
_COUNTS: Final = ("accelerators", "acceleratorsPerNode")


def _field_meant(name: str, value: Any, at: type[BaseModel] | None, model: type[BaseModel]) -> str:
    """What to do about a field that is unknown where it stands.

    GPUs are accelerators here; by its letters ``gpu`` would lead to ``cpu``.
    """
    if at is None:
        return did_you_mean(name, ())
    fields = fields_of(at)
    gpus = name.lower() in _GPU
    here = next((field for field in _COUNTS if field in fields), None) if gpus else None
    if here is not None:
        return did_you_mean(here, fields)
    said = at.stands_for(name, value) if issubclass(at, Spec) else ""
    if said:
        return said
    same = next((field for field in fields if plain(field) == plain(name)), None)
    # One letter too many is likelier than another mapping.
    almost = same or next(iter(difflib.get_close_matches(name, fields, n=1, cutoff=_ALMOST)), None)
    if almost is not None:
        return did_you_mean(almost, fields)
    return _placed(_COUNTS[0] if gpus else name, at, model) or did_you_mean("" if gpus else name, fields)


def _placed(name: str, at: type[BaseModel], model: type[BaseModel]) -> str:
    """Where a field belongs that stands in the wrong mapping; empty where nobody can tell."""
    found = places_of(name, model, at)
    if not found:
        return ""
    told = [_place(place, field) for place, field in found]
    short = [
        f"`{place.path[-1]}: WORD` is `{place.path[-1]}: {{{place.word}: WORD}}` then"
        for place, field in found[:1]
        if place.word and place.word != field
    ]
    return "; ".join([f"write it {', or '.join(told)}", *short])


def _place(place: FieldPlace, field: str) -> str:
    if not place.path:
        return f"at the top level of the document, as `{field}:`"
    if place.entry:
        return f"in an entry of `{dotted(place.path)}`"
    example = f"{field}: …"
    for part in reversed(place.path):
        example = f"{part}: {{{example}}}"
    return f"below `{dotted(place.path)}`, as `{example}`"


def _purpose(model: type[BaseModel], path: Path) -> str:
    info = field_at(model, path)
    return info.description or "" if info is not None else "it has no default"
