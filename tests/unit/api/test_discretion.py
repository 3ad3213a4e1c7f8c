"""Where the store fails: strangers and callers read that it does, the log and the server's own user read why."""

from __future__ import annotations

import json
from collections.abc import Callable
from sqlite3 import OperationalError
from typing import Any

import pytest
from fastapi import Request

from allotment.adapters.store.failures import failure
from allotment.adapters.store.lock import led_since
from allotment.api.discretion import REQUEST_ID, Discretion
from allotment.cli.shell.failures import describe
from allotment.errors import AllotmentError, NotFoundError, TimedOutError, UnreachableError
from allotment.model.jobs.written import write_value
from allotment.ports.job_service import JobSubmission
from allotment.ports.store import StoreError
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_people import Hall, hall
from tests.unit.api.test_service import at_home, submitted
from tests.unit.operations.run.machine import job

__all__ = ["hall"]

PLACE = "postgresql://allotment@db-7.internal/allotment"
SAID = (
    'connection to server at "10.9.8.7", port 5432 failed: FATAL: password authentication failed for user "allotment"'
)
SECRETS = ("db-7", "10.9.8.7", "5432", "user", "password", "/srv", "jobs.db", "constraint")
TOKEN = f"allot_abcdefgh_{'A' * 43}"


class DriverError(Exception):
    """As psycopg raises it."""

    def __init__(self, said: str, state: str | None = None) -> None:
        super().__init__(said)
        self.sqlstate = state


def of_sqlite(code: int) -> OperationalError:
    found = OperationalError("unable to open database file /srv/allotment/jobs.db")
    found.sqlite_errorcode = code
    return found


FAILURES: dict[str, tuple[AllotmentError, int, str]] = {
    "away": (failure(PLACE, DriverError(SAID, "28P01"), lost=True), 503, "the store does not answer"),
    "no state": (failure(PLACE, DriverError(SAID)), 503, "the store does not answer"),
    "a full disk": (failure(PLACE, DriverError(SAID, "53100")), 500, "the store fails"),
    "no right": (failure(PLACE, DriverError(SAID, "42501")), 500, "the store fails"),
    "else": (failure(PLACE, DriverError("violates constraint", "23505")), 500, "the store fails"),
    "a file": (failure("/srv/allotment/jobs.db", of_sqlite(14)), 500, "the store fails"),
    "another leads": (
        led_since(PLACE),
        409,
        "another server has written into the store since this one did",
    ),
    "a locked file": (failure("/srv/allotment/jobs.db", of_sqlite(5)), 504, "the store does not answer"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_stranger_reads_that_the_store_fails_and_the_log_why(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    error, status, what = FAILURES[name]

    def fails(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(hall.world.machine.store, "token", fails)
    got, _, body = answered(hall.app, "GET", "/api/v1/whoami", HOST, bearer(TOKEN))
    told = json.loads(body)
    assert (got, told["what"]) == (status, what)
    assert told["why"].endswith("the server's log says why, of request request-1")
    assert not [each for each in SECRETS if each in body.decode()]
    assert f"request request-1: {error.whole.line}" in capsys.readouterr().err


def test_an_error_within_an_answer_tells_no_more(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise FAILURES["away"][0]

    for name in ("add", "add_all"):
        monkeypatch.setattr(hall.world.machine.store, name, fails)
    wanted = [JobSubmission(job(), "local"), JobSubmission(job(), "local")]
    body = write_value("submissions", wanted).encode()
    status, _, said = answered(at_home(hall.world), "POST", "/api/v1/submissions", HOST, body=body)
    assert (status, said.count(b"the store does not answer")) == (200, 2)
    assert not [each for each in SECRETS if each in said.decode()]


def test_the_servers_own_user_reads_all_of_it(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    error = FAILURES["away"][0]

    def fails(*_: Any, **__: Any) -> Any:
        raise error

    submitted(hall.world.desk)
    monkeypatch.setattr(hall.world.machine.store, "find", fails)
    status, _, body = answered(at_home(hall.world), "GET", "/api/v1/jobs/train", HOST)
    assert (status, json.loads(body)["what"]) == (503, f"{PLACE} does not answer")


def test_a_command_that_reads_a_store_itself_says_all_of_it() -> None:
    shown = describe(FAILURES["a file"][0])
    assert shown.what == "/srv/allotment/jobs.db cannot be opened"


def request_of(id_: str) -> Request:
    return Request({"type": "http", "headers": [], "state": {REQUEST_ID: id_}})


def test_the_log_does_not_fill_with_the_same_words() -> None:
    said: list[str] = []
    now = [100.0]
    told: Callable[[str, AllotmentError], AllotmentError] = lambda id_, error: discretion.told(request_of(id_), error)  # noqa: E731
    discretion = Discretion(at_home=False, say=said.append, now=lambda: now[0])
    away, locked = FAILURES["away"][0], FAILURES["a locked file"][0]
    for each in ("r-1", "r-2", "r-3"):
        assert isinstance(told(each, away), UnreachableError)
    assert isinstance(told("r-4", locked), TimedOutError)
    now[0] += 2
    told("r-5", locked)
    assert [each.partition(":")[0] for each in said] == ["request r-1", "request r-4", "request r-5"]


def test_what_is_no_failure_of_the_store_is_told_as_it_is() -> None:
    discretion = Discretion(at_home=False, say=lambda _: pytest.fail("it was logged"))
    error = NotFoundError("there is no job j9", fix="look at `allot ps`")
    assert discretion.told(request_of("r-1"), error) is error
    assert isinstance(FAILURES["else"][0], StoreError)
