"""The interface as its own document describes it: whatever is sent, answered as it says, and never by a failure.

The server's parts are real but for devices and processes: what is drawn here would be run.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from allotment.api.serving import bound_address
from tests.by_day import by_day
from tests.unit.api.test_people import Hall, hall

pytestmark = pytest.mark.live
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
__all__ = ["hall"]


@schemathesis.serializer("application/gzip")
def packed(_context: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else f"{value}".encode("utf-8", "replace")


@pytest.fixture
def address(hall: Hall) -> Iterator[str]:
    with bound_address("127.0.0.1", 0) as bound:
        config = uvicorn.Config(hall.app, log_level="error", lifespan="off", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([bound],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)


def document(address: str, token: str) -> Any:
    asked = urllib.request.Request(f"{address}/api/v1/openapi.json", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


@pytest.mark.parametrize(
    ("modes", "examples"),
    [([GenerationMode.POSITIVE], 12), ([GenerationMode.NEGATIVE], 12),
     pytest.param([GenerationMode.POSITIVE, GenerationMode.NEGATIVE], 1500, marks=pytest.mark.nightly)],
    ids=["as it should be", "as it should not", "all night"],
)  # fmt: skip
def test_what_is_sent_is_answered_as_the_document_says(
    hall: Hall, address: str, modes: list[GenerationMode], examples: int
) -> None:
    admin = hall.session("root", "platform-engineers")
    headers = {"Authorization": f"Bearer {admin}"}
    schema = schemathesis.openapi.from_dict(document(address, admin))
    schema.config.update(base_url=address)
    seen: set[tuple[str, int]] = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path == "/api/v1/session":
            continue  # it would sign out who asks
        if operation.path == "/api/v1/events":
            continue  # its answer has no end; `tests/unit/api/test_events.py`

        for mode in modes:
            if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
                continue

            @settings(max_examples=by_day(examples), deadline=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def sent(case: Any) -> None:
                response = case.call(headers=headers, timeout=60)
                seen.add((f"{case.method} {case.path}", response.status_code))
                case.validate_response(response, checks=CHECKS)

            sent()
    assert len({what for what, _ in seen}) > (30 if GenerationMode.POSITIVE in modes else 15)
    assert {400, 404, 422} <= {status for _, status in seen}
