"""The cluster that `tools.slurm` starts, in memory."""

from __future__ import annotations

from allotment.adapters.slurm.fake import FakeSlurm
from allotment.model.slurm.seen import SlurmAssociation, SlurmNode, SlurmPartition, SlurmQos
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
