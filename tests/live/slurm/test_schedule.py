"""A schedule on a real Slurm: the server keeps it, is killed, and hands in each run once."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from allotment.model.jobs.run import JobState
from allotment.ports.store import JobFilter
from tests.live.server.conftest import Server
from tools.slurm import Slurm

pytestmark = [pytest.mark.live, pytest.mark.nightly]


@pytest.fixture
def server(slurm: Slurm, tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    config = tmp_path / "config"
    (config / "allotment" / "slurm").mkdir(parents=True)
    told = {"folder": str(slurm.folder / "work" / "by-the-clock"), "slurmrestd": slurm.rest_url}
    (config / "allotment" / "slurm" / "hpc.yaml").write_text(json.dumps(told))
    one.environment |= {"XDG_CONFIG_HOME": str(config), "SLURM_CONF": str(slurm.conf)}
    try:
        yield one
    finally:
        one.end()


def test_a_schedule_hands_in_each_run_once(server: Server) -> None:
    job = {
        "kind": "Job", "name": "often", "team": "nlp", "code": ".", "maxRunTime": "1m",
        "run": {"command": [sys.executable, "-c", "print('ran', flush=True)"]},
        "resources": {"cpu": "1", "memory": "300Mi"},
        "schedule": {"cron": "* * * * *", "startingDeadline": "50s"},
    }  # fmt: skip
    (server.home / "job.yaml").write_text(json.dumps(job))
    server.run("submit", "job.yaml", "--on", "hpc")
    parent = server.service.find("often").id
    pid = server.service.status().pid
    deadline = time.monotonic() + 300
    while sum(row.state.over for row in server.service.page(JobFilter(parent=parent)).rows) < 2:
        assert time.monotonic() < deadline, server.run("describe", parent)
        time.sleep(7)
        server.kill(pid)
        pid = server.up()
    runs = server.service.page(JobFilter(parent=parent)).rows
    assert {row.state for row in runs if row.state.over} == {JobState.SUCCEEDED}
    assert len({row.number for row in runs}) == len({row.native for row in runs if row.native}) == len(runs)
    assert server.run("logs", "often").splitlines()[-1] == "ran"
    assert "next run" in server.run("ps")
    server.run("stop", "often")
    server.run("wait", "often", "--timeout", "60", code=1)
