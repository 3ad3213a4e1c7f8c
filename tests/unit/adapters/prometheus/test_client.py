"""The client against scripted answers: what is asked, bounds, refusals. No network."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest

from allotment.adapters.prometheus import client as module
from allotment.adapters.prometheus import queries
from allotment.adapters.prometheus.client import PrometheusClient, connect_metrics
from allotment.errors import AllotmentError, ForbiddenError, NotSignedInError, UnreachableError, UsageError
from allotment.ports.metrics import Gauge, TimeSteps, TooMuchMeasuredError

GAUGE = Gauge((("DCGM_FI_DEV_GPU_UTIL", 100.0),), (("cluster", ('a"}) or up{x="',)),))
STEPS = TimeSteps(1_795_600_800_000, 60, 3)
Answer = httpx.Response | Exception


class Server:
    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def asking(server: Server, url: str = "http://metrics.example:9090/prom/") -> PrometheusClient:
    return connect_metrics(url, httpx.MockTransport(server))


def ok(*result: Any) -> httpx.Response:
    return httpx.Response(200, json={"status": "success", "data": {"resultType": "matrix", "result": list(result)}})


def test_what_is_asked() -> None:
    server = Server(ok())
    assert asking(server).means(GAUGE, STEPS) == ()
    (request,) = server.requests
    assert (request.url.host, request.url.path) == ("metrics.example", "/prom/api/v1/query_range")
    asked = dict(request.url.params)
    assert (asked["start"], asked["end"], asked["step"]) == ("1795600860.000", "1795600980.000", "60")
    # The value stays within its quotes, whatever it is.
    assert asked["query"] == (r'avg_over_time(DCGM_FI_DEV_GPU_UTIL{cluster="a\"}) or up{x=\""}[59999ms]) / 100')


def test_a_name_that_is_none_is_never_sent() -> None:
    with pytest.raises(ValueError, match="no name"):
        queries.means(Gauge((("up} or x", 1.0),)), 60)


def test_what_cannot_be_a_sample_is_left_out() -> None:
    start = STEPS.since / 1000
    values = [[start + 60, "0.5"], [start + 120, "NaN"], [start + 180, "+Inf"], [start + 600, "1"], [start + 180, "x"],
              [1e306, "0.5"], [start + 120, "1_0"]]  # fmt: skip
    (series,) = asking(Server(ok({"metric": {"gpu": "0"}, "values": values}))).means(GAUGE, STEPS)
    assert (series.labels, series.steps, series.values) == ({"gpu": "0"}, (0,), (0.5,))


@pytest.mark.parametrize("value", ["1e308", "1e14", "300000000000", "-5", "NaN", "1_0", ""])
def test_a_moment_outside_what_was_asked_is_left_out(value: str) -> None:
    assert asking(Server(ok({"metric": {}, "value": [0, value]}))).first(GAUGE, STEPS) == ()


def test_a_server_that_never_ends_its_head_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = threading.Event()

    def dripping(_: httpx.Request) -> httpx.Response:
        ends.wait(5)
        return ok()

    monkeypatch.setattr(module, "MOST_SECONDS", -0.99)
    with pytest.raises(UnreachableError, match="does not answer"):
        connect_metrics("http://metrics.example", httpx.MockTransport(dripping)).means(GAUGE, STEPS)
    ends.set()


def refused(code: int, error: str = "", **more: Any) -> httpx.Response:
    return httpx.Response(code, json={"status": "error", "errorType": "x", "error": error}, **more)


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (
            httpx.Response(302, headers={"Location": "http://169.254.169.254/"}),
            AllotmentError,
            "no redirect is followed",
        ),
        (httpx.Response(301, headers={"Location": "/prom/graph"}), AllotmentError, "no redirect is followed"),
        (refused(401), NotSignedInError, "credentials"),
        (refused(403, "no"), ForbiddenError, "no"),
        (refused(422, "query processing would load too many samples into memory"), TooMuchMeasuredError, "so large"),
        (refused(400, "exceeded maximum resolution of 11,000 points"), TooMuchMeasuredError, "so large"),
        (refused(400, "parse \x1b[31m error"), AllotmentError, r"parse \\x1b"),
        (refused(503, "timed out"), UnreachableError, "timed out"),
        (httpx.Response(502, text="<html>"), UnreachableError, "does not answer"),
        (httpx.Response(200, text="<html>sign in</html>"), UnreachableError, "as a Prometheus"),
        (httpx.Response(200, json=[1]), UnreachableError, "as a Prometheus"),
        (
            httpx.Response(200, json={"status": "success", "data": {"result": [{}]}}),
            UnreachableError,
            "as a Prometheus",
        ),
        (httpx.Response(200, text="[" * 100_000), UnreachableError, "as a Prometheus"),
        (httpx.ConnectError("refused"), UnreachableError, "refused"),
        (httpx.ReadTimeout("slow"), UnreachableError, "slow"),
    ],
    ids=range(15),
)
def test_what_is_no_answer_is_an_error(answer: Answer, error: type[AllotmentError], says: str) -> None:
    server = Server(answer)
    with pytest.raises(error) as caught:
        asking(server).means(GAUGE, STEPS)
    assert type(caught.value) is error
    assert says.replace("\\\\", "\\") in str(caught.value)
    assert {request.url.host for request in server.requests} == {"metrics.example"}


def test_a_connection_that_was_closed_is_tried_once_more() -> None:
    server = Server(httpx.RemoteProtocolError("closed"), ok())
    assert asking(server).means(GAUGE, STEPS) == ()


@pytest.mark.parametrize(
    "pack", [lambda data: (data, {}), lambda data: (gzip.compress(data), {"Content-Encoding": "gzip"})]
)
def test_an_answer_is_bounded_in_size_however_it_is_packed(
    monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], tuple[bytes, dict[str, str]]]
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 10_000)
    content, headers = pack(json.dumps({"status": "success", "data": {"x": "0" * 20_000}}).encode())
    with pytest.raises(TooMuchMeasuredError):
        asking(Server(httpx.Response(200, content=content, headers=headers))).means(GAUGE, STEPS)


def test_an_answer_is_bounded_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SECONDS", -1.0)
    with pytest.raises(UnreachableError, match="does not answer"):
        asking(Server(ok())).means(GAUGE, STEPS)


@pytest.mark.parametrize(
    "url", ["", "prometheus:9090", "file:///etc/passwd", "http://", "http://[::1", "ftp://x", "x y"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UsageError):
        asking(Server(ok()), url)


def test_a_password_is_sent_and_never_told() -> None:
    server = Server(refused(400, "bad"))
    port = asking(server, "https://mia:s3cret@metrics.example/")
    with pytest.raises(AllotmentError) as caught:
        port.means(GAUGE, STEPS)
    assert server.requests[0].headers["Authorization"].startswith("Basic ")
    assert "s3cret" not in str(caught.value) + port.place()
    with pytest.raises(UsageError) as refusal:
        asking(server, "mia:s3cret@metrics")
    assert "s3cret" not in str(refusal.value)
