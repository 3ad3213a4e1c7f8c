"""Capacity: what a cluster in a file has left, for whom, and why the rest is of no use."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from allotment.errors import at
from allotment.operations.foresee.opening import PodList, pick_line, refuse
from allotment.scenarios.kinds import ScenarioKind
from allotment.scenarios.lines import ScenarioLine
from allotment.scenarios.parsing import without_nulls
from allotment.scenarios.placement.reading import read_placement
from allotment.scheduling.placement.asking import Ask
from allotment.scheduling.placement.gpu.policies import GpuPolicy
from allotment.scheduling.placement.model import Pod, PodShape
from allotment.scheduling.placement.state import ClusterState
from allotment.scheduling.placement.survey import CapacitySurvey, survey_cluster, survey_fleet
from allotment.simulation.experiment import fill


def survey_scenario(lines: Iterable[ScenarioLine], wanted: str | None, asks: Sequence[Ask]) -> CapacitySurvey:
    """Survey the nodes and existing pods of a placement scenario; its pending pods count as usual ones too.

    Args:
        lines: the file.
        wanted: id of the scenario, where the file holds several.
        asks: shapes to look for.

    Raises:
        InputError: the scenario is not of the format.
        NotFoundError: there is no such scenario, or a GPU model that is asked for.
        UsageError: a shape cannot be asked for there.
    """
    line = pick_line(lines, wanted)
    refuse(ScenarioKind.QUEUEING, line)
    with at(line.where):
        scenario = read_placement({"id": "", "pods": [], **without_nulls(line.data)})
    pods = [pod.shape for pod, _ in scenario.existing] + [pod.shape for pod in scenario.pods]
    state = ClusterState(scenario.nodes)
    for pod, node in scenario.existing:
        # What runs takes resources; where else it might run plays no part, and would cost the most time.
        taken = PodShape(pod.shape.namespace, requests=pod.shape.requests)
        state.add(Pod(pod.name, taken), state.node_index(node))
    return survey_cluster(state, pods, asks)


def survey_pod_list(
    listed: PodList, asks: Sequence[Ask], *, policy: GpuPolicy, demand: float, seed: int
) -> CapacitySurvey:
    """Survey a fleet on which a policy has placed pods of a list.

    Args:
        listed: the fleet and the list.
        asks: shapes to look for.
        policy: how to place.
        demand: stop when the pods that arrived ask for this multiple of the GPUs.
        seed: of the order of arrival.

    Raises:
        NotFoundError: there is no GPU model that is asked for.
        UsageError: a shape says more than a pod list knows.
    """
    chance = random.Random(seed)  # noqa: S311 (an experiment, not a secret)
    filled = fill(listed.nodes, listed.pods, policy, chance, demand)
    return survey_fleet(filled.fleet, filled.typical, len(listed.pods), asks)
