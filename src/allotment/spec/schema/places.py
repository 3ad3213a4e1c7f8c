"""Where the fields of a kind stand: looked up in its models by path, and by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from allotment.spec.problems import Path
from allotment.spec.schema.base import fields_of
from allotment.spec.schema.short_forms import ShortForm

_MOST_PLACES: Final = 3
"""A field that more mappings have is nobody's in particular."""


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """A mapping of a kind's documents.

    Attributes:
        path: of fields from the document's root; keys and numbers of entries are left out.
        model: that describes it.
        entry: whether there may be several: it is an entry of a list, or of a mapping with free keys.
        word: the field that one word stands for, in place of the mapping; empty where none does.
    """

    path: tuple[str, ...]
    model: type[BaseModel]
    entry: bool = False
    word: str = ""


def model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model that describes the mapping at a path."""
    found, _short = value_at(model, path)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def value_at(model: type[BaseModel], path: Path) -> tuple[Any, ShortForm | None]:
    """The type of what stands at a path, with its short form; None where nothing does."""
    found: Any = model
    short = None
    for part in path:
        if isinstance(found, type) and issubclass(found, BaseModel):
            info = fields_of(found).get(str(part))
            if info is None:
                return None, None
            short, found = short_form(info), inner(info.annotation)
        elif get_origin(found) in (dict, tuple):
            short, found = next(_short_forms((), _entry(found)), None), inner(_entry(found))
        else:
            return None, None
    return found, short


def field_at(model: type[BaseModel], path: Path) -> FieldInfo | None:
    """The field at a path; None where there is none, or the last part is a free key."""
    parent = model_at(model, path[:-1])
    found: FieldInfo | None = fields_of(parent).get(str(path[-1])) if parent is not None and path else None
    return found


def inner(annotation: Any) -> Any:
    """An annotation without its metadata and without None."""
    if hasattr(annotation, "__metadata__"):
        return inner(annotation.__origin__)
    if get_origin(annotation) in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        return inner(members[0])
    return annotation


def short_form(info: FieldInfo) -> ShortForm | None:
    """The short form that a field has, if it has one."""
    return next(_short_forms(info.metadata, info.annotation), None)


def _short_forms(metadata: Any, annotation: Any) -> Iterator[ShortForm]:
    yield from (each for each in metadata if isinstance(each, ShortForm))
    if hasattr(annotation, "__metadata__"):
        yield from _short_forms(annotation.__metadata__, annotation.__origin__)
    elif get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _short_forms((), member)


def _entry(annotation: Any) -> Any:
    arguments = get_args(annotation)
    return arguments[1] if get_origin(annotation) is dict else arguments[0]


@lru_cache(maxsize=64)
def places(model: type[BaseModel]) -> tuple[FieldPlace, ...]:
    """All mappings of a kind's documents, the document itself first."""
    return tuple(_places(FieldPlace((), model)))


def _places(at: FieldPlace) -> Iterator[FieldPlace]:
    yield at
    for name, info in fields_of(at.model).items():
        found, entry = inner(info.annotation), at.entry
        while get_origin(found) in (dict, tuple):
            found, entry = inner(_entry(found)), True
        if isinstance(found, type) and issubclass(found, BaseModel):
            short = short_form(info)
            stands = short.widen("WORD") if short is not None and not entry else None
            word = str(next(iter(stands))) if isinstance(stands, dict) else ""
            yield from _places(FieldPlace((*at.path, name), found, entry, word))


def places_of(name: str, model: type[BaseModel], besides: type[BaseModel]) -> tuple[tuple[FieldPlace, str], ...]:
    """Where a kind has a field of a name, whatever its case and dashes, each with the field as it is spelled there.

    The likeliest comes first: a mapping that there is once, near the document's root. What every document has at its
    root is not looked for there.

    Args:
        name: as it was written.
        model: of the kind.
        besides: the mapping that it was written in, which has no such field.

    Returns:
        nothing where there are so many that none is likely.
    """
    wanted = plain(name)
    found = [
        (place, field)
        for place in places(model)
        if place.model is not besides
        for field, info in fields_of(place.model).items()
        if plain(field) == wanted and (place.path or not (info.is_required() or field in {"apiVersion", "kind"}))
    ]
    found.sort(key=lambda each: (each[0].entry, len(each[0].path)))
    return tuple(found) if len(found) <= _MOST_PLACES else ()


def plain(name: str) -> str:
    """A field's name without its case, underscores and dashes."""
    return name.replace("_", "").replace("-", "").lower()
