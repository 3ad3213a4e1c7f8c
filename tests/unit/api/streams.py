"""Streams of events, followed in the process as over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Frame:
    """One event, or what came in its place.

    Attributes:
        event: its kind; empty for a heartbeat.
        said: its data, without version and name.
    """

    id: int | None
    event: str
    said: Any


def frames_of(text: str) -> list[Frame]:
    """As a browser reads it."""
    found: list[Frame] = []
    id_: int | None = None
    event, data = "", []
    assert text.endswith("\n\n") or not text
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                whole = json.loads("\n".join(data))
                assert whole["version"] == 1
                found.append(Frame(id_, event, whole[event]))
            else:
                found.append(Frame(id_, "", None))
            event, data, id_ = "", [], None
        elif name == "id":
            id_ = int(value)
        elif name == "event":
            event = value
        elif name == "data":
            data.append(value)
        else:
            assert name == "", line
    return found


@dataclass
class Following:
    """Somebody who follows what changes; within one event loop.

    Attributes:
        status: of the answer; 0 until it has begun.
    """

    app: Any
    headers: tuple[tuple[bytes, bytes], ...]
    query: str = ""
    status: int = 0
    told: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    over: bool = False

    async def __aenter__(self) -> Self:
        self._gone = asyncio.Event()
        self._news = asyncio.Event()
        self._unread: asyncio.Event | None = None
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        await asyncio.wait_for(self._task, 10)

    def stop_reading(self) -> None:
        """What is sent from now on waits for nobody."""
        self._unread = asyncio.Event()

    def read_on(self) -> None:
        """What waits is read, and what is sent from now on."""
        unread, self._unread = self._unread, None
        if unread is not None:
            unread.set()

    async def _run(self) -> None:
        first = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            if first:
                return first.pop()
            await self._gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Mapping[str, Any]) -> None:
            if self._unread is not None:
                await self._unread.wait()
            if message["type"] == "http.response.start":
                self.status, self.told = message["status"], dict(message["headers"])
            else:
                self.body += message.get("body", b"")
            self._news.set()

        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": "/api/v1/events", "raw_path": b"/api/v1/events",
            "query_string": self.query.encode(), "root_path": "", "headers": list(self.headers),
            "client": ("10.1.2.3", 5), "server": ("127.0.0.1", 7433), "state": {},
        }  # fmt: skip
        try:
            await self.app(scope, receive, send)
        finally:
            self.over = True
            self._news.set()

    @property
    def frames(self) -> list[Frame]:
        """All that came so far."""
        whole, _, _ = self.body.rpartition(b"\n\n")
        return frames_of((whole + b"\n\n").decode() if whole else "")

    async def until(self, number: int, *, within: float = 5.0) -> list[Frame]:
        """Events without heartbeats, once there are so many or the stream is over."""

        async def there() -> list[Frame]:
            while True:
                found = [each for each in self.frames if each.event]
                if len(found) >= number or self.over:
                    return found
                self._news.clear()
                await self._news.wait()

        return await asyncio.wait_for(there(), within)
