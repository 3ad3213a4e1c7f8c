"""Pydantic's errors as issues in the words of the platform directory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from allotment.spec.problems import Issue, Path, Source, did_you_mean, echo
from allotment.spec.schema.base import REFUSED, fields_of

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
        siblings = _model_at(model, path[:-1])
        return f"unknown field {echo(name)}", _field_meant(str(name), fields_of(siblings) if siblings else ())
    if kind == "literal_error":
        return f"{echo(value)} is not known here", f"write {context['expected']}"
    if kind in _CONTAINERS:
        expected, fix = _CONTAINERS[kind]
        return f"{echo(value)} where {expected} belongs", fix
    return f"{echo(value)} does not fit", ""


_GPU: Final = frozenset({"gpu", "gpus", "gpucount", "gpuspernode", "nvidia.com/gpu"})
_COUNTS: Final = ("accelerators", "acceleratorsPerNode")


def _field_meant(name: str, fields: Collection[str]) -> str:
    """GPUs are accelerators here; by its letters ``gpu`` would lead to ``cpu``."""
    if name.lower() in _GPU:
        meant = next((field for field in _COUNTS if field in fields), None)
        return did_you_mean(meant if meant is not None else "", fields)
    return did_you_mean(name, fields)


def _purpose(model: type[BaseModel], path: Path) -> str:
    parent = _model_at(model, path[:-1])
    info = fields_of(parent).get(str(path[-1])) if parent else None
    return info.description if info is not None else "it has no default"


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model that describes the mapping at a path."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            info = fields_of(current).get(str(part))
            if info is None:
                return None
            current = _inner(info.annotation)
        elif get_origin(current) in (dict, tuple):
            arguments = get_args(current)
            current = _inner(arguments[1] if get_origin(current) is dict else arguments[0])
        else:
            return None
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _inner(annotation: Any) -> Any:
    """An annotation without its metadata and without None."""
    if hasattr(annotation, "__metadata__"):
        return _inner(annotation.__origin__)
    if get_origin(annotation) in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        return _inner(members[0])
    return annotation
