"""JSON from files, with the numbers named that Python refuses to read.

An integer of more than some 4,300 digits is refused for the time that it would cost, with an error that knows neither
its field nor its file.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final


class LongNumberError(ValueError):
    """A whole number has more digits than anybody means.

    Attributes:
        field: where it stands, such as ``workloads[0].priority``; empty where the text is the number alone.
        digits: how many.
    """

    def __init__(self, field: str, digits: int) -> None:
        super().__init__(f"{field or 'the whole text'} is a number of {digits:,} digits")
        self.field = field
        self.digits = digits


SHORTER: Final = "write a number that is meant: none has more than 18 digits"
"""What to do about a `LongNumberError`."""


def read_json(text: str) -> Any:
    """What a JSON text says.

    Raises:
        json.JSONDecodeError: it is no JSON.
        LongNumberError: a number is too long; the first is named.
        RecursionError: it is nested too deeply.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        field, number = _first_long(json.loads(text, parse_int=_number))
        raise LongNumberError(field, len(number.lstrip("-"))) from None


class _Long(str):
    """The digits of a number that is too long."""

    __slots__ = ()


def _number(digits: str) -> int | _Long:
    return _Long(digits) if len(digits.lstrip("-")) > sys.get_int_max_str_digits() else int(digits)


def _first_long(value: Any) -> tuple[str, _Long]:
    """The first in the text's order, with its path."""
    waiting = [("", value)]
    while waiting:
        path, found = waiting.pop()
        if isinstance(found, _Long):
            return path, found
        if isinstance(found, dict):
            waiting.extend((_member(path, key), each) for key, each in reversed(found.items()))
        elif isinstance(found, list):
            waiting.extend((f"{path}[{index}]", each) for index, each in reversed(list(enumerate(found))))
    raise AssertionError("there was a number too long to read")


def _member(path: str, key: str) -> str:
    if not key.isidentifier():
        return f"{path}[{key!r}]"
    return f"{path}.{key}" if path else key
