"""What is told of an error: at home all of it, elsewhere what anybody may know; the log has the rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Final

from fastapi import Request

from allotment.api.telemetry.saying import say
from allotment.errors import AllotmentError, shown

REQUEST_ID: Final = "request_id"
"""Name in the state of a request: its id."""
_SAID_AGAIN: Final = 1.0
"""Seconds after which the log has the same words again: strangers do not fill it."""


class Discretion:
    """See the module; of one door."""

    def __init__(
        self, *, at_home: bool, say: Callable[[str], None] = say, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing has gone wrong yet.

        Args:
            at_home: whether the server's own user alone comes there.
            say: writes a line of the log.
            now: seconds of a clock that nobody sets.
        """
        self._at_home = at_home
        self._say = say
        self._now = now
        self._alone = Lock()
        self._said = ""
        self._said_at = 0.0

    def told(self, request: Request, error: AllotmentError) -> AllotmentError:
        """What the one is told who has sent a request.

        Args:
            request: that went wrong.
            error: what has.
        """
        if self._at_home or error.within is None:
            return error.whole
        id_ = str(getattr(request.state, REQUEST_ID, "without an id"))
        self._log(id_, error.whole.line)
        why = f"the server's log says why, of request {id_}"
        return type(error)(error.what, why=f"{error.why}; {why}" if error.why else why, fix=error.fix)

    def _log(self, request_id: str, line: str) -> None:
        with self._alone:
            now = self._now()
            if line == self._said and now - self._said_at < _SAID_AGAIN:
                return
            self._said, self._said_at = line, now
        self._say(shown(f"request {request_id}: {line}"))
