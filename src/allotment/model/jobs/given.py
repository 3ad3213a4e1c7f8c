"""Names of variables that a job is given, whatever runs it."""

from __future__ import annotations

import re
from typing import Final

_NOT_A_NAME: Final = re.compile(r"[^A-Z0-9]+")


def volume_variable(name: str) -> str:
    """The variable in which a job finds a volume's folder, such as ``ALLOTMENT_VOLUME_DATA``.

    Two names may have one variable: a job file with two such volumes is refused.
    """
    return f"ALLOTMENT_VOLUME_{_NOT_A_NAME.sub('_', name.upper())}"
