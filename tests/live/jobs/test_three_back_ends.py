"""One job file on this machine, on a real control plane through real Kueue, and on a real Slurm, by one server.

The same numpy training in two replicas. On Kubernetes no program runs: KWOK plays the kubelet, and the log is a file.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from allotment.model.jobs.native import native_shown
from allotment.model.jobs.run import JobState
from allotment.model.manifest import ObjectKey
from allotment.model.quantity import format_cpu
from allotment.ports.stored_jobs import StoredJob, row_of
from allotment.wiring import running
from tests.live.jobs.counting import ENOUGH, EVERY
from tests.live.kubernetes.stand_in import logs_of_every_pod
from tests.live.server.conftest import ROOT, Server
from tests.live.training import Training
from tools.slurm import Slurm

pytestmark = pytest.mark.live

LOCAL, SLURM = "local", "hpc"
PATH = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}"}
"""Where programs run, this Python is the first that they find."""
SAID = "step=300 loss=0.062164"
"""What the stand-in for a kubelet shows as the log of every pod."""


def example() -> dict[str, Any]:
    """examples/jobs/job.yaml, shortened."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "jobs" / "job.yaml").read_text())
    found["run"] |= {"args": ["--steps", "300", "--pause", "0.002", "--every", "0.5"], "env": PATH}
    return found


def written(server: Server, name: str, job: dict[str, Any]) -> str:
    (server.home / name).write_text(yaml.safe_dump(job))
    return name


def submitted(server: Server, file: str, place: str) -> str:
    """Its id."""
    (taken,) = answer(server, "submit", file, "--on", place)["items"]
    return str(taken["id"])


def answer(server: Server, *words: str) -> Any:
    return json.loads(server.run(*words, "-o", "json"))


def jobs(server: Server, ids: dict[str, str]) -> list[StoredJob]:
    return [server.service.find(each) for each in ids.values()]


def told(server: Server, ids: dict[str, str]) -> str:
    """How they stand, and what the server says of its back ends."""
    status = server.service.status()
    stand = [f"{each.backend}: {each.state.value}, {row_of(each).said!r}" for each in jobs(server, ids)]
    return "\n".join((*stand, *(f"{each.name}: {each.unreachable!r}" for each in status.backends)))


def waits(job: StoredJob) -> bool:
    """Whether it waits, and it is known why."""
    return job.state is JobState.QUEUED and any(each.until is None for each in job.waits)


def rows(server: Server) -> dict[str, Any]:
    """What `ps` says, by id."""
    return {each["id"]: each for each in answer(server, "ps", "-a")["items"]}


def until(holds: Callable[[], bool], said: Callable[[], object], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, said()
        time.sleep(0.2)


def differences(one: Any, other: Any, at: str = "") -> Iterator[str]:
    """Where two documents are not of one shape: what is empty in one of them has none."""
    if isinstance(one, dict) and isinstance(other, dict):
        yield from (f"{at}.{key}" for key in one.keys() ^ other.keys())
        for key in one.keys() & other.keys():
            yield from differences(one[key], other[key], f"{at}.{key}")
    elif isinstance(one, list) and isinstance(other, list):
        for first, second in zip(one[:1], other[:1], strict=False):
            yield from differences(first, second, f"{at}[]")
    elif None not in (one, other) and isinstance(one, dict | list) != isinstance(other, dict | list):
        yield at


def of_one_shape(found: dict[str, Any]) -> bool:
    """Whether the same question has answers of one shape on all back ends; they are by back end."""
    first = found[LOCAL]
    other = {place: list(differences(first, each)) for place, each in found.items()}
    assert not any(other.values()), other
    return True


@contextmanager
def nothing_starts(server: Server, training: Training, slurm: Slurm) -> Iterator[None]:
    """The machine is full, the team's ClusterQueue is held, and the partition is down."""
    queue = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "nlp")
    whole = {"cpu": format_cpu(running.machine().room().cpu), "memory": "64Mi"}
    filler = {"kind": "Job", "name": "filler", "team": "nlp", "run": {"command": ["sleep", "600"]}, "resources": whole}
    holds = submitted(server, written(server, "filler.yaml", filler), LOCAL)
    training.kube.merge_patch("kueue.x-k8s.io/v1beta2", queue, {"spec": {"stopPolicy": "Hold"}})
    slurm.run("scontrol", "update", "partitionname=batch", "state=DOWN")
    try:
        until(lambda: server.service.find(holds).state is JobState.RUNNING, lambda: server.service.find(holds))
        yield
    finally:
        slurm.run("scontrol", "update", "partitionname=batch", "state=UP")
        training.kube.merge_patch("kueue.x-k8s.io/v1beta2", queue, {"spec": {"stopPolicy": "None"}})
        server.service.stop(holds)


@pytest.mark.nightly  # by day each back end runs a job file by itself
def test_one_job_file_on_three_back_ends(server: Server, training: Training, slurm: Slurm, tmp_path: Path) -> None:
    cluster = training.cluster.name
    (server.home / "train.py").write_text((ROOT / "examples" / "jobs" / "train.py").read_text())
    file = written(server, "job.yaml", example())
    with nothing_starts(server, training, slurm):
        ids = {place: submitted(server, file, place) for place in (LOCAL, cluster, SLURM)}

        until(lambda: all(map(waits, jobs(server, ids))), lambda: told(server, ids))
        listed = rows(server)
        assert of_one_shape({place: listed[job_id] for place, job_id in ids.items()})
        assert of_one_shape(reasons(server, training, native_shown(server.service.find(ids[cluster]).native)))

    until(lambda: all(each.state.over for each in jobs(server, ids)), lambda: told(server, ids))
    assert {each.state for each in jobs(server, ids)} == {JobState.SUCCEEDED}, told(server, ids)
    listed = rows(server)
    assert of_one_shape({place: listed[job_id] for place, job_id in ids.items()})
    described = {place: answer(server, "describe", job_id) for place, job_id in ids.items()}
    assert of_one_shape(described)
    assert all(each["waits"] for each in described.values())
    assert all([each["rank"] for each in one["attempts"][-1]["places"]] == [0, 1] for one in described.values())
    assert of_one_shape({place: answer(server, "report", job_id) for place, job_id in ids.items()})
    assert "no telemetry" in server.run("report", ids[cluster])
    with logs_of_every_pod(training, tmp_path, "cpu") as log:
        log.write_bytes(b"2026-11-28T02:00:00.000000001Z stdout F " + SAID.encode() + b"\n")
        assert server.run("logs", ids[cluster]).splitlines() == [f"[{rank}] {SAID}" for rank in (0, 1)]
    for place in (LOCAL, SLURM):
        lines = server.run("logs", ids[place], "--rank", "0").splitlines()
        assert lines[0] == "rank 0 of 2: begins at step 0"
        assert lines[-1].startswith("rank 0: done, loss=0.0")


def reasons(server: Server, training: Training, native: str) -> dict[str, Any]:
    """What `allot why` says of each, but for the facts, which every cause has of its own."""
    cluster = training.cluster
    asked = {
        LOCAL: ("--on", LOCAL, "job/train-small"),
        cluster.name: ("--context", cluster.context, native),
        SLURM: ("--on", SLURM, "job/train-small"),
    }
    found = {}
    for place, words in asked.items():
        explained = answer(server, "why", *words, "-n", "nlp", "--no-remedies")
        assert explained.pop("facts")
        assert explained["verdict"] in {"waiting", "misconfigured", "broken"}
        for seen in explained["evidence"]:
            seen["object"].pop("namespace", None)  # a queue has none
        found[place] = explained
    return found


@contextmanager
def one_node_of_devices(slurm: Slurm) -> Iterator[None]:
    """Four devices, as this machine has slots."""
    slurm.run("scontrol", "update", "nodename=gpu1", "state=drain", "reason=tried")
    try:
        yield
    finally:
        slurm.run("scontrol", "update", "nodename=gpu1", "state=resume")


@pytest.mark.nightly
def test_displaced_by_a_higher_rung_it_loses_one_interval_at_most(server: Server, slurm: Slurm) -> None:
    """Its program does not listen, and is killed; what it really did stands in a file beside the checkpoint."""
    (server.home / "counting.py").write_text((Path(__file__).parent / "counting.py").read_text())
    low = {
        "kind": "Job", "name": "low", "team": "nlp", "maxRunTime": "10m",
        "run": {"script": "counting.py", "env": PATH},
        "resources": {"accelerators": "a100:4", "cpu": "100m", "memory": "256Mi"},
        "checkpoint": {"directory": "ckpt", "interval": "1s", "grace": "1s"},
    }  # fmt: skip
    high = {
        "kind": "Job", "name": "high", "team": "cv", "priority": "scheduled-training", "maxRunTime": "5m",
        "run": {"command": ["sleep", "1"]}, "resources": {"accelerators": "a100:1", "cpu": "100m", "memory": "64Mi"},
    }  # fmt: skip
    places = (LOCAL, SLURM)
    with one_node_of_devices(slurm):
        file = written(server, "low.yaml", low)
        ids = {place: submitted(server, file, place) for place in places}
        kept = {place: folder_of(server, ids[place]) for place in places}
        until(lambda: all(len(steps(each)[0]) > EVERY for each in kept.values()), lambda: kept)
        file = written(server, "high.yaml", high)
        higher = [submitted(server, file, place) for place in places]
        until(lambda: all(server.service.find(each).state.over for each in higher), lambda: rows(server))
        until(lambda: all(len(steps(each)) > 1 for each in kept.values()), lambda: rows(server))
        for folder in kept.values():
            (folder / ENOUGH).touch()
        until(lambda: all(server.service.find(each).state.over for each in ids.values()), lambda: rows(server))
    for place, folder in kept.items():
        job = server.service.find(ids[place])
        assert job.state is JobState.SUCCEEDED, job.history
        assert [each.end.displaced for each in job.attempts if each.end] == [True, False]
        first, second = steps(folder)
        assert first[0] == 0 < second[0]
        assert 0 <= first[-1] - second[0] <= EVERY, (place, first[-1], second[0])
        # The weights came along: each step adds one to them.
        assert f"trained {second[-1]}: {second[-1]}" in said_by(server, ids[place])


def said_by(server: Server, job_id: str) -> list[str]:
    return [line.text.decode() for line in server.service.log(job_id) if line is not None]


def folder_of(server: Server, job_id: str) -> Path:
    """Where a job keeps its checkpoints, as it says itself."""
    found: list[Path] = []

    def tells() -> bool:
        runs = server.service.find(job_id).state is JobState.RUNNING
        lines = said_by(server, job_id) if runs else []
        found[:] = [Path(line.removeprefix("keeps ")) for line in lines if line.startswith("keeps ")]
        return bool(found) and (found[0] / "steps").exists()

    until(tells, lambda: server.service.find(job_id))
    return found[0]


def steps(folder: Path) -> list[list[int]]:
    """The steps that were really done in each attempt, each from the one with which it began."""
    found: list[list[int]] = []
    for line in (folder / "steps").read_text().splitlines():
        if line.startswith("begins "):
            found.append([int(line.removeprefix("begins "))])
        else:
            found[-1].append(int(line))
    return found
