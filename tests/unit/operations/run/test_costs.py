"""What a job has cost: its devices by their own price, else by that of its class, on every back end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from allotment.accounting.prices import ClassPrices, class_prices
from allotment.adapters.store.fake import MemoryStore
from allotment.jobs.kubernetes.place import classes_offered
from allotment.model.accelerator import CapacityType
from allotment.model.jobs.job import AcceleratorWish, Job
from allotment.model.jobs.run import GivenClass, JobHistory, JobState, Move, MoveCause
from allotment.model.jobs.use import UseSummary
from allotment.operations.run.lane import Lane, Serving
from allotment.operations.run.using import JobPrices, price_foreseen
from allotment.ports.stored_jobs import StoredJob
from tests.unit import builders as build
from tests.unit.jobs.kubernetes.work import job as cluster_job
from tests.unit.jobs.kubernetes.work import world
from tests.unit.operations.run.machine import Machine, job
from tests.unit.operations.run.test_kubernetes_backend import JOB
from tests.unit.operations.run.test_kubernetes_server import Served
from tests.unit.operations.run.test_slurm_backend import Scene, SlurmClock

PRICE = 3_600_000
"""Of an hour: a millionth for each millisecond."""
Prices = ClassPrices
ON_DEMAND, SPOT = CapacityType.ON_DEMAND, CapacityType.SPOT


@pytest.mark.parametrize(
    ("offered", "price", "told"),
    [
        ((), 4_000_000, ()),
        ((GivenClass("a100", SPOT),), 1_000_000, ()),
        (
            (GivenClass("a100"), GivenClass("a100", SPOT)), 4_000_000,
            ("the price is that of a100, on-demand, which its queue tries first; it is 1.00 as a100, spot",),
        ),
    ],
    ids=["nobody knows", "spot alone", "both"],
)  # fmt: skip
def test_the_price_foreseen_is_that_of_what_the_queue_offers(
    offered: tuple[GivenClass, ...], price: int, told: tuple[str, ...]
) -> None:
    prices = JobPrices(classes={"a100": {ON_DEMAND: 2_000_000, SPOT: 500_000}})
    wanted = cluster_job()
    assert wanted.devices == 2
    assert price_foreseen(prices, wanted, offered) == (price, told)


def test_what_a_queue_offers_a_job() -> None:
    assert classes_offered(*world(), cluster_job()) == (GivenClass("a100", SPOT),)


def submitted(lane: Lane, wanted: Job, now: int) -> None:
    history = JobHistory().become(Move(now, JobState.SUBMITTED, MoveCause.SUBMITTED))
    lane.take([StoredJob("k7x2", wanted, "jane", lane.name, history)], [])
    lane.step()


def on_local(_: Path, prices: Prices) -> StoredJob:
    machine, store = Machine(), MemoryStore()
    watched = tuple(replace(each, price=None) for each in machine.backend.watched)
    lane = Lane(
        store, Serving(machine.backend, devices=watched, advance=machine.backend.advance, prices=prices), machine.clock
    )
    submitted(lane, job(devices=2), machine.now)
    for _ in range(30):
        machine.clock.sleep(1)
        lane.step()
    return store.get("k7x2")


def on_kubernetes(tmp_path: Path, prices: Prices) -> StoredJob:
    served = Served(tmp_path)
    lane = Lane(served.store, Serving(served.bench.anew(), prices=prices), served.clock)
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
    lane = Lane(store, Serving(scene.new(), prices=prices), SlurmClock(scene.slurm))
    submitted(lane, scene.job("train", 20), scene.slurm.now * 1000)
    for _ in range(6):
        scene.slurm.advance(10)
        lane.step()
    return store.get("k7x2")


@pytest.mark.parametrize("run", [on_local, on_kubernetes, on_slurm])
def test_a_device_without_a_price_of_its_own_costs_what_its_class_does(
    run: Callable[[Path, Prices], StoredJob], tmp_path: Path
) -> None:
    use = run(tmp_path, {"a100": {ON_DEMAND: PRICE}, "h100": {ON_DEMAND: 1}}).use
    assert use is not None
    assert use.held_ms >= 2 * 8_000, "two devices, for most of the time that passed"
    assert use.cost == use.held_ms


@pytest.mark.parametrize("run", [on_local, on_kubernetes, on_slurm])
def test_a_class_without_a_price_leaves_the_cost_unknown(
    run: Callable[[Path, Prices], StoredJob], tmp_path: Path
) -> None:
    use = run(tmp_path, {"h100": {ON_DEMAND: PRICE}}).use
    assert use is not None
    assert use.cost is None


EITHER = AcceleratorWish(2, ("h100", "a100"))
"""Liked best is what there is none of."""


def on_kubernetes_as_given(tmp_path: Path) -> UseSummary | None:
    """Its second class, on spot capacity, as Kueue's books for it say."""
    served = Served(tmp_path)
    prices = {"h100": {ON_DEMAND: 9 * PRICE}, "a100": {ON_DEMAND: 5 * PRICE, SPOT: PRICE}}
    lane = Lane(served.store, Serving(served.bench.anew(), prices=prices), served.clock)
    submitted(lane, cluster_job(needs=replace(cluster_job().needs, accelerators=EITHER)), served.ms)
    kube, maker = served.bench.kube, served.bench.maker
    kube.edit(JOB, lambda body: {**body, "spec": {**body["spec"], "suspend": False}})
    named = {"namespace": JOB.namespace, "ownerReferences": [maker], "labels": {"allotment.dev/job": "k7x2"}}
    assigned = {"name": "main", "count": 1, "flavors": {"cpu": "a100-spot", "nvidia.com/gpu": "a100-spot"}}
    admission = {"clusterQueue": "nlp", "podSetAssignments": [assigned]}
    kube.put(
        {
            "apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "Workload", "spec": {"podSets": []},
            "metadata": {**named, "name": "books"}, "status": {"admission": admission},
        },
        {
            "apiVersion": "v1", "kind": "Pod", "metadata": {**named, "name": "pod"},
            "spec": {"nodeName": "n1"}, "status": {"phase": "Running"},
        },
    )  # fmt: skip
    for done in (False, True):
        if done:
            served.bench.report(JOB, "Complete")
        served.clock.sleep(10)
        lane.step()
    return served.store.get("k7x2").use


def on_slurm_as_given(_: Path) -> UseSummary | None:
    """Its second class, as Slurm's books for it say."""
    scene, store = Scene(), MemoryStore()
    prices = {"h100": {ON_DEMAND: 9 * PRICE}, "a100": {ON_DEMAND: PRICE}}
    lane = Lane(store, Serving(scene.new(), prices=prices), SlurmClock(scene.slurm))
    wanted = scene.job("train", 20)
    submitted(lane, replace(wanted, needs=replace(wanted.needs, accelerators=EITHER)), scene.slurm.now * 1000)
    for _ in range(6):
        scene.slurm.advance(10)
        lane.step()
    return store.get("k7x2").use


@pytest.mark.parametrize("run", [on_kubernetes_as_given, on_slurm_as_given])
def test_a_job_costs_what_the_class_does_that_it_was_given(
    run: Callable[[Path], UseSummary | None], tmp_path: Path
) -> None:
    use = run(tmp_path)
    assert use is not None
    assert use.held_ms > 0
    assert (use.cost, use.priced_as) == (use.held_ms, "")


def test_a_class_costs_what_its_pools_do_if_they_agree() -> None:
    dear, cheap = (replace(build.node_pool(name), price_per_hour=each) for name, each in (("p", 16_000_000), ("q", 8)))
    told = []
    for pools in ([dear], [dear, cheap], []):
        cluster = build.cluster(node_pools=pools)
        told.append(class_prices(build.platform(clusters=[cluster]), cluster)["a100"][SPOT])
    listed = build.accelerator().price_per_hour[SPOT]
    assert told == [16_000_000 // dear.accelerators_per_node, listed, listed]
