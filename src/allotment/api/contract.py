"""What goes in and out of a route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MOST_NUMBER: Final = 1 << 53
"""Of milliseconds, lines and numbers: what every reader of JSON can count, and a database keeps."""


@dataclass(frozen=True, slots=True)
class JsonValue:
    """A value that travels as JSON under a name: ``{"version": 1, "job": {…}}``.

    Attributes:
        kind: the name.
        type: of the value.
    """

    kind: str
    type: Any


@dataclass(frozen=True, slots=True)
class Media:
    """A body of another form.

    Attributes:
        type: such as ``application/gzip``.
        schema: of what is JSON.
    """

    type: str
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RouteContract:
    """What goes in and out of a route.

    Attributes:
        takes: None for no body.
        gives: None where there is nothing but the status.
        conditional: whether it is done only to what is as the caller has read it, where he says so.
        keyed: whether a key has it be done once.
        sparse: whether of its rows some fields alone may be asked for.
    """

    takes: JsonValue | Media | None = None
    gives: JsonValue | Media | None = None
    conditional: bool = False
    keyed: bool = False
    sparse: bool = False
