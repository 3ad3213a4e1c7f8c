"""Packed code on its way to the shelf: what comes is written to a file without a name, and kept once it is whole.

All that lasts is done in a few threads of its own: a folder of a gigabyte is copied and hashed for many seconds.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import BinaryIO, Final, TypeVar

from anyio import CapacityLimiter, move_on_after, to_thread

from allotment.errors import InputError, NoRoomError, UsageError

MOST_CODE: Final = 4 << 30
"""Bytes of packed code that are on their way, of all who send some; a job file allows far fewer."""
MOST_OF_ONE: Final = 2 << 30
"""Bytes of different code that one person, or one token of a team, sends within a day."""
MOST_OF_ALL: Final = 16 << 30
"""The same of all who come over the network: so much may lie there of which no job has become yet."""
SILENT_FOR: Final = 60.0
"""Seconds for which nothing may come of code that is under way."""
_DAY: Final = 86_400.0
"""Seconds: code that no job refers to is removed after a day (`operations.run.pruning`)."""
_MOST_WRITERS: Final = 4
"""Threads for code; who sends more at once waits for a turn after each part."""
_PART: Final = 1 << 20

T = TypeVar("T")


class _SentCode:
    """What was sent within a day and is kept, where the same code counts once, and what is under way."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._coming: Counter[str] = Counter()
        self._sent: dict[tuple[str, str], tuple[float, int]] = {}
        self._sizes: Counter[str] = Counter()

    def come(self, whose: str, more: int) -> None:
        """So many bytes more of somebody are under way, with all else that is.

        Raises:
            NoRoomError: he has sent too much within a day, or all together have.
        """
        self._forget()
        self._coming[whose] += more
        for most, sent, coming, who in (
            (MOST_OF_ONE, self._sizes[whose], self._coming[whose], "you have"),
            (MOST_OF_ALL, self._sizes.total(), self._coming.total(), "people have"),
        ):
            if sent + coming > most:
                raise NoRoomError(
                    "there is no room for this code now",
                    why=f"{who} sent {sent} bytes of different code within a day, {coming} are under way, "
                    f"and {most} are the most",
                    fix="leave data out of the code folder, or submit it tomorrow",
                )

    def coming(self, whose: str) -> int:
        """Bytes of somebody's that are under way."""
        return self._coming[whose]

    def arrive(self, whose: str, size: int) -> None:
        """So many bytes of somebody are under way no more."""
        self._coming[whose] -= size
        if not self._coming[whose]:
            del self._coming[whose]

    def note(self, whose: str, reference: str, size: int) -> None:
        """Somebody has sent something."""
        if (whose, reference) not in self._sent:
            self._sent[whose, reference] = self._clock(), size
            self._sizes[whose] += size

    def _forget(self) -> None:
        while self._sent and self._clock() - next(iter(self._sent.values()))[0] >= _DAY:
            (whose, _), (_, size) = (found := next(iter(self._sent.items())))
            del self._sent[found[0]]
            self._sizes[whose] -= size
            if not self._sizes[whose]:
                del self._sizes[whose]


class CodeSpools:
    """See the module; in the event loop of the server."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing comes yet.

        Args:
            clock: seconds, of which nobody sets any back.
        """
        self._held = 0
        self._writers = CapacityLimiter(_MOST_WRITERS)
        self._sent = _SentCode(clock)

    def under_way(self, whose: str) -> int:
        """Bytes of somebody's that are."""
        return self._sent.coming(whose)

    async def kept(self, parts: AsyncIterator[bytes], keep: Callable[[BinaryIO], str], whose: str = "") -> str:
        """The reference that `keep` gives for the whole.

        Args:
            parts: as they come.
            keep: reads it from its beginning.
            whose: it is, for whom a bound holds; empty for the server's own user, for whom none does.

        Raises:
            InputError: it is too large.
            NoRoomError: it is so with what others send, or with what he or all have sent within a day.
            UsageError: nothing more of it has come for a minute.
        """
        spool: BinaryIO = await self._beside(tempfile.TemporaryFile)
        size = 0
        try:
            async for part in _gathered(_in_time(parts)):
                size += len(part)
                self._held += len(part)
                if whose:
                    self._sent.come(whose, len(part))
                self._check(size)
                await self._beside(partial(spool.write, part))
            await self._beside(partial(spool.seek, 0))
            reference = await self._beside(partial(keep, spool))
            if whose:
                self._sent.note(whose, reference, size)
            return reference
        finally:
            try:
                await self._beside(spool.close)
            finally:
                self._held -= size
                if whose:
                    self._sent.arrive(whose, size)

    def _check(self, size: int) -> None:
        if size > MOST_CODE:
            raise InputError(f"more than {MOST_CODE} bytes of code", fix="leave data out of the code folder")
        if self._held > MOST_CODE:
            raise NoRoomError(
                "there is no room for this code now",
                why=f"with what others send at the same time it is more than {MOST_CODE} bytes",
                fix="submit again in a moment",
            )

    async def _beside(self, call: Callable[[], T]) -> T:
        return await to_thread.run_sync(call, limiter=self._writers)


async def _in_time(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same parts, as long as one comes in time: what lies there is held for nobody who sends no more.

    Raises:
        UsageError: none did.
    """
    coming = aiter(parts)
    while True:
        with move_on_after(SILENT_FOR) as patience:
            part = await anext(coming, None)
        if patience.cancelled_caught:
            raise UsageError(f"nothing of the code has come for {SILENT_FOR:g} seconds", fix="submit it again")
        if part is None:
            return
        yield part


async def _gathered(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in larger parts: a turn of a thread costs more than a small one."""
    held = bytearray()
    async for part in parts:
        held += part
        if len(held) >= _PART:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
