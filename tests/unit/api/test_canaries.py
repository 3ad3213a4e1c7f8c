"""Secrets that a server holds, looked for in every answer of every operation, in its log, and in its store."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.model.access.token import parts_of
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_openapi_examples import JSON, filled, operations
from tests.unit.api.whole_server import ADMIN, MEMBER, WholeServer, whole_server
from tests.unit.operations.fleet.test_credentials import given
from tests.unit.operations.fleet.test_one_context import CANARY

ENDLESS: Final = "/api/v1/events"
ROLES: Final = {"administrator": ADMIN, "member": MEMBER, "nobody": ""}
REALLY: Final = {
    "jobs": ("j0", "j1"), "requests": ("r2m9x4bt",), "grants": ("r2m9x4bt",), "clusters": ("training-eastus",),
}  # fmt: skip
"""What is there beside what the document shows, by the first word of a path."""


@dataclass
class Watched:
    """A server that has been given secrets.

    Attributes:
        secrets: what is to be told to nobody, by what it is.
        shown: what each role shows; nothing for nobody.
    """

    server: WholeServer
    secrets: Mapping[str, str]
    shown: Mapping[str, str]

    def told(self, said: bytes) -> list[str]:
        """Which of them stand in something."""
        return [name for name, secret in self.secrets.items() if secret.encode() in said]

    def ask(self, verb: str, path: str, role: str, body: bytes = b"", query: str = "") -> tuple[int, bytes]:
        text = self.shown[role]
        headers = [HOST, *([bearer(text)] if text else []), (b"content-type", JSON.encode())]
        status, more, said = answered(self.server.app, verb, path, *headers, body=body, query=query.encode())
        return status, repr(more).encode() + said


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with whole_server(tmp_path) as server:
        sessions = {role: server.session(role, group) for role, group in ROLES.items() if group}
        admin = sessions["administrator"]
        body = {"version": 1, "kubeconfig": given("training-eastus")}
        assert server.asked("PUT", "/api/v1/clusters/training-eastus/credential", admin, body)[0] == 200
        wanted = {"version": 1, "wanted": {"name": "ci", "permissions": ["read"], "lasts": 3_600_000, "team": ""}}
        own = server.asked("POST", "/api/v1/tokens", sessions["member"], wanted)[1]["given"]["text"]
        secrets = {
            "a cluster's credential": CANARY,
            "the same as it is written in a Secret": base64.b64encode(CANARY.encode()).decode(),
            "the key that seals it": (tmp_path / "key").read_text().split()[-1],
            "a token": parts_of(own)[1],  # type: ignore[index]
            **{f"the session of the {role}": parts_of(text)[1] for role, text in sessions.items()},  # type: ignore[index]
        }
        assert all(len(each) >= len(CANARY) for each in secrets.values())
        yield Watched(server, secrets, {"nobody": "", **sessions})


def asked_of(name: str, operation: Mapping[str, Any]) -> Iterator[tuple[str, str, bytes, str]]:
    """Verb, path, body and query: as the document shows it, of what is there, and of what is not."""
    verb, _, path = name.partition(" ")
    form = operation.get("requestBody", {}).get("content", {}).get(JSON)
    body = b"" if form is None else json.dumps(form["example"]).encode()
    query = [
        (each["name"], each["example"])
        for each in operation.get("parameters", ())
        if each["in"] == "query" and isinstance(each["example"], str | int) and not isinstance(each["example"], bool)
    ]
    first = path.removeprefix("/api/v1/").partition("/")[0]
    for real in ("", "nosuch", *REALLY.get(first, ())):
        where = path.replace("{reference}", real) if real else filled(path, dict(operation))
        yield verb, filled(where, dict(operation)), body, ""
        if query:
            yield verb, filled(where, dict(operation)), body, urlencode(query)
        yield verb, filled(where, dict(operation)), b"no JSON", ""


@pytest.mark.parametrize("role", ROLES)
def test_no_secret_is_told_by_any_operation_nor_logged_nor_kept(
    watched: Watched, role: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    well = 0
    for name, operation in operations():
        verb, _, path = name.partition(" ")
        # It would sign out who asks, or has no end, or takes what was given away.
        if path in {"/api/v1/session", ENDLESS} or (verb, "credential" in path) == ("DELETE", True):
            continue
        for one, where, body, query in asked_of(name, operation):
            status, said = watched.ask(one, where, role, body, query)
            assert watched.told(said) == [], (one, where, status)
            well += status < 300
    assert well > {"administrator": 60, "member": 40, "nobody": 0}[role]
    assert watched.told(caplog.text.encode()) == []
    store = watched.server.world.machine.store
    assert isinstance(store, MemoryStore)
    assert (
        watched.told(repr([*store.whole_audit(), *store.tokens(), *store.cluster_credentials("acme")]).encode()) == []
    )


def test_a_secret_that_is_told_would_be_noticed(watched: Watched) -> None:
    for name, secret in watched.secrets.items():
        assert watched.told(f"x{secret}y".encode()) == [name]
