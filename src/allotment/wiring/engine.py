"""The scheduling engine on files: conformance, simulation, what-if."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from allotment.wiring.settings import user_path

if TYPE_CHECKING:
    from allotment.operations.foresee.conformance import ConformanceReport
    from allotment.operations.foresee.estimating import WhenReport, WhenRequest
    from allotment.operations.foresee.simulating import PlacementRuns, RunRequest, Watch
    from allotment.scenarios.changes import WrittenChange
    from allotment.scenarios.lines import ScenarioLine
    from allotment.scheduling.placement.asking import Ask
    from allotment.scheduling.placement.gpu.model import GpuNode, GpuPod
    from allotment.scheduling.placement.gpu.policies import GpuPolicy
    from allotment.scheduling.placement.survey import Survey
    from allotment.simulation.difference import Difference
    from allotment.simulation.figures import RunFigures
    from allotment.simulation.fragments import FragmentCourse
    from allotment.simulation.scenario import Scenario


def check_conformance(
    reference: str,
    files: Sequence[str],
    *,
    write: str | None,
    progress: Callable[[ScenarioLine, int, int], None],
) -> ConformanceReport:
    """Replay scenario files and compare with the decisions recorded in them.

    Args:
        reference: ``kueue`` or ``placement``.
        files: JSON Lines files, gzipped or not.
        write: file for our own answers, one line a scenario.
        progress: told before each scenario: how many are done, how many of them differ.

    Raises:
        NotFoundError: there is no such file.
        InputError: a file is not of the format; or nothing is recorded and nothing to be written.
        ConflictError: `write` is one of the files.
    """
    from allotment.adapters.traces.files import AnswerFile, scenario_lines
    from allotment.operations.foresee.conformance import Reference, check

    paths = [user_path(file) for file in files]
    if write is None:
        return check(Reference(reference), scenario_lines(paths), progress=progress)
    with AnswerFile(user_path(write), paths) as answers:
        return check(Reference(reference), scenario_lines(paths), write=answers.write, progress=progress)


def trace_kind(file: str) -> str:
    """What a file holds, seen from its first line: ``scenario``, ``philly``, ``swf`` or ``openb``.

    Raises:
        NotFoundError: there is no such file.
        InputError: it is none of them.
    """
    from allotment.adapters.traces.kinds import kind_of

    return str(kind_of(user_path(file)))


def load_scenario(
    file: str,
    *,
    wanted: str | None = None,
    capacity: int | None = None,
    quotas: Mapping[str, int] | None = None,
    most_jobs: int | None = None,
    group_by: str = "group",
) -> Scenario:
    """A scenario of a scenario file, or a Philly or Standard Workload Format trace as one.

    Args:
        file: the file.
        wanted: id of the scenario, where the file holds several.
        capacity: for traces: how much of the resource there is.
        quotas: for traces: quota by queue.
        most_jobs: for traces: only the first so many jobs.
        group_by: for the Standard Workload Format: the column that names the queue.

    Raises:
        NotFoundError: there is no such file or scenario.
        InputError: it is not of the format.
        UsageError: what is asked for does not fit the trace.
    """
    from allotment.adapters.traces.files import csv_rows, scenario_lines, text_lines
    from allotment.adapters.traces.kinds import FileKind, kind_of
    from allotment.operations.foresee.simulating import pick_scenario
    from allotment.scenarios.traces import GroupBy, philly_trace, swf_trace, trace_scenario

    path = user_path(file)
    kind = kind_of(path)
    if kind is FileKind.SCENARIO:
        return pick_scenario(scenario_lines([path]), wanted)
    trace = philly_trace(csv_rows(path)) if kind is FileKind.PHILLY else swf_trace(text_lines(path), GroupBy(group_by))
    return trace_scenario(path.name, trace, capacity=capacity, quotas=quotas or {}, most_jobs=most_jobs)


def simulate(
    scenario: Scenario, request: RunRequest, watch: Watch | None = None
) -> tuple[RunFigures, FragmentCourse | None]:
    """Run a scenario under a virtual clock; with how idle GPU was fragmented where nodes are known."""
    from allotment.operations.foresee import simulating

    return simulating.simulate_in_full(scenario, request, watch)


def compare_placement(
    pods: str, nodes: str, policies: Sequence[GpuPolicy], seed: int, watch: Callable[[GpuPolicy], None]
) -> PlacementRuns:
    """Placement experiments on an openb pod list and node list.

    Raises:
        NotFoundError: there is no such file.
        InputError: a list is not of the format.
    """
    from allotment.operations.foresee import simulating

    node_list, pod_list = _openb_lists(nodes, pods)
    return simulating.compare_placement(user_path(pods).name, node_list, pod_list, policies, seed, watch)


def survey_capacity(file: str, asks: Sequence[Ask], *, wanted: str | None) -> Survey:
    """What the cluster of a placement scenario has left.

    Raises:
        NotFoundError: no such file or scenario, or no such GPU model.
        InputError: the file is not of the format.
        UsageError: a shape cannot be asked for there.
    """
    from allotment.adapters.traces.files import scenario_lines
    from allotment.operations.foresee.capacity import survey_scenario

    return survey_scenario(scenario_lines([user_path(file)]), wanted, asks)


def survey_pod_list(
    pods: str, nodes: str, asks: Sequence[Ask], *, policy: GpuPolicy, demand: float, seed: int
) -> Survey:
    """What a fleet has left on which an openb pod list was placed.

    Raises:
        NotFoundError: no such file or GPU model.
        InputError: a list is not of the format.
        UsageError: a shape says more than a pod list knows.
    """
    from allotment.operations.foresee import capacity

    node_list, pod_list = _openb_lists(nodes, pods)
    name = user_path(pods).name
    return capacity.survey_pod_list(name, node_list, pod_list, asks, policy=policy, demand=demand, seed=seed)


def _openb_lists(nodes: str, pods: str) -> tuple[list[GpuNode], list[GpuPod]]:
    from allotment.adapters.traces.files import csv_rows
    from allotment.scenarios.openb import openb_nodes, openb_pods

    return openb_nodes(csv_rows(user_path(nodes))), openb_pods(csv_rows(user_path(pods)))


def estimate_starts(
    file: str, request: WhenRequest, *, wanted: str | None, watch: Callable[[int, int], None] | None = None
) -> WhenReport:
    """When pending jobs of a scenario start.

    Raises:
        NotFoundError: no such file, scenario or job.
        InputError: the file is not of the format, or a job does not wait.
    """
    from allotment.adapters.traces.files import scenario_lines
    from allotment.operations.foresee import estimating

    return estimating.estimate(scenario_lines([user_path(file)]), wanted, request, watch)


def what_if(
    file: str, changes: Sequence[WrittenChange], request: RunRequest, *, wanted: str | None, watch: Watch | None = None
) -> Difference:
    """A scenario with and without changes.

    Raises:
        NotFoundError: no such file, or a change names something that is not in the scenario.
        InputError: a file is not of the format.
        UsageError: a change cannot be read.
    """
    from allotment.adapters.traces.files import scenario_lines
    from allotment.operations.foresee import comparing

    def jobs_of(path: str) -> Iterator[ScenarioLine]:
        return scenario_lines([user_path(path)])

    return comparing.what_if(scenario_lines([user_path(file)]), wanted, changes, jobs_of, request, watch)
