"""Times as the API server writes them → milliseconds since 1970, the unit of time in all views of a snapshot."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Final

LATEST: Final = 221_845_392_000_000
"""The year 9000 in milliseconds: no later moment is reckoned with, so that what is added to one is still a date."""
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS: Final = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}


@lru_cache(maxsize=1 << 14)
def milliseconds(text: str) -> int:
    """A moment in RFC 3339, `LATEST` at most; 0 where there is none, or where the text is no time."""
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return min(max(0, round(moment.timestamp() * 1000)), LATEST)
    except (ValueError, OverflowError):
        return 0


def stretch(text: str) -> int | None:
    """A stretch of time as Go writes it (``5m0s``), in milliseconds; None where the text is none."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return round(sum(float(number) * _UNITS[unit] for number, unit in parts))
