"""`allot submit --on hpc`: the job file that runs elsewhere runs on a real Slurm, through the server."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.server.conftest import Server
from tools.slurm import Slurm

pytestmark = pytest.mark.live

TRAIN = """\
import os, sys, time
rank = os.environ["ALLOTMENT_RANK"]
print(rank, os.environ["CUDA_VISIBLE_DEVICES"], open("data.txt").read().strip(), sys.argv[1:], flush=True)
time.sleep(1)
"""


@pytest.fixture
def server(slurm: Slurm, tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    config = tmp_path / "config"
    (config / "allotment" / "slurm").mkdir(parents=True)
    told = {"folder": str(slurm.folder / "work" / "through-the-server"), "slurmrestd": slurm.rest_url}
    (config / "allotment" / "slurm" / "hpc.yaml").write_text(json.dumps(told))
    one.environment |= {"XDG_CONFIG_HOME": str(config), "SLURM_CONF": str(slurm.conf)}
    try:
        yield one
    finally:
        one.end()


def test_a_job_file_runs_on_slurm(server: Server) -> None:
    (server.home / "data.txt").write_text("travelled\n")
    (server.home / "train.py").write_text(TRAIN)
    job = {
        "kind": "Job", "name": "train", "team": "nlp", "code": ".", "replicas": 2, "maxRunTime": "10m",
        "run": {"command": [sys.executable, "train.py", "--epochs", "3"]},
        "resources": {"accelerators": "a100:2", "cpu": "2", "memory": "500Mi"},
    }  # fmt: skip
    (server.home / "job.yaml").write_text(json.dumps(job))
    server.run("submit", "job.yaml", "--on", "hpc")
    deadline = time.monotonic() + 90
    while (row := json.loads(server.run("ps", "-a", "-o", "json"))["items"][0])["state"] not in {"succeeded", "failed"}:
        assert time.monotonic() < deadline, row
        time.sleep(0.5)
    assert row["state"] == "succeeded", server.run("logs", "train")
    for rank in ("0", "1"):
        said = server.run("logs", "train", "--rank", rank).splitlines()
        assert said == [f"{rank} {'0,1' if rank == '0' else '2,3'} travelled ['--epochs', '3']"]
    described = json.loads(server.run("describe", "train", "-o", "json"))
    assert [each["node"] for each in described["attempts"][0]["places"]] == ["gpu0", "gpu0"]
    refused = json.loads((server.home / "job.yaml").read_text()) | {
        "name": "big",
        "resources": {"accelerators": "a100:5"},
    }
    (server.home / "big.yaml").write_text(json.dumps(refused))
    server.run("submit", "big.yaml", "--on", "hpc", code=7)
    server.run("submit", "job.yaml", "--on", "nowhere", code=3)
