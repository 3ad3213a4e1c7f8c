"""Times as RFC 3339 has them, read and written in one way, whoever wrote them: the API server, a file, a user.

A time without a zone is one in UTC. No moment is before 1970 or after the year 9000: anybody may write any time into
an object of theirs, and what is added to a moment must still be a date.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Final

LATEST: Final = 221_845_392_000_000
"""The year 9000 in milliseconds."""
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS: Final = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}


@lru_cache(maxsize=1 << 14)
def moment(text: str) -> int | None:
    """A time in milliseconds since 1970; None where there is none, or where the text is no time."""
    try:
        found = dt.datetime.fromisoformat(text)
        if found.tzinfo is None:
            found = found.replace(tzinfo=dt.UTC)
        return min(max(0, round(found.timestamp() * 1000)), LATEST)
    except (ValueError, OverflowError):
        return None


def milliseconds(text: str) -> int:
    """The same, with 0 for none."""
    return moment(text) or 0


def seconds(text: str, absent: float = 0.0) -> float:
    """A time in seconds since 1970.

    Args:
        text: the time.
        absent: what stands for none.
    """
    found = moment(text)
    return absent if found is None else found / 1000


def rfc3339(moment: dt.datetime) -> str:
    """``2027-01-31T12:00:00Z``; whole seconds."""
    return moment.astimezone(dt.UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def written(ms: float) -> str:
    """The same of milliseconds since 1970."""
    return rfc3339(dt.datetime.fromtimestamp(min(max(0.0, ms), LATEST) / 1000, dt.UTC))


def stretch(text: str) -> int | None:
    """A stretch of time as Go writes it (``5m0s``), in milliseconds; None where the text is none."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return round(sum(float(number) * _UNITS[unit] for number, unit in parts))
