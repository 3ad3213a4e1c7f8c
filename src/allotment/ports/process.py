"""Who this run is, to those who wait for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command that changes a cluster.

    Attributes:
        id: unique; sorts by time.
        place: where it runs, for the eyes of whoever waits for it: a host and a process.
        process: the same for a machine, and beyond it; empty where the system does not say.
        has_ended: whether such a process is known to be gone.
        cause: on whose account it acts, where that is not its own user's; empty for that one.
    """

    id: str
    place: str
    process: str = ""
    has_ended: Callable[[str], bool] = field(default=lambda _process: False)
    cause: str = ""
