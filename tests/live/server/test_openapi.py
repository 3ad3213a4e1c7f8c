"""The interface as its own document describes it: whatever is sent, answered as it says, and never by a failure.

The server's parts are real but for devices, processes and clusters: what is drawn here would be run. It has a platform
directory, a cluster that answers and one that does not, and is asked by an administrator and by a member of a team.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from allotment.api.serving import bound_address
from tests.by_day import by_day
from tests.unit.api.whole_server import ADMIN, DEV, GRANT_ID, MEMBER, WholeServer, whole_server

pytestmark = pytest.mark.live
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
AS_IT_SHOULD_BE: Final = (GenerationMode.POSITIVE,)
AS_IT_SHOULD_NOT: Final = (GenerationMode.NEGATIVE,)
EVENTS, SESSION = "/api/v1/events", "/api/v1/session"
ENDLESS: Final = "/api/v1/jobs/{reference}/log"
"""Of what runs, where it is followed."""
THERE: Final[Mapping[str, tuple[str, ...]]] = {
    "jobs": ("j0", "j1", "secret-of-cv"),
    "requests": (GRANT_ID,),
    "grants": (GRANT_ID,),
    "clusters": (DEV,),
    "answers": ("j2",),
}
"""What is there beside what the document shows, by the first word of a path."""
OF_EXAMPLES: Final = {
    "GET /api/v1/clusters": 200,
    "GET /api/v1/answers/clusters": 200,
    "GET /api/v1/answers/drift": 200,
    "GET /api/v1/answers/queues": 200,
    "GET /api/v1/answers/when": 200,
    "GET /api/v1/answers/whatif": 200,
    "POST /api/v1/quota-previews": 200,
    "POST /api/v1/cluster-key": 200,
    "PUT /api/v1/clusters/{reference}/credential": 200,
    "DELETE /api/v1/clusters/{reference}/credential": 204,
    "GET /api/v1/audit/export": 200,
    "DELETE /api/v1/session": 204,
    "GET /api/v1/events": 200,
}
"""What an administrator is answered to what is shown, of all those parts that a server need not have."""


@schemathesis.serializer("application/gzip")
def packed(_context: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else f"{value}".encode("utf-8", "replace")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WholeServer]:
    with whole_server(tmp_path) as made:
        yield made


@pytest.fixture
def address(server: WholeServer) -> Iterator[str]:
    with bound_address("127.0.0.1", 0) as bound:
        config = uvicorn.Config(
            server.app, log_level="error", lifespan="off", access_log=False, timeout_graceful_shutdown=5
        )
        serving = uvicorn.Server(config)
        thread = threading.Thread(target=serving.run, args=([bound],))
        thread.start()
        while not serving.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            serving.should_exit = True
            thread.join(30)


def document(address: str, token: str) -> Any:
    asked = urllib.request.Request(f"{address}/api/v1/openapi.json", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


@dataclass
class Asker:
    """Somebody who asks for all that the document has.

    Attributes:
        seen: operations, with what he was answered.
    """

    server: WholeServer
    address: str
    group: str
    seen: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.server.session("ada", MEMBER)
        self.text = self.server.session("somebody", self.group)
        self.schema = schemathesis.openapi.from_dict(document(self.address, self.text))
        self.schema.config.update(base_url=self.address)

    def operations(self) -> Iterator[Any]:
        for result in self.schema.get_all_operations():
            yield result.ok()

    def send(self, case: Any) -> None:
        """Ask, and see that the answer is as the document says."""
        headers = {"Authorization": f"Bearer {self._shown(case)}"}
        if case.path == EVENTS:
            self._follow(case, headers)
            return
        response = case.call(headers=headers, timeout=60)
        self.seen.add((f"{case.method} {case.path}", response.status_code))
        case.validate_response(response, checks=CHECKS)

    def _shown(self, case: Any) -> str:
        """Whoever signs out is signed in for that alone."""
        return self.server.session("somebody", self.group) if case.path == SESSION else self.text

    def _follow(self, case: Any, headers: Mapping[str, str]) -> None:
        """A stream has no end: how it begins is looked at."""
        asked = case.as_transport_kwargs(base_url=self.address)
        asked["headers"] = {**dict(asked.get("headers") or {}), **headers}
        with requests.request(**asked, stream=True, timeout=30) as response:
            self.seen.add((f"{case.method} {case.path}", response.status_code))
            if response.status_code == requests.codes.ok:
                assert response.headers["Content-Type"].startswith("text/event-stream")
                begin = next(response.iter_content(chunk_size=None)).decode()
                assert "event: begin" in begin or "event: reset" in begin, begin
                return
            case.validate_response(response, checks=CHECKS)


def shown(operation: Any) -> dict[str, Any]:
    """What the document shows of an operation."""
    raw = operation.definition.raw
    found: dict[str, Any] = {"path_parameters": {}, "query": {}}
    for each in raw.get("parameters", ()):
        if each["in"] != "header":
            found["path_parameters" if each["in"] == "path" else "query"][each["name"]] = each["example"]
    for form, body in raw.get("requestBody", {}).get("content", {}).items():
        if "example" in body:
            found |= {"body": body["example"], "media_type": form}
    return found


def made_real(case: Any, examples: Mapping[str, Any], real: str) -> None:
    """Have a case ask for what is there, in what is random for the rest."""
    for name in examples["path_parameters"]:
        case.path_parameters[name] = real
    for name in ("cluster", "team", "view", "namespace", "backend"):
        if name in (case.query or {}):
            case.query[name] = examples["query"][name]


def subjects_of(path: str, examples: Mapping[str, Any]) -> list[str]:
    """What a path may name that is there; the empty text for whatever is drawn."""
    there = [str(each) for each in examples["path_parameters"].values()]
    first = path.removeprefix("/api/v1/").partition("/")[0]
    return ["", "", *(there or [" "]), *(THERE.get(first, ()) if there else ())]


ROLES = {"administrator": ADMIN, "member": MEMBER}


@pytest.mark.parametrize("role", ROLES)
def test_what_is_shown_is_answered_as_the_document_says(server: WholeServer, address: str, role: str) -> None:
    asker = Asker(server, address, ROLES[role])
    for operation in asker.operations():
        asker.send(operation.Case(**shown(operation)))
    if role == "administrator":
        assert set(OF_EXAMPLES.items()) <= asker.seen
    assert not {what for what, status in asker.seen if status == 400}
    assert len({what for what, _ in asker.seen}) > 70
    assert (403 in {status for _, status in asker.seen}) is (role == "member") or role == "administrator"


def drawn(asker: Asker, operation: Any, mode: GenerationMode, most: int) -> None:
    """Ask an operation for what is drawn, and some of it for what is there."""
    examples = shown(operation)
    subjects = subjects_of(operation.path, examples) if mode is GenerationMode.POSITIVE else [""]

    @settings(max_examples=most, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), real=st.sampled_from(subjects))
    def sent(case: Any, real: str) -> None:
        if real:
            made_real(case, examples, real)
        asker.send(case)

    sent()


def night(examples: int) -> list[pytest.MarkDecorator]:
    return [pytest.mark.nightly, pytest.mark.timeout(30 * examples)]


@pytest.mark.parametrize(
    ("role", "modes", "examples"),
    [("administrator", AS_IT_SHOULD_BE, 6), ("administrator", AS_IT_SHOULD_NOT, 6), ("member", AS_IT_SHOULD_BE, 3),
     pytest.param("administrator", AS_IT_SHOULD_BE + AS_IT_SHOULD_NOT, 1500, marks=night(1500)),
     pytest.param("member", AS_IT_SHOULD_BE + AS_IT_SHOULD_NOT, 500, marks=night(500))],
    ids=["as it should be", "as it should not", "by a member", "all night", "all night by a member"],
)  # fmt: skip
def test_what_is_sent_is_answered_as_the_document_says(
    server: WholeServer, address: str, role: str, modes: tuple[GenerationMode, ...], examples: int
) -> None:
    asker = Asker(server, address, ROLES[role])
    for operation in asker.operations():
        for mode in modes:
            if mode is GenerationMode.POSITIVE or operation.body or operation.query:
                drawn(asker, operation, mode, by_day(examples))
    assert len({what for what, _ in asker.seen}) > (60 if GenerationMode.POSITIVE in modes else 30)
    assert {400, 404, 422} <= {status for _, status in asker.seen}
    if role == "administrator" and GenerationMode.POSITIVE in modes:
        assert {("GET /api/v1/clusters", 200), ("GET /api/v1/answers/drift", 200)} <= asker.seen
    if role == "member":
        assert ("GET /api/v1/clusters", 403) in asker.seen
        assert ("GET /api/v1/answers/drift", 403) in asker.seen
