"""HTTP for whoever may be anybody: no head of a request is waited for that does not come in time, nor any reader."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_IN: Final = 10.0
"""Seconds for the head of a request, from its first byte, or from when the connection was made."""
UNREAD_FOR: Final = 300.0
"""Seconds for which somebody may leave unread what is answered: as long as one looks at a page of a log."""


class ImpatientProtocol(H11Protocol):
    """Closes a connection on which somebody only begins to ask, or takes no answer: there are few, for all."""

    _slow: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Somebody has come."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """He has sent something."""
        if not self._asked:
            self._wait()
        super().data_received(data)
        if self._asked:
            self._heard()

    def pause_writing(self) -> None:
        """He does not read as fast as is answered."""
        super().pause_writing()
        if self._unread is None:
            # Nothing that waits to be sent is waited for.
            self._unread = self.loop.call_later(UNREAD_FOR, self.transport.abort)

    def resume_writing(self) -> None:
        """He has read."""
        super().resume_writing()
        self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """He has gone."""
        super().connection_lost(exc)
        self._stop_waiting()
        # A timer that still ran would hold all that was sent.
        self._heard()

    def _stop_waiting(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    @property
    def _asked(self) -> bool:
        """Whether a request is being answered."""
        asked: RequestResponseCycle | None = self.cycle  # none before the first request, whatever its type says
        return asked is not None and not asked.response_complete

    def _heard(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _wait(self) -> None:
        if self._slow is None:
            self._slow = self.loop.call_later(HEAD_IN, self._too_slow)

    def _too_slow(self) -> None:
        self._slow = None
        if not self._asked:
            self.transport.close()
