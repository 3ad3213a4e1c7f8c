"""Every form in which a pod can say what it needs, as data.

A form is refused when it is created, or Kueue charges what its pods request; which of the two is the policies' matter.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.live.books.following import Submission
from tests.live.books.manifests import GPU, KINDS, container, pod_spec, work
from tests.live.training import UNBOUNDED_TEAM, member, owner

TEAMS = ("nlp", UNBOUNDED_TEAM)
"""With and without a bound on the devices of a pod: the LimitRange of the one names devices, that of the other not."""

OWNERS_KINDS = ("StatefulSet", "CronJob")
"""What members may not create."""

AMOUNTS: Mapping[str, tuple[str, str]] = {"cpu": ("2", "3"), "memory": ("3Gi", "5Gi"), GPU: ("2", "2")}
"""(request, limit); above the LimitRange's defaults, so that a default that slips in shows."""


class Said(StrEnum):
    """How an amount is written."""

    REQUESTS = "requests"
    LIMITS = "limits"
    BOTH = "both"
    NEITHER = "neither"


class Where(StrEnum):
    """Which part of the pod says it; the other containers say nothing."""

    MAIN = "main"
    INIT = "init"
    SIDECAR = "sidecar"
    POD = "pod"


@dataclass(frozen=True)
class Form:
    """One way to write one piece of work."""

    kind: str
    where: Where
    cpu: Said
    memory: Said
    device: Said
    team: str

    @property
    def id(self) -> str:
        return f"{self.team}-{self.kind}-{self.where}-cpu:{self.cpu}-memory:{self.memory}-device:{self.device}"

    def resources(self) -> dict[str, Any]:
        ways = {"cpu": self.cpu, "memory": self.memory, GPU: self.device}
        requests = {name: AMOUNTS[name][0] for name, way in ways.items() if way in (Said.REQUESTS, Said.BOTH)}
        limits = {name: AMOUNTS[name][1] for name, way in ways.items() if way in (Said.LIMITS, Said.BOTH)}
        return {key: value for key, value in (("requests", requests), ("limits", limits)) if value}

    def submission(self, name: str) -> Submission:
        outer = {"parallelism": 2, "completions": 2} if self.kind == "Job" else {}
        who = owner(self.team) if self.kind in OWNERS_KINDS else member(self.team)
        return Submission(name, who, work(self.kind, name, self.team, self._spec(), **outer))

    def _spec(self) -> dict[str, Any]:
        resources = self.resources()
        match self.where:
            case Where.MAIN:
                return pod_spec(container(resources))
            case Where.INIT:
                return pod_spec(container(), initContainers=[container(resources, name="prepare")])
            case Where.SIDECAR:
                return pod_spec(
                    container(), initContainers=[container(resources, name="beside", restartPolicy="Always")]
                )
            case Where.POD:
                return pod_spec(container(), **({"resources": resources} if resources else {}))


def all_forms() -> Iterator[Form]:
    """2 teams, 6 kinds, 4 places, 4 ways for each of three resources."""
    for team, kind, where, ways in itertools.product(TEAMS, KINDS, Where, itertools.product(Said, repeat=3)):
        yield Form(kind, where, *ways, team)


def _named() -> Iterator[Form]:
    """What tutorials and our own pages write, in the teams where it went wrong once."""
    for team in TEAMS:
        for kind in ("Job", "PodGroup", "Deployment"):
            yield Form(kind, Where.MAIN, Said.NEITHER, Said.NEITHER, Said.LIMITS, team)
        yield Form("Job", Where.MAIN, Said.LIMITS, Said.LIMITS, Said.LIMITS, team)
        yield Form("Job", Where.MAIN, Said.REQUESTS, Said.REQUESTS, Said.LIMITS, team)
        yield Form("Job", Where.MAIN, Said.BOTH, Said.BOTH, Said.BOTH, team)
        yield Form("Job", Where.MAIN, Said.LIMITS, Said.LIMITS, Said.NEITHER, team)
        yield Form("Job", Where.MAIN, Said.NEITHER, Said.NEITHER, Said.NEITHER, team)


def everyday_forms(further: int, seed: int) -> list[Form]:
    """The named ones and some of the rest, always the same for a seed."""
    named = list(dict.fromkeys(_named()))
    rest = [form for form in all_forms() if form not in named]
    return [*named, *random.Random(seed).sample(rest, further)]
