"""One real Slurm for the tests of a session: in a folder of its own, on ports of its own, stopped by process id.

Fixtures:
    slurm: it runs; its packages are installed on first use. Skipped where we are not root.
    rest: a port over slurmrestd, with tokens that `scontrol` makes.
    commands: a port over Slurm's commands.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from allotment.adapters.slurm.client import SlurmRest, connect_slurm
from allotment.adapters.slurm.commands import SlurmCommands, command_line
from allotment.adapters.slurm.tokens import MadeToken
from allotment.ports.slurm import SlurmPort
from tests.unit.adapters.slurm.contract import Bench
from tools.slurm import Slurm, down, install, up


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    if os.geteuid() != 0:
        pytest.skip("a Slurm starts jobs of any user, and so needs root")
    install()
    # Not below pytest's own folder, which other users cannot enter: slurmrestd and MariaDB do not run as root.
    around = Path(tempfile.mkdtemp(prefix="allotment-slurm-"))
    around.chmod(0o755)
    try:
        yield up(around / "slurm")
    finally:
        if (around / "slurm").exists():
            down(around / "slurm")
        shutil.rmtree(around, ignore_errors=True)


@pytest.fixture(scope="session")
def rest(slurm: Slurm) -> Iterator[SlurmRest]:
    with connect_slurm(slurm.rest_url, MadeToken(slurm.environment())) as port:
        yield port


@pytest.fixture(scope="session")
def commands(slurm: Slurm) -> SlurmCommands:
    return command_line(slurm.environment())


@pytest.fixture
def bench_on(slurm: Slurm) -> Iterator[Callable[[SlurmPort], Bench]]:
    made: list[Bench] = []

    def program(seconds: int, code: int) -> tuple[str, ...]:
        return ("sh", "-c", 'sleep "$1"; exit "$2"', "sh", str(seconds), str(code))

    def drain(name: str, on: bool) -> None:
        how = ("state=drain", "reason=tried") if on else ("state=resume",)
        slurm.run("scontrol", "update", f"nodename={name}", *how)

    def make(port: SlurmPort) -> Bench:
        directory = str(slurm.folder / "work")
        lasting = (sys.executable, str(Path(__file__).parent / "counting.py"), f"{directory}/checkpoint")
        made.append(Bench(port, directory, program, lambda: time.sleep(0.2), lambda: int(time.time()), drain, lasting))
        return made[-1]

    yield make
    for bench in made:
        bench.clean()
