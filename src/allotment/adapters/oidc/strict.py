"""JSON and base64url that can be read in one way alone: what two readers may understand differently is refused."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Final, NoReturn

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_LONGEST_NUMBER: Final = 30
"""Characters of a number; one that a token or a document means has fewer."""


class NotStrictError(ValueError):
    """It can be read in several ways, or in none; the message says why, with nothing of the text in it."""


def object_of(text: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8.

    Raises:
        NotStrictError: it is none, has a name twice, or holds what is no JSON.
    """
    try:
        found = json.loads(
            text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_constant, parse_int=_int, parse_float=_float
        )
    except NotStrictError:
        raise
    except (ValueError, RecursionError):
        raise NotStrictError("it is no JSON") from None
    if not isinstance(found, dict):
        raise NotStrictError("it is no JSON object")
    return found


def bytes_of(text: str) -> bytes:
    """What a text in base64url without padding stands for.

    Raises:
        NotStrictError: it is none, or not the one way in which these bytes are written.
    """
    try:
        found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if _BASE64URL.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None or base64.urlsafe_b64encode(found).decode("ascii").rstrip("=") != text:
        raise NotStrictError("it is not written in base64url")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrictError("it has a name twice in one object")
    return found


def _constant(_: str) -> NoReturn:
    raise NotStrictError("it has a number that is none")


def _int(digits: str) -> int:
    return int(_short(digits))


def _float(digits: str) -> float:
    return float(_short(digits))


def _short(digits: str) -> str:
    if len(digits) > _LONGEST_NUMBER:
        raise NotStrictError("it has a number of more digits than anybody means")
    return digits
