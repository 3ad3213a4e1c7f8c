"""A line of the process's log."""

from __future__ import annotations

import sys


def say(line: object) -> None:
    """Write it; it is there when this returns, whatever becomes of the process."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 (the process's log)
