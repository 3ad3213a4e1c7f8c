"""`allot up --demo`: a fleet that is made up answers, and acts on what is asked of it, as a real one does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.server.conftest import Server

pytestmark = pytest.mark.live

PATIENCE = 300.0
DEVICES = "nvidia.com/gpu"
MINE = """\
kind: Job
name: mine
team: nlp
run: {command: [python, train.py], image: registry.acme.example/nlp/train:1}
resources: {accelerators: "t4:1", cpu: 4, memory: 16Gi}
maxRunTime: 1d
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("demo"))
    try:
        one.run("up", "--demo", "--no-open")
        until(lambda: counted(one, "running") >= 20)
        yield one
    finally:
        one.run("down")
        one.reap()


def until(found: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.5)
    return value


def jobs(server: Server, *words: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(server.run("ps", "-o", "json", *words))["items"]
    return items


def counted(server: Server, state: str) -> int:
    return len(jobs(server, "--state", state))


def test_it_says_that_it_is_a_demo_and_keeps_all_apart(demo: Server) -> None:
    status = json.loads(demo.run("up", "--demo", "-o", "json"))
    assert "made up (seed 7)" in status["demo"]
    names = {"training-eastus", "prod-inference-eastus", "prod-inference-westeu", "dev-eastus"}
    assert ({each["name"] for each in status["backends"]} <= names, len(status["teams"])) == (True, 40)
    assert "a demo: " in demo.run("up", "--demo")
    state = demo.state
    assert state is not None
    (store,) = state.glob("**/jobs.db")
    assert store == state / "allotment" / "demo" / "jobs.db"
    acts = json.loads(demo.run("audit", "list", "-o", "json"))["items"]
    assert "job.submit" in {each["verb"] for each in acts}


def test_who_holds_what_is_told_by_name_and_whether_it_is_used(demo: Server) -> None:
    def held() -> list[dict[str, Any]]:
        found = demo.service._ask("GET", "/api/v1/answers/who", "answer", dict)  # type: ignore[attr-defined]
        return [each for each in found["document"]["items"] if each["idleDevices"] is not None]

    measured = until(held)
    assert {each["person"].rpartition("@")[2] for each in measured} == {"acme.example"}
    assert all(0 <= each["idleDevices"] <= each["devices"] for each in measured)


@pytest.mark.nightly  # by day a job of one's own runs there
def test_who_waits_is_told_why_and_queues_tell_who_holds_what(demo: Server) -> None:
    waiting = until(
        lambda: [each for each in jobs(demo, "--state", "queued") if "more needed" in (each["message"] or "")]
    )
    told = json.loads(demo.run("why", waiting[0]["id"], "-o", "json"))
    assert told["kind"]
    queues = json.loads(demo.run("queues", "--on", waiting[0]["backend"], "-o", "json"))["items"]
    assert any(quota["used"] for each in queues for quota in each["quotas"])


def test_a_job_of_ones_own_runs_writes_and_is_stopped(demo: Server) -> None:
    Path(demo.home, "mine.yaml").write_text(MINE, encoding="utf-8")
    demo.run("submit", "mine.yaml", "--on", "dev-eastus")
    demo.run("wait", "mine", "--for", "running", "--timeout", "100")
    until(lambda: "step 0" in demo.run("logs", "mine", "--tail", "200"))
    demo.run("stop", "mine")
    until(lambda: json.loads(demo.run("describe", "mine", "-o", "json"))["state"] in {"stopped", "succeeded", "failed"})


def test_what_is_granted_stands_in_the_cluster(demo: Server) -> None:
    def guaranteed() -> int:
        queues = json.loads(demo.run("queues", "--on", "dev-eastus", "-o", "json"))["items"]
        quotas = next(each["quotas"] for each in queues if each["clusterQueue"] == "cv")
        return next(each["nominal"] for each in quotas if (each["flavor"], each["resource"]) == ("t4-spot", DEVICES))

    before = guaranteed()
    words = ("--team", "cv", "--accelerator", "t4", "--on", "dev-eastus", "--for", "2d", "--why", "two notebooks")
    demo.run("request", "gpus", "2", *words)
    until(lambda: guaranteed() == before + 2)


def test_nothing_of_it_reaches_what_is_real(demo: Server) -> None:
    Path(demo.home, "mine.yaml").write_text(MINE, encoding="utf-8")
    demo.run("submit", "mine.yaml", code=3)
    demo.run("up", "--demo", "--store", "mine.db", code=2)
    demo.run("up", "--slots", "4", code=6)
