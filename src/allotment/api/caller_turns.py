"""Places for calls that take long, a thread each: nobody has more than one of a kind, and holds up his own alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response

NOBODY: Final = 499
"""Where the caller is gone, as nginx has it: nobody reads it."""


@dataclass(slots=True)
class _Queue:
    """Calls of one kind of one person: one after another."""

    turn: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))
    callers: int = 0


class CallerTurns:
    """See the module; in the event loop of the server."""

    def __init__(self, places: Callable[[Hashable], int]) -> None:
        """Nobody asks yet.

        Args:
            places: how many calls of a kind are made at once, of all people together.
        """
        self._number = places
        self._places: dict[Hashable, CapacityLimiter] = {}
        self._queues: dict[tuple[Hashable, str], _Queue] = {}

    @property
    def waiting(self) -> int:
        """Calls that wait for a turn, or are being made."""
        return sum(each.callers for each in self._queues.values())

    async def made(self, request: Request, kind: Hashable, caller: str, call: Callable[[], Response]) -> Response:
        """What a call answers, made in a thread when it is its turn; not made where its caller is gone by then.

        Args:
            request: of the caller.
            kind: of the call.
            caller: user name.
            call: is made.
        """
        if kind not in self._places:
            self._places[kind] = CapacityLimiter(self._number(kind))
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
