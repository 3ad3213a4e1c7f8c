"""Who comes to a server that stands by is led on to the one that leads: bytes go to and fro, TLS and all.

So whatever stands before several servers, such as a Service of Kubernetes, may send anybody to any of them. Where none
leads at the moment, this server answers itself, which is that he should ask again.
Whom the leader has hung up on goes here as well, and so does whoever says nothing and is told nothing for long. Where
it is full, whoever comes takes the place of the connection that has been idle for longest: of the same address where
that has too many, else of the address that has most.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from allotment.model.hosts import neighbourhood_of

_CHUNK: Final = 1 << 16
_REACHED_IN: Final = 3.0
"""Seconds that the one that leads has to take a connection."""
_MOST: Final = 512
"""Connections at once."""
_MOST_OF_ONE: Final = 256
"""The same of one address; of IPv6, of one network of 64 bits."""
_IDLE_FOR: Final = 300.0
"""Seconds without a byte in either direction, after which a connection ends; who follows changes gets one sooner."""
_SWEPT_EACH: Final = 5.0
_LINGERED: Final = 2.0
"""Seconds that somebody has to read his answer and go, once the leader has ended; what he still says is thrown away."""
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class LeadingServer:
    """Where callers are led.

    Attributes:
        address: where it is reached.
        preface: what it is told first of a caller, by his address and port; None where it does not listen to that.
    """

    address: Address
    preface: Callable[[Address], bytes] | None = None


@contextmanager
def relaying(bound: socket.socket, leader: Callable[[], LeadingServer | None], otherwise: Address) -> Iterator[None]:
    """Lead on whoever connects, while the block lasts.

    Args:
        bound: a socket that listens; it stays open.
        leader: the one that leads; None while nobody does.
        otherwise: where he is led then, and where that one cannot be reached.
    """
    loop = asyncio.new_event_loop()
    ending = asyncio.Event()

    def relay() -> None:
        with contextlib.closing(loop):
            loop.run_until_complete(_relay(bound, leader, otherwise, ending))

    worker = threading.Thread(target=relay, name="relays", daemon=True)
    worker.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(ending.set)
        worker.join(_REACHED_IN)


async def _relay(
    bound: socket.socket, leader: Callable[[], LeadingServer | None], otherwise: Address, ending: asyncio.Event
) -> None:
    guests = _Guests()

    async def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guest = guests.enter(writer.get_extra_info("peername"))
        # Whoever is turned out has ended as others have: asyncio prints what it takes for a failure.
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await _lead_on(guest, reader, writer, leader(), otherwise)
                await _closed(writer)
            finally:
                guests.leave(guest)
                # Nobody waits for what is not read.
                writer.transport.abort()

    # asyncio closes the socket that it serves.
    server = await asyncio.start_server(came, sock=socket.socket(fileno=os.dup(bound.fileno())))
    while not ending.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), _SWEPT_EACH)
        guests.end_idle()
    server.close()
    await guests.end_all()


@dataclass(eq=False, slots=True)
class _RelayGuest:
    """A connection that is led on.

    Attributes:
        here: its neighbourhood.
        task: leads it on.
        moved: when a byte went either way last.
    """

    here: str
    task: asyncio.Task[Any]
    moved: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    def move(self) -> None:
        """A byte goes this moment."""
        self.moved = asyncio.get_running_loop().time()


class _Guests:
    """Who is led on; of one event loop."""

    def __init__(self) -> None:
        self._inside: set[_RelayGuest] = set()
        self._of: Counter[str] = Counter()

    def enter(self, peer: tuple[Any, ...] | None) -> _RelayGuest:
        """One more, for whom room is made; called in the task that leads it on."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        guest = _RelayGuest(neighbourhood_of(str(peer[0])) if peer else "", task)
        if self._of[guest.here] >= _MOST_OF_ONE:
            self._turn_out(guest.here)
        elif len(self._inside) >= _MOST:
            self._turn_out(self._of.most_common(1)[0][0])
        self._inside.add(guest)
        self._of[guest.here] += 1
        return guest

    def leave(self, guest: _RelayGuest) -> None:
        """One has gone; said once or more."""
        if guest in self._inside:
            self._inside.remove(guest)
            self._of[guest.here] -= 1
            if not self._of[guest.here]:
                del self._of[guest.here]

    def end_idle(self) -> None:
        """Those end that have been idle for too long."""
        until = asyncio.get_running_loop().time() - _IDLE_FOR
        for each in [each for each in self._inside if each.moved < until]:
            self._end(each)

    async def end_all(self) -> None:
        """All of them; it is over when they have gone."""
        some = list(self._inside)
        for each in some:
            self._end(each)
        await asyncio.gather(*(each.task for each in some), return_exceptions=True)

    def _turn_out(self, here: str) -> None:
        self._end(min((each for each in self._inside if each.here == here), key=lambda each: each.moved))

    def _end(self, guest: _RelayGuest) -> None:
        guest.task.cancel()
        self.leave(guest)


async def _lead_on(
    guest: _RelayGuest,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    to: LeadingServer | None,
    otherwise: Address,
) -> None:
    found = await _reached(to.address) if to is not None else None
    said = b""
    if found is not None and to is not None and to.preface is not None:
        said = to.preface(writer.get_extra_info("peername")[:2])
    found = found or await _reached(otherwise)
    if found is None:
        return
    there, back = found
    back.write(said)
    asks = asyncio.create_task(_copied(reader, back, guest))
    try:
        # Who has no more to say may still be answered, but the leader has the last word.
        await _copied(there, writer, guest)
    finally:
        asks.cancel()
        back.close()  # before anything is waited for: whoever is turned out in that moment waits for nothing
        await asyncio.gather(asks, return_exceptions=True)
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(_thrown_away(reader), _LINGERED)


async def _reached(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    with contextlib.suppress(OSError, TimeoutError):
        # Not `wait_for`: in Python 3.11 it forgets that it was cancelled where that comes with the connection.
        async with asyncio.timeout(_REACHED_IN):
            return await asyncio.open_connection(*address)
    return None


async def _copied(one: asyncio.StreamReader, other: asyncio.StreamWriter, guest: _RelayGuest) -> None:
    with contextlib.suppress(OSError):
        while data := await one.read(_CHUNK):
            guest.move()
            other.write(data)
            await other.drain()
    with contextlib.suppress(OSError, RuntimeError):
        other.write_eof()


async def _thrown_away(reader: asyncio.StreamReader) -> None:
    """Where something is left unread, the answer may be lost on its way."""
    while await reader.read(_CHUNK):
        pass


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), _LINGERED)
