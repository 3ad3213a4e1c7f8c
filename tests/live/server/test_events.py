"""What changes is followed at a real server: on its machine, over TLS, through its end and its next start."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import NetworkWay
from allotment.errors import NotSignedInError
from allotment.ports.event_service import JobTold, StreamBegin, ToldEvent
from allotment.ports.job_service import JobSubmission
from allotment.ports.journal import SubjectKind
from tests.live.server.conftest import Server
from tests.unit.api.streams import frames_of
from tests.unit.operations.run.machine import job

pytestmark = pytest.mark.live
JOBS = frozenset({SubjectKind.JOB})
EMPTY = 'kind: Job\nname: {name}\nteam: nlp\nrun: {{command: [sh, -c, "sleep {seconds}; exit {code}"]}}\n'


def submitted(server: Server, name: str, *, seconds: float = 0.0, code: int = 0) -> str:
    (server.home / f"{name}.yaml").write_text(EMPTY.format(name=name, seconds=seconds, code=code))
    server.run("submit", f"{name}.yaml")
    return server.service.find(name).id


def tls(server: Server) -> str:
    """Its certificate, for localhost; the address that it listens at."""
    openssl = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(server.home / "gpu1.key"), "-out", str(server.home / "gpu1.pem")]
    subprocess.run([*openssl, *subject, *files], check=True, capture_output=True)
    (server.home / "gpu1.key").chmod(0o600)
    server.run("up", "--listen", "127.0.0.1:0", "--tls-cert", "gpu1.pem", "--tls-key", "gpu1.key")
    return server.service.status().listens.replace("127.0.0.1", "localhost")


@contextmanager
def running(server: Server, *words: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "allotment", *words],
        cwd=server.home, env={**server.environment, **more},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as done:  # fmt: skip
        try:
            yield done
        finally:
            done.kill()


@pytest.mark.nightly
def test_over_tls_a_revoked_token_ends_the_stream_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    address = tls(server)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.home / "gpu1.pem"))
    remote = RemoteServer(NetworkWay(address, server.run("token", "create", "laptop").strip()))
    found: list[tuple[float, ToldEvent]] = []
    ended: list[tuple[float, Exception]] = []

    def follow() -> None:
        try:
            found.extend((time.monotonic(), each) for each in remote.events(JOBS) if each is not None)
        except NotSignedInError as error:
            ended.append((time.monotonic(), error))

    following = threading.Thread(target=follow)
    following.start()
    until(lambda: bool(found))
    assert isinstance(found[0][1].told, StreamBegin)
    id_ = submitted(server, "short")
    until(lambda: any(isinstance(told := each.told, JobTold) and told.now and told.now.ended for _, each in found))
    assert {each.told.id for _, each in found[1:] if isinstance(each.told, JobTold)} == {id_}
    revoked = time.monotonic()
    server.run("token", "revoke", "laptop")
    after = time.monotonic()
    submitted(server, "secret")
    following.join(15)
    assert [type(error) for _, error in ended] == [NotSignedInError]
    sys.stderr.write(
        f"\nended {ended[0][0] - revoked:.2f} s after it was told to revoke, {ended[0][0] - after:.2f} s after it had\n"
    )
    assert ended[0][0] - after < 5
    assert all(
        each.told.now.name == "short" for _, each in found[1:] if isinstance(each.told, JobTold) and each.told.now
    )


def until(there: object, within: float = 20.0) -> None:
    end = time.monotonic() + within
    while not there():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def test_who_waits_goes_on_through_the_server_s_end_and_next_start(server: Server) -> None:
    pid = server.up()
    submitted(server, "long", seconds=12, code=3)
    with (
        running(server, "wait", "long", "--timeout", "60") as waiting,
        running(server, "ps", "-w", "-a", "-o", "json") as ps,
    ):
        assert ps.stdout is not None
        assert json.loads(ps.stdout.readline())["items"]
        time.sleep(2)
        server.kill(pid)
        server.up()
        _, said = waiting.communicate(timeout=60)
        assert waiting.returncode == 3, said
        while (listing := json.loads(ps.stdout.readline()))["items"][0]["state"] != "failed":
            assert listing["items"][0]["name"] == "long"
        assert interrupted(ps) == 130


def interrupted(program: subprocess.Popen[str]) -> int:
    """Its exit code after a Ctrl-C."""
    program.send_signal(signal.SIGINT)
    return program.wait(20)


@pytest.mark.nightly
def test_a_wait_is_over_soon_after_its_job_and_ends_when_its_time_is_up(server: Server) -> None:
    server.up()
    submitted(server, "short", seconds=1)
    server.run("wait", "short", "--timeout", "60")
    ended = server.service.find("short").ended
    assert ended is not None
    submitted(server, "long", seconds=60)
    begun = time.monotonic()
    server.run("wait", "long", "--timeout", "1s", code=8)
    assert time.monotonic() - begun < 6
    server.run("wait", "long", "--for", "running", "--timeout", "30")
    server.run("stop", "long")


def test_requests_are_shown_again_when_they_change(server: Server) -> None:
    server.up()
    with running(server, "requests", "--watch", "-o", "json") as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["items"] == []
        server.run("request", "endpoint", "llm", "--team", "nlp", "--environment", "production", "--why", "for people")
        (asked,) = json.loads(watching.stdout.readline())["items"]
        server.run("request", "withdraw", asked["id"])
        assert json.loads(watching.stdout.readline())["items"] == []


@pytest.mark.nightly
def test_the_example_of_the_documentation(server: Server) -> None:
    server.up("--listen", "127.0.0.1:0")
    token = server.run("token", "create", "curl").strip()
    address = server.service.status().listens
    with subprocess.Popen(
        ["curl", "-sN", "-H", f"Authorization: Bearer {token}", f"{address}/api/v1/events?subjects=job&team=nlp"],
        stdout=subprocess.PIPE,
    ) as curl:
        time.sleep(0.5)
        submitted(server, "short")
        time.sleep(1)
        curl.send_signal(signal.SIGINT)
        out, _ = curl.communicate(timeout=10)
    frames = frames_of(out.decode())
    assert frames[0].event == "begin"
    assert frames[-1].said["now"]["name"] == "short"


WATCHERS = 500


@dataclass
class Many:
    """Who follows over TLS, all in one event loop.

    Attributes:
        begun: seconds from asking to the first event, of each.
        heard: when each was told of a job.
    """

    address: str
    trusted: ssl.SSLContext
    begun: list[float] = field(default_factory=list)
    heard: list[float] = field(default_factory=list)

    async def follow(self, token: str, address: str) -> None:
        at = urlsplit(self.address)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", at.port, ssl=self.trusted, server_hostname="localhost", local_addr=(address, 0)
        )
        asked = time.monotonic()
        writer.write(
            b"GET /api/v1/events?subjects=job HTTP/1.1\r\n"
            + f"Host: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        try:
            await reader.readuntil(b"event: begin")
            self.begun.append(time.monotonic() - asked)
            await reader.readuntil(b"event: job")
            self.heard.append(time.monotonic())
        finally:
            # TLS says its farewell, which no loop waits for that ends.
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


def resident(pid: int) -> int:
    """KiB of memory of a process."""
    (line,) = (each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1])


@pytest.mark.nightly
def test_five_hundred_follow_at_once_and_hear_soon(server: Server) -> None:
    """Each over TLS, in the name of one of many tokens, from a few addresses of this machine."""
    address = tls(server)
    tokens = [server.run("token", "create", f"t{each}").strip() for each in range(WATCHERS // 25)]
    many = Many(address, ssl.create_default_context(cafile=str(server.home / "gpu1.pem")))
    pid = server.service.status().pid
    (server.home / "short.yaml").write_text(EMPTY.format(name="short", seconds=0, code=0))
    server.run("job", "check", "short.yaml")

    async def scene() -> tuple[int, int, float]:
        before = resident(pid)
        some = []
        for each in range(WATCHERS):
            some.append(asyncio.create_task(many.follow(tokens[each % len(tokens)], f"127.0.0.{2 + each % 8}")))
            await asyncio.sleep(0.005)
        while len(many.begun) < WATCHERS:
            await asyncio.sleep(0.05)
            assert not any(each.done() for each in some)
        after = resident(pid)
        await asyncio.sleep(2)
        order = JobSubmission(job(team="nlp", name="short"), "local", code="")
        await asyncio.to_thread(server.service.submit, order)
        submitted_at = server.service.find("short").submitted / 1000
        moved = submitted_at - time.time() + time.monotonic()
        await asyncio.wait_for(asyncio.gather(*some), 30)
        return before, after, moved

    before, after, moved = asyncio.run(scene())
    begun, late = sorted(many.begun), sorted(each - moved for each in many.heard)
    sys.stderr.write(
        f"\nfirst event of {WATCHERS}: median {begun[WATCHERS // 2] * 1000:.0f} ms, last {begun[-1] * 1000:.0f} ms\n"
    )
    sys.stderr.write(
        f"a change told to {WATCHERS}: median {late[WATCHERS // 2] * 1000:.0f} ms, last {late[-1] * 1000:.0f} ms\n"
    )
    sys.stderr.write(f"memory of one who follows: {(after - before) / WATCHERS:.0f} KiB\n")
    assert len(late) == WATCHERS
    # On two free cores it is a fifth of this; of the memory, 256 KiB are asyncio's buffer of a TLS connection.
    assert begun[WATCHERS // 2] < 1.0
    assert late[-1] < 1.0
    assert (after - before) / WATCHERS < 400
