"""What a job becomes on Slurm: golden files of arguments and script, and what is refused."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.slurm.options import options_of
from allotment.adapters.slurm.script import SECRETS, WATCHER, script_of
from allotment.errors import CapacityError, InputError
from allotment.jobs.fetching import FETCH
from allotment.jobs.losses import lost
from allotment.jobs.slurm.identities import SlurmPart, part_of
from allotment.jobs.slurm.losses import SLURM_LOSSES
from allotment.jobs.slurm.rendering import (
    PYTHON,
    RANKS,
    SlurmFolders,
    SlurmPlace,
    SlurmShape,
    staging_of,
    submission_of,
    told_on_slurm,
)
from allotment.model.jobs.job import (
    AcceleratorWish,
    CheckpointPolicy,
    Job,
    JobType,
    JobVolume,
    Nearness,
    NearnessDomain,
    ReplicaNeeds,
    RetryPolicy,
    SecretVariable,
    Sweep,
    SweptParameter,
    VolumeUse,
)
from allotment.model.quantity import Bytes
from allotment.model.slurm.submission import IDENTITY, SlurmFieldError, SlurmSubmission
from tests.unit import builders as build
from tests.unit.jobs.kubernetes.work import DATA, GRID, WEIGHTS, gang, job, program

GOLDEN = Path(__file__).parents[3] / "golden" / "jobs" / "slurm"
UPDATE = os.environ.get("ALLOTMENT_UPDATE_GOLDEN") == "1"
PLACE = SlurmPlace(
    "hpc",
    {"a100": SlurmShape("a100", 4, 64, build.gib(512)), "t4": SlurmShape("tesla_t4", 1, 16, build.gib(64))},
    plain=SlurmShape("", 0, 32, build.gib(256)),
    partitions={"exploratory": ("batch",), "production-inference": ("urgent",)},
    qualities={"scheduled-training": "high"},
    bundles={"registry.example.com/train:1": "/bundles/train"},
)
FOLDERS = SlurmFolders(
    "/shared/jobs/x1/code", "/shared/jobs/x1/logs", "/shared/jobs/x1/checkpoint", {"data": "/shared/d"}
)
BARE = program(image="")
SAVED = CheckpointPolicy("ckpt", 600, 120)


def plain(**changes: object) -> Job:
    return job(**{"program": BARE, **changes})


def submitted(asked: Job) -> SlurmSubmission:
    assert not list(lost(asked, SLURM_LOSSES))
    secrets = {each.variable: f"/shared/secrets/{each.secret}/{each.key}" for each in asked.program.secrets}
    return submission_of(asked, SlurmPart("x1", 0, 1), PLACE, replace(FOLDERS, secrets=secrets))


def cpu(**changes: object) -> Job:
    return plain(needs=ReplicaNeeds(build.cores(4), build.gib(8)), **changes)


HOSTILE = ("-o", "it's \n#SBATCH --uid=0\n", '"; $(id) `id` \\', "", "*) rm;; esac", "é %j")
SECRET = SecretVariable("HF_TOKEN", "hub", "token")
SWEEP = Sweep((SweptParameter("lr", HOSTILE),), trials=len(HOSTILE), seed=0, at_once=2)
STAGED = plain(volumes=(DATA,), data=(WEIGHTS, replace(WEIGHTS, source="/data/it's -x\n", path="-o\n$(id)")))


CASES: dict[str, Job] = {
    "job": plain(),
    "checkpoint": plain(checkpoint=SAVED, project="chat", program=replace(BARE, environment={"A": "$(b)\nc"})),
    "gang": plain(replicas=4, gang=True, checkpoint=SAVED),
    "container": job(),
    "sweep": plain(sweep=SWEEP, checkpoint=SAVED),
    "secret": plain(program=replace(BARE, secrets=(SECRET,))),
    "cpu": cpu(replicas=3, priority="scheduled-training", run_time=None),
}


@pytest.mark.parametrize("there", [("python",), ("python3",), ("python", "python3")])
def test_a_node_with_python_under_either_name_runs_it(tmp_path: Path, there: tuple[str, ...]) -> None:
    for name in there:
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (tmp_path / name).chmod(0o755)
    words = ["/bin/sh", "-c", PYTHON, "sh", "a b.py", "*"]
    done = subprocess.run(words, env={"PATH": str(tmp_path)}, check=True, capture_output=True, text=True)
    assert done.stdout == f"{there[0]} a b.py *\n"


@pytest.mark.parametrize("name", [*CASES, "staging"])
def test_a_job_becomes_its_golden_file(name: str) -> None:
    made = staging_of(STAGED, "x1", PLACE, FOLDERS) if name == "staging" else submitted(CASES[name])
    script = script_of(made).replace(shlex.quote(WATCHER), "WATCHER").replace(shlex.quote(RANKS), "RANKS")
    script = (
        script.replace(shlex.quote(FETCH), "FETCH").replace(shlex.quote(PYTHON), "PYTHON").replace(SECRETS, "SECRETS\n")
    )
    lines = [*options_of(made, 0), "", *(f"{key}={value!r}" for key, value in made.environment), "", script]
    text = "\n".join(lines)
    path = GOLDEN / f"{name}.txt"
    if UPDATE:
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs; see this file's head for how to renew it"


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("run.image", job(program=program(argv=()))),
        ("run.env", plain(program=replace(BARE, environment={"SBATCH_ACCOUNT": "root"}))),
        ("run.env", plain(program=replace(BARE, environment={"RANK": "0"}))),
        ("run.env", plain(program=replace(BARE, secrets=(SecretVariable("SLURM_JWT", "s", "k"),)))),
        ("run.workingDirectory", plain(program=replace(BARE, working_directory="a/../../b"))),
        ("data.path", plain(data=(WEIGHTS,))),
        ("data.source", plain(volumes=(DATA,), data=(replace(WEIGHTS, source="ftp://x/y"),))),
        ("data.image", plain(volumes=(DATA,), data=(replace(WEIGHTS, image="curl:1"),))),
        ("data.command", plain(volumes=(DATA,), data=(replace(WEIGHTS, argv=("get", "/data/x")),))),
        ("nearness", plain(nearness=Nearness(NearnessDomain.RACK, required=True))),
        ("sweep", plain(sweep=GRID, replicas=2)),
        ("type", plain(type=JobType.NOTEBOOK)),
        ("resources.sharedMemory", plain(needs=replace(job().needs, shared_memory=Bytes(1)))),
        ("resources.ephemeralStorage", plain(needs=replace(job().needs, ephemeral_storage=Bytes(1)))),
        (
            "resources.accelerators.capacityType",
            plain(needs=replace(job().needs, accelerators=AcceleratorWish(1, ("a100",), capacity_type="spot"))),
        ),
    ],
)
def test_what_slurm_cannot_express_is_refused(field: str, asked: Job) -> None:
    assert [each.field for each in lost(asked, SLURM_LOSSES)] == [field]


def test_every_loss_has_a_case() -> None:
    (marked,) = test_what_slurm_cannot_express_is_refused.pytestmark  # type: ignore[attr-defined]
    assert {field for field, _ in marked.args[1]} == {each.field for each in SLURM_LOSSES}


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (plain(needs=replace(job().needs, accelerators=AcceleratorWish(1, ("h100",)))), CapacityError),
        (plain(needs=replace(job().needs, accelerators=AcceleratorWish(5, ("a100",)))), CapacityError),
        (plain(needs=replace(job().needs, memory=build.gib(600))), CapacityError),
        (gang(program=BARE, nearness=Nearness(NearnessDomain.NODE, required=True)), CapacityError),
        (job(program=program(image="other:1")), InputError),
    ],
)
def test_what_the_cluster_lacks_is_refused(asked: Job, error: type[Exception]) -> None:
    with pytest.raises(error):
        submitted(asked)


def test_replicas_share_nodes_evenly_and_see_devices_of_their_own() -> None:
    """Two devices each, four on a node: two on each node, never three and one."""
    made = submitted(plain(replicas=6))
    assert (made.nodes, made.tasks, made.tasks_per_node, made.devices_per_task) == (3, 6, 2, 2)
    assert [str(each) for each in made.gres] == ["gpu:a100:4"]
    odd = submitted(plain(replicas=3))
    assert (odd.nodes, odd.tasks_per_node, odd.devices_per_task) == (3, 1, 0)


def test_the_next_class_is_taken_where_the_first_is_too_small() -> None:
    wish = AcceleratorWish(2, ("t4", "a100"))
    assert submitted(plain(needs=replace(job().needs, accelerators=wish))).gres[0].type == "a100"


def test_it_starts_again_only_where_that_loses_nothing() -> None:
    assert not submitted(plain()).requeue
    assert "not started again" in " ".join(told_on_slurm(plain(), {}))
    assert submitted(plain(retries=RetryPolicy(safe=True))).requeue
    assert submitted(plain(checkpoint=SAVED)).requeue
    assert str(submitted(plain(checkpoint=SAVED)).warning) == "TERM@120"


def test_what_is_different_is_told() -> None:
    volume = JobVolume("data", VolumeUse.READ_MOSTLY, "/data", claim="datasets")
    said = " ".join(told_on_slurm(plain(volumes=(volume,), run_time=90), {}))
    assert "nothing is mounted at /data" in said
    assert "ALLOTMENT_VOLUME_DATA" in said
    assert "whole minutes" in said
    assert submitted(plain(run_time=90)).minutes == 2


def test_no_argument_of_a_trial_leaves_its_place() -> None:
    """Read as a shell reads it: each task has its own arguments, and nothing else stands between them."""
    words = shlex.split(script_of(submitted(CASES["sweep"])), comments=True)
    for number, value in enumerate(HOSTILE):
        at = words.index(f"{number})")
        assert words[at : at + 4] == [f"{number})", "set", "--", f"--lr={value};;"]
    assert words[words.index("esac") :][:2] == ["esac", "exec"]
    assert words[-1] == "$@"


def test_trials_that_are_tried_again_keep_their_numbers_and_arguments() -> None:
    made = submission_of(CASES["sweep"], SlurmPart("x1", 1, 2), PLACE, FOLDERS, trials=(4, 1))
    assert str(made.array) == "1,4%2"
    assert made.trials == ((1, (f"--lr={HOSTILE[1]}",)), (4, (f"--lr={HOSTILE[4]}",)))


@pytest.mark.parametrize(
    "secrets",
    [{"A B": "/s/a"}, {"A=B": "/s/a"}, {"SBATCH_X": "/s/a"}, {"A": "s/a"}, {"A": "/s/../a"}, {"A": "/s/a\nexport B=c"}],
)
def test_what_is_no_reference_to_a_secret_reaches_no_script(secrets: dict[str, str]) -> None:
    with pytest.raises(SlurmFieldError):
        submission_of(plain(), SlurmPart("x1", 0, 1), PLACE, replace(FOLDERS, secrets=secrets))


def test_a_sweep_whose_arguments_fill_the_script_is_refused() -> None:
    long = Sweep((SweptParameter("a", tuple(f"{n}{'x' * 20_000}" for n in range(60))),), 60, 0, 1)
    with pytest.raises(SlurmFieldError, match="trials"):
        submitted(plain(sweep=long))


@given(
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?(-a1|-s1|-a2-f1)?", fullmatch=True),
    st.integers(0, 10**6),
    st.integers(0, 100),
)
def test_an_identity_is_read_as_it_was_written(job_id: str, attempt: int, failures: int) -> None:
    part = SlurmPart(job_id, failures if attempt else 0, attempt)
    assert part_of(part.identity) == part
    assert IDENTITY.fullmatch(part.identity)


def test_an_image_that_stands_for_what_nodes_have() -> None:
    asked = job(program=program(image="other:1"))
    assert submission_of(asked, SlurmPart("x1", 0, 1), replace(PLACE, bundles={"other:1": ""}), FOLDERS).container == ""
    assert "without a container" in " ".join(told_on_slurm(asked, {"other:1": ""}))
    assert told_on_slurm(asked, {"other:1": "/b"}) == told_on_slurm(asked, {})
    with pytest.raises(InputError) as refused:
        submission_of(asked, SlurmPart("x1", 0, 1), PLACE, FOLDERS)
    assert "run.image" in refused.value.fix
    assert "`images`" in refused.value.fix


@pytest.mark.parametrize(("number", "port"), [("7", "16391"), ("16391", "16391"), ("99999999", "24831")])
def test_jobs_that_share_a_node_listen_on_ports_of_their_own(number: str, port: str) -> None:
    given = {"PATH": os.environ["PATH"], "ALLOTMENT_ATTEMPT": "1", "ALLOTMENT_REPLICAS": "2", "HOME": "/"}
    told = {**given, "SLURM_PROCID": "1", "SLURM_JOB_ID": number}
    argv = ["sh", "-c", RANKS, "sh", "sh", "-c", 'test "$SLURM_OVERLAP" = 1 && echo "$RANK $MASTER_PORT"']
    assert subprocess.run(argv, env=told, capture_output=True, text=True, check=True).stdout == f"1 {port}\n"
