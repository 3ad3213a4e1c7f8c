"""Somebody who only decides on requests signs in and decides, by the command line as everybody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from allotment.api.doors import HomeDoor
from allotment.api.jobs import job_api
from allotment.api.serving import Listener, bound_address, bound_socket, serve
from allotment.cli.main import cli
from tests.unit.api.test_people import Hall, hall
from tests.unit.api.test_service import no_requests, registry

__all__ = ["hall"]


@pytest.fixture
def address(hall: Hall, tmp_path: Path) -> Iterator[str]:
    """Of the server, on the network."""
    world = hall.world
    home = job_api(world.desk, registry(world), no_requests, HomeDoor("ada"))
    with bound_socket(tmp_path / "server.sock") as bound, bound_address("127.0.0.1", 0) as abroad:
        thread = threading.Thread(target=serve, args=(home, world.desk, bound, [Listener(hall.app, abroad)]))
        thread.start()
        try:
            yield f"http://127.0.0.1:{abroad.getsockname()[1]}"
        finally:
            world.desk.end()
            thread.join(20)


def test_who_is_nothing_but_an_approver_signs_in_sees_what_waits_for_him_and_decides(
    hall: Hall, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    asked = {"kind": "endpoint", "team": "nlp", "workload": "training", "justification": "x", "subject": "chat"}
    status, told = hall.asked(
        "POST", "/api/v1/requests", hall.session("ada", "nlp-members"), {"version": 1, "asked": asked}
    )
    assert status == 200, told
    assert told["request"]["state"] == "waiting"
    request, approvals = told["request"], hall.world.platform.approvals
    routes = tuple(
        replace(each, approvers=("leads",)) if each.name == request["route"] else each for each in approvals.routes
    )
    hall.world.platform = replace(hall.world.platform, approvals=replace(approvals, routes=routes))
    boss = hall.session("boss", "leads")

    def allot(*words: str, typed: str = "") -> str:
        result = CliRunner().invoke(cli, [*words, "--no-input"], input=typed, prog_name="allot")
        assert result.exit_code == 0, (words, result.output, result.exception)
        return result.output

    assert "is: approver" in allot("login", address, "--token-stdin", typed=boss)
    assert "is: approver" in allot("whoami")
    assert request["id"] in allot("requests")
    assert "approved" in allot("approve", request["id"])
    assert hall.asked("GET", "/api/v1/jobs", boss)[0] == 403, "of jobs he sees nothing"
    allot("logout")
    assert hall.asked("GET", "/api/v1/whoami", boss)[0] == 401
