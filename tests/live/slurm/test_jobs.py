"""Jobs on a real Slurm: a gang that trains and is displaced, hostile words, and three ways to see the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from allotment import wiring
from allotment.adapters.slurm.client import SlurmRest
from allotment.adapters.slurm.commands import SlurmCommands
from allotment.model.jobs.job import CheckpointPolicy
from allotment.model.jobs.run import JobState
from allotment.model.slurm.submission import SlurmGres, SlurmWarning
from allotment.operations.run.slurm.backend import SlurmBackend
from allotment.operations.run.slurm.configured import configured_slurm, placed
from allotment.operations.run.slurm.handing_in import SharedStorage
from allotment.ports.backends import FollowedJob, JobToStart
from allotment.ports.slurm import SlurmPort
from allotment.wiring.running import job_secrets
from allotment.wiring.slurm import slurm as slurm_port
from allotment.wiring.slurm import slurm_folders
from tests.unit import builders as build
from tests.unit.adapters.slurm.contract import Bench
from tests.unit.jobs.kubernetes.work import job, program
from tools.slurm import Slurm

pytestmark = pytest.mark.live
COUNTING = Path(__file__).parent / "counting.py"
CLOCK = wiring.clock()
TELLS = "import os, json, sys; print(json.dumps([sys.argv[1:], os.environ['SECRET']]))"


def test_a_gang_through_the_back_end(slurm: Slurm) -> None:
    """Two replicas with devices of their own, from the job file's noun to output by rank."""
    script = (
        "import os, sys; env = os.environ; "
        "print(env['ALLOTMENT_RANK'], env['RANK'], env['WORLD_SIZE'], env['MASTER_ADDR'], env['CUDA_VISIBLE_DEVICES'], "
        "env['ALLOTMENT_ATTEMPT'], env['HOME'] != '', os.path.basename(os.getcwd()), sys.argv[1:])"
    )
    hostile = 'it\'s $(id) \n#SBATCH --account=root \\ "%j"'
    asked = job(
        program=program(image="", argv=(sys.executable, "-c", script, hostile), environment={"X": hostile}),
        needs=replace(job().needs, cpu=build.cores(2), memory=build.gib(1)),
        replicas=2,
        gang=True,
        checkpoint=CheckpointPolicy("ckpt", 60, 5),
    )
    folders, output = slurm_folders(slurm.folder / "work" / "shared")
    with slurm_port(slurm.rest_url, slurm.environment()) as port:
        told = configured_slurm({"folder": str(slurm.folder / "work" / "shared"), "slurmrestd": slurm.rest_url})
        storage = SharedStorage(folders, output, job_secrets(slurm.folder / "work" / "secrets"))
        backend = SlurmBackend("hpc", port, lambda nodes: placed("hpc", told, {"a100", "t4"}, nodes), storage, CLOCK)
        order = JobToStart("gang-1", asked, "ann", 1)
        native = backend.start(order).native
        assert backend.start(order).native == native

        def ended() -> FollowedJob | None:
            return next((each for each in backend.look() if each.id == "gang-1" and each.state.over), None)

        deadline = time.monotonic() + 60
        while not (seen := ended()):
            assert time.monotonic() < deadline, backend.look()
            time.sleep(0.3)
        assert (seen.state, seen.native) == (JobState.SUCCEEDED, native), [*backend.log("gang-1")]
        said = [[each.text.decode() for each in backend.log("gang-1", rank=rank) if each] for rank in (0, 1)]
    arguments = str([hostile])
    assert said == [
        [f"0 0 2 127.0.0.1 0,1 1 True code {arguments}"],
        [f"1 1 2 127.0.0.1 2,3 1 True code {arguments}"],
    ]


def test_hostile_words_come_back_as_they_were_and_are_in_no_argument(
    commands: SlurmCommands, slurm: Slurm, bench_on: Callable[[SlurmPort], Bench]
) -> None:
    bench = bench_on(commands)
    odd = "$(touch /tmp/allotment-was-here) `id` 'x' \"y\" \\n %j * ; | & é"
    asked = bench.asked(
        name="a b #1; $(id)", comment=odd, environment=(("SECRET", f"{odd}\nSBATCH_ACCOUNT=root"),),
        argv=(sys.executable, "-c", TELLS, odd, "--uid=0", "", "\n#SBATCH --account=root\n"),
    )  # fmt: skip
    job_id = bench.submit(asked)
    (ended,) = bench.ended(job_id)
    assert (ended.name, ended.comment, ended.account) == (asked.job_name, odd, "data-science")
    arguments, secret = json.loads((slurm.folder / "work" / f"{job_id}.out").read_text())
    assert arguments == [odd, "--uid=0", "", "\n#SBATCH --account=root\n"]
    assert secret == f"{odd}\nSBATCH_ACCOUNT=root"
    assert not Path("/tmp/allotment-was-here").exists()


def test_three_ways_see_the_same(
    rest: SlurmRest, commands: SlurmCommands, slurm: Slurm, bench_on: Callable[[SlurmPort], Bench]
) -> None:
    """slurmrestd, commands that print JSON, and commands that print tables; and the use that slurmctld counts."""
    bench = bench_on(rest)
    running = bench.start(600, gpus=3, account="nlp", qos="short", partitions=("steady",))
    bench.start(600, gpus=4, account="nlp", hold=True, comment="held | for\tnobody".replace("\t", " "))
    bench.running(running)
    tables = SlurmCommands(commands.run, json=False)
    ports: tuple[SlurmPort, ...] = (rest, commands, tables)
    for look in ("jobs", "nodes", "partitions", "associations", "qualities"):
        left = 5
        # Something may have changed between two looks; it does not for long.
        while (found := differences(ports, look)) and (left := left - 1):
            bench.wait()
        assert not found, look
    used = slurm.run("scontrol", "show", "assoc_mgr", "flags=assoc", "accounts=nlp")
    (nlp,) = (each for each in rest.associations() if each.account == "nlp" and not each.user)
    (counted,) = re.findall(r"GrpTRES=.*gres/gpu=4\((\d+)\)", used)
    assert nlp.used["gres/gpu"] == int(counted) == 3


def differences(ports: tuple[SlurmPort, ...], look: str) -> list[tuple[str, object, object]]:
    """Fields in which what the ports show differs, with both values."""

    def key(each: Any) -> tuple[object, ...]:
        return tuple(getattr(each, name, "") for name in ("job_id", "name", "account", "user"))

    first, *others = ({key(each): each for each in getattr(port, look)()} for port in ports)
    return [
        (name, getattr(one, name), getattr(other[which], name))
        for other in others
        for which, one in first.items()
        for name in one.__dataclass_fields__
        if which in other and getattr(one, name) != getattr(other[which], name)
    ] + [("missing", set(first), set(other)) for other in others if set(first) != set(other)]


@pytest.mark.nightly
def test_a_warning_before_the_time_limit_reaches_the_program(
    rest: SlurmRest, slurm: Slurm, bench_on: Callable[[SlurmPort], Bench]
) -> None:
    """Slurm may be a minute early; so a limit of one minute warns within seconds."""
    bench = bench_on(rest)
    checkpoint = slurm.folder / "work" / "warned"
    job_id = bench.start(argv=(sys.executable, str(COUNTING), str(checkpoint)), minutes=1,
                         warning=SlurmWarning("TERM", 50), gres=(SlurmGres(1),))  # fmt: skip
    (ended,) = bench.ended(job_id)
    assert ended.states[0] == "COMPLETED"
    assert re.search(r"left at \d+", (slurm.folder / "work" / f"{job_id}.out").read_text())


def test_no_token_stands_in_a_list_of_processes(rest: SlurmRest, slurm: Slurm) -> None:
    token = slurm.token()
    assert rest.jobs() is not None
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert token.partition(".")[2] not in listed
    assert "X-SLURM-USER-TOKEN" not in listed
