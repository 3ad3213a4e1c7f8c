"""Random scenarios, decided by the real Kueue v0.19.2 and kube-scheduler 1.36.3, and by our engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from allotment.adapters.sandbox.client import Client, tls_context
from allotment.ports.sandboxes import KueueOptions, Sandbox, SandboxSpec
from tests.live.conftest import unique_name
from tests.live.differential.agreement import Verdict, judge, judge_placements
from tests.live.differential.arena import Arena
from tests.live.differential.placements import generate_placement
from tests.live.differential.placing import create_priorities, play_placement
from tests.live.differential.scenarios import generate, generate_topology

pytestmark = pytest.mark.live

SandboxIn = Callable[[bool], Sandbox]
MODES = [pytest.param(False, id="classical", marks=pytest.mark.nightly), pytest.param(True, id="fair")]
EVERY_RUN, EVERY_RUN_ON_NODES = 7, 2
EVERY_RUN_ACTIONS = 6
"""A round takes about three seconds; the nightly run plays scenarios to their ends."""
NIGHTLY, NIGHTLY_ON_NODES = 100, 25
STATUS_DECIDES = {True: (303, 364, 437, 483, 760, 1075), False: (1149, 1207)}
"""Seeds where a decision depends on the wake-ups that follow the status of a ClusterQueue; found offline, by a twin
without them."""
SIDE_BY_SIDE = 20
SAME_MESSAGES = 0.97
"""Share of equal messages: on a busy machine Kueue's texts lag behind its decisions."""


@pytest.fixture(scope="module")
def sandbox_in(new_sandbox: Callable[[SandboxSpec], Sandbox]) -> SandboxIn:
    """One sandbox without nodes; its Kueue starts again when the mode (fair sharing or not) changes."""
    name = unique_name()

    def prepare(fair: bool) -> Sandbox:
        return new_sandbox(SandboxSpec(name, (), KueueOptions(frameworks=("batch/job",), fair_sharing=fair)))

    return prepare


def client_of(sandbox: Sandbox) -> Client:
    return Client(sandbox.ports["kube-apiserver"], tls_context(sandbox.directory / "pki"), 60.0)


def tell(request: pytest.FixtureRequest, text: str) -> None:
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(text)


def expect_agreement(verdict: Verdict, request: pytest.FixtureRequest) -> None:
    tell(request, "\n".join([str(verdict), *verdict.messages]))
    assert not verdict.failures, "\n\n".join([str(verdict), *verdict.failures])
    assert len(verdict.unrepeated) <= max(2, verdict.scenarios // 20), str(verdict)
    assert verdict.counts["messages equal"] >= SAME_MESSAGES * verdict.counts["messages compared"], verdict.messages
    assert verdict.counts["release actions"] > 0, "no scenario preempts: nothing was compared that matters"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("fair", MODES)
def test_kueue_and_the_engine_decide_alike(sandbox_in: SandboxIn, request: pytest.FixtureRequest, fair: bool) -> None:
    with client_of(sandbox_in(fair)) as client:
        arena = Arena(client, f"differential-{'fair' if fair else 'classical'}", EVERY_RUN_ACTIONS)
        quota = [generate(seed, fair=fair) for seed in range(EVERY_RUN)]
        verdict = judge(arena, [*quota, *(generate_topology(seed, fair=fair) for seed in range(EVERY_RUN_ON_NODES))])
    expect_agreement(verdict, request)


@pytest.mark.timeout(900)
def test_kube_scheduler_and_placement_decide_alike(sandbox_in: SandboxIn, request: pytest.FixtureRequest) -> None:
    expect_same_placements(sandbox_in(True), range(4), request)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("fair", MODES)
def test_a_hundred_scenarios(sandbox_in: SandboxIn, request: pytest.FixtureRequest, fair: bool) -> None:
    verdict = Verdict()
    with client_of(sandbox_in(fair)) as client:
        arena = Arena(client, f"nightly-{'fair' if fair else 'classical'}")
        for first in range(1000, 1000 + NIGHTLY, SIDE_BY_SIDE):
            verdict.add(judge(arena, [generate(seed, fair=fair) for seed in range(first, first + SIDE_BY_SIDE)]))
        verdict.add(judge(arena, [generate(seed, fair=fair) for seed in STATUS_DECIDES[fair]]))
        verdict.add(judge(arena, [generate_topology(seed, fair=fair) for seed in range(1000, 1000 + NIGHTLY_ON_NODES)]))
    expect_agreement(verdict, request)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_fifty_placement_scenarios(sandbox_in: SandboxIn, request: pytest.FixtureRequest) -> None:
    expect_same_placements(sandbox_in(True), range(100, 150), request)


def expect_same_placements(sandbox: Sandbox, seeds: range, request: pytest.FixtureRequest) -> None:
    with client_of(sandbox) as client:
        create_priorities(client)
        verdict = judge_placements(lambda scenario: play_placement(client, scenario), map(generate_placement, seeds))
    tell(request, str(verdict))
    assert not verdict.failures, "\n\n".join([str(verdict), *verdict.failures])
    assert verdict.counts["refused"] > 0
