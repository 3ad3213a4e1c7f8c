"""Names of time zones, as the IANA database on this machine has them: as constant as the catalogue beside the code."""

from __future__ import annotations

import re
import zoneinfo
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(?:/[A-Za-z0-9_+-]{1,30}){0,2}")
_NO_ZONES: Final = frozenset({"Factory", "localtime", "posixrules"})
"""Files of the database that are no zones, or another one on every machine."""
_OF_EVERY_DATABASE: Final = "Etc/UTC"


def is_zone(name: str) -> bool:
    """Whether it names a zone. Where this machine has no database, whether it has the form of a name."""
    if _NAME.fullmatch(name) is None or name in _NO_ZONES or name.startswith(("posix/", "right/")):
        return False
    return _found(name) or not _found(_OF_EVERY_DATABASE)


def zone_names() -> frozenset[str]:
    """All of them, for suggestions; takes a while, and is asked for a mistake only."""
    return frozenset(zoneinfo.available_timezones() - _NO_ZONES)


def _found(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # A folder of the database, or a file of it that is no zone.
        return False
    return True
