"""Parsed JSON as typed structs. What does not fit is said with its field, its value and the way out.

msgspec does the reading. Its own messages leave out the value, the key within an object and what was meant, and it
takes nulls and a user's own fields for mistakes. So where it refuses, the same types are gone through once more.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from allotment.errors import InputError, UsageError
from allotment.model.decoding import converted
from allotment.model.spelling import nearest
from allotment.scenarios.times import milliseconds

OWN: Final = "x-"
"""How the names of fields begin that users add for themselves; they are left alone."""
MILLISECONDS: Final = "a whole number of milliseconds"
"""How fields describe themselves that hold a time."""
COMPARE: Final = "compare the line with the scenario format (docs/engine.md#scenario-files)"

_Any = TypeVar("_Any")
_Parsed = TypeVar("_Parsed", bound=msgspec.Struct)


class Fields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """An object with these fields and no others: a misspelt one would change the answer without a word."""


class SomeFields(msgspec.Struct, frozen=True, rename="camel"):
    """An object that holds these fields and any others."""


def parsed(data: object, into: type[_Parsed]) -> _Parsed:
    """The struct that parsed JSON holds. null counts as absent, fields that begin with `x-` are left alone.

    Args:
        data: what was parsed.
        into: the struct.

    Raises:
        InputError: the data does not fit; the first field that does not is named.
    """
    found = _converted(data, into)
    if not isinstance(found, into):
        found = _converted(_fitting(without_nulls(data), into, ""), into)
    if not isinstance(found, into):
        raise InputError("the line cannot be read", why=str(found), fix=COMPARE)
    return found


def _converted(data: object, into: type[_Any]) -> _Any | Exception:
    """The struct, or why msgspec refuses it."""
    try:
        return converted(data, into)
    except (msgspec.ValidationError, UnicodeError) as problem:
        return problem


def without_nulls(value: Any) -> Any:
    """The same JSON with every field left out whose value is null: a reader meets absent fields only."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def wrong(path: str, value: object, wanted: str, near: str = "") -> InputError:
    """What to say of a value that is not what the format wants; `near` is what was probably meant."""
    return InputError(
        f"{path or 'the line'} is {_shown(value)}, not {wanted}",
        fix=f"did you mean {near!r}?" if near else COMPARE,
    )


def unknown_name(path: str, name: str, there: Collection[str], what: str) -> InputError:
    """What to say of a name that is none of those there; where none is like it, they are told."""
    near = nearest(name, there)
    if near:
        return wrong(path, name, f"one of the {what}", near)
    first = sorted(there)[:_MOST_NAMES]
    more = f" and {len(there) - len(first):,} more" if len(there) > len(first) else ""
    told = f"name one of {', '.join(first)}{more}" if there else f"there are no {what}: add it there"
    return InputError(f"{path} is {_shown(name)}, not one of the {what}", fix=told)


_MOST_NAMES: Final = 10


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"


def _unknown(path: str, key: str, known: Collection[str]) -> InputError:
    near = nearest(key, known)
    return InputError(
        f"{path} is not a field of the scenario format",
        why="" if near else f"known here are {', '.join(sorted(known))}",
        fix=f"did you mean {near!r}?" if near else f"take it away; a note of your own begins with {OWN!r}",
    )


# What follows goes through data and type side by side. Each function gives the data back without fields of the user's
# own, or raises what is wrong with it.


def _fitting(value: object, wanted: Any, path: str) -> object:
    inner, description = _without_description(wanted)
    origin, arguments = get_origin(inner), get_args(inner)
    if inner is Any:
        return value
    if origin is Literal:
        return _one_of(value, arguments, path)
    if origin is tuple:
        return _list(value, arguments[0], path, description)
    if origin is dict:
        return _object_by_name(value, arguments, path)
    if origin in (Union, UnionType) and not description:
        return _one_type(value, [each for each in arguments if each is not NoneType], path)
    if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
        return _object(value, inner, path)
    if isinstance(inner, type) and issubclass(inner, Enum):
        return _one_of(value, tuple(each.value for each in inner), path)
    return _leaf(value, wanted, path, description or _PLAIN[inner])


_PLAIN: Final = {str: "text", bool: "true or false"}


def _without_description(wanted: Any) -> tuple[Any, str]:
    """A type, and what its annotation says a right value is."""
    if get_origin(wanted) is not Annotated:
        return wanted, ""
    inner, *notes = get_args(wanted)
    return inner, next((note.description for note in notes if isinstance(note, msgspec.Meta) and note.description), "")


def _leaf(value: object, wanted: Any, path: str, description: str) -> object:
    if isinstance(_converted(value, wanted), Exception):
        raise _wrong_unit(path, value, description) or wrong(path, value, description)
    return value


def _wrong_unit(path: str, value: object, description: str) -> InputError | None:
    """A time with its unit, where milliseconds are wanted, is told in them."""
    if not isinstance(value, str) or MILLISECONDS not in description:
        return None
    try:
        meant = milliseconds(value)
    except UsageError:
        return None
    return InputError(f"{path} is {_shown(value)}, not {description}", fix=f"write {meant}")


def _one_of(value: object, allowed: tuple[str, ...], path: str) -> object:
    if value in allowed:
        return value
    near = nearest(value, allowed) if isinstance(value, str) else ""
    raise wrong(path, value, f"one of {', '.join(each or repr(each) for each in allowed)}", near)


def _list(value: object, item: Any, path: str, description: str) -> object:
    if not isinstance(value, list) or (description and not value):
        raise wrong(path, value, description or "a list")
    return [_fitting(each, item, f"{path}[{index}]") for index, each in enumerate(value)]


def _object_by_name(value: object, types: tuple[Any, ...], path: str) -> object:
    if not isinstance(value, dict):
        raise wrong(path, value, "an object")
    name, item = types
    for key in value:
        if isinstance(_converted(key, name), Exception):
            raise InputError(f"{path}[{key!r}] has no name", fix="write its name between the quotes, or take it away")
    return {key: _fitting(each, item, f"{path}[{key!r}]") for key, each in value.items()}


def _one_type(value: object, types: list[Any], path: str) -> object:
    """One of several types; objects among them are told apart by their field `kind`, where they have it."""
    tagged = {each.__struct_config__.tag: each for each in types if _tag_field(each)}
    if tagged:
        return _object(value, tagged[_tag(value, tagged, path)], path)
    number = isinstance(value, int | float)
    objects = [each for each in types if isinstance(each, type) and issubclass(each, msgspec.Struct)]
    leaves = [each for each in types if each not in objects]
    return _fitting(value, (leaves or objects if number else objects or leaves)[0], path)


def _tag_field(wanted: Any) -> str:
    return getattr(getattr(wanted, "__struct_config__", None), "tag_field", None) or ""


def _tag(value: object, tagged: dict[str, Any], path: str) -> str:
    if not isinstance(value, dict):
        raise wrong(path, value, "an object")
    field = _tag_field(next(iter(tagged.values())))
    if field not in value:
        raise missing(f"{path}.{field}", f"one of {', '.join(tagged)}")
    return str(_one_of(value[field], tuple(tagged), f"{path}.{field}"))


def missing(path: str, wanted: str) -> InputError:
    """What to say of a field that must be there; `wanted` is what it holds."""
    return InputError(f"{path} is missing", fix=f"add it, {wanted}; the format is in docs/engine.md#scenario-files")


def _in_words(wanted: Any) -> str:
    """What a field of a type holds."""
    inner, description = _without_description(wanted)
    origin = get_origin(inner)
    if description:
        return description
    if origin is Literal:
        return f"one of {', '.join(each or repr(each) for each in get_args(inner))}"
    if origin is tuple:
        return "a list"
    if isinstance(inner, type) and issubclass(inner, Enum):
        return f"one of {', '.join(each.value for each in inner)}"
    return _PLAIN.get(inner, "an object")


def _member(path: str, key: str) -> str:
    """A field of an object, as messages call it. An empty name is quoted: else nothing would be seen of it."""
    if not key:
        return f"{path}['']" if path else "''"
    return f"{path}.{key}" if path else key


def _object(value: object, wanted: type[msgspec.Struct], path: str) -> object:
    if not isinstance(value, dict):
        raise wrong(path, value, "an object")
    fields = msgspec.structs.fields(wanted)
    tag = {key: value[key] for key in (_tag_field(wanted),) if key and key in value}
    known = {*tag, *(field.encode_name for field in fields)}
    if wanted.__struct_config__.forbid_unknown_fields:
        for key in value:
            if key not in known and not key.startswith(OWN):
                raise _unknown(_member(path, key), key, known)
    found = tag
    for field in sorted(fields, key=lambda each: not each.required):
        key = field.encode_name
        if key in value:
            found[key] = _fitting(value[key], field.type, _member(path, key))
        elif field.required:
            raise missing(_member(path, key), _in_words(field.type))
    return found
