"""Lists of which somebody wants some fields alone: ``fields=id,wish.team``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec
from fastapi import Query, Response

from allotment.api.bodies import JSON, value_answer
from allotment.api.contract import MOST_NUMBER
from allotment.api.entity_tags import ETAG, tag_of
from allotment.errors import UsageError, quoted
from allotment.model.jobs.written import VERSION, as_builtins

PageLimit = Annotated[int, Query(ge=1, le=MOST_NUMBER)]
"""Rows of a page, as somebody asks for them; a list has a most of its own, and gives no more than that."""
Tree = Mapping[str, Any]
"""Fields by name, each with those within."""
_MOST: Final = 100
"""Fields that are named at once."""


def list_answer(page: Any, row: type, fields: str) -> Response:
    """A page of a list.

    Args:
        page: with its rows.
        row: type of a row.
        fields: that are wanted, with commas between them; empty for all.

    Raises:
        UsageError: there is no such field.
    """
    if not fields:
        return value_answer("page", page)
    wanted = fields_of(row, fields)
    told = as_builtins(page)
    told["rows"] = [_part(each, wanted) for each in told["rows"]]
    body = msgspec.json.encode({"version": VERSION, "page": told})
    return Response(body, headers={ETAG: tag_of(body)}, media_type=JSON)


def fields_of(row: type, fields: str) -> Tree:
    """The fields that somebody names, as a tree.

    Args:
        row: type that has them.
        fields: with commas between them, those within others after a dot.

    Raises:
        UsageError: there is no such field.
    """
    known, wanted = known_fields(row), dict[str, Any]()
    names = [each.strip() for each in fields.split(",")]
    if len(names) > _MOST:
        raise UsageError(f"{len(names)} fields at once", why=f"{_MOST} are the most", fix="leave `fields` out for all")
    for name in names:
        have, put = known, wanted
        path = name.split(".")
        for number, each in enumerate(path):
            if each not in have:
                raise _unknown(name, ".".join(path[:number]), have)
            have = have[each]
            put = put.setdefault(each, {})
        put.clear()  # the whole of it
    return wanted


def known_fields(type_: Any) -> Tree:
    """What a type holds, by name."""
    if get_origin(type_) in (Union, UnionType):
        some = (known_fields(each) for each in get_args(type_) if each is not NoneType)
        return {name: within for tree in some for name, within in tree.items()}
    if get_origin(type_) is tuple:
        return known_fields(get_args(type_)[0])
    if isinstance(type_, type) and is_dataclass(type_):
        return {name: known_fields(each) for name, each in get_type_hints(type_).items() if name in _names(type_)}
    return {}


def _names(type_: Any) -> Iterable[str]:
    names: Iterable[str] = type_.__dataclass_fields__
    return names


def _part(value: Any, wanted: Tree) -> Any:
    if isinstance(value, list | tuple):
        return [_part(each, wanted) for each in value]
    if not wanted or not isinstance(value, Mapping):
        return value
    return {name: _part(value[name], within) for name, within in wanted.items() if name in value}


def _unknown(name: str, within: str, known: Tree) -> UsageError:
    if not known:
        what, why = f"there is nothing within {quoted(within)}", f"{quoted(name)} names it"
        return UsageError(what, why=why, fix="name the whole")
    there = f" within {within}" if within else ""
    return UsageError(f"there is no field {quoted(name)}", fix=f"name some of those{there}: {', '.join(sorted(known))}")
