"""Who comes to a server that stands by is led on to the one that leads: bytes go to and fro, TLS and all.

So whatever stands before several servers, such as a Service of Kubernetes, may send anybody to any of them. Where none
leads at the moment, this server answers itself, which is that he should ask again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_CHUNK: Final = 1 << 16
_REACHED_IN: Final = 3.0
"""Seconds that the one that leads has to take a connection."""
_MOST: Final = 512
"""Connections at once; more wait at the door."""
Address = tuple[str, int]


@contextmanager
def relaying(bound: socket.socket, leader: Callable[[], Address | None], otherwise: Address) -> Iterator[None]:
    """Lead on whoever connects, while the block lasts.

    Args:
        bound: a socket that listens; it stays open.
        leader: where the one that leads is reached; None while nobody does.
        otherwise: where he is led then, and where that one cannot be reached.
    """
    loop = asyncio.new_event_loop()
    ending = asyncio.Event()
    worker = threading.Thread(
        target=lambda: loop.run_until_complete(_relay(bound, leader, otherwise, ending)), name="relays", daemon=True
    )
    worker.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(ending.set)
        worker.join(_REACHED_IN)


async def _relay(
    bound: socket.socket, leader: Callable[[], Address | None], otherwise: Address, ending: asyncio.Event
) -> None:
    room = asyncio.Semaphore(_MOST)
    going: set[asyncio.Task[None]] = set()

    async def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            going.add(task)
        try:
            async with room:
                await _lead_on(reader, writer, leader(), otherwise)
        finally:
            writer.close()
            if task is not None:
                going.discard(task)

    # asyncio closes the socket that it serves.
    server = await asyncio.start_server(came, sock=socket.socket(fileno=os.dup(bound.fileno())))
    await ending.wait()
    server.close()
    for each in list(going):
        each.cancel()
    await asyncio.gather(*going, return_exceptions=True)


async def _lead_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: Address | None, otherwise: Address
) -> None:
    found = await _reached(to) if to is not None else None
    found = found or await _reached(otherwise)
    if found is None:
        return
    there, back = found
    try:
        await asyncio.gather(_copied(reader, back), _copied(there, writer))
    finally:
        back.close()


async def _reached(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    with contextlib.suppress(OSError, TimeoutError):
        return await asyncio.wait_for(asyncio.open_connection(*address), _REACHED_IN)
    return None


async def _copied(one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await one.read(_CHUNK):
            other.write(data)
            await other.drain()
    # Who has no more to say may still be answered.
    with contextlib.suppress(OSError, RuntimeError):
        other.write_eof()
