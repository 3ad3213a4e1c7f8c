"""HTTP for whoever may be anybody: a request whose head does not come in time is not waited for."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_IN: Final = 10.0
"""Seconds for the head of a request, from its first byte, or from when the connection was made."""


class ImpatientProtocol(H11Protocol):
    """Closes a connection on which somebody only begins to ask: it would be one of few, for as long as he likes."""

    _slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Somebody has come."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """He has sent something."""
        if not self._asked:
            self._wait()
        super().data_received(data)
        if self._asked and self._slow is not None:
            self._slow.cancel()
            self._slow = None

    @property
    def _asked(self) -> bool:
        """Whether a request is being answered."""
        asked: RequestResponseCycle | None = self.cycle  # none before the first request, whatever its type says
        return asked is not None and not asked.response_complete

    def _wait(self) -> None:
        if self._slow is None:
            self._slow = self.loop.call_later(HEAD_IN, self._too_slow)

    def _too_slow(self) -> None:
        self._slow = None
        if not self._asked:
            self.transport.close()
