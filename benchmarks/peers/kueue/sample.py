"""A sample of scenarios, each about one part of Kueue, with what the real Kueue decided on them.

    python -m benchmarks.peers.kueue.sample        # writes tests/data/kueue/sample.jsonl anew

The scenarios are ours: `scenarios()` makes the same ones every time. They are small, so that they can live in the
repository and check the engine where there are no recordings. One on which Kueue decides otherwise from run to run is
left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

from benchmarks.peers.kueue.peer import GATES_OF_020, PROGRAM, Peer

SAMPLE: Final = Path(__file__).parents[3] / "tests" / "data" / "kueue" / "sample.jsonl"
RUNS: Final = 5
_PER_KIND: Final = 3
_GATES: Final = {"v0.20.0": GATES_OF_020, "v0.19.2": ""}
_ENVIRONMENT: Final = {
    "wakeupDelay": 1000,
    "evictionLatency": 0,
    "idleCycles": 4,
    "maxCyclesPerInstant": 60,
    "maxCyclesTotal": 400,
}
_HOST: Final = "kubernetes.io/hostname"
_RACK: Final = "example.com/rack"

Json = dict[str, Any]


def _quota(nominal: int, **limits: int) -> Json:
    return {"nominal": nominal * 1000, **{name: amount * 1000 for name, amount in limits.items()}}


def _offers(*flavors: tuple[str, Json]) -> list[Json]:
    return [
        {
            "coveredResources": ["cpu"],
            "flavors": [{"flavor": name, "resources": {"cpu": quota}} for name, quota in flavors],
        }
    ]


def _queue(name: str, *flavors: tuple[str, Json], cohort: str | None = None, **fields: Any) -> Json:
    made: Json = {"name": name, "resourceGroups": _offers(*flavors), **fields}
    return made if cohort is None else {**made, "cohort": cohort}


def _cohort(name: str, parent: str | None = None, quota: Json | None = None, **fields: Any) -> Json:
    made: Json = {"name": name, **fields}
    if parent is not None:
        made["parent"] = parent
    return made if quota is None else {**made, "resourceGroups": _offers(("f", quota))}


def _preemption(within: str, reclaim: str, **borrowing: Any) -> Json:
    made: Json = {"withinClusterQueue": within, "reclaimWithinCohort": reclaim}
    return {**made, "borrowWithinCohort": borrowing} if borrowing else made


def _jobs(rng: Random, queues: list[Json], count: int, **pod_set: Any) -> list[Json]:
    """Jobs of a second apart, mostly of one pod; uids in another order than names."""
    uids = rng.sample(range(1000), count)
    made = []
    for number in range(count):
        pods = {"name": "main", "count": 1, "requests": {"cpu": 1000 * rng.choice((1, 1, 2, 2, 3, 4, 5))}, **pod_set}
        made.append(
            {
                "name": f"w{number:02}",
                "uid": f"u{uids[number]:03}",
                "clusterQueue": rng.choice(queues)["name"],
                "priority": rng.choice((0, 0, 0, 5, 10)),
                "createdAt": number * 1000,
                "runtime": rng.randrange(2000, 16_000),
                "podSets": [pods],
            }
        )
    return made


def _world(rng: Random, queues: list[Json], jobs: int = 10, **parts: Any) -> Json:
    return {"flavors": [{"name": "f"}], "clusterQueues": queues, "workloads": _jobs(rng, queues, jobs), **parts}


def _one_queue(rng: Random) -> Json:
    return _world(rng, [_queue("a", ("f", _quota(rng.choice((5, 6, 8)))))])


def _strict(rng: Random) -> Json:
    return _world(rng, [_queue("a", ("f", _quota(rng.choice((5, 6)))), queueingStrategy="StrictFIFO")])


def _within(rng: Random) -> Json:
    policy = _preemption(rng.choice(("LowerPriority", "LowerOrNewerEqualPriority")), "Never")
    return _world(rng, [_queue("a", ("f", _quota(6)), preemption=policy)])


def _borrowing(rng: Random) -> Json:
    first = _queue("a", ("f", _quota(4, borrowingLimit=rng.choice((0, 1, 2)))), cohort="c")
    second = _queue("b", ("f", _quota(5, lendingLimit=rng.choice((0, 2)))), cohort="c")
    return _world(rng, [first, second, _queue("d", ("f", _quota(1)), cohort="c")])


def _reclaiming(rng: Random) -> Json:
    queues = [
        _queue(
            name,
            ("f", _quota(4)),
            cohort="c",
            preemption=_preemption("LowerPriority", rng.choice(("LowerPriority", "Any"))),
        )
        for name in "ab"
    ]
    return _world(rng, [*queues, _queue("d", ("f", _quota(0)), cohort="c")], jobs=12)


def _loans(rng: Random) -> Json:
    policy = _preemption("LowerPriority", "Any", policy="LowerPriority", maxPriorityThreshold=rng.choice((0, 5)))
    queues = [_queue(name, ("f", _quota(3)), cohort="c", preemption=policy) for name in "ab"]
    return _world(rng, [*queues, _queue("d", ("f", _quota(2)), cohort="c")], jobs=12)


def _tree(rng: Random, **queue: Any) -> tuple[list[Json], list[Json]]:
    """Cohorts left and right below a root, four queues."""
    cohorts = [
        _cohort("root", None, _quota(2)),
        _cohort("left", "root", _quota(rng.choice((2, 3)), lendingLimit=rng.choice((1, 2)))),
        _cohort("right", "root", _quota(rng.choice((0, 2)), borrowingLimit=rng.choice((3, 6)))),
    ]
    policy = _preemption("LowerPriority", "Any")
    places = (("a", "left", 2), ("b", "left", 0), ("d", "right", 3), ("e", "right", 1))
    queues = [
        _queue(name, ("f", _quota(nominal)), cohort=place, preemption=policy, **queue)
        for name, place, nominal in places
    ]
    return cohorts, queues


def _hierarchy(rng: Random) -> Json:
    cohorts, queues = _tree(rng)
    return _world(rng, queues, jobs=12, cohorts=cohorts)


def _flavors(rng: Random) -> Json:
    fungibility: Json = {
        "whenCanBorrow": rng.choice(("MayStopSearch", "TryNextFlavor")),
        "whenCanPreempt": rng.choice(("MayStopSearch", "TryNextFlavor")),
    }
    if set(fungibility.values()) == {"TryNextFlavor"}:
        fungibility["preference"] = "PreemptionOverBorrowing"
    policy = _preemption("LowerPriority", "Any")
    queues = [
        _queue(
            name,
            ("f", _quota(2)),
            ("spot", _quota(3)),
            ("old", _quota(1)),
            cohort="c",
            preemption=policy,
            flavorFungibility=fungibility,
        )
        for name in "ab"
    ]
    flavors = [
        {"name": "f", "nodeLabels": {"type": "new"}},
        {"name": "spot", "taints": [{"key": "spot", "value": "true", "effect": "NoSchedule"}]},
        {"name": "old", "nodeLabels": {"type": "old"}},
    ]
    world = _world(rng, queues, jobs=12, flavors=flavors)
    for each in world["workloads"]:
        if rng.random() < 0.6:
            each["podSets"][0]["tolerations"] = [{"key": "spot", "operator": "Exists"}]
        elif rng.random() < 0.4:
            each["podSets"][0]["nodeSelector"] = {"type": rng.choice(("new", "old"))}
    return world


def _partial(rng: Random) -> Json:
    queues = [
        _queue(name, ("f", _quota(4)), cohort="c", preemption=_preemption("Never", "LowerPriority")) for name in "ab"
    ]
    world = _world(rng, queues)
    for each in world["workloads"]:
        count = rng.choice((2, 4, 6, 9))
        each["podSets"] = [
            {"name": "main", "count": count, "minCount": rng.randint(1, count), "requests": {"cpu": 1000}}
        ]
    return world


def _pod_sets(rng: Random) -> Json:
    world = _world(rng, [_queue(name, ("f", _quota(4)), ("g", _quota(3)), cohort="c") for name in "ab"])
    world["flavors"] = [{"name": "f"}, {"name": "g"}]
    for each in world["workloads"]:
        workers = {"name": "workers", "count": rng.choice((1, 2, 3)), "requests": {"cpu": 1000}}
        each["podSets"] = [{"name": "driver", "count": 1, "requests": {"cpu": 1000}}, workers]
    return world


def _late(rng: Random) -> Json:
    """Victims hold their quota for a while; two queues want the same ones."""
    world = _reclaiming(rng)
    world["env"] = {**_ENVIRONMENT, "evictionLatency": rng.choice((500, 1500, 3000))}
    return world


def _fair(rng: Random) -> Json:
    queues = [
        _queue(
            name,
            ("f", _quota(nominal)),
            cohort="c",
            preemption=_preemption("LowerPriority", "Any"),
            fairWeight=rng.choice((0, 1, 2, 3)),
        )
        for name, nominal in (("a", 3), ("b", 2), ("d", 0))
    ]
    strategies = rng.choice(([], ["LessThanOrEqualToFinalShare"], ["LessThanInitialShare"]))
    fair = {"enabled": True, **({"preemptionStrategies": strategies} if strategies else {})}
    return _world(rng, queues, jobs=12, cohorts=[_cohort("c", None, _quota(3))], fairSharing=fair)


def _fair_tree(rng: Random) -> Json:
    cohorts, queues = _tree(rng)
    cohorts[1]["fairWeight"] = 2
    return _world(rng, queues, jobs=12, cohorts=cohorts, fairSharing={"enabled": True})


def _topology(rng: Random) -> Json:
    nodes = [
        {
            "name": f"n{number}",
            "labels": {_RACK: f"r{number // 2}", _HOST: f"n{number}"},
            "allocatable": {"cpu": 1000 * rng.choice((2, 3, 4)), "pods": 10},
        }
        for number in range(4)
    ]
    queue = _queue("a", ("f", _quota(12)), preemption=_preemption("LowerPriority", "Never"))
    world = _world(rng, [queue], flavors=[{"name": "f", "topology": "t"}], nodes=nodes)
    world["topologies"] = [{"name": "t", "levels": [_RACK, _HOST]}]
    wishes: tuple[Json, ...] = ({"required": _RACK}, {"required": _HOST}, {"preferred": _RACK}, {"unconstrained": True})
    for each in world["workloads"]:
        each["podSets"] = [
            {
                "name": "main",
                "count": rng.choice((1, 2, 3, 4)),
                "requests": {"cpu": 1000},
                "topologyRequest": rng.choice(wishes),
            }
        ]
    return world


_KINDS: Final[dict[str, Callable[[Random], Json]]] = {
    "one queue": _one_queue,
    "strict": _strict,
    "preemption within a queue": _within,
    "limits of borrowing and lending": _borrowing,
    "reclaim": _reclaiming,
    "reclaim while borrowing": _loans,
    "cohorts in cohorts": _hierarchy,
    "flavors": _flavors,
    "partial admission": _partial,
    "several PodSets": _pod_sets,
    "slow evictions": _late,
    "fair sharing": _fair,
    "fair sharing in cohorts": _fair_tree,
    "topology": _topology,
}


def scenarios() -> Iterator[Json]:
    """The scenarios of the sample, without answers. The last one of a kind is for Kueue 0.19."""
    for kind, make in _KINDS.items():
        for number in range(1, _PER_KIND + 1):
            version = "v0.19.2" if number == _PER_KIND else "v0.20.0"
            head = {"id": f"{kind} {number}", "class": kind, "kueue": version, "env": _ENVIRONMENT}
            yield {**head, **make(Random(f"{kind} {number}"))}


def recorded() -> Iterator[Json]:
    """The scenarios with what the real Kueue decided."""
    program = PROGRAM.ensure()
    for version, gates in _GATES.items():
        with Peer(program, gates=gates, runs=RUNS) as peer:
            for scenario, answer in peer.answers(each for each in scenarios() if each["kueue"] == version):
                if answer.get("error"):
                    raise RuntimeError(f"{scenario['id']}: {answer['error']}")
                if answer.get("random"):
                    continue
                parts = {name: value for name, value in answer.items() if name != "id"}
                if scenario.get("topologies") or not scenario["id"].endswith(" 1"):
                    del parts["pendingLog"]  # long; and random with topologies: which PodSet Kueue blames
                yield {**scenario, **parts}


def main() -> None:
    """Write the sample."""
    lines = [json.dumps(each, separators=(",", ":")) + "\n" for each in recorded()]
    SAMPLE.parent.mkdir(parents=True, exist_ok=True)
    SAMPLE.write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} scenarios, {SAMPLE.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
