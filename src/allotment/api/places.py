"""Who asks one back end of a server takes no thread from who asks another: each has places of its own for its callers.

Calls of a back end come one after the other, and those of one that hangs last for a minute or two. Whoever finds all
places taken waits without a thread; where nobody has come out for a while, he is refused instead. Nobody has more than
half of the places, however much he asks at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, TypeVar

from anyio import CancelScope, Semaphore, current_time
from fastapi import Request

from allotment.errors import UnreachableError, spelled

PLACES: Final = 8
"""Calls of one back end that are under way at once, a thread each."""
OF_ONE: Final = PLACES // 2
"""Of those, calls of one person."""
PATIENCE: Final = 10.0
"""Seconds that nobody has come into a place or out of one, after which a back end is said to hang: far less than a
client waits for an answer."""
_SPARE: Final = 30.0
"""Seconds for which a thread that has nothing to do is kept."""

T = TypeVar("T")


class _Room:
    """The callers of one back end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._free = Semaphore(PLACES)
        self._of: dict[str, Semaphore] = {}
        self._moved = current_time()
        self._waiting: set[CancelScope] = set()
        self.callers = 0

    @asynccontextmanager
    async def place(self, whose: str) -> AsyncIterator[None]:
        """One of its places, while it lasts.

        Args:
            whose: in whose name.

        Raises:
            UnreachableError: there is none, nor will there be one soon.
        """
        own = self._of.setdefault(whose, Semaphore(OF_ONE))
        try:
            await self._enter(own)
            self._has_moved()
            try:
                yield
            finally:
                self._free.release()
                own.release()
                self._has_moved()
        finally:
            if own.value == OF_ONE and self._of.get(whose) is own:
                del self._of[whose]

    async def _enter(self, own: Semaphore) -> None:
        if own.value and self._free.value:
            own.acquire_nowait()
            self._free.acquire_nowait()
            return
        with CancelScope(deadline=self._moved + PATIENCE) as scope:
            self._waiting.add(scope)
            try:
                await own.acquire()
                try:
                    await self._free.acquire()
                except BaseException:
                    own.release()
                    raise
            finally:
                self._waiting.discard(scope)
        if scope.cancelled_caught:
            waiting = PLACES - self._free.value
            raise UnreachableError(
                f"{spelled(self._name)} does not answer",
                why=f"{waiting} calls wait for it, and none of them has come back for {PATIENCE:g} seconds",
                fix="nothing was done: ask again once it answers; `allot up` says how it does",
            )

    def _has_moved(self) -> None:
        self._moved = current_time()
        for scope in self._waiting:
            scope.deadline = self._moved + PATIENCE


class _Hands:
    """Threads that make calls, and keep nobody from ending: they end with the process.

    To start one holds up the event loop until it runs, so that a few which have nothing to do are kept.
    """

    def __init__(self) -> None:
        """There is none yet."""
        self._free: deque[SimpleQueue[Callable[[], None]]] = deque()

    async def made(self, call: Callable[[], T]) -> T:
        """What a call gives."""
        given: Future[T] = Future()
        given.set_running_or_notify_cancel()

        def make() -> None:
            try:
                found = call()
            except BaseException as error:  # noqa: BLE001 (whoever waits is told)
                given.set_exception(error)
            else:
                given.set_result(found)

        # What the request is traced by goes along.
        self._take(partial(copy_context().run, make))
        return await asyncio.wrap_future(given)

    def _take(self, work: Callable[[], None]) -> None:
        try:
            self._free.pop().put(work)
        except IndexError:
            Thread(target=self._work, args=(work,), name="asks a back end", daemon=True).start()

    def _work(self, work: Callable[[], None] | None) -> None:
        own: SimpleQueue[Callable[[], None]] = SimpleQueue()
        while work is not None:
            work()
            work = None  # what was asked for need not stay until the next call
            if len(self._free) < PLACES:
                self._free.append(own)
                work = self._next(own)

    def _next(self, own: SimpleQueue[Callable[[], None]]) -> Callable[[], None] | None:
        """What is to be done next; None where that was not said for long."""
        try:
            return own.get(timeout=_SPARE)
        except Empty:
            try:
                self._free.remove(own)
            except ValueError:  # it has just been taken
                return own.get()
            return None


class Callers:
    """Who asks something of back ends, in the event loop of the server."""

    def __init__(self) -> None:
        """Nobody asks yet."""
        self._rooms: dict[str, _Room] = {}
        self._hands = _Hands()

    async def asking(self, request: Request, backend: str, whose: str, call: Callable[[], T]) -> T | None:
        """What a call gives, made in a thread; None, and no call, where its caller is gone before it is his turn.

        Args:
            request: of the caller.
            backend: that is asked; it need not be there.
            whose: under what name he is counted.
            call: asks it.

        Raises:
            UnreachableError: so many wait for it that it seems to hang.
        """
        room = self._rooms.get(backend)
        if room is None:
            room = self._rooms[backend] = _Room(backend)
        room.callers += 1
        try:
            async with room.place(whose):
                if await request.is_disconnected():
                    return None
                return await self._hands.made(call)
        finally:
            room.callers -= 1
            if not room.callers:
                del self._rooms[backend]
