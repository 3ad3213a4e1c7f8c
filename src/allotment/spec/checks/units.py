"""Amounts of memory whose unit is hardly the one that was meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from typing import Any, Final, get_args

from pydantic import BaseModel

from allotment.spec.checks.context import Context, warning
from allotment.spec.problems import Issue, Path
from allotment.spec.schema.base import Spec
from allotment.spec.schema.scalars import Memory

_LEAST: Final = 16 << 20
"""Bytes; hardly a container starts with less, and no node, device or volume has so little."""
_MARK: Final = get_args(Memory)[1]
_SHORT: Final = {"nominal"}


def memory_is_in_the_unit_meant(context: Context) -> Iterator[Issue]:
    """8Mi where 8Gi was meant is legal, and nothing would ever fit into it. 0 is meant."""
    declared = context.declared
    for entry in chain(declared.clusters, declared.accelerators, declared.teams, declared.grants):
        for path, amount in _small(entry.spec, ()):
            what = f"{amount:,} bytes: with less than 16Mi hardly a container starts"
            yield warning(entry, path, what, "write the unit that is meant: Mi, Gi, Ti")


def _small(value: Any, path: Path) -> Iterator[tuple[Path, int]]:
    """Every amount of memory above 0 that is less than anybody means, with its path."""
    if isinstance(value, Spec):
        # Defaults are ours, and what only stands for one field is named without it.
        short = value.model_fields_set == _SHORT
        for name, field, is_memory in _fields(type(value)):
            if name in value.model_fields_set:
                here = path if short else (*path, field)
                each = getattr(value, name)
                if not is_memory:
                    yield from _small(each, here)
                elif each is not None and 0 < each < _LEAST:
                    yield here, each
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _small(each, (*path, key))
    elif isinstance(value, tuple):
        for index, each in enumerate(value):
            yield from _small(each, (*path, index))


@cache
def _fields(model: type[BaseModel]) -> tuple[tuple[str, str, bool], ...]:
    """Fields that are memory or may hold some: name here, name in YAML, whether it is memory itself."""
    found = []
    for name, info in model.model_fields.items():
        marks = (*info.metadata, *chain.from_iterable(map(get_args, get_args(info.annotation))))
        found.append((name, info.alias or name, _MARK in marks))
    return tuple(found)


CHECKS: Final = (memory_is_in_the_unit_meant,)
