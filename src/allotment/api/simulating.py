"""Where clusters are looked at and what waits is simulated: that takes seconds, and a minute while a cluster hangs.

Nobody has more than one place of a kind, so that one person's previews hold up his own alone; and decisions have places
of their own, so that nobody's previews hold up any decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response

NOBODY: Final = 499
"""Where the caller is gone, as nginx has it: nobody reads it."""


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


@dataclass(slots=True)
class _Queue:
    """Calls of one kind of one person: one after another."""

    turn: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))
    callers: int = 0


class SimulationPlaces:
    """See the module; in the event loop of the server."""

    def __init__(self) -> None:
        """Nobody asks yet."""
        self._places = {kind: CapacityLimiter(number) for kind, number in PLACES.items()}
        self._queues: dict[tuple[SimulatedCall, str], _Queue] = {}

    async def simulating(
        self, request: Request, kind: SimulatedCall, caller: str, call: Callable[[], Response]
    ) -> Response:
        """What a call answers, made in a thread when it is its turn; not made where its caller is gone by then.

        Args:
            request: of the caller.
            kind: of the call.
            caller: user name.
            call: is made.
        """
        queue = self._queues.setdefault((kind, caller), _Queue())
        queue.callers += 1
        try:
            async with queue.turn, self._places[kind]:
                if await request.is_disconnected():
                    return Response(status_code=NOBODY)
                return await to_thread.run_sync(call, limiter=CapacityLimiter(1))
        finally:
            queue.callers -= 1
            if not queue.callers:
                del self._queues[kind, caller]
