"""How values of a job are kept as JSON: ``{"version": 1, "job": {…}}``, written and read here alone.

The fields have the names of the structs. What is read has every field that it was written with, or it is refused: a
program that silently forgot what a newer one wrote would start another job than the one that was submitted. A field
that an older program did not know has its default.

A change that readers of before cannot understand raises `VERSION`, and gets a step in `_read_older`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, TypeVar

import msgspec

from allotment.errors import InputError, quoted
from allotment.model.decoding import converted

T = TypeVar("T")

VERSION: Final = 1
"""Of what is written."""
MOST_BYTES: Final = 1 << 20
"""A job whose JSON is longer is not kept: a job file is some KiB."""
_FRACTION: Final = re.compile(r"-?\d+(/[1-9]\d*)?", re.ASCII)
"""As `str` writes one. What else `Fraction` reads may be a number of a billion digits: ``1e1000000000``."""


@dataclass(frozen=True, slots=True)
class WrittenWhere:
    """Where a value came from, in words for whoever is told that it cannot be read.

    Attributes:
        unread: what is the matter with it, after ``this job``.
        fix: the next step.
        alone: whether nothing may stand beside it, since it would be a wish that nobody hears.
    """

    unread: str
    fix: str
    alone: bool = False


STORE: Final = WrittenWhere(
    "is damaged in the store",
    "restore the store from a backup with `allot store restore`, or be rid of it with `allot store forget` and its id",
)
SENT: Final = WrittenWhere("that was sent cannot be read", "correct what is said there, and send it again", alone=True)
ANSWERED: Final = WrittenWhere(
    "that the server sent cannot be read", "start the server anew with this version: `allot down`, then `allot up`"
)


def write_value(kind: str, value: object, most: int | None = MOST_BYTES) -> str:
    """A value as JSON.

    Args:
        kind: under which name it stands, such as ``job``.
        value: a frozen dataclass.
        most: bytes that it may have; None for what is only told, and not kept.

    Raises:
        InputError: it holds what is no text, or is too long.
    """
    try:
        data = msgspec.json.encode({"version": VERSION, kind: value}, enc_hook=_encoded)
    except UnicodeEncodeError as error:
        raise InputError(
            f"this {kind} cannot be kept",
            why=f"{quoted(ascii(error.object))} holds bytes that are no UTF-8",
            fix="leave them out of names, arguments and variables",
        ) from error
    if most is not None and len(data) > most:
        raise InputError(
            f"this {kind} cannot be kept",
            why=f"it has {len(data)} bytes, and {most} are the most",
            fix="put long values into a file that travels with the code",
        )
    return data.decode()


def as_builtins(value: object) -> Any:
    """A value as `write_value` writes it, before it is text."""
    return msgspec.to_builtins(value, enc_hook=_encoded)


def read_value(kind: str, type_: type[T], text: str, where: WrittenWhere = STORE) -> T:
    """A value that `write_value` wrote, this version's or an earlier one's.

    Args:
        kind: under which name it stands, such as ``job``.
        type_: a frozen dataclass.
        text: JSON.
        where: it came from.

    Raises:
        InputError: it is damaged, holds what cannot be, or a later version wrote it.
    """
    try:
        version, raw = _opened(kind, text, where)
        value = None if version > VERSION else converted(_read_older(version, raw), type_, dec_hook=_decoded)
    except InputError as error:
        why = error.line
        raise InputError(f"this {kind} {where.unread}", why=why, fix=where.fix) from error
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"this {kind} {where.unread}", why=quoted(error), fix=where.fix) from error
    if value is None:
        raise _newer(kind, f"it is of version {version}, and this program knows {VERSION}")
    lost = _lost(raw, msgspec.to_builtins(value, enc_hook=_encoded), kind)
    if lost:
        raise _newer(kind, f"it says something of {quoted(lost)}, which this program does not know")
    return value


def _opened(kind: str, text: str, where: WrittenWhere) -> tuple[int, Any]:
    """The version, and the value as it stands there, with nothing else beside it where it has to be alone."""
    found = msgspec.json.decode(text)
    if not isinstance(found, dict):
        raise TypeError("it is no object with fields")
    for field in ("version", kind):
        if field not in found:
            raise TypeError(f"the field {field} is missing")
    if where.alone and (beside := sorted(found.keys() - {"version", kind})):
        raise TypeError(f"beside {kind} there is {beside[0]}, which nobody knows")
    version, raw = found["version"], found[kind]
    if type(version) is not int:  # true is one to Python
        raise TypeError("its version is no number")
    return version, raw


def _newer(kind: str, why: str) -> InputError:
    return InputError(
        f"this {kind} was written by a newer version of Allotment", why=why, fix="use the version that wrote it"
    )


def _read_older(version: int, raw: Any) -> Any:
    """What an earlier version wrote, in the form of this one; there is no earlier one yet."""
    if version < 1:
        raise ValueError(f"there is no version {version}")
    return raw


def _encoded(value: object) -> object:
    if isinstance(value, Fraction):
        return str(value)
    raise NotImplementedError(type(value).__name__)


def _decoded(type_: type, raw: Any) -> Any:
    if type_ is Fraction:
        if not isinstance(raw, str) or _FRACTION.fullmatch(raw) is None:
            raise ValueError("a number is no fraction")
        return Fraction(raw)
    raise NotImplementedError(type_.__name__)


def _lost(before: Any, after: Any, path: str) -> str:
    """Path of the first field that was written and is not read; empty where there is none."""
    if isinstance(before, Mapping):
        if not isinstance(after, Mapping):
            return path
        for key, value in before.items():
            lost = f"{path}.{key}" if key not in after else _lost(value, after[key], f"{path}.{key}")
            if lost:
                return lost
    elif isinstance(before, Sequence) and not isinstance(before, str):
        if not isinstance(after, Sequence) or len(before) != len(after):
            return path
        for one, other in zip(before, after, strict=True):
            if lost := _lost(one, other, path):
                return lost
    return ""
