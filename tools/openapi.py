"""The OpenAPI document of the server's calls, without a server: ``python -m tools.openapi``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from threading import Event
from typing import Any, cast

from allotment.adapters.clock import SystemClock
from allotment.api.doors import HomeDoor
from allotment.api.jobs import job_api
from allotment.operations.access.registry import Registry
from allotment.operations.run.desk import Desk
from allotment.operations.watch.hub import ChangeHub


def document() -> dict[str, Any]:
    """As a server tells it to whoever asks."""
    # Nobody of these is asked: the document is made of the routes alone.
    nobody = cast("Any", None)
    registry = Registry(nobody, SystemClock(), os.urandom, "", "")
    changes = ChangeHub(nobody, Event())
    app = job_api(cast("Desk", nobody), registry, lambda _: nobody, HomeDoor(""), changes=changes)
    said: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/api/v1/openapi.json", "raw_path": b"/api/v1/openapi.json", "query_string": b"", "root_path": "",
        "headers": [], "client": None, "server": ("localhost", 80), "state": {},
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    found: dict[str, Any] = json.loads(b"".join(each.get("body", b"") for each in said[1:]))
    return found


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")
