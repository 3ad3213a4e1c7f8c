"""Whoever comes to sign in holds up nobody who has."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from allotment.model.access.identity import ProvenIdentity
from tests.unit.api.test_doors import HOST, bearer
from tests.unit.api.test_people import Hall, hall, said_of

__all__ = ["hall"]

_LONGEST = 20.0
"""Seconds after which a test has failed that should have been answered at once."""


async def asked(hall: Hall, verb: str, path: str, *headers: tuple[bytes, bytes], body: bytes | None = b"") -> Any:
    """Status and JSON of an answer; a body of None never comes."""
    sent: list[Any] = []

    async def receive() -> Any:
        if body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": verb, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [HOST, *headers], "client": ("10.1.2.3", 5),
    }  # fmt: skip
    await hall.app(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(each.get("body", b"") for each in sent[1:]))


def test_a_body_that_does_not_come_is_not_waited_for(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allotment.api.access.STRANGERS_BODY_IN", 0.1)
    status, told = asyncio.run(asyncio.wait_for(asked(hall, "POST", "/api/v1/sign-in", body=None), _LONGEST))
    assert (status, told["what"]) == (400, "the sign-in has not come within 0.1 seconds")


def test_while_the_provider_hangs_everybody_else_is_answered(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    text, let_go = hall.session("ada", "nlp-members"), threading.Event()
    verify = hall.sign_ins._provider.verify

    def hanging(*said: Any, **more: Any) -> ProvenIdentity:
        assert let_go.wait(_LONGEST)
        return verify(*said, **more)

    monkeypatch.setattr(hall.sign_ins._provider, "verify", hanging)

    def body() -> bytes:
        offer = hall.sign_ins.offer()
        said = said_of(offer, "ada", "nlp-members")
        return json.dumps(
            {"version": 1, "brought": {"token": said, "nonce": offer.nonce, "host": "127.0.0.1"}}
        ).encode()

    async def scene() -> None:
        waiting = [asyncio.create_task(asked(hall, "POST", "/api/v1/sign-in", body=body())) for _ in range(45)]
        try:
            await asyncio.sleep(0.2)
            for path in ("/api/v1/whoami", "/api/v1/jobs", "/api/v1/requests"):
                assert (await asyncio.wait_for(asked(hall, "GET", path, bearer(text)), _LONGEST))[0] == 200, path
            assert not any(each.done() for each in waiting)
        finally:
            let_go.set()
        assert {status for status, _ in await asyncio.gather(*waiting)} == {200}

    asyncio.run(scene())
