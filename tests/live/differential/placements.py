"""Random small placement scenarios, what came of them, and how that compares with our answers. Pure.

Scenarios are in the format of the recorded corpus (`allotment.scenarios.placement.reading`): CPU in millicores,
memory in MiB, and `minAvailable` in a budget. Every pod is compared by itself: our placement is given the cluster as
the live one was before that pod (running pods with their start times, what budgets allow), and of the live answer only
the node, where it was picked among equals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from allotment.scenarios.placement.replay import answers
from tests.live.differential.shrinking import Change, Scenario

GPU = "nvidia.com/gpu"
PRIORITIES = {"differential-low": 10, "differential-high": 1000}
_SELECTOR = {"matchLabels": {"app": "a"}}


def generate_placement(seed: int, pods: int = 12) -> Scenario:
    """Four to eight nodes, a sequence of pods, and sometimes PodDisruptionBudgets."""
    rng = Random(f"placement-{seed}")
    nodes = [_node(rng, f"p{seed}-n{index}") for index in range(rng.randint(4, 8))]
    sequence = [_pod(rng, f"p{seed}-{index}") for index in range(pods)]
    budgets = [each for each in "ab" if rng.random() < 0.4]
    return {
        "id": f"placement-{seed}",
        "class": "live_differential",
        "nodes": nodes,
        "pods": sequence,
        "pdbs": [
            {"name": f"p{seed}-{app}", "selector": {"matchLabels": {"app": app}}, "minAvailable": rng.randint(1, 3)}
            for app in budgets
        ],
    }


def _node(rng: Random, name: str) -> dict[str, Any]:
    gpus = rng.choice((0, 0, 1, 2, 4))
    allocatable = {"cpu": rng.choice((2000, 4000, 8000)), "memory": rng.choice((4096, 8192, 16384)), "pods": 110}
    if rng.random() < 0.15:
        allocatable["pods"] = 2
    if gpus:
        allocatable[GPU] = gpus
    labels = {"zone": rng.choice("ab"), "kubernetes.io/hostname": name}
    if rng.random() < 0.5:
        labels["disk"] = rng.choice(("ssd", "hdd"))
    taints = []
    if gpus and rng.random() < 0.4:
        taints.append({"key": GPU, "value": "present", "effect": "NoSchedule"})
    if rng.random() < 0.2:
        taints.append({"key": "old", "value": "yes", "effect": "PreferNoSchedule"})
    return {"name": name, "labels": labels, "allocatable": allocatable, "taints": taints}


def _pod(rng: Random, name: str) -> dict[str, Any]:
    requests = {"cpu": rng.choice((250, 500, 1000, 2000, 3000)), "memory": rng.choice((256, 1024, 2048, 4096))}
    if rng.random() < 0.15:
        requests.popitem()
    pod: dict[str, Any] = {"name": name, "labels": {"app": rng.choice("ab")}, "requests": requests}
    if rng.random() < 0.35:
        requests[GPU] = rng.choice((1, 1, 2, 4))
    if rng.random() < 0.4:
        pod["tolerations"] = [{"key": GPU, "operator": "Exists"}]
    kind = rng.random()
    if kind < 0.15:
        pod["nodeSelector"] = {rng.choice(("disk", "zone")): rng.choice(("ssd", "hdd", "a", "b"))}
    elif kind < 0.3:
        skew = {"maxSkew": 1, "topologyKey": "zone", "labelSelector": _SELECTOR}
        pod["topologySpreadConstraints"] = [
            {**skew, "whenUnsatisfiable": rng.choice(("DoNotSchedule", "ScheduleAnyway"))}
        ]
    elif kind < 0.45:
        pod["affinity"] = {rng.choice(("podAffinity", "podAntiAffinity")): _terms(rng)}
    elif kind < 0.55:
        preference = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
        pod["affinity"] = {
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 50, "preference": preference}]
            }
        }
    pod["priority"] = rng.choice((0, 0, 0, *PRIORITIES.values()))
    return pod


def _terms(rng: Random) -> dict[str, Any]:
    term = {"topologyKey": rng.choice(("zone", "kubernetes.io/hostname")), "labelSelector": _SELECTOR}
    if rng.random() < 0.5:
        return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "podAffinityTerm": term}]}


@dataclass(frozen=True, slots=True)
class Placed:
    """One pod's turn on the live system.

    Attributes:
        node: where it runs, or None.
        message: why it does not.
        victims: pods that were preempted for it, sorted.
        existing: the pods that ran before it, each with `node` and `start`.
        allowed: by budget, how many disruptions it allowed before.
    """

    node: str | None
    message: str
    victims: tuple[str, ...] = ()
    existing: tuple[Mapping[str, Any], ...] = ()
    allowed: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Misplaced:
    """The first pod that is decided differently."""

    pod: str
    live: Placed
    ours: Sequence[Mapping[str, Any]]

    def __str__(self) -> str:
        live = self.live.node or self.live.message
        return f"{self.pod}: kube-scheduler says {live!r}, victims {self.live.victims}; ours: {self.ours}"


Decide = Callable[[Scenario], list[dict[str, Any]]]


def allowing(budget: dict[str, Any], number: int) -> dict[str, Any]:
    """A budget as the scenario format has it: what may still go, not what must stay."""
    return {"name": budget["name"], "selector": budget["selector"], "disruptionsAllowed": number}


def first_misplaced(scenario: Scenario, placed: Sequence[Placed], decide: Decide = answers) -> Misplaced | None:
    """Where our answer differs: node not among the best, other message, other victims."""
    budgets = {each["name"]: each for each in scenario.get("pdbs", ())}
    for pod, live in zip(scenario["pods"], placed, strict=True):
        moment = {
            **scenario,
            "existing": list(live.existing),
            "pods": [pod],
            "pdbs": [allowing(budgets[name], number) for name, number in live.allowed],
            "answers": [{"pod": pod["name"], "attempts": [{"node": live.node}, {"node": live.node}]}],
        }
        [ours] = decide(moment)
        if not _same(ours["attempts"], live):
            return Misplaced(pod["name"], live, ours["attempts"])
    return None


def _same(attempts: Sequence[Mapping[str, Any]], live: Placed) -> bool:
    last = attempts[-1]
    victims = {name for each in attempts for name in each.get("preemption", {}).get("victims", ())}
    if (last["outcome"] == "bound") != (live.node is not None) or victims != set(live.victims):
        return False
    return live.node in last["best"] if last["outcome"] == "bound" else live.message == last["message"]


def placement_simplifications(scenario: Scenario) -> Iterator[Change]:
    """All ways to make a placement scenario a little simpler, the boldest first."""
    for kind in ("pods", "nodes", "pdbs"):
        yield from (Change((kind, each["name"])) for each in scenario.get(kind, ()))
    for pod in scenario["pods"]:
        for key in ("affinity", "topologySpreadConstraints", "nodeSelector", "tolerations"):
            if key in pod:
                yield Change(("pods", pod["name"], key))
        if pod["priority"]:
            yield Change(("pods", pod["name"], "priority"), 0)
        yield from (Change(("pods", pod["name"], "requests", each)) for each in pod["requests"])
    for node in scenario["nodes"]:
        yield from (Change(("nodes", node["name"], "taints", each["key"])) for each in node["taints"])
        if "disk" in node["labels"]:
            yield Change(("nodes", node["name"], "labels", "disk"))
