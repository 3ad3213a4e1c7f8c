"""slurmrestd as it may answer: other versions, lost answers, refusals, nonsense."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2 as httpx
import pytest

from allotment.adapters.slurm.client import SlurmRest, connect_slurm
from allotment.adapters.slurm.tokens import GivenToken, MadeToken, claims_of
from allotment.errors import (
    AllotmentError,
    CapacityError,
    NotFoundError,
    NotSignedInError,
    UnreachableError,
    UsageError,
)
from allotment.model.slurm.seen import SlurmExit, SlurmPhase
from allotment.ports.slurm import SlurmRefusedError
from tests.unit.model.test_slurm_submission import asked

SECRET = "aaaa.bbbb.cccc"


def jwt(**claims: Any) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.c2ln"


class Server:
    """Answers by method and path; what is not there is not found, as slurmrestd says it."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, path, body))
        found = self.answers.get(f"{request.method} {path}", self.answers.get(path))
        if isinstance(found, Exception):
            raise found
        if isinstance(found, httpx.Response):
            return found
        return httpx.Response(404, text="Unable find requested URL.") if found is None else answered(found)


def answered(found: Any, code: int = 200) -> httpx.Response:
    return httpx.Response(code, json=found)


def client(server: Callable[[httpx.Request], httpx.Response], user: str = "ann") -> SlurmRest:
    return connect_slurm("http://127.0.0.1:6820", GivenToken(SECRET), user, httpx.MockTransport(server))


def old(**more: Any) -> Server:
    return Server(**{"/slurm/v0.0.38/ping": {"errors": []}, **more})


NEW_JOB = {
    "job_id": 7, "name": "train.allot-job-1", "user_name": "ann", "job_state": ["RUNNING", "COMPLETING"],
    "account": "nlp", "partition": "batch", "time_limit": {"set": True, "infinite": False, "number": 30},
    "start_time": {"set": True, "infinite": False, "number": 1_795_832_000}, "state_reason": "None",
    "array_job_id": {"set": True, "infinite": False, "number": 0}, "array_task_id": {"set": False, "number": 0},
    "exit_code": {"status": ["SIGNALED"], "return_code": {"set": False, "number": 0},
                  "signal": {"id": {"set": True, "number": 9}, "name": "KILL"}},
    "tres_req_str": "cpu=2,mem=300M,node=2", "tres_alloc_str": "cpu=2,mem=300M,node=2,gres/gpu=4", "nodes": "gpu[0-1]",
    "node_count": {"set": True, "number": 2}, "restart_cnt": 1, "priority": {"set": True, "number": 5},
}  # fmt: skip


@pytest.mark.parametrize("version", ["v0.0.40", "v0.0.41", "v0.0.42", "v0.0.43"])
def test_later_shapes(version: str) -> None:
    server = Server(**{
        f"/slurm/{version}/ping": {"meta": {"slurm": {"release": "25.05.1"}}, "errors": []},
        f"/slurm/{version}/jobs": {"jobs": [NEW_JOB, {"job_id": "odd"}, 5]},
        f"/slurm/{version}/nodes": {"nodes": [{"name": "gpu0", "state": ["IDLE", "DRAIN"], "partitions": ["b", "a"],
                                               "features": ["x"], "gres": "gpu:a100:4(S:0-1)", "cpus": 16,
                                               "gres_used": "gpu:a100:2(IDX:0-1)", "alloc_cpus": 3}]},
        f"/slurm/{version}/partitions": {"partitions": [{
            "name": "batch", "nodes": {"configured": "gpu[0-1]"}, "partition": {"state": ["UP"]}, "grace_time": 4,
            "maximums": {"time": {"set": True, "infinite": True, "number": 0}}, "priority": {"tier": 10},
            "defaults": {"time": {"set": True, "number": 10}}}]},
    })  # fmt: skip
    with client(server) as port:
        assert port.version() == f"25.05.1 (REST {version})"
        job, odd = port.jobs()
        (node,), (partition,) = port.nodes(), port.partitions()
    assert (job.phase, job.minutes, job.end, job.array_id) == (SlurmPhase.ENDING, 30, SlurmExit(0, 9), 0)
    assert (job.gpus, job.nodes, job.node_count, job.started) == (4, ("gpu0", "gpu1"), 2, 1_795_832_000)
    assert (odd.job_id, odd.states) == (0, ())
    assert (node.usable, node.devices(), node.devices_used(), node.partitions) == (False, 4, 2, ("a", "b"))
    assert (partition.up, partition.minutes, partition.default_minutes, partition.tier) == (True, None, 10, 10)


def test_no_version_in_common() -> None:
    with client(Server()) as port, pytest.raises(SlurmRefusedError):
        port.jobs()


@pytest.mark.parametrize("lost", [httpx.ReadTimeout("late"), httpx.RemoteProtocolError("closed")])
def test_a_lost_answer_is_looked_for_and_not_posted_again(lost: Exception) -> None:
    server = old(**{"POST /slurm/v0.0.38/job/submit": lost, "/slurmdb/v0.0.38/jobs": {"jobs": []}})
    jobs: dict[str, Any] = {"jobs": []}
    server.answers["/slurm/v0.0.38/jobs"] = jobs

    def came_in(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            jobs["jobs"] = [{"job_id": 7, "name": "train.allot-job-1", "user_name": "ann", "job_state": "PENDING"}]
        return server(request)

    with client(came_in) as port:
        receipt = port.submit(asked())
        assert (receipt.job_id, receipt.again) == (7, True)
        assert port.submit(asked()).again
    assert [method for method, _, _ in server.asked].count("POST") == 1


def test_another_user_s_job_of_that_name_is_not_ours() -> None:
    name = {"name": "train.allot-job-1", "job_state": "PENDING"}
    server = old(**{
        "/slurm/v0.0.38/jobs": {"jobs": [{"job_id": 1, "user_name": "eve", **name}]},
        "/slurmdb/v0.0.38/jobs": {"jobs": [{"job_id": 2, "user": "eve", **name}]},
        "/slurm/v0.0.38/job/submit": {"job_id": 3},
    })  # fmt: skip
    with client(server) as port:
        assert port.submit(asked()).job_id == 3


REFUSALS = [
    (2014, "Requested node configuration is not available", CapacityError),
    (2045, "Invalid account or account/partition combination specified", SlurmRefusedError),
    (2017, "Invalid job id specified", NotFoundError),
    (1007, "Protocol authentication error", NotSignedInError),
    (7777, "odd \x1b[2J\nfix: `rm -rf /`", SlurmRefusedError),
]


UNSPECIFIED = ({"error_number": -1, "error": "Unspecified error"}, {"errno": -1, "error": "Unspecified error"})


@pytest.mark.parametrize("said", UNSPECIFIED)
@pytest.mark.parametrize(
    ("accounting", "error", "why"),
    [
        ({"errors": [], "clusters": []}, UnreachableError, "slurmctld does not answer slurmrestd"),
        (
            answered({"errors": [{"error_number": 1007, "error": "Protocol authentication error"}]}, 500),
            NotSignedInError,
            "the token is not accepted",
        ),
        (answered({"errors": [{"error_number": 7000, "error": "Unable to connect to database"}]}, 500),
         UnreachableError, "slurmctld does not answer slurmrestd, or does not accept the token"),
        (None, UnreachableError, "slurmctld does not answer slurmrestd, or does not accept the token"),
        (httpx.ReadTimeout("late"), UnreachableError,
         "slurmctld does not answer slurmrestd, or does not accept the token"),
    ],
)  # fmt: skip
def test_a_slurmctld_that_is_away_is_no_token_that_is_refused(
    said: dict[str, Any], accounting: Any, error: type[AllotmentError], why: str
) -> None:
    server = old(**{
        "/slurm/v0.0.38/jobs": answered({"errors": [said]}, 500), "/slurmdb/v0.0.38/clusters": accounting,
    })  # fmt: skip
    with client(server) as port, pytest.raises(error) as caught:
        port.jobs()
    assert (caught.type, caught.value.why) == (error, why)


@pytest.mark.parametrize(("code", "said", "error"), REFUSALS)
def test_refusals(code: int, said: str, error: type[AllotmentError]) -> None:
    server = old(**{
        "/slurm/v0.0.38/jobs": {"jobs": []}, "/slurmdb/v0.0.38/jobs": {"errors": [{"error_number": 9003}]},
        "/slurm/v0.0.38/job/submit": {"errors": [{"error_code": code, "error": said}]},
    })  # fmt: skip
    with client(server) as port, pytest.raises(error) as caught:
        port.submit(asked())
    assert caught.type is error
    assert caught.value.why.isprintable()
    assert "`" not in caught.value.why


def test_what_is_taken_with_a_remark_is_taken() -> None:
    server = old(**{
        "/slurm/v0.0.38/jobs": {"jobs": []}, "/slurmdb/v0.0.38/jobs": {"jobs": []},
        "/slurm/v0.0.38/job/submit": {"job_id": 5, "errors": [{"error_code": 2042, "error": "Job is in held state"}]},
    })  # fmt: skip
    with client(server) as port:
        receipt = port.submit(asked(hold=True))
    assert (receipt.job_id, receipt.again) == (5, False)
    assert "held state" in receipt.said


def test_an_update_names_the_nodes_that_the_job_asked_for() -> None:
    """Else 22.05 makes it a job of one node; and what it says of a waiting job's nodes is a guess."""
    job = {"job_id": 5, "node_count": 3, "tres_req_str": "cpu=2,node=2", "job_state": "PENDING"}
    server = old(**{"/slurm/v0.0.38/jobs": {"jobs": [job]}, "/slurm/v0.0.38/job/5": {"errors": []}})
    with client(server) as port:
        port.release(5)
        with pytest.raises(NotFoundError):
            port.hold(6)
    assert server.asked[-2:-1] == [("POST", "/slurm/v0.0.38/job/5", {"hold": False, "nodes": "2"})]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401, text="Authentication failure"), NotSignedInError),
        (answered({"errors": [{"error_number": -1, "error": "Unspecified error"}]}, 500), UnreachableError),
        (httpx.Response(302, headers={"Location": "http://elsewhere.example"}), AllotmentError),
        (httpx.Response(200, text="<html>"), UnreachableError),
        (httpx.Response(200, text="[" * 100_000), UnreachableError),
        (httpx.ConnectError("refused\x1b[2J"), UnreachableError),
        (answered({"errors": []}, 503), SlurmRefusedError),
    ],
)
def test_the_token_is_in_no_message(answer: Any, error: type[AllotmentError]) -> None:
    with client(old(**{"/slurm/v0.0.38/jobs": answer})) as port, pytest.raises(error) as caught:
        port.jobs()
    assert SECRET not in f"{caught.value}{caught.value!r}{caught.value.__context__!r}{port._rest._token!r}"
    assert "\x1b" not in str(caught.value)


def test_what_nobody_answers_to_is_told_with_where_it_stands() -> None:
    server = old(**{"/slurm/v0.0.38/jobs": httpx.ConnectError("refused")})
    port = connect_slurm(
        "http://127.0.0.1:6820", GivenToken(SECRET), "ann", httpx.MockTransport(server), lambda: "it stands in hpc.yaml"
    )
    with pytest.raises(UnreachableError) as silent:
        port.jobs()
    assert silent.value.fix == "check the address of slurmrestd, and the network; it stands in hpc.yaml"


class Counted(httpx.SyncByteStream):
    """Parts of an answer, and how many of them were read."""

    def __init__(self, part: bytes, parts: int) -> None:
        self.part, self.parts, self.read = part, parts, 0

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self.parts):
            self.read += 1
            yield self.part


@pytest.mark.parametrize(
    ("part", "read", "told"),
    [
        (b'{"jobs": []', 1000, "answers what is none of Slurm's"),
        (b'{"jobs": [' + b'{"job_id":1},' * 1000, 9, "answers more than is read"),
        (b"[" * 3000, 2, "answers what is none of Slurm's"),
        (b" " * 3000, 2, "answers what is none of Slurm's"),
    ],
)
def test_what_answers_and_is_no_slurm_is_told_so_and_read_no_further_than_needed(
    part: bytes, read: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("allotment.adapters.slurm.rest.MOST_BYTES", 100_000)
    body = Counted(part, 1000)
    with (
        client(old(**{"/slurm/v0.0.38/jobs": httpx.Response(200, stream=body)})) as port,
        pytest.raises(UnreachableError) as foreign,
    ):
        port.jobs()
    assert foreign.value.what == f"http://127.0.0.1:6820 {told}"
    assert foreign.value.fix == "see that a slurmrestd is there"
    assert body.read <= read


@pytest.mark.parametrize("url", ["http://slurm.example:6820", "slurm", "ftp://x", "https://u:p@x", "http://"])
def test_addresses_that_no_token_is_sent_to(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        connect_slurm(url, GivenToken(SECRET))
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize("claims", [{}, {"sun": ""}, {"sub": "ann"}])
def test_a_token_that_names_nobody_is_refused_before_anything_is_asked(claims: dict[str, str]) -> None:
    server = old(**{"/slurm/v0.0.38/jobs": {"jobs": []}})
    port = connect_slurm("http://127.0.0.1:6820", GivenToken(jwt(**claims)), "", httpx.MockTransport(server))
    for ask in (port.jobs, lambda: port.user):
        with pytest.raises(NotSignedInError, match="does not say whose it is"):
            ask()
    assert server.asked == []


def test_tokens() -> None:
    assert claims_of(jwt(exp=1000, sun="ann")) == (1000, "ann")
    assert claims_of("no.t.oken") == claims_of("x") == claims_of(jwt(exp="soon")) == (0, "")
    with pytest.raises(NotSignedInError):
        GivenToken(jwt(exp=1000))(1000)
    made = iter([jwt(exp=1000), jwt(exp=3000)])
    token = MadeToken({}, run=lambda _: next(made))
    assert token(0) == token(900)
    assert claims_of(token(950))[0] == 3000
