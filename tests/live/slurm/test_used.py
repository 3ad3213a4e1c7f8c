"""What the accounting of a real Slurm gathered of a job is what the job did, over slurmrestd and over sacct alike."""

from __future__ import annotations

import time

import pytest

from allotment.adapters.slurm.client import SlurmRest
from allotment.adapters.slurm.commands import SlurmCommands
from tools.slurm import Slurm

pytestmark = [pytest.mark.live, pytest.mark.nightly]

MIB = 1 << 20
BUSY = "import time; held, began = bytearray(96 << 20), time.time()\nwhile time.time() - began < 12: pass"


def test_memory_and_cpu_of_a_job_that_says_what_it_does(slurm: Slurm, rest: SlurmRest, commands: SlurmCommands) -> None:
    script = f"#!/bin/sh\npython3 -c '{BUSY}'\n"
    words = ("--account=nlp", "--ntasks=1", "--mem=500", "--output=/dev/null", "--parsable")
    job = int(slurm.run("sbatch", *words, stdin=script).split(";")[0])
    until = time.monotonic() + 60
    while slurm.run("squeue", "-h", "-o", "%i", f"--jobs={job}", check=False).split():
        assert time.monotonic() < until
        time.sleep(0.5)
    while (found := rest.used(job)).memory is None and time.monotonic() < until:
        time.sleep(0.5)
    assert found == commands.used(job)
    assert found.memory is not None
    assert found.cpu_ms is not None
    assert 96 * MIB <= found.memory <= 256 * MIB
    assert 500 <= found.cpu_ms <= 20_000
    assert (found.gpu_percent, found.gpu_memory) == (None, None), "this Slurm gathers nothing of its devices"
    assert rest.used(987_654).memory is None
