"""Stretches of time as users write them."""

from __future__ import annotations

import re
from typing import Final

from allotment.errors import UsageError

_UNITS: Final = {"ms": 1, "s": 1000, "min": 60_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TIME: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|min|m|h|d)")


def milliseconds(text: str) -> int:
    """``90min``, ``36h``, ``1.5d``.

    Raises:
        UsageError: it is no time.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no time", fix="write a number with its unit, for example 90min, 36h or 7d")
    return round(float(match[1]) * _UNITS[match[2]])
