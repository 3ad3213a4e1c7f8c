"""Simulate: run a scenario or a trace under a virtual clock and sum it up; compare policies of placing GPU pods."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.errors import InputError, NotFoundError
from allotment.scenarios.lines import ScenarioLine, at
from allotment.scenarios.reading import read_scenario
from allotment.scheduling.placement.gpu.model import GpuNode, GpuPod
from allotment.scheduling.placement.gpu.policies import GpuPolicy
from allotment.simulation.environment import Simulation
from allotment.simulation.experiment import ExperimentResult
from allotment.simulation.experiment import run as run_experiment
from allotment.simulation.failures import with_random_failures
from allotment.simulation.figures import RunFigures, figures
from allotment.simulation.fragments import FragmentCourse, fragment_course
from allotment.simulation.outcome import RunOutcome
from allotment.simulation.policies import QueuePolicy, with_policies
from allotment.simulation.runtimes import with_uncertain_runtimes
from allotment.simulation.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Stage:
    """How far a simulation has come: the virtual time, and how many workloads of all have arrived by then."""

    now: int
    arrived: int
    of: int


Watch = Callable[[Stage], None]


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


def pick_scenario(lines: Iterable[ScenarioLine], wanted: str | None) -> Scenario:
    """The scenario of a file, by id where the file holds several.

    Raises:
        InputError: the file has none, or several and none was named; or it is not of the format.
        NotFoundError: none has that id.
    """
    return read_line(pick_line(lines, wanted))


def pick_line(lines: Iterable[ScenarioLine], wanted: str | None) -> ScenarioLine:
    """The line of a scenario, not yet read; errors as of `pick_scenario`."""
    found: list[ScenarioLine] = []
    for line in lines:
        found.append(line)
        if wanted is not None and line.id == wanted:
            return line
        if wanted is None and len(found) > _NAMED_IDS:
            break
    ids = [line.id or "(no id)" for line in found[:_NAMED_IDS]]
    if wanted is not None:
        raise NotFoundError(f"there is no scenario {wanted!r} in the file", fix=f"its first are {', '.join(ids)}")
    if not found:
        raise InputError("the file holds no scenario", fix="name a file of scenarios or a trace")
    if len(found) > 1:
        raise InputError(
            "the file holds several scenarios",
            why=f"the first are {', '.join(ids)}",
            fix=f"say which, for example --scenario {ids[0]}",
        )
    return found[0]


_NAMED_IDS = 5


def read_line(line: ScenarioLine) -> Scenario:
    """A scenario from its line; recorded answers in it are left alone.

    Raises:
        InputError: it is not of the format; file, line and field are named.
    """
    with at(line.where):
        return read_scenario(line.data)


def simulate(scenario: Scenario, request: RunRequest, watch: Watch | None = None) -> RunFigures:
    """Run a scenario and sum it up; the same request gives the same result.

    Raises:
        InputError: the scenario is inconsistent.
    """
    prepared, outcome = _run(scenario, request, watch)
    return figures(prepared, outcome, request.until)


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
            watch(Stage(now, arrived, len(arrivals)))
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
    trace: str,
    nodes: Sequence[GpuNode],
    pods: Sequence[GpuPod],
    policies: Sequence[GpuPolicy],
    seed: int,
    watch: Callable[[GpuPolicy], None] | None = None,
) -> PlacementRuns:
    """Place a trace's pods in random order until they ask for 130 % of the GPUs, once for each policy.

    Raises:
        InputError: there are no GPUs, or no pods.
    """
    gpus = sum(node.gpus for node in nodes)
    if not gpus or not pods:
        raise InputError(f"{trace}: no {'pods' if gpus else 'GPUs'}", fix="name a pod list, and --nodes a node list")
    runs = []
    for policy in policies:
        if watch is not None:
            watch(policy)
        chance = random.Random(seed)  # noqa: S311 (an experiment, not a secret)
        runs.append(PolicyRun(policy, run_experiment(nodes, pods, policy, chance)))
    return PlacementRuns(trace, tuple(nodes), len(pods), seed, tuple(runs))
