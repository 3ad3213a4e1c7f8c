"""Jobs on this machine, as people run them: real server, real processes, real store."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from allotment.adapters.store.sqlite import SqlitePlace
from allotment.cli.shell.examples.form import Example, ExampleNeeds
from allotment.cli.shell.examples.table import EXAMPLES
from allotment.errors import UnreachableError
from allotment.model.audit.chain import AuditEntry, heads_in
from allotment.model.jobs.job import AcceleratorWish, CheckpointPolicy, Job, JobType, Program, ReplicaNeeds
from allotment.model.jobs.run import JobState
from allotment.model.quantity import Bytes, MilliCpu
from allotment.operations.account.trail import verified
from allotment.ports.job_service import JobSubmission
from allotment.ports.stored_jobs import StoredJob
from tests.live.server.conftest import Server

pytestmark = pytest.mark.live

TRAIN = """\
import os, signal, sys, time
folder = os.environ.get("ALLOTMENT_CHECKPOINT_DIR", ".")
file = os.path.join(folder, "step")
step = int(open(file).read()) if os.path.exists(file) else 0
print("begins at", step, flush=True)
def end(*_):
    open(file, "w").write(str(step))
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
while step < {steps}:
    time.sleep(0.05)
    step += 1
print("trained", step, sys.argv[1:], flush=True)
"""


def shell(text: str, *, team: str = "nlp", devices: int = 1, **more: object) -> Job:
    plain = Job(
        name="job",
        team=team,
        type=JobType.TRAINING,
        program=Program(("sh", "-c", text)),
        needs=ReplicaNeeds(MilliCpu(100), Bytes(64 << 20), AcceleratorWish(devices, ("a100",)) if devices else None),
        priority="exploratory",
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def ended(server: Server, job_id: str, seconds: float = 60.0) -> StoredJob:
    deadline = time.monotonic() + seconds
    while not (job := server.service.find(job_id)).state.over:
        assert time.monotonic() < deadline, job.history
        time.sleep(0.05)
    return job


def until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.nightly
def test_a_script_in_a_deep_home_that_holds_the_servers_own_folder(tmp_path: Path) -> None:
    home = tmp_path.joinpath(*["d" * 60] * 4)
    home.mkdir(parents=True)
    server = Server(home, state=home / ".local" / "state")
    try:
        (home / "train.py").write_text("print('hello')")
        assert server.run("run", "train.py", "--team", "nlp").splitlines() == ["hello"]
        assert server.run("run", "train.py", "--team", "nlp").splitlines() == ["hello"], (
            "while the server listens there"
        )
    finally:
        server.end()


def test_a_newcomers_own_script_runs_within_a_minute(server: Server) -> None:
    (server.home / "train.py").write_text(TRAIN.format(steps=3))
    began = time.monotonic()
    out = server.run("run", "train.py", "--team", "nlp", "--gpus", "2", "--checkpoint", "ckpt", "--", "--epochs", "3")
    assert time.monotonic() - began < 60
    assert out.splitlines() == ["begins at 0", "trained 3 ['--epochs', '3']"]
    (server.home / "fails.sh").write_text("echo no; exit 7")
    assert server.run("run", "fails.sh", "--team", "cv", code=7).splitlines() == ["no"]
    rows = json.loads(server.run("ps", "-a", "-o", "json"))["items"]
    assert [(row["name"], row["state"], row["devices"]) for row in rows] == [
        ("fails", "failed", 0),
        ("train", "succeeded", 2),
    ]
    described = json.loads(server.run("describe", "train", "-o", "json"))
    assert described["attempts"][0]["places"][0]["devices"] == ["slot-0", "slot-1"]
    server.run("down")
    server.run("ps", code=9)


@pytest.mark.nightly
def test_what_is_wrong_is_told_before_anything_is_submitted(server: Server) -> None:
    (server.home / "train.py").write_text("print(1)")
    server.run("run", "train.py", "--team", "nobody", code=3)
    server.run("run", "train.py", "--team", "nlp", "--gpus", "9", code=7)
    server.run("run", "train.py", "--team", "nlp", "--memory", "1600Gi", code=7)
    server.run("run", "nothing.py", "--team", "nlp", code=3)
    assert json.loads(server.run("ps", "-a", "-o", "json"))["items"] == []


_INTERVAL = 10
"""Steps from one checkpoint to the next."""
_SAVES_NOW_AND_THEN = f"""\
import os, sys, time
file = os.path.join(os.environ["ALLOTMENT_CHECKPOINT_DIR"], "step")
step = int(open(file).read()) if os.path.exists(file) else 0
done = open(f"{{sys.argv[1]}}/done-from-{{step}}", "w")
print("begins at", step, flush=True)
while step < 100:
    time.sleep(0.05)
    step += 1
    print(step, file=done, flush=True)
    if step % {_INTERVAL} == 0:
        open(file + ".new", "w").write(str(step))
        os.replace(file + ".new", file)
print("trained", step, flush=True)
"""
"""Writes a checkpoint in intervals alone, none when it is told to end; what it has really done it tells elsewhere."""


@pytest.mark.nightly
def test_a_displaced_job_goes_on_where_it_was(server: Server) -> None:
    server.up("--slots", "4")
    (server.home / "train.py").write_text(_SAVES_NOW_AND_THEN)
    # The other team holds its own share, so that there is nothing to borrow.
    for team in ("cv", "recsys", "data-science"):
        server.service.submit(JobSubmission(shell("sleep 60", team=team), "local"))
    script = Program(("python3", str(server.home / "train.py"), str(server.home)))
    low = shell("", devices=1, program=script, checkpoint=CheckpointPolicy("ckpt", 1, 10))
    first = server.service.submit(JobSubmission(low, "local")).job
    deadline = time.monotonic() + 30
    while server.service.find(first.id).state is not JobState.RUNNING:
        assert time.monotonic() < deadline
    really_done = server.home / "done-from-0"
    until(lambda: really_done.exists() and len(really_done.read_text().split()) > _INTERVAL)
    high = server.service.submit(JobSubmission(shell("echo high", priority="scheduled-training"), "local")).job
    assert ended(server, high.id).state is JobState.SUCCEEDED
    done = ended(server, first.id)
    assert done.state is JobState.SUCCEEDED
    lines = [line.text.decode() for line in server.service.log(first.id) if line]
    starts = [int(found[1]) for line in lines if (found := re.fullmatch(r"begins at (\d+)", line))]
    assert len(starts) == 2
    assert starts[0] == 0 < starts[1]
    assert 0 <= len(really_done.read_text().split()) - starts[1] <= _INTERVAL, "it lost one interval at most"
    assert lines[-1] == "trained 100"
    assert [each.end.displaced for each in done.attempts if each.end] == [True, False]


_HELD_UP = 0.2
"""How often a server is stopped and goes on before it is killed."""


def killed_again_and_again(server: Server, kills: int, jobs: int, seed: int) -> None:
    """Jobs run while the server is killed, or held up, at random moments.

    None is lost, none runs twice, no slot stays taken, a foreign process runs on, and the ledger closes.
    """
    chance = random.Random(seed)
    marks = server.home / "marks"
    marks.mkdir()
    stranger = subprocess.Popen(["sleep", "3h"], start_new_session=True)
    pid = server.up()
    waiting = list(range(jobs))
    submitted: dict[int, str] = {}
    wide: dict[str, int] = {}
    for _ in range(kills):
        for _ in range(jobs // kills + 1):
            if waiting:
                number = waiting.pop()
                mark, length = marks / str(number), chance.choice(("0", "0.2", "0.6"))
                text = f"echo begun >> {mark}; sleep {length}; echo ended >> {mark}"
                wanted = shell(text, team=chance.choice(("nlp", "cv")), devices=chance.choice((0, 1, 2)))
                submitted[number] = server.service.submit(JobSubmission(wanted, "local")).job.id
                wide[submitted[number]] = wanted.devices
        time.sleep(chance.uniform(0, 0.5))
        if chance.random() < _HELD_UP:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(chance.uniform(0, 0.5))
            os.kill(pid, signal.SIGCONT)
            time.sleep(chance.uniform(0, 0.2))
        server.kill(pid)
        pid = server.up()
    for number, job_id in submitted.items():
        job = ended(server, job_id, 120)
        assert job.state is JobState.SUCCEEDED, (number, job.history, job.attempts)
        assert (marks / str(number)).read_text().split() == ["begun", "ended"]
    assert server.service.status().jobs == {}
    held = server.service.submit(JobSubmission(shell("true", team="nlp", devices=8), "local")).job
    assert ended(server, held.id).state is JobState.SUCCEEDED
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    ledger_closes(server, {**wide, held.id: 8})
    everybody_answers_for_it(server, {*wide, held.id}, kills + 1)


def ledger_closes(server: Server, wide: Mapping[str, int]) -> None:
    """Each slot has one use at every moment since it was first seen; a job has had as many slots as it asked for."""
    with SqlitePlace(Path(server.environment["XDG_STATE_HOME"]) / "allotment/store/store.db").reader() as store:
        lines = store.device_times(0, int(time.time() * 1000))
    held = Counter({each.use.job: 0 for each in lines if each.use.job})
    for device in {each.device for each in lines}:
        mine = [each for each in lines if each.device == device]
        assert all(first.end == after.start for first, after in pairwise(mine))
        held.update({each.use.job for each in mine if each.use.job})
    assert len({each.device for each in lines}) == 8
    assert {job: slots for job, slots in held.items() if slots > wide.get(job, 0)} == {}
    assert held.total() > len(wide) / 2, "most jobs asked for some, and most of these ran for a while"


def everybody_answers_for_it(server: Server, jobs: set[str], starts: int) -> None:
    """The audit trail is whole, leads through all heads of the log, and has each job and each start once."""
    state = Path(server.environment["XDG_STATE_HOME"]) / "allotment"
    logs = [file.read_text(encoding="utf-8", errors="replace") for file in state.rglob("server.log*")]
    heads = [head for each in logs for head in heads_in(each)]
    place = SqlitePlace(state / "store/store.db")
    verdict = verified(place, heads)
    assert (verdict.breaks, verdict.met) == ((), starts)
    with place.reader() as store:
        acts = [each.act for each in store.whole_audit() if isinstance(each, AuditEntry)]
    assert Counter(each.subject for each in acts if each.verb == "job.submit") == {f"job/{each}": 1 for each in jobs}
    assert sum(each.verb == "server.start" for each in acts) == starts


def test_killed_at_random_moments_it_loses_no_job_and_runs_none_twice(server: Server) -> None:
    killed_again_and_again(server, kills=4, jobs=14, seed=1)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_killed_three_hundred_times(server: Server) -> None:
    killed_again_and_again(server, kills=300, jobs=500, seed=2)


@pytest.mark.nightly
def test_two_servers_at_once_are_refused(server: Server) -> None:
    pid = server.up()
    assert server.up() == pid
    other = Server(server.home)
    other.process.spawn([])
    deadline = time.monotonic() + 30
    while (said := other.process.ended()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    other.reap()
    assert "writes" in said
    assert server.service.status().pid == pid


def test_a_server_that_is_stopped_by_a_signal_answers_nobody_and_then_goes_on(server: Server) -> None:
    pid = server.up()
    one = server.service.submit(JobSubmission(shell("sleep 0.5; echo end"), "local")).job
    os.kill(pid, signal.SIGSTOP)
    time.sleep(1.5)
    os.kill(pid, signal.SIGCONT)
    assert ended(server, one.id).state is JobState.SUCCEEDED


STEPS = """\
import os
from pathlib import Path
kept = Path(os.environ["ALLOTMENT_CHECKPOINT_DIR"], "step")
begun = int(kept.read_text()) if kept.exists() else 0
print("begun at", begun)
kept.write_text(str(begun + 3))
raise SystemExit(0 if begun else 1)
"""


@pytest.mark.nightly
def test_what_failed_goes_on_from_its_checkpoints(server: Server) -> None:
    (server.home / "steps.py").write_text(STEPS)
    asked = ("run", "steps.py", "--team", "nlp", "--checkpoint", "ckpt")
    assert "begun at 0" in server.run(*asked, code=1)
    failed = server.service.find("steps")
    said = server.run("retry", failed.id, "--resume", "--follow")
    assert "begun at 3" in said
    assert server.service.find("steps").supersedes == failed.id


@pytest.mark.nightly
def test_every_example_of_the_help(server: Server) -> None:
    (server.home / "train.py").write_text(TRAIN.format(steps=1))
    (server.home / "job.yaml").write_text(
        'kind: Job\nname: train\nteam: nlp\nrun: {command: [sh, -c, "echo hello", sh, --epochs=3]}\ncode: .\n'
    )
    examples: list[Example] = [
        each for found in EXAMPLES.values() for each in found if each.needs is ExampleNeeds.SERVER
    ]
    assert len(examples) > 10
    last = [each for each in examples if " down" in each.line]
    ends: Counter[int] = Counter()
    server.run("run", "train.py", "--team", "nlp", "--checkpoint", "ckpt")
    for each in (*[each for each in examples if each not in last], *last):
        words = shlex.split(each.line, comments=True)[1:]
        if words[0] == "retry":
            server.run("wait", "train", "--timeout", "60")
        server.run(*words)
        ends[0] += 1
    with pytest.raises(UnreachableError):
        server.service.status()


@pytest.mark.nightly
def test_a_job_that_removes_what_watches_it_runs_once_and_is_ended(server: Server) -> None:
    server.up()
    mark = server.home / "begun"
    text = f'echo begun >>{mark}; rm -rf "$ALLOTMENT_LAUNCH_FOLDER"; exec sleep 4711'
    one = server.service.submit(JobSubmission(shell(text), "local")).job
    done = ended(server, one.id)
    assert done.state is JobState.FAILED
    assert mark.read_text().split() == ["begun"]
    deadline = time.monotonic() + 10
    while any(b"4711" in cmdline(each) for each in Path("/proc").iterdir() if each.name.isdigit()):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def cmdline(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
