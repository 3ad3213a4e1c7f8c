"""What somebody has begun to ask is forgotten with his connection."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from allotment.api.impatience import ImpatientProtocol


async def nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    """Nobody comes so far."""


def test_a_connection_that_has_gone_holds_nothing() -> None:
    async def scene() -> None:
        config = uvicorn.Config(nothing, lifespan="off", log_level="error", access_log=False)
        config.load()
        made: list[weakref.ref[ImpatientProtocol]] = []

        def protocol() -> ImpatientProtocol:
            one = ImpatientProtocol(config, ServerState(), {})
            made.append(weakref.ref(one))
            return one

        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        async with server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"GET / HTTP/1.1\r\nx: " + b"a" * 60_000)
            await writer.drain()
            while not made:
                await asyncio.sleep(0.001)
            writer.transport.abort()
            for _ in range(1000):
                await asyncio.sleep(0.001)
                gc.collect()
                if made[0]() is None:
                    break
            assert made[0]() is None

    asyncio.run(scene())
