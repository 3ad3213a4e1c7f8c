"""What a job can be on a real Slurm, all handed in at once: a sweep, tried again, with data, with a secret."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from allotment import wiring
from allotment.adapters.slurm.commands import SlurmCommands
from allotment.adapters.slurm.script import SECRETS
from allotment.jobs.fetching import fetch_arguments, fetch_command
from allotment.model.jobs.job import (
    EarlyStop,
    Job,
    JobVolume,
    RetryPolicy,
    SecretVariable,
    StagedData,
    StagingTime,
    Sweep,
    SweptParameter,
    VolumeUse,
)
from allotment.model.jobs.run import JobState
from allotment.operations.run.slurm.backend import SlurmBackend
from allotment.operations.run.slurm.configured import configured_slurm, placed
from allotment.operations.run.slurm.handing_in import SharedStorage
from allotment.ports.backends import FollowedJob, JobRefusedError, JobToStart
from allotment.ports.slurm import SlurmPort
from allotment.wiring.running import job_secrets
from allotment.wiring.slurm import slurm as slurm_port
from allotment.wiring.slurm import slurm_folders
from tests.unit import builders as build
from tests.unit.jobs.kubernetes.work import job, program
from tools.slurm import Slurm

pytestmark = pytest.mark.live

VALUE = "v'alue-$(id)-8f2d"
ODD = ("it's \n#SBATCH --uid=0\n", '-"; $(id) *) exit 0;; \\', "plain")
TRIAL = """\
import os, sys
print(os.environ["ALLOTMENT_RANK"], os.environ["ALLOTMENT_REPLICAS"], sys.argv[1:], flush=True)
sys.exit(4 if os.environ["ALLOTMENT_RANK"] == "1" else 0)
"""
AGAIN = "import os, sys; print(a := os.environ['ALLOTMENT_ATTEMPT']); sys.exit(int(a) < 2)"
LEARNS = """\
import os, time
bad = os.environ["ALLOTMENT_RANK"] == "2"
for step in range(2):
    print(f"loss={9 if bad else 1}", flush=True)
time.sleep(60 if bad else 5)
"""
READS = "import os; print(open(os.environ['ALLOTMENT_VOLUME_DATA'] + '/in/corpus/a').read())"
TELLS = "import hashlib, os; print(hashlib.sha256(os.environ['TOKEN'].encode()).hexdigest())"


def asked(script: str, **changes: Any) -> Job:
    own = {"program": program(image="", argv=(sys.executable, "-c", script)), "team": "data-science"}
    needs = replace(job().needs, cpu=build.cores(1), memory=build.gib(1) // 8, accelerators=None)
    return job(**{**own, "needs": needs, **changes})


@pytest.fixture
def shared(slurm: Slurm) -> Path:
    folder = slurm.folder / "work" / "what-a-job-can-be"
    for each in (folder / "secrets" / "data-science" / "hub", folder / "archive" / "corpus"):
        each.mkdir(parents=True)
    (folder / "archive" / "corpus" / "a").write_text("fetched")
    token = folder / "secrets" / "data-science" / "hub" / "token"
    token.write_text(f"{VALUE}\n")
    token.chmod(0o600)
    return folder


@pytest.fixture
def port(slurm: Slurm) -> Iterator[SlurmPort]:
    with slurm_port(slurm.rest_url, slurm.environment()) as one:
        yield one


def backend_on(port: SlurmPort, shared: Path) -> SlurmBackend:
    told = configured_slurm({"folder": str(shared)})
    storage = SharedStorage(*slurm_folders(shared), job_secrets(shared / "secrets"))
    return SlurmBackend("hpc", port, lambda nodes: placed("hpc", told, {"a100"}, nodes), storage, wiring.clock())


def test_all_that_a_job_can_be(slurm: Slurm, port: SlurmPort, shared: Path, commands: SlurmCommands) -> None:
    backend = backend_on(port, shared)
    volume = JobVolume("data", VolumeUse.READ_MOSTLY, "/data", claim="corpora")
    fetched = StagedData(str(shared / "archive" / "corpus"), "data", "in/corpus", StagingTime.BEFORE)
    lost = replace(fetched, source="/not/there", path="else")
    secret = program(image="", argv=(sys.executable, "-c", TELLS), secrets=(SecretVariable("TOKEN", "hub", "token"),))
    stop = EarlyStop("loss", maximise=False, after=1)
    jobs = {
        "swept": asked(TRIAL, sweep=Sweep((SweptParameter("lr", ODD),), 3, 0, 2)),
        "again": asked(AGAIN, retries=RetryPolicy(2, safe=True)),
        "staged": asked(READS, volumes=(volume,), data=(fetched,)),
        "unstaged": asked(READS, volumes=(volume,), data=(fetched, lost), retries=RetryPolicy(2, safe=True)),
        "secret": asked(TELLS, program=secret),
        "early": asked(LEARNS, sweep=Sweep((SweptParameter("lr", ("1", "2", "3")),), 3, 0, 3, stop)),
    }
    first = {name: backend.start(JobToStart(name, each, "ann", 1)).state for name, each in jobs.items()}
    seen = until_all_over(backend, set(jobs))
    assert {name: each.state for name, each in seen.items()} == {
        **dict.fromkeys(jobs, JobState.SUCCEEDED), "swept": JobState.FAILED, "unstaged": JobState.FAILED,
    }, seen  # fmt: skip
    assert {name for name, state in first.items() if state is JobState.STAGING} == {"staged", "unstaged"}

    swept = seen["swept"].end
    assert swept is not None
    assert (swept.code, swept.rank) == (4, 1)
    assert swept.said.startswith("1 of 3 trials failed: trial 1 (--lr=-")
    for trial, value in enumerate(ODD):
        assert said(backend, "swept", trial) == [f"{trial} 3 {[f'--lr={value}']}"]
    assert (seen["again"].attempt, said(backend, "again", 0)) == (2, ["1", "2"])
    assert said(backend, "staged", 0) == ["fetched"]
    unstaged = seen["unstaged"].end
    assert unstaged is not None
    assert unstaged.said == "its data could not be fetched: /not/there could not be fetched: cp ended with 1"
    early = seen["early"].end
    assert early is not None
    assert early.said == "1 of 3 trials fell behind and were ended early: 2"

    assert said(backend, "secret", 0) == [hashlib.sha256(VALUE.encode()).hexdigest()]
    booked = slurm.run("sacct", "-aPD", "--format=ALL")
    assert "secret-a1" in booked
    assert VALUE not in booked
    holding = [each for each in slurm.folder.rglob("*") if each.is_file() and VALUE.encode() in each.read_bytes()]
    assert holding == [shared / "secrets" / "data-science" / "hub" / "token"]
    devices = {each.identity: each.allocated.get("gres/gpu", 0) for each in commands.bookings(0)}
    assert devices["staged-s1"] == 0

    for name in jobs:
        backend.forget(name)
    # What waited for data that never came waits no more.
    waiting = [each.identity for each in commands.jobs() if each.states[0] in {"PENDING", "RUNNING"}]
    assert not [each for each in waiting if each.rpartition("-")[0] in jobs]
    (shared / "secrets" / "data-science" / "hub" / "token").chmod(0o644)
    with pytest.raises(JobRefusedError, match="cannot be used"):
        backend.check(JobToStart("x", jobs["secret"], "ann", 1))


@pytest.mark.nightly
def test_a_name_is_its_owners_to_set_and_a_number_is_not(
    slurm: Slurm, port: SlurmPort, commands: SlurmCommands
) -> None:
    """One job takes the name of another and ends well, and one calls itself something else."""
    folder = slurm.folder / "work" / "renamed"
    backend = backend_on(port, folder)
    waits = "import time; time.sleep(120)"
    jobs = {"victim": asked(waits), "tidy": asked(waits), "taker": asked("import time; time.sleep(4)", team="nlp")}
    started = {name: backend.start(JobToStart(name, each, "ann", 1, first=True)) for name, each in jobs.items()}
    native = {name: each.native for name, each in started.items()}
    until(lambda: {each.state for each in backend.look() if each.id in jobs} == {JobState.RUNNING}, backend)
    victim = next(each for each in commands.jobs() if each.job_id == int(native["victim"]))
    for name, called in (("taker", f"{victim.name.removesuffix('-a1')}-a9"), ("tidy", "mine")):
        slurm.run("scontrol", "update", f"jobid={native[name]}", f"name={called}", f"comment={victim.comment}")
    until(lambda: any(each.id == "taker" and each.state is JobState.SUCCEEDED for each in backend.look()), backend)
    again = backend_on(port, folder)
    for name in ("victim", "tidy"):
        again.start(JobToStart(name, jobs[name], "ann", 1, taken=True, native=native[name]))
    for each in (backend, again):
        seen = {one.id: one for one in each.look()}
        assert {name: (seen[name].native, seen[name].attempt, seen[name].state) for name in ("victim", "tidy")} == {
            name: (native[name], 1, JobState.RUNNING) for name in ("victim", "tidy")
        }
    again.stop("tidy", 1)
    until(lambda: any(each.id == "tidy" and each.state is JobState.STOPPED for each in again.look()), again)
    backend.forget("taker")
    left = {each.job_id: each.states[0] for each in commands.jobs()}
    assert (left[int(native["victim"])], left[int(native["tidy"])]) == ("RUNNING", "CANCELLED")
    again.stop("victim", 1)


def until(met: Callable[[], bool], backend: SlurmBackend) -> None:
    deadline = time.monotonic() + 60
    while not met():
        assert time.monotonic() < deadline, backend.look()
        time.sleep(0.5)


def until_all_over(backend: SlurmBackend, names: set[str]) -> dict[str, FollowedJob]:
    deadline = time.monotonic() + 90
    while True:
        seen = {each.id: each for each in backend.look() if each.id in names}
        if len(seen) == len(names) and all(each.state.over for each in seen.values()):
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.3)


def said(backend: SlurmBackend, job_id: str, rank: int | None = None) -> list[str]:
    return [each.text.decode() for each in backend.log(job_id, rank=rank) if each is not None]


SPOILT: Mapping[str, Callable[[Path], object]] = {
    "": lambda file: None,
    "is no file that is yours alone": lambda file: file.chmod(0o640),
    "a/link is no file": lambda file: (file.rename(file.with_name("b")), file.symlink_to(file.with_name("b"))),
    "secrets/t is no folder": lambda file: file.parents[1].chmod(0o720),
    "secrets is no folder": lambda file: file.parents[2].chmod(0o702),
    "secrets/t/a is no folder": lambda file: (file.parent.rename(file.parents[1] / "b"), file.parent.symlink_to("b")),
    "has more than 64 KiB": lambda file: file.write_text("x" * 65537),
    "holds a NUL byte": lambda file: file.write_bytes(b"a\0 val"),
}


@pytest.mark.parametrize("why", SPOILT)
def test_the_node_looks_at_the_file_too(tmp_path: Path, why: str) -> None:
    file = tmp_path / "secrets" / "t" / "a" / ("link" if "link" in why else "it's")
    file.parent.mkdir(parents=True)
    file.write_text("a\n val\n\n")
    file.chmod(0o600)
    SPOILT[why](file)
    script = f'{SECRETS}allotment_secret TOKEN "$1"\nexec sh -c \'printf %s "$TOKEN"\'\n'
    done = subprocess.run(["sh", "-ec", script, "sh", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (78 if why else 0, "" if why else "a\n val")
    assert why in done.stderr
    assert " val" not in done.stderr


@pytest.mark.parametrize(
    ("program", "part", "source"), [("curl", "before", "https://host/b"), ("cp", "last", "/from/b")]
)
def test_what_is_told_to_end_leaves_no_part_and_old_ones_are_removed(
    tmp_path: Path, program: str, part: str, source: str
) -> None:
    """The program is one that writes a part, and then waits. How old a copy is, its date does not tell."""
    curl, place = tmp_path / "bin" / program, tmp_path / "to" / "[a] b"
    for each in (curl.parent, place.parent):
        each.mkdir()
    curl.write_text(
        "#!/bin/sh\nfor last; do before=${kept:-} kept=$last; done\n" + f'echo a >"${part}"\nexec sleep 60\n'
    )
    curl.chmod(0o700)
    parts = {name: place.with_name(f"[a] b.allotment-part-{name}") for name in ("old", "young", "x1")}
    for name in ("old", "young"):
        parts[name].touch()
    os.utime(parts["old"], (0, 0))
    argv = fetch_command(StagedData(source, "data", "b", StagingTime.BEFORE), source, str(place))
    environment = {"PATH": f"{curl.parent}:{os.environ['PATH']}", "ALLOTMENT_JOB_ID": "x1"}
    with subprocess.Popen(argv, env=environment) as fetching:
        deadline = time.monotonic() + 20
        while not parts["x1"].exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        fetching.terminate()
        assert fetching.wait(20) == 143
    assert set(place.parent.iterdir()) == {parts["young"], *([parts["old"]] if program == "cp" else [])}


def copies(place: Path, source: Path, name: str) -> subprocess.Popen[bytes]:
    argv = fetch_command(StagedData(str(source), "data", "x", StagingTime.BEFORE), str(source), str(place))
    return subprocess.Popen(argv, env={**os.environ, "ALLOTMENT_JOB_ID": name}, stderr=subprocess.PIPE)


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_is_copied_by_many_at_once_and_each_file_is_whole(tmp_path: Path, there: bool) -> None:
    source, place = tmp_path / "from", tmp_path / "to" / "in"
    for each in (source / "-d" / "e", source / "empty", *([place] if there else [])):
        each.mkdir(parents=True)
    for name in (*(f"-d/e/{number}" for number in range(300)), ".hidden", "$(id) *"):
        (source / name).write_bytes(name.encode() * 5000)
    (source / "link").symlink_to("nowhere")
    (source / "-d").chmod(0o555)
    for _ in range(5):
        running = [copies(place, source, f"j{number}") for number in range(6)]
        while any(each.poll() is None for each in running):
            for folder, _, names in os.walk(place):
                for file in (Path(folder, name) for name in names if ".allotment-part-" not in f"{folder}/{name}"):
                    assert file.is_symlink() or file.read_bytes() == (source / file.relative_to(place)).read_bytes()
        assert [said_by(each)[0] for each in running] == [0] * 6
        assert listed(place) == listed(source)
        (place / "empty").rmdir()
    assert listed(place.parent) == {"in", *(f"in/{each}" for each in listed(source) - {"empty"})}


def test_what_is_there_is_kept_and_what_a_try_left_behind_is_not(tmp_path: Path) -> None:
    source, place = tmp_path / "from", tmp_path / "to"
    for each in (source / "a" / "b", place / "mine", place / "c.allotment-part-j1" / "a"):
        each.mkdir(parents=True)
    (place / "c.allotment-part-j1" / "a").chmod(0o555)
    (place / "mine" / "m").write_text("mine")
    (source / "mine").write_text("theirs")
    (source / "c").write_text("c")
    (place / "c.part-1").write_text("an own file that has waited for long")
    os.utime(place / "c.part-1", (0, 0))
    assert said_by(copies(place, source, "j1")) == (0, "")
    assert listed(place) == {"a", "a/b", "c", "c.part-1", "mine", "mine/m"}
    assert said_by(copies(place / "x", tmp_path / "lost", "j1"))[0] == 1
    over = f"{source / 'c'} is no folder, and {place} is one\n"
    assert said_by(copies(place, source / "c", "j1")) == (21, over)


def said_by(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    said = process.communicate()[1].decode()
    return process.returncode, said


def listed(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*")}


def test_what_fetches_data_stops_at_the_first_that_fails(tmp_path: Path) -> None:
    """The program itself, with arguments that a shell would take for something else; twice, as after a crash."""
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "a").write_text("a")
    odd = tmp_path / "it's\n-x $(id)"
    odd.write_text("odd")
    here = (StagedData(str(tmp_path / "from"), "data", "in/-o", StagingTime.BEFORE),
            StagedData(str(odd), "data", "it's\n*", StagingTime.BEFORE))  # fmt: skip
    own = StagedData("x://y", "data", "q", StagingTime.BEFORE, argv=("sh", "-c", "echo loud; exit 3"))
    volume = JobVolume("data", VolumeUse.READ_MOSTLY, "/data", claim="corpora")
    fetches = asked("", volumes=(volume,), data=(*here, own, replace(own, argv=("touch", str(tmp_path / "after")))))
    for _ in range(2):
        argv = fetch_arguments(fetches, {"data": str(tmp_path / "to")}, str(tmp_path / "log"))
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr == "allotment: x://y could not be fetched: sh ended with 3\n"
    assert (tmp_path / "to" / "in" / "-o" / "a").read_text() == "a"
    assert not (tmp_path / "to" / "in" / "-o" / "from").exists()
    assert (tmp_path / "to" / "it's\n*").read_text() == "odd"
    assert (tmp_path / "log").read_text() == "loud\nloud\n"
    assert not (tmp_path / "after").exists()
