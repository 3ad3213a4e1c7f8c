"""The fake keeps the contract."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.adapters.slurm.fake import FakeSlurm
from allotment.model.slurm.seen import SlurmAssociation, SlurmNode, SlurmPartition, SlurmQos
from tests.unit.adapters.slurm.contract import LONG, Bench, DisplacementContract, SlurmContract
from tools import slurm as real


def fake_cluster() -> FakeSlurm:
    """What `tools.slurm` starts."""
    lanes = ("batch", "steady", "urgent")
    return FakeSlurm(
        machines=tuple(
            SlurmNode(
                name, ("idle",), partitions=lanes, cpus=real.CPUS, memory_mib=real.MEMORY_MIB,
                features=("a100",) if name.startswith("gpu") else (),
                gres={("gpu", "a100"): real.GPUS} if name.startswith("gpu") else {},
            )
            for name in real.NODES
        ),
        lanes=tuple(
            SlurmPartition(
                name, up=True, default=name == "batch", nodes=real.NODES, minutes=60, default_minutes=10,
                tier=100 if name == "urgent" else 10, preemption="requeue" if name == "batch" else "off",
                grace=4 if name == "batch" else 0,
            )
            for name in lanes
        ),
        limits=tuple(
            SlurmAssociation(account, parent="root", group={"gres/gpu": int(most.rpartition("=")[2])})
            for account, most in real.ACCOUNTS.items()
        ),
        services=(
            SlurmQos("normal"),
            SlurmQos("short", priority=100, minutes=10),
            SlurmQos("single", group={"gres/gpu": 1}),
        ),
    )  # fmt: skip


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
