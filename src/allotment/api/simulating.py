"""Where clusters are looked at and what waits is simulated: that takes seconds, and a minute while a cluster hangs.

Nobody has more than one place of a kind, so that one person's previews hold up his own alone; and decisions have places
of their own, so that nobody's previews hold up any decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from fastapi import Request, Response

from allotment.api.caller_turns import CallerTurns


class SimulatedCall(Enum):
    """What a place is for."""

    LOOK = "look"
    """Previews, and requests that are shown to who does not decide."""
    ASK = "ask"
    DECIDE = "decide"
    """Decisions and answers, and requests that are shown to who may decide."""
    COUNT = "count"
    """Answers that count what is there."""
    COMPARE = "compare"
    """What is declared is compared with clusters, and changed: that waits for them."""
    FORESEE = "foresee"
    """Answers that try things on the twins."""


PLACES: Final[Mapping[SimulatedCall, int]] = MappingProxyType(
    {
        SimulatedCall.LOOK: 2,
        SimulatedCall.ASK: 2,
        SimulatedCall.DECIDE: 4,
        SimulatedCall.COUNT: 4,
        SimulatedCall.COMPARE: 2,
        SimulatedCall.FORESEE: 2,
    }
)
"""Calls of a kind at once, of all people together; a thread each, which keeps none from what is quick."""


class SimulationPlaces:
    """See the module; in the event loop of the server."""

    def __init__(self) -> None:
        """Nobody asks yet."""
        self._turns = CallerTurns(lambda kind: PLACES[SimulatedCall(kind)])

    @property
    def waiting(self) -> int:
        """Calls that wait for a turn, or are being made."""
        return self._turns.waiting

    async def simulating(
        self, request: Request, kind: SimulatedCall, caller: str, call: Callable[[], Response]
    ) -> Response:
        """What a call answers, made when it is its turn; see `CallerTurns.made`."""
        return await self._turns.made(request, kind, caller, call)
