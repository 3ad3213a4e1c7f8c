"""A server that was told whom to tell: a request that waits reaches a program, signed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.live.kubernetes.driving import until
from tests.live.server.conftest import Server
from tests.unit.adapters.notices.web_server import WebServer, serving
from tests.unit.docs.test_notices_page import checker

pytestmark = [pytest.mark.live, pytest.mark.nightly]
SECRET = "as-long-as-a-password"


@pytest.fixture
def receiver() -> Iterator[WebServer]:
    with serving(None) as state:
        yield state


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "home")
    one.home.mkdir()
    try:
        yield one
    finally:
        one.end()


def test_who_decides_is_told_by_a_signed_webhook(
    server: Server, receiver: WebServer, directory: Path, tmp_path: Path
) -> None:
    host = f"127.0.0.1:{receiver.port}"
    one = {"kind": "webhook", "url": f"http://{host}/allotment", "secret": SECRET, "teams": ["*"]}
    file = tmp_path / "notices.yaml"
    routes = ["engineering-leadership", "platform-lead"]
    file.write_text(yaml.safe_dump({"receivers": {"pager": {**one, "routes": routes}}, "innerHosts": [host]}))
    file.chmod(0o644)
    server.run("up", "--notices", str(file), code=1)
    assert server.process.ended() is None, "secrets that others can read are not used"
    file.chmod(0o600)
    words = ("--platform", str(directory), "--notices", str(file))
    server.up(*words)

    wanted = ("gpus", "8", "--accelerator", "a100-on-demand", "--for", "72h", "--team", "nlp", "--why", "a release")
    made = json.loads(server.run("request", *wanted, "-o", "json"))
    assert made["state"] == "waiting"
    until(lambda: bool(receiver.asked), lambda: server.run("up"), 60)
    (asked,) = receiver.asked
    is_genuine = checker()
    assert is_genuine(asked.headers, asked.body, SECRET)
    assert not is_genuine(asked.headers, asked.body.replace(b"nlp", b"cv!"), SECRET)
    told = json.loads(asked.body)
    assert (told["about"], told["team"], told["to"]) == (
        "request-waiting",
        "nlp",
        [{"kind": "route", "name": made["route"]}],
    )
