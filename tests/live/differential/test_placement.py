"""Random pods on the real kube-scheduler 1.36.3: its node is among our best, its refusal has our words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from allotment.adapters.sandbox.client import Client, tls_context
from allotment.adapters.sandbox.spec import Sandbox, SandboxSpec
from tests.live.conftest import unique_name
from tests.live.differential.placing import (
    create_priorities,
    generate_placement,
    placement_differences,
    play_placement,
)

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def client(new_sandbox: Callable[[SandboxSpec], Sandbox]) -> Iterator[Client]:
    """A sandbox without nodes: messages count every node of a cluster."""
    sandbox = new_sandbox(SandboxSpec(unique_name()))
    with Client(sandbox.ports["kube-apiserver"], tls_context(sandbox.directory / "pki"), 60.0) as client:
        create_priorities(client)
        yield client


def expect_agreement(client: Client, seeds: range, request: pytest.FixtureRequest) -> None:
    failures, pods, refused, victims = [], 0, 0, 0
    for seed in seeds:
        scenario = generate_placement(seed)
        placed = play_placement(client, scenario)
        pods += len(placed)
        refused += sum(each.node is None for each in placed)
        victims += sum(len(each.victims) for each in placed)
        failures += [f"{each}\n{json.dumps(scenario)}" for each in placement_differences(scenario, placed)]
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        agree = len(seeds) - len(failures)
        reporter.write_line(
            f"{agree} of {len(seeds)} placement scenarios agree: {pods} pods, {refused} refused, {victims} preempted"
        )
    assert not failures, "\n\n".join(failures)
    assert refused > 0


def test_kube_scheduler_and_placement_decide_alike(client: Client, request: pytest.FixtureRequest) -> None:
    expect_agreement(client, range(4), request)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_fifty_placement_scenarios(client: Client, request: pytest.FixtureRequest) -> None:
    expect_agreement(client, range(100, 150), request)
