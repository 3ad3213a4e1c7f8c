"""A call with a key is done once: whoever asks again, at the same moment, or after the server died."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allotment.adapters.store.fake import MemoryStore
from allotment.api.doors import HomeDoor
from allotment.api.jobs import job_api
from allotment.api.keyed_calls import KEPT_HOURS, forget_old
from allotment.model.jobs.written import write_value
from allotment.operations.access.people import people_of
from allotment.operations.access.registry import Registry
from allotment.operations.decide.asked import RequestsOf
from allotment.operations.decide.desk import RequestDesk
from allotment.ports.clock import epoch_ms
from allotment.ports.job_service import JobSubmission
from allotment.ports.store import JobFilter
from tests.by_day import by_day
from tests.unit.api.test_doors import answered
from tests.unit.api.test_people import requests_room
from tests.unit.api.test_service import World
from tests.unit.operations.run.machine import job

HOUR = 3600
KEY = "3b241101-e2bb-4255-8caf-4136c566a962"


class CrashError(Exception):
    """The server dies here."""


class Server:
    """A server that may die at any moment, and is started anew over the same store."""

    def __init__(self) -> None:
        self.world = World()
        self.store: MemoryStore = self.world.machine.store
        self.room = requests_room(self.world)
        self.start()

    def start(self) -> None:
        world = self.world
        registry = Registry(self.store, world.machine.clock, os.urandom, "acme", "1", lambda: people_of(world.platform))
        requests = partial(RequestsOf, RequestDesk(self.room), self.room)
        self.app = job_api(world.desk, registry, requests, HomeDoor("ada"))

    def ask(
        self, path: str, body: bytes = b"", key: str = KEY, verb: str = "POST"
    ) -> tuple[int, dict[bytes, bytes], Any]:
        headers = [(b"idempotency-key", key.encode("latin-1"))] if key else []
        found = answered(self.app, verb, f"/api/v1{path}", *headers, body=body)
        return found[0], found[1], json.loads(found[2] or b"{}")

    def dying(self, name: str, *, after: bool) -> Callable[[], None]:
        """Have it die before or after a change of the store; what it gives undoes that."""
        real = getattr(self.store, name)

        def dies(*arguments: Any, **more: Any) -> Any:
            if after:
                real(*arguments, **more)
            raise CrashError

        setattr(self.store, name, dies)
        return lambda: setattr(self.store, name, real)


def submission(name: str = "train") -> bytes:
    return write_value("submission", JobSubmission(job(name=name), "local")).encode()


def wanted(name: str = "ci") -> bytes:
    told = {"name": name, "permissions": ["read"], "lasts": 9_999_999, "team": ""}
    return json.dumps({"version": 1, "wanted": told}).encode()


CREATES: dict[str, tuple[str, bytes, bytes, str, Callable[[Server], int]]] = {
    # What is asked for, another body, what keeps it, and how many there are.
    "job": ("/jobs", submission(), submission("other"), "add_all", lambda it: len(it.store.page(JobFilter()).rows)),
    "jobs": (
        "/submissions",
        write_value("submissions", [JobSubmission(job(name=each), "local") for each in "ab"]).encode(),
        write_value("submissions", [JobSubmission(job(name=each), "local") for each in "ac"]).encode(),
        "add_all",
        lambda it: len(it.store.page(JobFilter()).rows) // 2,
    ),
    "token": ("/tokens", wanted(), wanted("other"), "add_token", lambda it: sum(
        each.revoked is None for each in it.store.tokens()
    )),
}  # fmt: skip


@pytest.mark.parametrize("what", CREATES)
def test_the_same_again_is_answered_as_the_first_time(what: str) -> None:
    server = Server()
    path, body, other, _, number = CREATES[what]
    first = server.ask(path, body)
    assert first[0] == 200, first
    assert b"idempotency-replayed" not in first[1]
    for _ in range(2):
        server.start()
        again = server.ask(path, body)
        assert (again[0], again[2]) == (200, first[2])
        assert again[1][b"idempotency-replayed"] == b"true"
        assert again[1][b"etag"] == first[1][b"etag"]
    status, _, told = server.ask(path, other)
    assert (status, told["type"]) == (422, "/api/v1/problems/reused-key")
    assert server.ask(path, body, verb="POST", key=f'"{KEY}"')[2] == first[2], "in quotes, as a structured field"
    assert number(server) == 1
    assert server.ask(path, body, key=KEY[::-1])[0] == 200
    assert number(server) == 2


@pytest.mark.parametrize("what", CREATES)
def test_a_key_stands_for_its_call_for_a_day(what: str) -> None:
    server = Server()
    path, body, other, _, _ = CREATES[what]
    server.ask(path, body)
    server.world.machine.clock.sleep(KEPT_HOURS * HOUR - 1)
    assert server.ask(path, other)[0] == 422
    assert forget_old(server.store, epoch_ms(server.world.machine.clock)) == 0
    server.world.machine.clock.sleep(2)
    assert server.ask(path, other)[2].get("type") != "/api/v1/problems/reused-key"


@pytest.mark.parametrize("what", CREATES)
@pytest.mark.parametrize("where", ["before", "after", "before the answer is kept", "after the answer is kept"])
def test_whoever_asks_again_after_a_crash_has_one_and_its_answer(what: str, where: str) -> None:
    server = Server()
    path, body, _, keeps, number = CREATES[what]
    mended = server.dying("keep_answers" if "answer" in where else keeps, after="after" in where)
    with pytest.raises(CrashError):
        server.ask(path, body)
    mended()
    server.start()
    for _ in range(2):
        status, _, told = server.ask(path, body)
        assert status == 200, told
    assert number(server) == 1
    assert server.ask(path, body)[2] == told


def test_an_answer_that_nobody_could_make_anew_is_kept_before_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    kept: list[bool] = []
    monkeypatch.setattr(server.store, "keep_answers", lambda _answers, *, soon: kept.append(soon))
    for path, body in (("/jobs", submission()), ("/submissions", CREATES["jobs"][1]), ("/tokens", wanted())):
        assert server.ask(path, body)[0] == 200
        server.start()
        server.store.forget_calls(1 << 60)
    assert server.ask("/code", b"\x1f\x8b")[0] == 200
    assert kept == [True, True, False, False]


def test_a_retry_is_the_one_it_was_though_it_is_over_itself() -> None:
    server = Server()
    first = server.ask("/jobs", submission(), key="")[2]["receipt"]["job"]["id"]
    server.world.run(15)
    again = server.ask(f"/jobs/{first}/retry")[2]["receipt"]["job"]["id"]
    server.world.run(15)
    for replayed in (True, False):
        assert server.ask(f"/jobs/{first}/retry")[2]["receipt"]["job"]["id"] == again
        if replayed:  # once more as though the answer had never been kept
            (kept,) = server.store._calls.values()
            server.store._calls[kept.call.id] = type(kept)(kept.call, kept.at, kept.subject)
    assert server.ask(f"/jobs/{first}/retry", key="another-one")[2]["receipt"]["job"]["id"] != again


def test_two_at_the_same_moment_make_one() -> None:
    server = Server()
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(server.ask("/tokens", wanted())[2])) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert len(found) == 6
    assert len({json.dumps(each) for each in found}) == 1
    assert len(server.store.tokens()) == 1


def test_what_was_refused_may_come_again_with_its_key() -> None:
    server = Server()
    assert server.ask("/tokens", b'{"version": 1}')[0] == 422
    assert server.ask("/tokens", wanted())[0] == 200


def test_a_key_is_one_caller_s_and_says_nothing_in_the_store() -> None:
    server = Server()
    secret = server.ask("/tokens", wanted())[2]["given"]["text"]
    (kept,) = server.store._calls.values()
    assert kept.subject.startswith("token/")
    assert secret not in repr(kept)
    assert KEY not in repr(kept)
    assert KEY not in repr(list(server.store.whole_audit()))
    for wrong in ("short", "with a space in it", "x" * 201, "\xff" * 20):
        assert server.ask("/tokens", wanted(), key=wrong)[0] == 400


def test_code_is_kept_under_what_it_says_and_a_key_of_other_code_is_refused() -> None:
    server = Server()
    first = server.ask("/code", b"xyz")
    assert server.ask("/code", b"xyz")[2] == first[2]
    assert server.ask("/code", b"four")[0] == 422


def test_a_damaged_answer_is_made_anew() -> None:
    server = Server()
    first = server.ask("/jobs", submission())[2]["receipt"]["job"]["id"]
    (kept,) = server.store._calls.values()
    server.store._calls[kept.call.id] = type(kept)(kept.call, kept.at, kept.subject, "AAAA" * 20)
    assert server.ask("/jobs", submission())[2]["receipt"]["job"]["id"] == first
    assert len(server.store.page(JobFilter()).rows) == 1


@settings(max_examples=by_day(25), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(CREATES)),
            st.integers(0, 2),
            st.sampled_from(["", "before", "after", "answer before", "answer after"]),
        ),
        max_size=8,
    )
)
def test_whatever_is_replayed_and_wherever_it_dies_each_key_makes_one(
    steps: list[tuple[str, int, str]],
) -> None:
    server = Server()
    answers: dict[tuple[str, int], Any] = {}
    for what, which, dies in steps:
        path, body, _, keeps, _ = CREATES[what]
        key = f"key-of-{what}-{which}"
        mended = None
        if dies:
            mended = server.dying("keep_answers" if "answer" in dies else keeps, after="after" in dies)
        try:
            status, _, told = server.ask(path, body, key=key)
        except CrashError:
            server.start()
        else:
            assert status == 200, told
            assert answers.setdefault((what, which), told) == told
        finally:
            if mended is not None:
                mended()
    for what, which in {(what, which) for what, which, _ in steps}:
        path, body, _, _, _ = CREATES[what]
        told = server.ask(path, body, key=f"key-of-{what}-{which}")[2]
        assert answers.setdefault((what, which), told) == told
    for what, (_, _, _, _, number) in CREATES.items():
        if what == "token":
            assert number(server) == len({which for kind, which, _ in steps if kind == what})
    jobs = {(what, which) for what, which, _ in steps if what != "token"}
    assert len(server.store.page(JobFilter(), limit=100).rows) == sum(1 if what == "job" else 2 for what, _ in jobs)


STRANGERS = {"/sign-in", "/browser-sign-in", "/browser-session"}


def test_every_operation_that_changes_something_takes_a_key_but_few() -> None:
    server = Server()
    document = json.loads(answered(server.app, "GET", "/api/v1/openapi.json")[2])
    without = {
        path.removeprefix("/api/v1")
        for path, operations in document["paths"].items()
        for verb, operation in operations.items()
        if verb != "get" and "Idempotency-Key" not in {each["name"] for each in operation.get("parameters", ())}
    }
    assert without == {
        "/end",
        "/foresee",
        "/job-files",
        "/request-previews",
        "/quota-previews",
        "/sign-in",
        "/browser-sign-in",
        "/browser-session",
    }
