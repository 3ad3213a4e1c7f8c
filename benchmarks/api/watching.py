"""Five hundred who follow what changes: how soon each hears of something, and hears of a change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.api.load import Call, Client

WATCHERS: Final = 500
TOKENS: Final = 20
"""In whose names they follow: nobody may as often as all of them."""
_OPENED: Final = 100.0
"""A second."""
_CHANGES: Final = 10
_LATEST: Final = 30.0
"""Seconds for which somebody is waited for who hears nothing."""


@dataclass
class Watched:
    """How soon they heard, in milliseconds.

    Attributes:
        first: of each, from when he asked to the first event.
        told: of each and each change, from when it was asked for until he was told.
    """

    first: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)


@dataclass
class _Watcher:
    """One who follows.

    Attributes:
        heard: when he heard of jobs, by their names.
    """

    heard: dict[str, float] = field(default_factory=dict)

    async def follow(self, port: int, token: str, place: int, watched: Watched) -> None:
        """Until he is cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(f"127.0.0.{2 + place % 8}", 0))
        asked = time.perf_counter()
        head = f"GET /api/v1/events?subjects=job HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}"
        writer.write(f"{head}\r\n\r\n".encode())
        try:
            await reader.readuntil(b"event: begin")
            watched.first.append((time.perf_counter() - asked) * 1000)
            while True:
                frame = await reader.readuntil(b"\n\n")
                _, found, rest = frame.partition(b'"name":"watched-')
                if found:
                    self.heard.setdefault(rest[: rest.index(b'"')].decode(), time.perf_counter())
        finally:
            writer.close()


async def watched_by_many(port: int, tokens: Sequence[str], submission: Callable[[str], Call]) -> Watched:
    """Have them follow, and change something again and again.

    Args:
        port: of the server.
        tokens: in whose names they come, one after the other.
        submission: of a job of a name.
    """
    watched, watchers = Watched(), [_Watcher() for _ in range(WATCHERS)]
    following = []
    for number, each in enumerate(watchers):
        follows = each.follow(port, tokens[number % len(tokens)], number, watched)
        following.append(asyncio.create_task(follows))
        await asyncio.sleep(1 / _OPENED)
    await _until(lambda: len(watched.first) == WATCHERS)
    client = Client(port, tokens[0])
    for number in range(_CHANGES):
        asked = time.perf_counter()
        await client.ask(submission(f"watched-{number}"))
        told = await _all_told(watchers, str(number))
        watched.told += ((each - asked) * 1000 for each in told)
        await asyncio.sleep(1)
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    return watched


async def _all_told(watchers: Sequence[_Watcher], of: str) -> list[float]:
    """When each was told of a job, of those that were."""
    await _until(lambda: all(of in each.heard for each in watchers))
    return [each.heard[of] for each in watchers if of in each.heard]


async def _until(so: Callable[[], bool]) -> None:
    until = time.perf_counter() + _LATEST
    while not so() and time.perf_counter() < until:
        await asyncio.sleep(0.02)
