"""What a job has cost: its devices by their own price, else by that of its class, on every back end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.operations.run.lane import Lane, Serving
from allotment.ports.stored_jobs import StoredJob
from tests.unit.jobs.kubernetes.work import job as cluster_job
from tests.unit.operations.run.machine import Machine, job
from tests.unit.operations.run.test_kubernetes_backend import JOB
from tests.unit.operations.run.test_kubernetes_server import Served
from tests.unit.operations.run.test_slurm_backend import Scene, SlurmClock

PRICE = 3_600_000
"""Of an hour: a millionth for each millisecond."""
Prices = Mapping[str, int]


def submitted(lane: Lane, wanted: Job, now: int) -> None:
    history = JobHistory().become(Move(now, JobState.SUBMITTED, MoveCause.SUBMITTED))
    lane.take([StoredJob("k7x2", wanted, "jane", lane.name, history)])
    lane.step()


def on_local(_: Path, prices: Prices) -> StoredJob:
    machine, store = Machine(), MemoryStore()
    watched = tuple(replace(each, price=None) for each in machine.backend.watched)
    lane = Lane(
        store, Serving(machine.backend, devices=watched, advance=machine.backend.advance), machine.clock, prices
    )
    submitted(lane, job(devices=2), machine.now)
    for _ in range(30):
        machine.clock.sleep(1)
        lane.step()
    return store.get("k7x2")


def on_kubernetes(tmp_path: Path, prices: Prices) -> StoredJob:
    served = Served(tmp_path)
    lane = Lane(served.store, Serving(served.bench.anew()), served.clock, prices)
    submitted(lane, cluster_job(), served.ms)
    served.bench.kube.edit(JOB, lambda body: {**body, "spec": {**body["spec"], "suspend": False}})
    for done in (False, True):
        if done:
            served.bench.report(JOB, "Complete")
        served.clock.sleep(10)
        lane.step()
    return served.store.get("k7x2")


def on_slurm(_: Path, prices: Prices) -> StoredJob:
    scene, store = Scene(), MemoryStore()
    lane = Lane(store, Serving(scene.new()), SlurmClock(scene.slurm), prices)
    submitted(lane, scene.job("train", 20), scene.slurm.now * 1000)
    for _ in range(6):
        scene.slurm.advance(10)
        lane.step()
    return store.get("k7x2")


@pytest.mark.parametrize("run", [on_local, on_kubernetes, on_slurm])
def test_a_device_without_a_price_of_its_own_costs_what_its_class_does(
    run: Callable[[Path, Prices], StoredJob], tmp_path: Path
) -> None:
    use = run(tmp_path, {"a100": PRICE, "h100": 1}).use
    assert use is not None
    assert use.held_ms >= 2 * 8_000, "two devices, for most of the time that passed"
    assert use.cost == use.held_ms


@pytest.mark.parametrize("run", [on_local, on_kubernetes, on_slurm])
def test_a_class_without_a_price_leaves_the_cost_unknown(
    run: Callable[[Path, Prices], StoredJob], tmp_path: Path
) -> None:
    use = run(tmp_path, {"h100": PRICE}).use
    assert use is not None
    assert use.cost is None
