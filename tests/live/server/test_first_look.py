"""What a newcomer finds who types `allot up` and nothing else."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
import urllib.request
from contextlib import closing

import pytest

from allotment.cli.commands.run.first_jobs import PREFIX
from allotment.ports.store import JobFilter
from tests.live.server.conftest import Server

pytestmark = pytest.mark.live


def states(server: Server) -> dict[str, str]:
    rows = server.service.page(JobFilter(), limit=50).rows
    return {each.name.removeprefix(PREFIX): each.state.value for each in rows if each.name.startswith(PREFIX)}


def test_the_portal_is_there_with_jobs_of_every_kind(server: Server) -> None:
    status = json.loads(server.run("up", "-o", "json"))
    with urllib.request.urlopen(status["listens"]) as page:
        assert "<div id=" in page.read().decode()
    wanted = {
        "train-llm": "running",
        "detector": "running",
        "ranker": "queued",
        "evaluate-detector": "held",
        "features": "succeeded",
        "fine-tune": "failed",
    }
    until = time.monotonic() + 60
    while states(server) != wanted and time.monotonic() < until:
        time.sleep(0.2)
    assert states(server) == wanted
    assert "lost_data.py" in server.run("logs", "example-fine-tune")
    assert server.run("open", "--no-input").startswith(f"{status['listens']}/#enter=")


@pytest.mark.nightly
def test_jobs_of_ones_own_get_no_examples_beside_them(server: Server) -> None:
    (server.home / "mine.py").write_text("print(1)", encoding="utf-8")
    server.run("run", "mine.py", "--team", "nlp", "-d")
    server.run("down")
    server.run("up")
    assert states(server) == {}


@pytest.mark.nightly
def test_nothing_listens_where_that_is_not_wanted(server: Server) -> None:
    status = json.loads(server.run("up", "--no-listen", "--no-examples", "-o", "json"))
    assert (status["listens"], states(server)) == (None, {})
    server.run("up")
    server.run("down")
    assert json.loads(server.run("up", "-o", "json"))["listens"].startswith("http://127.0.0.1:")
    server.run("up", "--no-listen", code=6)


@pytest.mark.skipif(os.getuid() != 0, reason="comes as another user")
def test_another_user_of_the_machine_has_nothing_of_a_code_that_he_sees(server: Server) -> None:
    listens = json.loads(server.run("up", "--no-examples", "--no-input", "-o", "json"))["listens"]
    code = server.run("open", "--no-input").strip().rpartition("#enter=")[2]

    def entered(user: int) -> int:
        host, port = listens.removeprefix("http://").split(":")
        with closing(http.client.HTTPConnection(host, int(port))) as wire:
            try:
                os.seteuid(user)  # a connection is of whoever has made its socket
                wire.sock = socket.socket()
            finally:
                os.seteuid(0)
            wire.sock.connect((host, int(port)))
            said = json.dumps({"version": 1, "entry": {"code": code, "query": "", "secret": ""}})
            headers = {"Origin": listens, "Content-Type": "application/json"}
            wire.request("POST", "/api/v1/browser-session", said, headers)
            return wire.getresponse().status

    assert (entered(65534), entered(0), entered(0)) == (401, 200, 401)
