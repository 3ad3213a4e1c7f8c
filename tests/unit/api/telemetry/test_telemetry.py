"""What a server counts and tells of itself: by routes and states alone, and nothing of anybody's."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import threading
import traceback
from typing import Any

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.store.fake import MemoryStore
from allotment.adapters.store.leading import SILENT_MS
from allotment.api.standing_by import NO_MORE, StandingBy, beating
from allotment.api.telemetry.log import JSON_LINES, TEXT, JsonLines, kept_log
from allotment.api.telemetry.meters import Meters
from allotment.api.telemetry.observed import Observed
from allotment.api.telemetry.presence import Presence
from allotment.api.telemetry.probes import BesideProbes, Probes
from allotment.api.telemetry.standing import ServerRole, ServerStanding
from allotment.api.telemetry.timed_store import timed
from allotment.api.telemetry.watching import WatchedServer
from allotment.errors import AllotmentError, UnreachableError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.rights import OWN
from allotment.model.jobs.run import JobState
from allotment.operations.run.asked import DeskOf
from allotment.ports import store as stores
from allotment.ports.store import StoreInUseError
from allotment.ports.stored_jobs import JobAttempt
from tests.unit.adapters.store.jobs import moved, submitted
from tests.unit.api.test_service import World, at_home

CANARY = "CanaryOfAPerson"


def asked(app: Any, path: str, method: str = "GET", headers: tuple[tuple[bytes, bytes], ...] = ()) -> tuple[int, bytes]:
    """Status and body of an answer."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": b"", "headers": list(headers), "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2), "scheme": "http", "state": {}, "root_path": "",
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def standing() -> ServerStanding:
    return ServerStanding()


@pytest.fixture
def meters(standing: ServerStanding) -> Meters:
    found = Meters("1.2.3")
    found.registry.register(Presence(standing))
    return found


@pytest.fixture
def probes(standing: ServerStanding, meters: Meters) -> Probes:
    return Probes(standing, meters)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/healthz", "GET", 200),
        ("/healthz", "HEAD", 200),
        ("/metrics", "GET", 200),
        ("/readyz", "GET", 503),
        ("/readyz", "POST", 405),
        ("/metrics/", "GET", 404),
        ("/api/v1/status", "GET", 404),
        ("/api/v1/end", "POST", 404),
    ],
)
def test_on_the_address_of_probes_there_is_nothing_else(probes: Probes, path: str, method: str, status: int) -> None:
    assert asked(probes, path, method)[0] == status


def test_beside_an_application_probes_answer_their_own_paths_alone(probes: Probes) -> None:
    app = BesideProbes(StandingBy(), probes)
    assert asked(app, "/healthz")[0] == 200
    status, body = asked(app, "/api/v1/jobs", "POST")
    assert (status, json.loads(body)["type"]) == (503, "/api/v1/problems/standing-by")


def test_a_server_is_ready_once_its_store_is_written_and_its_back_ends_are_passed_over(
    world: World, standing: ServerStanding, probes: Probes
) -> None:
    def parts() -> tuple[int, dict[str, str]]:
        status, body = asked(probes, "/readyz")
        return status, json.loads(body)["parts"]

    assert parts() == (503, {"store": "not opened yet", "backends": "not opened yet"})
    standing.role = ServerRole.STANDBY
    assert parts()[1]["store"] == "another server leads"
    standing.leads(world.desk, world.machine.store)
    assert parts() == (503, {"store": "", "backends": "no pass has been made yet"})
    world.desk.step()
    assert parts() == (200, {"store": "", "backends": ""})
    standing.beaten("the store does not answer: refused")
    assert parts() == (503, {"store": "it does not answer", "backends": ""})
    standing.beaten()
    assert parts()[0] == 200


def test_where_the_store_is_and_what_it_says_is_told_to_the_servers_own_user_alone(
    world: World, standing: ServerStanding, meters: Meters
) -> None:
    trouble = 'postgresql://allotment@db-7/jobs does not answer: password authentication failed for user "allotment"'
    standing.leads(world.desk, world.machine.store)
    world.desk.tell_at_home(standing.told)
    standing.beaten(trouble)
    afar, at_home = (
        json.loads(asked(Probes(standing, meters, at_home=each), "/readyz")[1])["parts"]["store"]
        for each in (False, True)
    )
    assert (afar, at_home) == ("it does not answer", trouble)
    assert b"db-7" in asked(WatchedServer(standing, meters).at_home(StandingBy()), "/readyz")[1]
    owner, other = Caller("ada", CallerKind.LOCAL, "here"), Caller("eve", CallerKind.PERSON, "there")
    assert DeskOf(world.desk, owner, OWN).status().told == (f"the store cannot be written: {trouble}",)
    assert DeskOf(world.desk, other, OWN).status().told == ()
    standing.beaten()
    assert DeskOf(world.desk, owner, OWN).status().told == ()


def test_metrics_tell_of_jobs_and_back_ends_once_the_server_leads(
    world: World, standing: ServerStanding, meters: Meters
) -> None:
    before = meters.text().decode()
    assert "allotment_leader 0.0" in before
    assert "allotment_jobs" not in before
    standing.leads(world.desk, world.machine.store)
    world.desk.step()
    text = meters.text().decode()
    for line in (
        "allotment_leader 1.0",
        "allotment_ready 1.0",
        "allotment_build_info{python=",
        'allotment_jobs{backend="local",state="running"} 0.0',
        'allotment_backend_passes_total{backend="local"} 1.0',
        'allotment_backend_silent_seconds{backend="local"} 0.0',
        "allotment_audit_entries_total 0.0",
    ):
        assert line in text, line


@pytest.mark.parametrize("log_format", [TEXT, JSON_LINES])
def test_what_people_write_is_in_no_metric_and_no_log(
    world: World, meters: Meters, monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    told = kept_log(log_format, SystemClock(), access=True)
    app = Observed(at_home(world), meters, told)
    secret = (b"authorization", f"Bearer {CANARY}".encode())
    ways = [
        ("GET", f"/api/v1/jobs/{CANARY}"),
        ("POST", f"/api/v1/jobs/{CANARY}/stop"),
        ("GET", f"/{CANARY}.js"),
        (CANARY, f"/api/v1/{CANARY}"),
    ]
    for verb, path in ways:
        assert asked(app, path, verb, (secret,))[0] >= 400
    text, said = meters.text().decode(), out.getvalue()
    assert CANARY not in text + said
    assert 'allotment_http_requests_total{method="GET",route="/api/v1/jobs/{reference}",status="404"} 1.0' in text
    assert 'allotment_http_requests_total{method="other",route="none",status="404"} 1.0' in text
    assert 'allotment_http_answers_under_way{route="/api/v1/jobs/{reference}"} 0.0' in text
    assert said.count("/api/v1/jobs/{reference} ") + said.count('"/api/v1/jobs/{reference}"') == 1
    if log_format == JSON_LINES:
        first = json.loads(said.splitlines()[0])
        assert {"time", "level", "message", "request_id", "method", "route", "status", "seconds", "caller"} == {*first}
        assert first["caller"] == "local"


def test_without_being_asked_for_no_request_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert kept_log(TEXT, SystemClock(), access=False) is None
    assert kept_log(JSON_LINES, SystemClock(), access=False) is None


def test_every_line_of_the_log_is_an_object_and_a_traceback_is_one() -> None:
    out = io.StringIO()
    lines = JsonLines(out, SystemClock())
    print("audit head 1 sha256:ab", file=lines)
    print('a line with "quotes"\nand\u2028another', file=lines)
    print("ERROR:    Exception in ASGI application", file=lines)
    try:
        raise ValueError("boom")
    except ValueError:
        traceback.print_exc(file=lines)
    print("after it", file=lines)
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(each["level"], each["message"].splitlines()[0]) for each in found] == [
        ("info", "audit head 1 sha256:ab"),
        ("info", 'a line with "quotes"'),
        ("info", "and"),
        ("error", "Exception in ASGI application"),
        ("error", "Traceback (most recent call last):"),
        ("info", "after it"),
    ]
    assert found[4]["message"].endswith("ValueError: boom")


def test_calls_of_the_store_are_timed_and_first_starts_of_jobs_with_them(world: World, meters: Meters) -> None:
    store = timed(world.machine.store, meters)
    assert store.notices is world.machine.store.notices
    store.kept()
    with pytest.raises(AllotmentError):
        store.get("nothing")
    job = store.add(submitted("j1", at=1000))
    (job,) = store.record([moved(job, JobState.QUEUED, JobState.RUNNING, at=4000)])
    (job,) = store.record([moved(job, JobState.QUEUED, JobState.RUNNING, at=900_000)])
    text = meters.text().decode()
    assert 'allotment_job_start_seconds_count{backend="local"} 1.0' in text
    assert 'allotment_job_start_seconds_sum{backend="local"} 3.0' in text
    quick = store.add(submitted("j2", at=1000))
    (quick,) = store.record([moved(quick, JobState.QUEUED, at=1100)])
    ran = JobAttempt(1, started=2000, ended=2001)
    (quick,) = store.record([moved(quick, JobState.SUCCEEDED, at=2002, attempts=(ran,))])
    never = store.add(submitted("j3", at=1000))
    store.record([moved(never, JobState.STOPPED, at=900_000)])
    text = meters.text().decode()
    assert 'allotment_job_start_seconds_count{backend="local"} 2.0' in text
    assert 'allotment_job_start_seconds_sum{backend="local"} 4.0' in text, "over before anybody had seen it run"
    assert 'allotment_store_call_seconds_count{call="kept"} 1.0' in text
    assert 'allotment_store_failures_total{call="get"} 1.0' in text


class Deposed(MemoryStore):
    """A store whose sign of life fails."""

    def __init__(self, error: AllotmentError) -> None:
        super().__init__()
        self.error = error
        self.asked = threading.Event()

    def beat(self) -> None:
        self.asked.set()
        raise self.error


@pytest.mark.parametrize(
    ("error", "replicated", "ends"),
    [
        pytest.param(StoreInUseError("another leads"), False, True, id="another one has led"),
        pytest.param(UnreachableError("it is silent"), True, True, id="silent, and another one waits"),
        pytest.param(UnreachableError("it is silent"), False, False, id="silent, and nobody waits"),
    ],
)
def test_who_leads_no_more_ends(
    world: World, monkeypatch: pytest.MonkeyPatch, error: AllotmentError, replicated: bool, ends: bool
) -> None:
    monkeypatch.setattr("allotment.api.standing_by.BEAT_SECONDS", 0.001)
    monkeypatch.setattr("allotment.api.standing_by.NO_MORE", 0.0)
    store, standing = Deposed(error), ServerStanding()
    standing.leads(world.desk, store)  # before the first beat, which may be the last
    with beating(standing, store, replicated=replicated):
        assert store.asked.wait(5)
        assert world.desk.ending.wait(5 if ends else 0.1) == ends
        if ends:
            with pytest.raises(type(error)):
                standing.check()
        else:
            standing.check()
            assert standing.readiness(at_home=True).parts["store"] == error.line


def test_a_leader_gives_up_before_another_one_takes_it_to_hang() -> None:
    assert stores.BEAT_SECONDS < NO_MORE < SILENT_MS / 1000
