"""A stream of events from a server, gone on with where it was cut: no change is missed, and none told twice."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlencode

from allotment.errors import AllotmentError, UnreachableError, shown
from allotment.model.jobs.written import ANSWERED, read_value
from allotment.ports.event_service import (
    BEGIN,
    END,
    HEARTBEAT,
    RESET,
    TELLS,
    StreamBegin,
    StreamReset,
    ToldEvent,
)
from allotment.ports.job_service import RefusedSubmission, error_of
from allotment.ports.journal import SubjectKind

SILENCE: Final = 3 * HEARTBEAT
"""Seconds without a heartbeat after which a connection counts as cut."""
PATIENCE: Final = 30.0
"""Seconds for which a server that was there may be away: one that is started anew is back by then."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_LONGEST_LINE: Final = 64 << 20
"""Bytes."""
_NAMES: Final = {each.value: each for each in TELLS}


class Lines(Protocol):
    """An answer that is read line by line."""

    def readline(self, limit: int = -1, /) -> bytes:
        """The next one, with its end; empty where there is none."""
        ...

    def close(self) -> None:
        """No more is read."""
        ...


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One event as it travels.

    Attributes:
        number: None where it has none.
        name: of its kind; empty for a heartbeat.
        data: JSON.
    """

    number: int | None
    name: str
    data: str


def raw_events(lines: Lines) -> Iterator[RawEvent]:
    """Events and heartbeats until the connection ends, also in the middle of one, which is none then."""
    number: int | None = None
    name, data = "", ""
    while line := lines.readline(_LONGEST_LINE):
        if not line.endswith(b"\n"):
            return
        text = line[:-1].decode("utf-8", "replace").rstrip("\r")
        field, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if not text:
            yield RawEvent(number, name if data else "", data)
            number, name, data = None, "", ""
        elif field == "id":
            number = int(value) if value.isascii() and value.isdigit() else None
        elif field == "event":
            name = value
        elif field == "data":
            data = f"{data}\n{value}" if data else value


class EventStream:
    """What changes, as long as it is read; see `ports.event_service.EventService.events`."""

    def __init__(
        self,
        ask: Callable[[str], Lines],
        kinds: Iterable[SubjectKind],
        team: str,
        after: int | None,
        sleep: Callable[[float], None] = time.sleep,
        passed: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is asked yet.

        Args:
            ask: the server, for a path; gives its answer.
            kinds: what is followed.
            team: the only one that is meant; empty for all.
            after: the number to go on after; None to begin now.
            sleep: lets time pass.
            passed: seconds by a clock that nobody sets.
        """
        self._ask = ask
        self._query = {"subjects": ",".join(sorted(each.value for each in kinds)), "team": team}
        self._number = after
        self._sleep = sleep
        self._passed = passed
        self._begun = False
        self._anew = False

    def __iter__(self) -> Iterator[ToldEvent | None]:
        """Each event; None where nothing came for a while, also while the server is away."""
        pause, away_since = _FIRST_PAUSE, None
        while True:
            try:
                answer = self._asked()
                for told in self._of(answer):
                    pause, away_since = _FIRST_PAUSE, None
                    yield told
            except UnreachableError as error:
                now = self._passed()
                away_since = now if away_since is None else away_since
                if not self._begun or now - away_since >= PATIENCE:
                    raise UnreachableError(error.what, why=error.why, fix=error.fix) from error
            yield None
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _asked(self) -> Lines:
        after = {} if self._number is None else {"after": str(self._number)}
        return self._ask(f"/api/v1/events?{urlencode({**self._query, **after})}")

    def _of(self, answer: Lines) -> Iterator[ToldEvent | None]:
        """What comes by one connection."""
        try:
            for raw in raw_events(answer):
                told = None if not raw.name else self._told(raw)
                if raw.number is not None:
                    self._number = raw.number
                if told is not None or not raw.name:
                    yield told
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(
                "the server does not answer", why=shown(str(error) or type(error).__name__)
            ) from error
        finally:
            answer.close()

    def _told(self, raw: RawEvent) -> ToldEvent | None:
        """An event; None for what is only between the server and this here.

        Raises:
            UnreachableError: the server has ended the stream, which goes on where it was.
        """
        if raw.name == END:
            self._ended(error_of(read_value(END, RefusedSubmission, raw.data, ANSWERED)))
            return None
        if raw.number is None:
            return None
        if raw.name == BEGIN:
            begin = read_value(BEGIN, StreamBegin, raw.data, ANSWERED)
            again, self._begun = self._begun, True
            if again and not self._anew:
                return None
            anew, self._anew = self._anew, False
            why = "what may be followed has changed"
            return ToldEvent(raw.number, None, StreamReset(begin.number, why) if anew else begin)
        if raw.name == RESET:
            self._begun, self._anew = True, False
            return ToldEvent(raw.number, None, read_value(RESET, StreamReset, raw.data, ANSWERED))
        kind = _NAMES.get(raw.name)
        # What a newer server tells besides is for newer clients.
        return kind and ToldEvent(raw.number, kind, read_value(raw.name, TELLS[kind], raw.data, ANSWERED))

    def _ended(self, error: AllotmentError) -> None:
        """The server has ended it: what may be followed by now is another thing, unless it only was away."""
        if not isinstance(error, UnreachableError):
            self._number, self._anew = None, True
