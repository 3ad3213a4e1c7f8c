"""Who works with the made-up fleet: its people, what they submit, and what they ask for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.simulation.demo.declared import CLUSTERS, SERVING_TEAMS, TEAMS, DemoCluster, projects_of
from allotment.simulation.demo.fates import DemoPace, draws

_FIRST_NAMES: Final = ("ada", "chen", "imani")
_DAY: Final = 86_400.0
"""Seconds of the fleet in which the load rises and falls once."""
_SWING: Final = 0.15
"""By how much of itself."""
MOST_AT_ONCE: Final = 8
"""Jobs of a cluster that come in one step: a fleet that begins fills within half a minute."""


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody.

    Attributes:
        name: user name, an e-mail address.
        groups: of the identity provider.
    """

    name: str
    team: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job that comes.

    Attributes:
        devices: of a replica.
        accelerator: class of them.
    """

    name: str
    cluster: str
    team: str
    owner: str
    project: str
    kind: str
    priority: str
    accelerator: str
    devices: int
    replicas: int

    def text(self) -> str:
        """As a job file."""
        cpu, memory = _SIZES[self.accelerator]
        return (
            f"kind: Job\nname: {self.name}\nteam: {self.team}\nproject: {self.project}\ntype: {self.kind}\n"
            f"run: {{command: [python, {self.kind}.py], image: registry.acme.example/{self.team}/{self.kind}:2.4}}\n"
            f"resources:\n  accelerators: '{self.accelerator}:{self.devices}'\n"
            f"  cpu: '{cpu * self.devices}'\n  memory: {memory * self.devices}Gi\n"
            f"replicas: {self.replicas}\npriority: {self.priority}\nmaxRunTime: 12h\n"
            f"{'' if self.priority == _LOWEST else _AGAIN}labels: {{model: {self.name.rpartition('-')[0]}}}\n"
        )


_SIZES: Final[Mapping[str, tuple[int, int]]] = {"a100": (11, 190), "h100": (11, 190), "a10g": (16, 180), "t4": (12, 80)}
"""Cores and GiB that go with a device."""
_SHAPES: Final = ((1, 1), (1, 1), (2, 1), (4, 1), (8, 1), (8, 1), (8, 2), (8, 2), (8, 3))
"""Devices of a replica, and replicas."""
_LOWEST: Final = "exploratory"
_AGAIN: Final = "retries: {limit: 1, safe: true}\n"
"""What is urgent is tried again."""
_WORK: Final = ("pretrain", "finetune", "distill", "align", "probe", "ablate", "rerank", "embed")


def people() -> tuple[DemoPerson, ...]:
    """Three of each team; the first leads it."""
    return tuple(
        DemoPerson(f"{first}.{team}@acme.example", team, (f"acme-{team}-leads" if at == 0 else f"acme-{team}",))
        for team in TEAMS
        for at, first in enumerate(_FIRST_NAMES)
    )


def planned(seed: int, cluster: DemoCluster, number: int) -> PlannedJob:
    """One of a cluster's jobs; always the same one for the same seed and number.

    Args:
        seed: of the fleet.
        cluster: where it comes.
        number: of how many came before.
    """
    team_at, who, shape_at, class_at, rung, word, project = draws(seed, f"{cluster.name}/{number}", 7)
    serves = cluster.purpose == "serving"
    teams = SERVING_TEAMS if serves else TEAMS
    # Few teams ask for much, and many for little.
    team = teams[int(team_at**1.5 * len(teams))]
    accelerators = sorted({each.accelerator for each in cluster.pools if each.accelerator})
    accelerator = accelerators[int(class_at**1.4 * len(accelerators))]
    most = max(each.devices for each in cluster.pools if each.accelerator == accelerator)
    devices, replicas = _SHAPES[int(shape_at * len(_SHAPES))]
    trains = cluster.purpose == "training"
    kind = "training" if trains else "evaluation"
    urgent = "scheduled-training" if rung < 0.25 else _LOWEST
    return PlannedJob(
        name=f"{_WORK[int(word * len(_WORK))]}-{team}-{number}",
        cluster=cluster.name,
        team=team,
        owner=f"{_FIRST_NAMES[int(who * 3)]}.{team}@acme.example",
        project=projects_of(team)[int(project * 2)],
        kind=kind,
        priority="production-inference" if serves and rung < 0.5 else urgent,
        accelerator=accelerator,
        devices=min(devices, most),
        replicas=replicas if trains else 1,
    )


def arriving(pace: DemoPace, now: int, under_way: Mapping[str, int], before: Mapping[str, int]) -> Iterator[PlannedJob]:
    """What is submitted now, so that each cluster has about as much to do as it should.

    Args:
        pace: of the fleet.
        now: milliseconds since its beginning.
        under_way: by cluster, jobs that run or wait.
        before: by cluster, jobs that have come so far.
    """
    turn = math.sin(2 * math.pi * now / pace.real(_DAY))
    for cluster in CLUSTERS:
        wanted = round((cluster.running + cluster.waiting) * (1 + _SWING * turn))
        lacking = min(MOST_AT_ONCE, wanted - under_way.get(cluster.name, 0))
        first = before.get(cluster.name, 0)
        for number in range(first, first + max(0, lacking)):
            yield planned(pace.seed, cluster, number)


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """Something that is asked for.

    Attributes:
        who: user name of whoever asks.
        days: for how long.
    """

    who: str
    team: str
    cluster: str
    accelerator: str
    devices: int
    days: int
    why: str


REQUESTS: Final = (
    PlannedRequest("ada.nlp@acme.example", "nlp", "training-eastus", "a100-on-demand", 16, 14, "Pretraining run 7"),
    PlannedRequest("ada.speech@acme.example", "speech", "training-eastus", "h100-spot", 8, 7, "Codec ablations"),
    PlannedRequest("ada.fraud@acme.example", "fraud", "prod-inference-eastus", "a10g", 4, 30, "Second region"),
    PlannedRequest("ada.genomics@acme.example", "genomics", "dev-eastus", "t4", 2, 10, "Two more notebooks"),
    PlannedRequest("ada.robotics@acme.example", "robotics", "training-eastus", "a100-spot", 8, 21, "Simulation sweep"),
)
"""What is asked for as the fleet begins."""
