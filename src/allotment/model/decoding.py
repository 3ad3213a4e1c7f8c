"""Foreign data → values of our types, from any number of threads.

msgspec learns a type when it first reads one, and uses what it has learnt before that is whole: another thread that
reads the same type meanwhile, or one that has it in a field, ends the process by a null dereference (0.22.0). So every
type is learnt here, by one thread at a time, before anything is read into it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

_LEARNT: Final[set[Any]] = set()
_ALONE: Final = threading.Lock()


def converted(
    raw: object, type_: type[T], *, strict: bool = True, dec_hook: Callable[[type, Any], Any] | None = None
) -> T:
    """What was read as maps, lists and scalars, as a value of a type.

    Args:
        raw: from JSON or YAML.
        type_: of structs, dataclasses, and what msgspec knows.
        strict: whether a text is no number, and the like.
        dec_hook: reads the types that msgspec does not know.

    Raises:
        msgspec.ValidationError: it is none.
    """
    learn(type_)
    return msgspec.convert(raw, type_, strict=strict, dec_hook=dec_hook)


def decoded_as(text: bytes | str, type_: type[T]) -> T:
    """JSON as a value of a type.

    Raises:
        msgspec.DecodeError: it is no JSON; a `ValidationError` where it is no such value.
    """
    learn(type_)
    return msgspec.json.decode(text, type=type_)


def learn(*types: Any) -> None:
    """Learn types into which somebody else's code reads: a library's own, before it does."""
    for type_ in types:
        if type_ in _LEARNT:
            continue
        with _ALONE:
            if type_ not in _LEARNT:
                msgspec.json.Decoder(type_)
                _LEARNT.add(type_)
