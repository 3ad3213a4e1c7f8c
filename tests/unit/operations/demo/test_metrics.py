"""What would be measured of a made-up cluster's devices, and whose its work is."""

from __future__ import annotations

import pytest

from allotment.accounting.belonging import OwnerLookup
from allotment.model.labels import SUBMITTER
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.ask.measuring import USE, MetricsRequest, measured
from allotment.operations.ask.observing import observe
from allotment.operations.demo.metrics import DemoMetrics
from allotment.ports.kube import Identity
from allotment.ports.metrics import Gauge, TimeSteps
from allotment.simulation.demo.fates import DemoPace
from allotment.simulation.demo.use import use_of_work, wave
from tests.unit.operations.demo.worlds import World


@pytest.fixture(scope="module")
def world() -> World:
    """Twelve jobs that have run for a while."""
    made = World()
    for number in range(12):
        made.submit("nlp" if number % 2 else "cv", f"train-{number}--j{number}", 1)
    made.pass_time(9)
    return made


def seen(world: World) -> Snapshot:
    found = observe(world.kube, world.clock)
    return measured(found, DemoMetrics(world.cluster, world.kube, world.pace), MetricsRequest())


def test_every_device_that_runs_something_is_measured_and_no_other(world: World) -> None:
    (source,) = seen(world).sources
    running = sorted(name for name, phase in world.phases().items() if phase == "Running")
    assert running
    assert sorted(each.pod.partition("/")[2].rpartition("-0-")[0] for each in source.device_use) == running
    assert [each for each in source.gaps if each.what == "metrics"] == []
    assert all(0 <= each.busy <= 1 for each in source.device_use)


def test_a_quantity_that_nobody_measures_there_has_no_series(world: World) -> None:
    port = DemoMetrics(world.cluster, world.kube, world.pace)
    steps = TimeSteps(world.now - 300_000, 60, 5)
    assert port.means(Gauge((("kube_pod_owner", 1.0),)), steps) == ()
    assert port.means(Gauge(USE, (("cluster", ("other",)),)), steps) == ()
    assert len(port.first(Gauge(USE), steps)) == len(port.means(Gauge(USE), steps)) > 0


def test_the_same_work_is_used_alike_whatever_the_server_called_it() -> None:
    pace = DemoPace()
    every = [use_of_work(pace, f"nlp/train-{number}/1") for number in range(2000)]
    assert every == [use_of_work(pace, f"nlp/train-{number}/1") for number in range(2000)]
    forgotten = [each for each in every if each.falls is not None]
    assert 0.1 < len(forgotten) / len(every) < 0.18
    assert {bool(each.falls) for each in forgotten} == {True, False}
    assert all(each.over(10**9, 10**9 + 1) < 0.2 for each in forgotten)
    assert all(each.over(0, 60_000) >= 0.2 for each in every if each.falls is None)


def test_what_falls_in_the_middle_of_a_minute_was_at_work_for_the_part_before() -> None:
    use = next(each for number in range(99) if (each := use_of_work(DemoPace(), f"x/{number}/1")).falls)
    assert use.falls
    assert use.over(0, 2 * use.falls) == pytest.approx((use.share + use.low) / 2)
    assert use.over(0, use.falls) == use.share
    assert len({wave(7, "GPU-0", minute) for minute in range(9)}) == 9


def test_work_bears_the_name_of_who_submits_it() -> None:
    world = World()
    world.submit("nlp", "own", 1)
    assert world.job("nlp", "own")["metadata"]["annotations"][SUBMITTER] == "me"
    own = world.job("nlp", "own")
    named = {"name": "hers", "namespace": "nlp", "labels": own["metadata"]["labels"]}
    body = {**own, "metadata": named}
    world.kube.create(body, identity=Identity("ada.nlp@acme.example", ()))
    assert world.job("nlp", "hers")["metadata"]["annotations"][SUBMITTER] == "ada.nlp@acme.example"
    world.pass_time(3)
    index = Index(observe(world.kube, world.clock).sources[0])
    owners = OwnerLookup(index)
    assert {owners.of_pod(each).person for each in index.objects.pods} == {"me", "ada.nlp@acme.example"}
