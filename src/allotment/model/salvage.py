"""JSON that holds a value no struct can: read all the same, with the objects that hold such a value set apart.

Such a value is a number out of bounds, half a character, or what is nested so deeply that no reader follows it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import msgspec

from allotment.model.manifest import Body

_DIGITS: Final = 20
"""Digits and sign of the longest integer of 64 bits."""
_BITS: Final = 64
DEEPEST: Final = 200
"""Levels that are kept where a text has more than readers follow; no object of the API has a third of them."""
_TOKENS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]', re.DOTALL)
_TOO_DEEP: Final = "nested too deeply"


class UnreadableObject(dict[str, Any]):
    """What is left of an object that holds such a value: kind, version and name, so that it can be named.

    Attributes:
        why: what it holds.
    """

    def __init__(self, raw: Body, why: str) -> None:
        """Of the object as it came."""
        meta = raw.get("metadata")
        named = meta if isinstance(meta, dict) else {}
        parts = {key: _plain(named.get(key)) for key in ("name", "namespace", "resourceVersion")}
        super().__init__({key: _plain(raw[key]) for key in ("apiVersion", "kind") if key in raw})
        self["metadata"] = {key: value for key, value in parts.items() if value}
        self.why = why

    def of_kind(self, api_version: str, kind: str) -> UnreadableObject:
        """The same with what a list says of all its objects."""
        return UnreadableObject({**self, "apiVersion": api_version, "kind": kind}, self.why)


class _NoValue:
    """In the place of a value that cannot be held."""

    def __init__(self, why: str) -> None:
        self.why = why


def decoded(text: bytes) -> Any:
    """A JSON document; of those of its objects that cannot be held, `UnreadableObject`.

    Raises:
        msgspec.DecodeError: it is no JSON.
        RecursionError: it is nested too deeply, and no object in it is to blame.
    """
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        return _salvaged(*shallow(text))
    except msgspec.DecodeError as error:
        try:
            return _salvaged(text)
        except RecursionError:
            return _salvaged(*shallow(text))
        except msgspec.DecodeError:
            raise error from None


def _salvaged(text: bytes, word: str = "") -> Any:
    try:
        raw = decoder(word).decode(text.decode())
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from None
    if word and not isinstance(raw, dict):
        raise RecursionError(_TOO_DEEP)
    return set_apart(raw)


def decoder(word: str = "") -> json.JSONDecoder:
    """For documents in a row; what it reads goes through `set_apart`.

    Args:
        word: what `shallow` put in the place of depths, if it was needed.
    """
    return json.JSONDecoder(parse_int=partial(_integer, word), parse_float=_float, parse_constant=_constant)


def shallow(text: bytes) -> tuple[bytes, str]:
    """A text whose depths are cut out, and the number that stands where they were: one that the text does not hold."""
    word = b"9" * (_DIGITS + 1)
    while word in text:
        word += b"9"
    pieces: list[bytes] = []
    depth = kept = began = 0
    for token in _TOKENS.finditer(text):
        if token[0] in b"[{":
            depth += 1
            if depth == DEEPEST + 1:
                began = token.start()
        elif token[0] in b"]}":
            if depth == DEEPEST + 1:
                pieces += (text[kept:began], word)
                kept = token.end()
            depth -= 1
    return b"".join((*pieces, text[kept:])), word.decode()


def set_apart(raw: Any) -> Any:
    """A document in which each object that holds what cannot be held is an `UnreadableObject`.

    Objects stand in the `items` of a list, in the `objects` of a case or of sources, in the `object` of what a watch
    tells; else the document is one.
    """
    if not isinstance(raw, dict):
        return raw
    if isinstance(raw.get("sources"), list):
        return {**raw, "sources": [_source(each) for each in raw["sources"]]}
    for key in ("items", "objects"):
        if isinstance(raw.get(key), list):
            return {**raw, key: [_object(each) for each in raw[key]]}
    if isinstance(raw.get("object"), dict) and "type" in raw and "kind" not in raw:
        return {**raw, "object": _object(raw["object"])}
    return _object(raw)


def _source(raw: Any) -> Any:
    objects = raw.get("objects") if isinstance(raw, dict) else None
    if not isinstance(objects, dict):
        return raw
    read = {
        key: [_object(each) for each in found] if isinstance(found, list) else found for key, found in objects.items()
    }
    return {**raw, "objects": read}


def _object(raw: Any) -> Any:
    why = next(_faults(raw), "") if isinstance(raw, dict) else ""
    return UnreadableObject(raw, why) if why else raw


def _faults(value: Any) -> Iterator[str]:
    if isinstance(value, _NoValue):
        yield value.why
    elif isinstance(value, str) and not _is_text(value):
        yield "half of a surrogate pair, which is no character"
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _faults(key)
            yield from _faults(each)
    elif isinstance(value, list):
        for each in value:
            yield from _faults(each)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: Any) -> str:
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else ""


def _integer(word: str, digits: str) -> int | _NoValue:
    if word and digits == word:
        return _NoValue(_TOO_DEEP)
    value = int(digits) if len(digits) <= _DIGITS else None
    if value is None or not -(1 << _BITS - 1) <= value < 1 << _BITS:
        return _NoValue("an integer of more than 64 bits")
    return value


def _float(digits: str) -> float | _NoValue:
    value = float(digits)
    return value if math.isfinite(value) else _NoValue("a number without bounds")


def _constant(word: str) -> _NoValue:
    return _NoValue(f"{word}, which is no JSON")
