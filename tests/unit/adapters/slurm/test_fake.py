"""The fake keeps the contract."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.adapters.slurm.fake import FakeSlurm
from tests.unit.adapters.slurm.cluster import fake_cluster
from tests.unit.adapters.slurm.contract import LONG, Bench, DisplacementContract, SlurmContract


@pytest.fixture
def bench() -> Bench:
    fake = fake_cluster()

    def program(seconds: int, code: int) -> tuple[str, ...]:
        argv = ("pretend", str(seconds), str(code))
        fake.runs[argv] = (seconds, code)
        return argv

    def drain(name: str, on: bool) -> None:
        fake.machines = tuple(
            replace(each, states=("drained",) if on else ("idle",)) if each.name == name else each
            for each in fake.machines
        )

    return Bench(fake, "/work", program, lambda: fake.advance(1), lambda: fake.now, drain, program(LONG, 0))


class TestFake(SlurmContract, DisplacementContract):
    def test_what_slurmctld_forgot_is_found_in_the_accounting(self, bench: Bench) -> None:
        asked = bench.asked(1)
        job_id = bench.submit(asked)
        bench.ended(job_id)
        assert isinstance(bench.slurm, FakeSlurm)
        bench.slurm.forget()
        assert bench.slurm.jobs() == ()
        again = bench.slurm.submit(asked)
        assert (again.job_id, again.again) == (job_id, True)
