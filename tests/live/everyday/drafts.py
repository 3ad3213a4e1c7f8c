"""What people submit: a plain piece of work, and the parts of it that an oddity may change."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from allotment.ports.kube import Identity
from tests.live.books.following import Submission
from tests.live.books.manifests import LABELS, amounts, container, pod_spec, work
from tests.live.training import TEAMS, member, owner

Body = dict[str, Any]

KIND_WEIGHTS = {"Job": 12, "Pod": 3, "Deployment": 4, "StatefulSet": 2, "CronJob": 2, "PodGroup": 1}
"""Deployments for training among them, as people write them."""

GPU_WEIGHTS = {0: 4, 1: 4, 2: 2, 4: 1}
MEMBERS_KINDS = ("Job", "Pod", "PodGroup", "Deployment")
PODS = ("Pod", "PodGroup")
JOBS = ("Job", "CronJob")
ACCELERATOR_OF = {"data-science": "h100"}
"""What a team has quota of, if not a100."""


@dataclass
class Draft:
    """A manifest in the making.

    Attributes:
        queue: the label's value; empty for none.
        spec: of the pods.
        outer: of the Job, Deployment or StatefulSet around them.
        notes: annotations of the pods.
        finalizers: of the pods.
    """

    kind: str
    name: str
    team: str
    gpus: int
    who: Identity
    labels: dict[str, str]
    queue: str
    spec: Body
    outer: Body = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    finalizers: list[str] = field(default_factory=list)

    @property
    def main(self) -> Body:
        first: Body = self.spec["containers"][0]
        return first

    @property
    def accelerator(self) -> str:
        return ACCELERATOR_OF.get(self.team, "a100")

    def submission(self) -> Submission:
        """The objects as they are sent."""
        bodies = copy.deepcopy(
            work(self.kind, self.name, self.team, self.spec, labels=self.labels, queue=self.queue, **self.outer)
        )
        for body in bodies:
            for metadata in _metadata_of_pods(body):
                metadata["annotations"] = metadata.get("annotations", {}) | self.notes
                if self.finalizers:
                    metadata["finalizers"] = list(self.finalizers)
        return Submission(self.name, self.who, bodies)


def _metadata_of_pods(body: Body) -> list[Body]:
    match body["kind"]:
        case "Pod":
            return [body["metadata"]]
        case "CronJob":
            return [body["spec"]["jobTemplate"]["spec"]["template"]["metadata"]]
    return [body["spec"]["template"]["metadata"]]


def plain(rng: random.Random, name: str) -> Draft:
    """Work in which nothing is wrong."""
    kind, gpus = _weighted(rng, KIND_WEIGHTS), _weighted(rng, GPU_WEIGHTS)
    team = rng.choice(TEAMS)
    who = member(team) if kind in MEMBERS_KINDS and rng.random() < 0.9 else owner(team)
    wanted = amounts(gpus=gpus, cpu=rng.choice(("1", "2", "500m")), memory=rng.choice(("1Gi", "4Gi")))
    queue = "default" if gpus or rng.random() < 0.5 else ""
    draft = Draft(kind, name, team, gpus, who, dict(LABELS[team]), queue, pod_spec(container(wanted)))
    if gpus and kind in JOBS:
        draft.outer["podReplacementPolicy"] = "Failed"
    return draft


def _weighted(rng: random.Random, weights: Mapping[Any, int]) -> Any:
    return rng.choices(list(weights), list(weights.values()))[0]
