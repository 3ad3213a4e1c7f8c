"""`allot submit --on hpc`: the job file that runs elsewhere runs on a real Slurm, through the server."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allotment.adapters.local.identity import user_name
from allotment.model.jobs.run import JobState, MoveCause
from allotment.ports.store import JobFilter
from allotment.ports.stored_jobs import StoredJob
from tests.live.server.conftest import Server
from tools.slurm import Slurm

pytestmark = pytest.mark.live

READ = """\
import os, sys
folder = os.environ["ALLOTMENT_VOLUME_CORPORA"]
print(open(f"{folder}/in/words").read(), len(os.environ["TOKEN"]), os.environ["ALLOTMENT_ATTEMPT"], flush=True)
sys.exit(os.environ["ALLOTMENT_ATTEMPT"] == "1")
"""
VALUE = "not-for-others-7c1e"
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
    (kept,) = all_over(server)
    assert kept.state is JobState.SUCCEEDED, server.run("logs", "train")
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


@pytest.mark.nightly  # by day a job file runs on Slurm
def test_a_dry_run_tells_what_slurm_then_does(server: Server) -> None:
    job = {
        "kind": "Job", "name": "holder", "team": "nlp", "maxRunTime": "10m",
        "run": {"command": ["sleep", "300"]},
        "resources": {"accelerators": "a100:4", "cpu": "2", "memory": "500Mi"},
    }  # fmt: skip
    (server.home / "job.yaml").write_text(json.dumps(job))

    def told() -> dict[str, Any]:
        (found,) = json.loads(server.run("submit", "job.yaml", "--on", "hpc", "--dry-run=server", "-o", "json"))[
            "items"
        ]
        return dict(found)

    assert (told()["startsNow"], told()["notTold"]) == (True, None)
    server.run("submit", "job.yaml", "--on", "hpc")
    server.run("wait", "holder", "--for", "running", "--timeout", "60")
    try:
        # What was read is believed for ten seconds.
        deadline = time.monotonic() + 30
        while (found := told())["startsNow"] is not False:
            assert time.monotonic() < deadline, found
        assert "account nlp may hold 4 gres/gpu, 4 are in use and the job asks for 4" in found["waitsFor"]
    finally:
        server.run("stop", "holder")


@pytest.mark.nightly
def test_one_file_with_data_a_secret_and_retries_runs_here_and_there(
    server: Server, slurm: Slurm, tmp_path: Path
) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "words").write_text("fetched")
    (server.home / "read.py").write_text(READ)
    job = {
        "kind": "Job", "name": "reads", "team": "nlp", "code": ".",
        "run": {"command": [sys.executable, "read.py"], "secrets": {"TOKEN": "hub/token"}},
        "volumes": {"corpora": {"claim": "corpora", "path": "/corpora"}},
        "data": [{"source": str(tmp_path / "archive"), "volume": "corpora", "path": "in"}],
        "resources": {"cpu": "1", "memory": "300Mi"}, "retries": {"limit": 1, "safe": True},
    }  # fmt: skip
    (server.home / "job.yaml").write_text(json.dumps(job))
    # Where there is no such secret it is refused at once.
    for place in ("local", "hpc"):
        argv = [sys.executable, "-m", "allotment", "submit", "job.yaml", "--on", place]
        refused = subprocess.run(
            argv, cwd=server.home, env=server.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert (refused.returncode, "secrets/nlp/hub/token" in refused.stderr) == (1, True), refused.stderr
    shared = slurm.folder / "work" / "through-the-server" / user_name()
    for secrets in (tmp_path / "config" / "allotment" / "secrets", shared / "secrets"):
        (secrets / "nlp" / "hub").mkdir(parents=True)
        (secrets / "nlp" / "hub" / "token").touch(mode=0o600)
        (secrets / "nlp" / "hub" / "token").write_text(f"{VALUE}\n")
    for place in ("local", "hpc"):
        server.run("submit", "job.yaml", "--on", place)
    print_all = {"command": [sys.executable, "-c", "import os, sys; print(os.environ['ALLOTMENT_RANK'], sys.argv[1:])"]}
    swept = {**job, "name": "swept", "type": "sweep", "run": print_all, "sweep": {"grid": {"lr": ["1", "it's"]}}}
    (server.home / "sweep.yaml").write_text(json.dumps(swept))
    server.run("submit", "sweep.yaml", "--on", "hpc")
    *jobs, sweep = sorted(all_over(server), key=lambda each: each.job.name)
    assert sweep.state is JobState.SUCCEEDED
    assert server.run("logs", "swept", "--rank", "1").splitlines() == ['1 ["--lr=it\'s"]']
    for each in jobs:
        assert each.state is JobState.SUCCEEDED, server.run("logs", each.id)
        said = server.run("logs", each.id, "--rank", "0").splitlines()
        assert said == [f"fetched {len(VALUE)} {attempt}" for attempt in (1, 2)]
        # Of what comes between two looks the later is on record.
        assert {MoveCause.STAGED, MoveCause.RETRIED} & {move.cause for move in each.history.moves}
        assert each.history.attempt == 2
    kept = [each for root in (tmp_path, slurm.folder) for each in root.rglob("*") if each.is_file()]
    holding = {each.name for each in kept if VALUE.encode() in each.read_bytes()}
    assert (len(jobs), holding) == (2, {"token"})


@pytest.mark.nightly
def test_killed_at_any_moment_nothing_is_handed_in_twice(server: Server, slurm: Slurm, tmp_path: Path) -> None:
    """Data are fetched, tries fail and are made again, while the server is killed and started."""
    (tmp_path / "archive").mkdir()
    program = {"command": [sys.executable, "-c", "import os, sys; sys.exit(os.environ['ALLOTMENT_ATTEMPT'] == '1')"]}
    chance = random.Random(7)
    pid = server.up()
    for number in range(8):
        job = {
            "kind": "Job", "name": f"killed-{number}", "team": "cv", "run": program,
            "volumes": {"corpora": {"claim": "corpora", "path": "/corpora"}},
            "data": [{"source": str(tmp_path / "archive"), "volume": "corpora", "path": f"in-{number}"}],
            "resources": {"cpu": "1", "memory": "300Mi"}, "retries": {"limit": 1, "safe": True},
        }  # fmt: skip
        (server.home / "job.yaml").write_text(json.dumps(job))
        server.run("submit", "job.yaml", "--on", "hpc")
    for _ in range(15):
        time.sleep(chance.uniform(0.0, 1.2))
        server.kill(pid)
        pid = server.up()
    jobs = all_over(server)
    assert {each.state for each in jobs} == {JobState.SUCCEEDED}
    parts = sorted(f"{each.job.name}.allot-{each.id}-{part}" for each in jobs for part in ("s1", "a1", "a2-f1"))

    def handed_in() -> list[str]:
        names = slurm.run("sacct", "-aXnP", "--format=JobName").split()
        return sorted(each for each in names if each.startswith("killed-"))

    # The accounting hears of a job a moment later; that there is one too many, it would go on saying.
    deadline = time.monotonic() + 30
    while len(handed_in()) < len(parts) and time.monotonic() < deadline:
        time.sleep(0.3)
    assert handed_in() == parts


def all_over(server: Server) -> list[StoredJob]:
    """All jobs, once they are."""
    deadline = time.monotonic() + 90
    while True:
        jobs = [server.service.find(each.id) for each in server.service.page(JobFilter(), limit=9).rows]
        if all(each.state.over for each in jobs):
            return jobs
        assert time.monotonic() < deadline, jobs
        time.sleep(0.2)
