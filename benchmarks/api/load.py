"""Calls at a fixed rate, whoever has answered: each is timed from the moment at which it was to be sent."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

MOST_CONNECTIONS = 64
"""Open at once: half of what the server gives one address."""
TRIES = 400
"""Of a call that has a key, while the server is away."""


@dataclass(frozen=True)
class Call:
    """What is asked.

    Attributes:
        name: under which it is timed.
        key: with which it may be asked again; empty for none.
    """

    name: str
    verb: str
    path: str
    body: bytes = b""
    key: str = ""


@dataclass
class Timed:
    """What became of calls.

    Attributes:
        took: milliseconds, by name.
        failed: what was answered instead, with how often.
        done: calls with their answers.
    """

    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    done: list[tuple[Call, Any]] = field(default_factory=list)


class Client:
    """Keeps connections open, and opens others where they have gone."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._places = asyncio.Semaphore(MOST_CONNECTIONS)

    async def ask(self, call: Call) -> tuple[int, bytes]:
        async with self._places:
            for number in range(TRIES):
                try:
                    return await self._once(call)
                except (OSError, EOFError, asyncio.IncompleteReadError):
                    if not call.key and call.verb != "GET":
                        raise
                    if number:
                        await asyncio.sleep(0.1)
        raise ConnectionError(call.path)

    async def _once(self, call: Call) -> tuple[int, bytes]:
        reader, writer = self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
        try:
            key = f"Idempotency-Key: {call.key}\r\n" if call.key else ""
            head = (
                f"{call.verb} {call.path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
                f"Authorization: Bearer {self._token}\r\nContent-Length: {len(call.body)}\r\n{key}\r\n"
            )
            writer.write(head.encode() + call.body)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines[1:])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        except BaseException:
            writer.close()
            raise
        if headers.get("connection") == "close":
            writer.close()
        else:
            self._free.append((reader, writer))
        return int(lines[0].split(" ")[1]), body


async def at_rate(
    client: Client,
    calls: Iterator[Call],
    rate: float,
    seconds: float,
    told: Callable[[Call, Any], None] = lambda _call, _answer: None,
) -> Timed:
    """So many calls a second, for so long."""
    timed = Timed()
    began = time.perf_counter()
    waiting: set[asyncio.Task[None]] = set()

    async def one(call: Call, intended: float) -> None:
        try:
            status, body = await client.ask(call)
        except (OSError, EOFError) as error:
            timed.failed[f"{call.name}: {type(error).__name__}"] += 1
            return
        timed.took[call.name].append((time.perf_counter() - intended) * 1000)
        if status >= 300:
            timed.failed[f"{call.name}: {status} {body[:200].decode('utf-8', 'replace')}"] += 1
            return
        answer = json.loads(body or b"{}")
        if call.verb != "GET":
            timed.done.append((call, answer))
        told(call, answer)

    for number in range(int(rate * seconds)):
        intended = began + number / rate
        await asyncio.sleep(max(0.0, intended - time.perf_counter()))
        task = asyncio.create_task(one(next(calls), intended))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
    await asyncio.gather(*waiting)
    return timed
