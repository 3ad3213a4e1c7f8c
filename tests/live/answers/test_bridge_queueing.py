"""Random platforms on the real Kueue, looked at once they have settled: the bridge counts and orders as Kueue does."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from allotment import wiring
from allotment.adapters.kube.client import connect
from allotment.model.observed.queueing import FlavorUsage
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.operations.ask.observing import observe
from allotment.ports.sandboxes import KueueOptions, Sandbox, SandboxSpec
from allotment.scheduling.snapshot.quantities import units
from allotment.scheduling.snapshot.queueing import QueueingView, engine, queueing_view
from tests.live.conftest import unique_name
from tests.live.differential.arena import Arena
from tests.live.differential.scenarios import generate, generate_topology

pytestmark = [pytest.mark.live, pytest.mark.nightly]

EVERY_RUN, EVERY_RUN_ON_NODES = 5, 1
ACTIONS = 8
STATUS_SECONDS = 20.0
"""Kueue brings the status of its queues up to date some time after it has decided."""


@pytest.fixture(scope="module")
def sandbox_in(new_sandbox: Callable[[SandboxSpec], Sandbox]) -> Callable[[bool], Sandbox]:
    name = unique_name()

    def prepare(fair: bool) -> Sandbox:
        return new_sandbox(SandboxSpec(name, (), KueueOptions(frameworks=("batch/job",), fair_sharing=fair)))

    return prepare


def amounts(used: tuple[FlavorUsage, ...]) -> dict[tuple[str, str], int]:
    return {(each.name, one.name): units(one.name, one.total) for each in used for one in each.resources}


def differences(source: Source, view: QueueingView) -> list[str]:
    twin, _ = engine(view)
    found = []
    for queue in source.objects.cluster_queues:
        ours = twin.queue_usage(queue.name)
        for pair, total in amounts(queue.status.flavors_reservation).items():
            if ours.get(pair, 0) != total:
                found.append(f"{queue.name} {pair}: Kueue {total}, twin {ours.get(pair, 0)}")
    order = {each.cluster_queue: [f"{line.namespace}/{line.name}" for line in each.items] for each in source.order}
    for queue in source.objects.cluster_queues:
        waiting = [each.name for each in view.pending if each.cluster_queue == queue.name]
        if waiting != order.get(queue.name, []):
            found.append(f"{queue.name}: Kueue would try {order.get(queue.name)}, twin {waiting}")
    return found


def look(sandbox: Sandbox) -> tuple[Snapshot, Source]:
    with wiring.connect(str(sandbox.kubeconfig), "") as kube:
        snapshot = observe(kube, wiring.clock())
    return snapshot, snapshot.sources[0]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fair", [pytest.param(False, id="classical"), pytest.param(True, id="fair")])
def test_usage_and_order_are_kueues(sandbox_in: Callable[[bool], Sandbox], fair: bool) -> None:
    sandbox = sandbox_in(fair)
    with connect(sandbox.kubeconfig) as kube:
        arena = Arena(kube, f"bridge-{'fair' if fair else 'classical'}", ACTIONS)
        scenarios = [generate(seed, fair=fair) for seed in range(EVERY_RUN)]
        arena.play([*scenarios, *(generate_topology(seed, fair=fair) for seed in range(EVERY_RUN_ON_NODES))])
    deadline = time.monotonic() + STATUS_SECONDS
    while True:
        snapshot, source = look(sandbox)
        view = queueing_view(source, snapshot.taken_at)
        found = differences(source, view)
        if not found or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert not source.gaps
    assert not found, "\n".join(found)
    assert view.settings.fair_sharing is fair
    assert len(view.running) > EVERY_RUN
    assert len(view.pending) > EVERY_RUN
