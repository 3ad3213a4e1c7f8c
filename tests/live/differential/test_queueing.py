"""Random scenarios on the real Kueue v0.19.2 and in the engine: after every action the same state of every workload."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from allotment.adapters.sandbox.spec import KueueOptions, Sandbox, SandboxSpec
from tests.live.conftest import unique_name
from tests.live.differential.agreement import Verdict, judge
from tests.live.differential.arena import Arena
from tests.live.differential.scenarios import generate

pytestmark = pytest.mark.live

NewSandbox = Callable[[SandboxSpec], Sandbox]
SIDE_BY_SIDE = 20
MODES = [pytest.param(False, id="classical"), pytest.param(True, id="fair")]


@pytest.fixture(scope="module")
def arena_for(new_sandbox: NewSandbox) -> Callable[[bool], Arena]:
    """An arena in the wanted mode; one sandbox, whose Kueue starts again when the mode changes."""
    name = unique_name()

    def prepare(fair: bool) -> Arena:
        sandbox = new_sandbox(SandboxSpec(name, (), KueueOptions(frameworks=("batch/job",), fair_sharing=fair)))
        return Arena(sandbox, f"differential-{'fair' if fair else 'classical'}")

    return prepare


def expect_agreement(verdict: Verdict, request: pytest.FixtureRequest) -> None:
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(str(verdict))
    assert not verdict.failures, "\n\n".join([str(verdict), *verdict.failures])
    assert len(verdict.unrepeated) <= max(1, verdict.scenarios // 20), str(verdict)
    assert not verdict.messages, "\n".join([str(verdict), *verdict.messages[:5]])
    assert verdict.counts["release actions"] > 0, "no scenario preempts: nothing was compared that matters"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("fair", MODES)
def test_kueue_and_the_engine_decide_alike(
    arena_for: Callable[[bool], Arena], request: pytest.FixtureRequest, fair: bool
) -> None:
    expect_agreement(judge(arena_for(fair), [generate(seed, fair=fair) for seed in range(9)]), request)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fair", MODES)
def test_a_hundred_scenarios(arena_for: Callable[[bool], Arena], request: pytest.FixtureRequest, fair: bool) -> None:
    arena, verdict = arena_for(fair), Verdict()
    for first in range(1000, 1100, SIDE_BY_SIDE):
        verdict.add(judge(arena, [generate(seed, fair=fair) for seed in range(first, first + SIDE_BY_SIDE)]))
    expect_agreement(verdict, request)
