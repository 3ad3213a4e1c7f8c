"""Where a replayed scenario departs from its record; the same for both twins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Departure:
    """The first place where our answer is not the recorded one.

    Attributes:
        place: such as ``decisions at t=1200 ms, cycle 7`` or ``p03 attempt 1 message``.
        recorded: what the real component decided and we did not.
        ours: what we decided and it did not.
        state: how things stood just before.
    """

    place: str
    recorded: tuple[str, ...]
    ours: tuple[str, ...]
    state: tuple[str, ...] = ()
