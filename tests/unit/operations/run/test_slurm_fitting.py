"""What a job's file leaves open, filled in for the nodes of a Slurm; and what a refusal says of a node."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.errors import CapacityError, UnreachableError
from allotment.jobs.slurm.rendering import SlurmPlace, SlurmShape
from allotment.model.jobs.job import AcceleratorWish, Job
from allotment.operations.run.local.fitting import CPU_FIELD, MEMORY_FIELD, OPEN_FIELDS
from allotment.operations.run.slurm.backend import SlurmBackend
from allotment.operations.run.slurm.fitting import fitted_there
from allotment.ports.backends import JobToStart
from tests.unit import builders as build
from tests.unit.jobs.kubernetes.work import job as kubernetes_job
from tests.unit.jobs.kubernetes.work import program
from tests.unit.operations.run.test_slurm_backend import Scene

SMALL = SlurmShape("a100", 4, 16, build.gib(8))
PLAIN = SlurmShape("", 0, 16, build.gib(8))
HPC = SlurmPlace("hpc", {"a100": SMALL}, plain=PLAIN)
ALL = frozenset(OPEN_FIELDS)


def asking(devices: int, classes: tuple[str, ...] = ("a100",)) -> Job:
    """With the amounts that a platform gives for its own nodes."""
    wish = AcceleratorWish(devices, classes) if devices else None
    job = kubernetes_job(program=program(image=""))
    return replace(job, needs=replace(job.needs, cpu=build.cores(9), memory=build.gib(146), accelerators=wish))


@pytest.mark.parametrize(
    ("job", "unwritten", "place", "cores", "gib"),
    [
        (asking(1), ALL, HPC, 4, 2),
        (asking(4), ALL, HPC, 16, 8),
        (asking(8), ALL, HPC, 16, 8),
        (asking(1, ("h100", "a100")), ALL, HPC, 4, 2),
        (asking(1), {CPU_FIELD}, HPC, 4, 146),
        (asking(1), {MEMORY_FIELD}, HPC, 9, 2),
        (asking(1), (), HPC, 9, 146),
        (asking(1, ("h100",)), ALL, HPC, 9, 146),
        (asking(0), ALL, HPC, 4, 2),
        (asking(0), ALL, replace(HPC, plain=replace(PLAIN, cpus=128, memory=build.gib(2048))), 9, 146),
        (asking(0), ALL, replace(HPC, plain=None), 4, 2),
        (asking(0), ALL, SlurmPlace("hpc", {}), 9, 146),
    ],
)
def test_a_fair_share_of_a_node_is_taken_for_what_a_file_leaves_open(
    job: Job, unwritten: frozenset[str], place: SlurmPlace, cores: int, gib: int
) -> None:
    needs = fitted_there(job, unwritten, place).needs
    assert (needs.cpu, needs.memory) == (build.cores(cores), build.gib(gib))


def test_where_nodes_cannot_be_asked_it_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> object:
        raise UnreachableError("slurmctld does not answer")

    scene = Scene()
    monkeypatch.setattr(type(scene.slurm), "nodes", away)
    assert scene.backend.fitted(asking(1), ALL) == asking(1)


@pytest.mark.parametrize(("job", "asked"), [(asking(1), "1 device, 9 CPUs"), (asking(0), "9 CPUs")])
def test_a_refusal_names_the_job_and_amounts_with_their_units(job: Job, asked: str) -> None:
    backend: SlurmBackend = Scene().backend
    with pytest.raises(CapacityError) as refused:
        backend.check(JobToStart("j0", job, "ann", 1))
    assert refused.value.why == (
        "a node with a100 has 4 devices, 16 CPUs and 7Gi of memory; "
        f"one replica of train-llm asks for {asked} and 146Gi of memory"
    )
