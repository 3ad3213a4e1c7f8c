"""Spans go to a collector where one is named, and nothing of OpenTelemetry is imported where none is."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from allotment.api.telemetry.meters import Meters
from allotment.api.telemetry.observed import Observed
from allotment.api.telemetry.timed_store import timed
from allotment.api.telemetry.tracing import ENDPOINT, traced
from tests.unit.api.telemetry.test_telemetry import CANARY, asked
from tests.unit.api.test_service import World, at_home


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What a collector on loopback was sent."""
    sent: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
            del format, args

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    yield sent
    server.shutdown()
    server.server_close()


def test_a_request_is_a_span_and_calls_of_the_store_are_within(collector: list[bytes]) -> None:
    world, meters = World(), Meters("1")
    with traced({ENDPOINT: "told"}, "1.2.3") as spans:
        # The world's desk has its store: as `python -m allotment.api` does, it is wrapped before.
        world.machine.store = timed(world.machine.store, meters, spans)  # type: ignore[assignment]
        world.desk._store = world.machine.store
        app = Observed(at_home(world), meters, None, spans)
        assert asked(app, f"/api/v1/jobs/{CANARY}", headers=((b"authorization", CANARY.encode()),))[0] == 404
    found = [
        span
        for each in collector
        for resource in ExportTraceServiceRequest.FromString(each).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    of_name = {each.name: each for each in found}
    request, call = of_name["GET /api/v1/jobs/{reference}"], of_name["store find"]
    assert (call.parent_span_id, call.trace_id) == (request.span_id, request.trace_id)
    told = {each.key: each.value for each in request.attributes}
    assert told["http.response.status_code"].int_value == 404
    assert CANARY.encode() not in b"".join(collector)


def test_without_an_address_nothing_of_it_is_imported() -> None:
    with traced({}, "1") as spans, spans("a request") as span:
        assert span is None
    look = "import sys, allotment.api.server; print([each for each in sys.modules if 'opentelemetry.sdk' in each])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
