"""What a job is called where it runs on Kubernetes, as it is kept: ``job/NAME@UID``, shown without the uid."""

from __future__ import annotations

import re
from typing import Final

_WITH_UID: Final = re.compile(r"([a-z]+/[^@/\s]+)@([^@/\s]+)")


def native_with_uid(name: str, uid: str) -> str:
    """A name to keep, by which nothing else of that name is taken for it.

    Args:
        name: ``job/NAME``.
        uid: of that object; empty where it has none.
    """
    return f"{name}@{uid}" if uid else name


def native_uid(native: str) -> str:
    """The uid that is kept with a name; empty where none is."""
    found = _WITH_UID.fullmatch(native)
    return "" if found is None else found.group(2)


def native_shown(native: str) -> str:
    """A name as people and other tools know it: ``job/NAME``, ``4711``."""
    found = _WITH_UID.fullmatch(native)
    return native if found is None else found.group(1)
