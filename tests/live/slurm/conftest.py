"""Ways to the one real Slurm of a session.

Fixtures:
    rest: a port over slurmrestd, with tokens that `scontrol` makes.
    commands: a port over Slurm's commands.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from allotment.adapters.slurm.client import SlurmRest, connect_slurm
from allotment.adapters.slurm.commands import SlurmCommands, command_line
from allotment.adapters.slurm.tokens import MadeToken
from allotment.ports.slurm import SlurmPort
from tests.unit.adapters.slurm.contract import Bench
from tools.slurm import Slurm


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
