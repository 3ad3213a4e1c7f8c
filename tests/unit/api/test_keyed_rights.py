"""What was answered to a call with a key is told again to nobody who might not be told it now, and little is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.api import keyed_calls
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_people import Hall, hall

__all__ = ["hall"]
KEY = "q" * 20
WANTED = {"version": 1, "wanted": {"name": "ci", "permissions": ["read"], "lasts": 9_999_999, "team": ""}}


def asked(hall: Hall, verb: str, path: str, text: str, body: Any = None, key: str = KEY) -> tuple[int, bool, Any]:
    headers = [HOST, bearer(text), (b"idempotency-key", key.encode())]
    sent = b"" if body is None else json.dumps(body).encode()
    status, told, said = answered(hall.app, verb, f"/api/v1{path}", *headers, body=sent)
    return status, b"idempotency-replayed" in dict(told), json.loads(said or b"{}")


def store_of(hall: Hall) -> MemoryStore:
    store = hall.world.machine.store
    assert isinstance(store, MemoryStore)
    return store


def test_a_job_is_told_again_to_nobody_who_has_left_its_team(hall: Hall) -> None:
    both = hall.session("ada", "nlp-members", "cv-members")
    status, _, first = asked(hall, "POST", "/jobs/j1/stop", both)
    assert status == 200
    assert asked(hall, "POST", "/jobs/j1/stop", hall.session("ada", "nlp-members", "cv-members")) == (200, True, first)
    status, replayed, told = asked(hall, "POST", "/jobs/j1/stop", hall.session("ada", "nlp-members"))
    assert (status, replayed) == (404, False), told


def test_a_secret_is_told_again_to_nobody_who_may_something_else(hall: Hall) -> None:
    status, _, first = asked(hall, "POST", "/tokens", hall.session("ada", "nlp-owners"), WANTED)
    assert status == 200
    assert asked(hall, "POST", "/tokens", hall.session("ada", "nlp-owners"), WANTED) == (200, True, first)
    status, replayed, told = asked(hall, "POST", "/tokens", hall.session("ada", "nlp-viewers"), WANTED)
    assert (status, replayed) == (409, False)
    assert first["given"]["text"] not in json.dumps(told)


def test_of_a_call_that_does_nothing_nothing_is_kept(hall: Hall) -> None:
    ada = hall.session("ada", "nlp-viewers")
    made = asked(hall, "POST", "/tokens", ada, WANTED)[2]["given"]["token"]["id"]
    assert asked(hall, "DELETE", f"/tokens/{made}", ada, key="revoked-0")[0] == 200
    before = len(store_of(hall)._calls)
    for each in range(5):
        assert asked(hall, "DELETE", f"/tokens/{made}", ada, key=f"again-{each:04}")[0] == 200
    assert len(store_of(hall)._calls) == before == 2


def test_of_one_caller_so_many_are_kept(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyed_calls, "_MOST_CALLS", 2)
    ada, eve = (hall.session(each, "nlp-members") for each in ("ada", "eve"))
    for each in range(2):
        assert asked(hall, "POST", "/tokens", ada, WANTED, f"token-{each:04}")[0] == 200
    status, _, told = asked(hall, "POST", "/tokens", ada, WANTED, "token-0002")
    assert (status, told["type"]) == (429, "/api/v1/problems/too-often")
    assert asked(hall, "POST", "/tokens", ada, WANTED, "token-0000")[:2] == (200, True)
    assert asked(hall, "POST", "/tokens", eve, WANTED, "token-0002")[0] == 200
    hall.world.machine.clock.sleep(keyed_calls.KEPT_HOURS * 3600 + 1)
    assert asked(hall, "POST", "/tokens", hall.session("ada", "nlp-members"), WANTED, "token-0002")[0] == 200
