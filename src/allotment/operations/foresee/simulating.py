"""Simulate: run a scenario under a virtual clock and sum it up; compare policies of placing GPU pods."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.operations.foresee.opening import PodList
from allotment.scheduling.placement.gpu.model import GpuNode
from allotment.scheduling.placement.gpu.policies import GpuPolicy
from allotment.simulation.environment import Simulation
from allotment.simulation.experiment import ExperimentResult
from allotment.simulation.experiment import run as run_experiment
from allotment.simulation.failures import with_random_failures
from allotment.simulation.figures import RunFigures, figures
from allotment.simulation.fragments import FragmentCourse, fragment_course
from allotment.simulation.outcome import RunOutcome, Standstill
from allotment.simulation.policies import QueuePolicy, with_policies
from allotment.simulation.runtimes import with_uncertain_runtimes
from allotment.simulation.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Headway:
    """How far a simulation has come: the virtual time, and how many workloads of all have arrived by then."""

    now: int
    arrived: int
    of: int


Watch = Callable[[Headway], None]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """How to run a scenario.

    Attributes:
        policies: applied in order.
        until: last millisecond; None runs to the end.
        seed: of all randomness.
        spread: standard deviation of the logarithm of the factor on run times; 0 takes them as they are.
    """

    policies: tuple[QueuePolicy, ...] = ()
    until: int | None = None
    seed: int = 0
    spread: float = 0.0


def simulate(scenario: Scenario, request: RunRequest, watch: Watch | None = None) -> RunFigures:
    """Run a scenario and sum it up; the same request gives the same result.

    Raises:
        InputError: the scenario is inconsistent.
    """
    prepared, outcome = _run(scenario, request, watch)
    return figures(prepared, outcome, request.until)


def simulate_with_standstills(
    scenario: Scenario, request: RunRequest, watch: Watch | None = None
) -> tuple[RunFigures, tuple[Standstill, ...]]:
    """As `simulate`, and when jobs held quota without getting on.

    Raises:
        InputError: the scenario is inconsistent.
    """
    prepared, outcome = _run(scenario, request, watch)
    return figures(prepared, outcome, request.until), outcome.standstills


FRAGMENT_STEPS: Final = 240


def simulate_in_full(
    scenario: Scenario, request: RunRequest, watch: Watch | None = None
) -> tuple[RunFigures, FragmentCourse | None]:
    """As `simulate`, and how idle GPU was fragmented over time where nodes are known.

    Raises:
        InputError: the scenario is inconsistent.
    """
    prepared, outcome = _run(scenario, request, watch)
    run = figures(prepared, outcome, request.until)
    return run, fragment_course(prepared, outcome, run.end, FRAGMENT_STEPS)


def _run(scenario: Scenario, request: RunRequest, watch: Watch | None) -> tuple[Scenario, RunOutcome]:
    prepared = with_uncertain_runtimes(
        with_policies(scenario, request.policies),
        request.spread,
        random.Random(request.seed),  # noqa: S311 (a simulation, not a secret)
    )
    # A stream of its own: by the same numbers, long run times would come with late failures.
    prepared = with_random_failures(prepared, random.Random(f"failures {request.seed}"))  # noqa: S311
    simulation = Simulation(prepared, messages=False, choices=True)
    arrivals = sorted(each.queued_at for each in prepared.arrivals)
    arrived = 0
    while (now := simulation.next_instant) is not None and (request.until is None or now <= request.until):
        simulation.step()
        if watch is not None:
            while arrived < len(arrivals) and arrivals[arrived] <= now:
                arrived += 1
            watch(Headway(now, arrived, len(arrivals)))
    return prepared, simulation.outcome()


@dataclass(frozen=True, slots=True)
class PolicyRun:
    """The end of one placement experiment."""

    policy: GpuPolicy
    result: ExperimentResult


@dataclass(frozen=True, slots=True)
class PlacementRuns:
    """Placement experiments with the same nodes, pods and seed."""

    trace: str
    nodes: tuple[GpuNode, ...]
    pods: int
    seed: int
    runs: tuple[PolicyRun, ...]

    @property
    def gpus(self) -> int:
        """Of all nodes."""
        return sum(node.gpus for node in self.nodes)


def compare_placement(
    listed: PodList, policies: Sequence[GpuPolicy], seed: int, watch: Callable[[GpuPolicy], None] | None = None
) -> PlacementRuns:
    """Place a list's pods in random order until they ask for 130 % of the GPUs, once for each policy."""
    runs = []
    for policy in policies:
        if watch is not None:
            watch(policy)
        chance = random.Random(seed)  # noqa: S311 (an experiment, not a secret)
        runs.append(PolicyRun(policy, run_experiment(listed.nodes, listed.pods, policy, chance)))
    return PlacementRuns(listed.name, listed.nodes, len(listed.pods), seed, tuple(runs))
