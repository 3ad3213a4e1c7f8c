"""Whoever asks too often waits; whoever else asks does not."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from allotment.adapters.server import asking
from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import NetworkWay
from allotment.api.doors import TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.errors import TooOftenError
from allotment.operations.access import pacing
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.pacing import OF_ADDRESS, OF_PERSON, Pace, Pacing
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_service import World, no_requests, registry, token


@dataclass
class Now:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


def often(paced: Pacing, who: str, times: int) -> int:
    """How many of so many calls were let in."""
    done = 0
    for _ in range(times):
        try:
            paced.asked(who)
        except TooOftenError:
            continue
        done += 1
    return done


def test_a_burst_and_then_so_many_a_second() -> None:
    now = Now()
    paced = Pacing(Pace(10, 30), now)
    assert often(paced, "ada", 100) == 30
    assert often(paced, "bob", 100) == 30, "another one is not held up"
    with pytest.raises(TooOftenError) as refused:
        paced.asked("ada")
    assert refused.value.wait == pytest.approx(0.1)
    now.seconds += 1
    assert often(paced, "ada", 100) == 10
    now.seconds += 1000
    assert often(paced, "ada", 100) == 30
    now.seconds -= 500
    assert often(paced, "ada", 100) == 0, "a clock that goes back gives nothing"


def test_of_so_many_senders_and_no_more_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "_MOST_REMEMBERED", 2)
    paced = Pacing(Pace(1, 1), Now())
    for each in "abc":
        paced.asked(each)
    assert sorted(paced._left) == ["b", "c"]


def test_who_asks_too_often_is_told_for_how_long_to_wait() -> None:
    world, now = World(), Now()
    door = TokenDoor(Doorkeeper(world.machine.store, world.machine.clock), now=now)
    app = Hardened(job_api(world.desk, registry(world), no_requests, door), ("127.0.0.1",), lambda: "request-1")
    door._of_person = Pacing(Pace(1, 3), now)
    text = bearer(token(world))
    found = [answered(app, "GET", "/api/v1/whoami", HOST, text) for _ in range(4)]
    assert [status for status, _, _ in found] == [200, 200, 200, 429]
    _, headers, said = found[-1]
    assert headers[b"retry-after"] == b"1"
    assert json.loads(said)["type"] == "/api/v1/problems/too-often"
    now.seconds += 1
    assert answered(app, "GET", "/api/v1/whoami", HOST, text)[0] == 200
    door._of_address = Pacing(Pace(1, 2), now)
    assert [answered(app, "GET", "/api/v1/whoami", HOST)[0] for _ in range(3)] == [401, 401, 429]
    assert OF_PERSON.rate < OF_ADDRESS.rate


@pytest.mark.parametrize(("verb", "path"), [("GET", "/api/v1/sign-in"), ("POST", "/api/v1/browser-session")])
def test_whoever_comes_to_sign_in_keeps_to_the_pace_of_his_address(verb: str, path: str) -> None:
    world, now = World(), Now()
    door = TokenDoor(Doorkeeper(world.machine.store, world.machine.clock), now=now)
    app = Hardened(job_api(world.desk, registry(world), no_requests, door), ("127.0.0.1",), lambda: "request-1")
    door._of_address = Pacing(Pace(1, 2), now)
    found = [answered(app, verb, path, HOST, (b"origin", b"http://" + HOST[1]), body=b"{}")[0] for _ in range(3)]
    assert found[-1] == 429
    assert 429 not in found[:2]


def test_the_client_waits_and_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(asking.time, "sleep", waited.append)

    def sent(*_words: object) -> None:
        raise TooOftenError(7.0)

    monkeypatch.setattr(RemoteServer, "_sent", sent)
    with pytest.raises(TooOftenError):
        RemoteServer(NetworkWay("http://127.0.0.1:1", "")).whoami()
    assert waited == [7.0, 7.0]
    assert [asking._seconds(each) for each in ("3", "x", "", "99999999")] == [3.0, 1.0, 1.0, 1.0]
