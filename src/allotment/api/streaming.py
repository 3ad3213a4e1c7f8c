"""Answers that come part after part, for as long as whoever reads them may."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from typing import Final

from anyio import CapacityLimiter, current_time, to_thread

from allotment.api.visits import Visit

_STILL_LET_IN: Final = 2.0
"""Seconds between two looks at whether somebody who reads may still read it."""


async def while_let_in(
    parts: Iterator[bytes], readers: CapacityLimiter, asked: Visit, cut: bytes = b""
) -> AsyncIterator[bytes]:
    """The same, each part made in a thread that answers nothing else: whoever makes them may wait in there.

    Args:
        parts: of the answer.
        readers: how many threads may make parts at once.
        asked: whoever reads; it is cut off where nobody would let him in any more.
        cut: what is told then.
    """
    looked = current_time()
    try:
        while (part := await to_thread.run_sync(next, parts, None, limiter=readers)) is not None:
            if current_time() - looked >= _STILL_LET_IN:
                looked = current_time()
                if not await asked.still():
                    yield cut
                    return
            yield part
    finally:
        if isinstance(parts, Generator):
            parts.close()
