"""Packed code on its way to the shelf: what comes is written to a file without a name, and kept once it is whole.

All that lasts is done in a few threads of its own: a folder of a gigabyte is copied and hashed for many seconds.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import BinaryIO, Final, TypeVar

from anyio import CapacityLimiter, to_thread

from allotment.errors import InputError, NoRoomError

MOST_CODE: Final = 4 << 30
"""Bytes of packed code that are on their way, of all who send some; a job file allows far fewer."""
_MOST_WRITERS: Final = 4
"""Threads for code; who sends more at once waits for a turn after each part."""
_PART: Final = 1 << 20

T = TypeVar("T")


class CodeSpools:
    """See the module; in the event loop of the server."""

    def __init__(self) -> None:
        """Nothing comes yet."""
        self._held = 0
        self._writers = CapacityLimiter(_MOST_WRITERS)

    async def kept(self, parts: AsyncIterator[bytes], keep: Callable[[BinaryIO], T]) -> T:
        """What `keep` gives for the whole.

        Args:
            parts: as they come.
            keep: reads it from its beginning.

        Raises:
            InputError: it is too large.
            NoRoomError: it is so with what others send.
        """
        spool: BinaryIO = await self._beside(tempfile.TemporaryFile)
        size = 0
        try:
            async for part in _gathered(parts):
                size += len(part)
                self._held += len(part)
                self._check(size)
                await self._beside(partial(spool.write, part))
            await self._beside(partial(spool.seek, 0))
            return await self._beside(partial(keep, spool))
        finally:
            try:
                await self._beside(spool.close)
            finally:
                self._held -= size

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
