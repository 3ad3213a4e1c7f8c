"""The server's log: lines of text, or one JSON object a line for whoever collects logs.

What is said there is what the server's own code says: sentences about stores, back ends and trails. Tokens, bodies and
what people wrote into requests are never said. A request has a line where that was asked for.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from threading import Lock
from typing import Any, Final, TextIO

from allotment.api.telemetry.observed import AnsweredRequest
from allotment.api.telemetry.saying import say
from allotment.errors import shown
from allotment.ports.clock import Clock

TEXT: Final = "text"
JSON_LINES: Final = "json"
FORMATS: Final = (TEXT, JSON_LINES)
_LEVEL: Final = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL):\s+")
_TRACEBACK: Final = "Traceback (most recent call last):"
_MOST_LINES: Final = 500
"""Of a traceback that are told together."""


class JsonLines(io.TextIOBase):
    """A stream of text each line of which becomes a JSON object; a traceback is one."""

    def __init__(self, out: TextIO, clock: Clock) -> None:
        """Nothing is written yet.

        Args:
            out: where objects are written.
            clock: time.
        """
        self._out = out
        self._clock = clock
        self._alone = Lock()
        self._begun = ""
        self._traceback: list[str] = []

    def write(self, text: str) -> int:
        """Take some text; of a line that has not ended the rest is waited for."""
        with self._alone:
            *lines, self._begun = (self._begun + text).split("\n")
            for line in lines:
                self._take(line)
        return len(text)

    def flush(self) -> None:
        """What was written is out already."""
        self._out.flush()

    def isatty(self) -> bool:
        """It is no terminal."""
        return False

    def _take(self, line: str) -> None:
        if line == _TRACEBACK or self._traceback:
            self._traceback.append(line)
            if line == _TRACEBACK or (line.startswith(" ") and len(self._traceback) < _MOST_LINES):
                return
            line, self._traceback = "\n".join(self._traceback), []
            self._put({"level": "error", "message": line})
        elif line.strip():
            level = _LEVEL.match(line)
            said = line[level.end() :] if level else line
            self._put({"level": level[1].lower() if level else "info", "message": said})

    def tell_of(self, message: str, **fields: Any) -> None:
        """One object."""
        with self._alone:
            self._put({"level": "info", "message": message, **fields})

    def _put(self, fields: dict[str, Any]) -> None:
        at = self._clock.now().isoformat(timespec="milliseconds")
        self._out.write(json.dumps({"time": at, **fields}, ensure_ascii=True) + "\n")
        self._out.flush()


def kept_log(format_: str, clock: Clock, *, access: bool) -> Callable[[AnsweredRequest], None] | None:
    """Have the process's log be of a format; what tells it of requests, None where that was not asked for.

    Args:
        format_: one of `FORMATS`.
        clock: time.
        access: whether requests have lines.
    """
    if format_ == JSON_LINES:
        lines = JsonLines(sys.stderr, clock)
        sys.stderr = lines
        return (lambda request: _as_object(lines, request)) if access else None
    return _as_text if access else None


def _as_object(lines: JsonLines, request: AnsweredRequest) -> None:
    lines.tell_of(
        "request",
        request_id=request.id,
        method=request.method,
        route=request.route,
        status=request.status,
        seconds=round(request.seconds, 6),
        caller=request.caller,
    )


def _as_text(request: AnsweredRequest) -> None:
    who = request.caller or "nobody"
    said = f"{request.method} {request.route} {request.status} {request.seconds:.3f} s {who} {request.id}"
    say(shown(said.rstrip()))
