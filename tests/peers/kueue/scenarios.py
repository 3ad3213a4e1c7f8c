"""Random scenarios in the corpus format, for both engines. Pure: the same seed, the same scenario.

Wider than the recorded corpus: more resource groups, the resource `pods`, several and overlapping topology flavors,
required node affinity, requests of zero, undeclared resources, queues without a cohort beside trees, cohorts that
carry all the quota. Inputs obey the validation of Kueue's API.
"""

from __future__ import annotations

from random import Random
from typing import Any

Scenario = dict[str, Any]

GPU = "nvidia.com/gpu"
BLOCK, RACK, HOST = "cloud.com/block", "cloud.com/rack", "kubernetes.io/hostname"
SCALE = {"cpu": 1000, "memory": 1024, GPU: 1, "pods": 1}
WITHIN = ("Never", "LowerPriority", "LowerPriority", "LowerOrNewerEqualPriority")
RECLAIM = ("Never", "LowerPriority", "Any", "Any")
WEIGHTS = (0, 0.001, 0.25, 0.5, 1, 1, 2, 3)
PRIORITIES = (0, 0, 0, -5, 5, 10, 10, 20, 50, 100)
THRESHOLDS = (-1, 0, 5, 10, 20, 50)
STRATEGIES = (
    None,
    ["LessThanOrEqualToFinalShare"],
    ["LessThanInitialShare"],
    ["LessThanOrEqualToFinalShare", "LessThanInitialShare"],
)
GROUPS = (
    [["cpu"]],
    [["cpu"]],
    [["cpu", "memory"]],
    [["cpu", GPU]],
    [["cpu", "memory", GPU]],
    [["cpu", "pods"]],
    [["cpu"], [GPU]],
    [["cpu", "memory"], [GPU]],
    [["cpu"], ["memory"], [GPU]],
    [["memory"], ["cpu", GPU], ["pods"]],
)


def generate(seed: int, version: str = "v0.20.0") -> Scenario:
    """A scenario of one to eight ClusterQueues and ten to fifty workloads."""
    return _Maker(Random(f"peer-{seed}"), seed, version).scenario()


class _Maker:
    """Draws one scenario. What is drawn first decides what kind of scenario it becomes."""

    def __init__(self, rng: Random, seed: int, version: str) -> None:
        self.rng = rng
        self.seed = seed
        self.version = version
        self.fair = rng.random() < 0.45
        self.topology = rng.random() < 0.4
        self.preemption = rng.random() < 0.85
        self.limits = rng.choice((0.0, 0.2, 0.4))
        self.partial = rng.choice((0.0, 0.0, 0.3, 0.7))
        self.odd = rng.random() < 0.25
        self.groups = rng.choice(GROUPS)
        if self.topology and not self.odd:
            self.groups = [[name for group in self.groups for name in group]]
        self.resources = [name for group in self.groups for name in group]
        self.flavors: list[dict[str, Any]] = []
        self.flavors_of: list[list[str]] = []

    def scenario(self) -> Scenario:
        rng = self.rng
        levels = rng.choice(([HOST], [RACK, HOST], [BLOCK, RACK, HOST], [RACK], [BLOCK, RACK]))
        self.levels = levels
        self._make_flavors()
        cohorts, parents = self._cohorts()
        count = rng.choice((1, 2, 2, 3, 4, 4, 5, 6, 8))
        queues = [self._queue(f"cq-{number}", parents) for number in range(count)]
        made: Scenario = {
            "id": f"peer-{self.seed}",
            "class": "peer",
            "seed": self.seed,
            "kueue": self.version,
            "env": {
                "wakeupDelay": 1000,
                "evictionLatency": rng.choice((0, 0, 0, 500, 1500, 3000, 10_000)) if self.preemption else 0,
                "idleCycles": 4,
                "maxCyclesPerInstant": 60,
                "maxCyclesTotal": 800,
            },
            "fairSharing": {"enabled": self.fair},
            "flavors": self.flavors,
            "cohorts": cohorts,
            "clusterQueues": queues,
        }
        strategies = rng.choice(STRATEGIES)
        if self.fair and strategies is not None:
            made["fairSharing"]["preemptionStrategies"] = strategies
        if self.topology:
            made["topologies"] = [{"name": "topo", "levels": levels}]
            made["nodes"] = self._nodes()
        made["workloads"] = self._workloads(queues)
        return made

    # flavors

    def _make_flavors(self) -> None:
        for number, _ in enumerate(self.groups):
            names = [f"f{number}-{each}" for each in range(self.rng.choice((1, 1, 2, 2, 3, 4)))]
            if self.topology:
                names = names[:3]
            self.flavors_of.append(names)
            for name in names:
                self.flavors.append(self._flavor(name))

    def _flavor(self, name: str) -> dict[str, Any]:
        rng = self.rng
        made: dict[str, Any] = {"name": name}
        if self.topology and rng.random() < 0.85:
            made["topology"] = "topo"
            made["nodeLabels"] = {"pool": rng.choice(("a", "a", "b"))}
        elif rng.random() < 0.5:
            made["nodeLabels"] = {"type": name, "zone": rng.choice("ab")}
        if rng.random() < 0.2:
            made["taints"] = [self._taint()]
            if rng.random() < 0.2:
                made["tolerations"] = [{"key": made["taints"][0]["key"], "operator": "Exists"}]
        return made

    def _taint(self) -> dict[str, str]:
        rng = self.rng
        effect = rng.choice(("NoSchedule", "NoSchedule", "NoExecute", "PreferNoSchedule"))
        return {"key": rng.choice(("spot", "dedicated")), "value": rng.choice(("x", "true")), "effect": effect}

    # the quota tree

    def _cohorts(self) -> tuple[list[dict[str, Any]], list[str | None]]:
        """Cohort objects, and where a ClusterQueue may hang."""
        rng = self.rng
        shape = rng.random()
        if shape < 0.1 and not (self.topology and self.fair):
            return [], [None]
        one = self.topology and self.fair  # which tree comes first is random in Kueue, and then matters
        if shape < 0.35:
            return [], ["co-0"] if one else rng.choice((["co-0"], ["co-0"], ["co-0", "co-1"], ["co-0", None]))
        count = rng.randint(1, 7)
        roots = 1 if one else rng.choice((1, 1, 2))
        cohorts: list[dict[str, Any]] = []
        for number in range(count):
            cohort: dict[str, Any] = {"name": f"co-{number}"}
            if number >= roots:
                cohort["parent"] = f"co-{rng.randrange(number)}"
            if rng.random() < 0.45:
                cohort["resourceGroups"] = self._quotas(limits="parent" in cohort, scale=3)
            if self.fair and rng.random() < 0.5:
                cohort["fairWeight"] = rng.choice(WEIGHTS)
            cohorts.append(cohort)
        parents: list[str | None] = [each["name"] for each in cohorts]
        if not one and rng.random() < 0.1:
            parents.append(None)
        if rng.random() < 0.2:  # a cohort without an object of its own
            for each in cohorts[:roots] if roots == 1 else cohorts[-1:]:
                each["parent"] = "co-implicit"
        return cohorts, parents

    def _quotas(self, *, limits: bool, scale: int) -> list[dict[str, Any]]:
        rng = self.rng
        result = []
        for group, names in zip(self.groups, self.flavors_of, strict=True):
            order = list(names)
            if rng.random() < 0.5:
                rng.shuffle(order)
                order = order[: rng.randint(1, len(order))]
            flavors = [
                {"flavor": name, "resources": {each: self._quota(each, limits=limits, scale=scale) for each in group}}
                for name in order
            ]
            result.append({"coveredResources": group, "flavors": flavors})
        if len(result) > 1 and rng.random() < 0.15:
            result.pop(rng.randrange(len(result)))
        return result

    def _quota(self, resource: str, *, limits: bool, scale: int) -> dict[str, int]:
        rng = self.rng
        unit = SCALE[resource] * (4 if resource == "memory" else 1)
        nominal = rng.choice((0, 1, 2, 3, 4, 6, 8, 12)) * scale
        if resource == "pods":
            nominal *= 2
        quota = {"nominal": nominal * unit}
        if limits and rng.random() < self.limits:
            quota["borrowingLimit"] = rng.choice((0, 1, 2, 4, 8)) * scale * unit
        if limits and rng.random() < self.limits:
            quota["lendingLimit"] = rng.randint(0, nominal) * unit
        return quota

    def _queue(self, name: str, parents: list[str | None]) -> dict[str, Any]:
        rng = self.rng
        parent = rng.choice(parents)
        queue: dict[str, Any] = {
            "name": name,
            "queueingStrategy": rng.choice(("BestEffortFIFO", "BestEffortFIFO", "BestEffortFIFO", "StrictFIFO")),
            "resourceGroups": self._quotas(limits=parent is not None, scale=rng.choice((1, 1, 2))),
            "preemption": self._preemption() if self.preemption else {},
            "flavorFungibility": self._fungibility(),
        }
        if parent is not None:
            queue["cohort"] = parent
        if self.fair and rng.random() < 0.6:
            queue["fairWeight"] = rng.choice(WEIGHTS)
        return queue

    def _preemption(self) -> dict[str, Any]:
        rng = self.rng
        reclaim = rng.choice(RECLAIM)
        policy: dict[str, Any] = {"withinClusterQueue": rng.choice(WITHIN), "reclaimWithinCohort": reclaim}
        if reclaim != "Never" and not self.fair and rng.random() < 0.4:
            policy["borrowWithinCohort"] = {"policy": "LowerPriority"}
            if rng.random() < 0.6:
                policy["borrowWithinCohort"]["maxPriorityThreshold"] = rng.choice(THRESHOLDS)
        return policy

    def _fungibility(self) -> dict[str, str]:
        rng = self.rng
        borrow, preempt = (rng.choice(("MayStopSearch", "TryNextFlavor", "TryNextFlavor")) for _ in range(2))
        made = {"whenCanBorrow": borrow, "whenCanPreempt": preempt}
        if borrow == preempt == "TryNextFlavor" and rng.random() < 0.6:
            made["preference"] = rng.choice(("BorrowingOverPreemption", "PreemptionOverBorrowing"))
        return made

    # nodes

    def _nodes(self) -> list[dict[str, Any]]:
        rng = self.rng
        nodes = []
        for block in range(rng.randint(1, 3)):
            for rack in range(rng.randint(1, 3)):
                for _ in range(rng.randint(1, 4)):
                    nodes.append(self._node(len(nodes), f"b{block}", f"b{block}-r{rack}"))
        return nodes

    def _node(self, number: int, block: str, rack: str) -> dict[str, Any]:
        rng = self.rng
        name = f"n{number:02d}"
        labels = {BLOCK: block, RACK: rack, HOST: name, "pool": rng.choice(("a", "a", "a", "b"))}
        if rng.random() < 0.4:
            labels["disk"] = rng.choice(("ssd", "hdd"))
        if rng.random() < 0.05:
            del labels[rng.choice((BLOCK, RACK))]
        allocatable = {"cpu": 1000 * rng.choice((2, 4, 8)), "pods": rng.choice((2, 3, 5, 110, 110))}
        if "memory" in self.resources:
            allocatable["memory"] = 1024 * rng.choice((4, 8, 16))
        if GPU in self.resources:
            allocatable[GPU] = rng.choice((0, 2, 4, 8))
        node: dict[str, Any] = {"name": name, "labels": labels, "allocatable": allocatable}
        if rng.random() < 0.1:
            node["taints"] = [rng.choice(({"key": "maint", "value": "true", "effect": "NoSchedule"}, self._taint()))]
        return node

    # workloads

    def _workloads(self, queues: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rng = self.rng
        count = rng.randint(8, 45)
        uids = rng.sample(range(count), count)
        spread = rng.choice((200, 1000, 3000))
        created = [number * spread + rng.randrange(spread) for number in range(count)]
        if rng.random() < 0.3:
            rng.shuffle(created)
        shapes = [self._pod_sets() for _ in range(rng.choice((2, 4, count, count)))]
        priorities = rng.choice((PRIORITIES, (0,), (0, 10)))
        burst = rng.choice((0, 0, 5000, 20_000))
        workloads = []
        for number in range(count):
            workload = {
                "name": f"w{number:04d}",
                "uid": f"u{uids[number]:05d}",
                "clusterQueue": rng.choice(queues)["name"],
                "priority": rng.choice(priorities),
                "createdAt": created[number],
                "runtime": rng.randint(1000, rng.choice((4000, 30_000, 90_000))),
                "podSets": rng.choice(shapes),
            }
            if burst:
                workload["queuedAt"] = -(-created[number] // burst) * burst
            elif rng.random() < 0.2:
                workload["queuedAt"] = created[number] + rng.randrange(5000)
            workloads.append(workload)
        return workloads

    def _pod_sets(self) -> list[dict[str, Any]]:
        rng = self.rng
        count = rng.choice((1, 1, 1, 1, 2, 2, 3))
        names = ["main"] if count == 1 else [f"ps{each}" for each in range(count)]
        pod_sets = [self._pod_set(name) for name in names]
        grouped = self.topology and count == 2 and rng.random() < 0.5
        if self.topology and rng.random() < 0.9:
            self._ask_topology(pod_sets, grouped=grouped)
        elif rng.random() < self.partial:
            chosen = rng.choice(pod_sets)
            if chosen["count"] > 1:
                chosen["minCount"] = rng.randint(1, chosen["count"])
        if self.topology and not grouped and rng.random() < self.partial:
            chosen = rng.choice(pod_sets)
            request = chosen.get("topologyRequest") or {}
            if chosen["count"] > 1 and "podSetSliceSize" not in request:
                fewest = rng.randint(1, chosen["count"])
                # Kueue's webhook takes it of one PodSet only.
                if not any("minCount" in each for each in pod_sets):
                    chosen["minCount"] = fewest
        return pod_sets

    def _pod_set(self, name: str) -> dict[str, Any]:
        rng = self.rng
        requests: dict[str, int] = {}
        if "cpu" in self.resources and rng.random() < 0.93:
            requests["cpu"] = rng.choice((250, 500, 1000, 1000, 1500, 2000, 4000))
        if "memory" in self.resources and rng.random() < 0.7:
            requests["memory"] = rng.choice((512, 1024, 2048, 4096, 6144))
        if GPU in self.resources and rng.random() < 0.5:
            requests[GPU] = rng.choice((1, 1, 2, 4))
        if self.odd and rng.random() < 0.1:
            requests[rng.choice(("example.com/thing", GPU, "memory"))] = rng.choice((0, 0, 1))
        pod_set: dict[str, Any] = {
            "name": name,
            "count": rng.choice((1, 1, 1, 2, 2, 3, 4, 6, 8)),
            "requests": requests,
        }
        if rng.random() < 0.15:
            pod_set["nodeSelector"] = self._selector()
        if self.odd and rng.random() < 0.2:
            pod_set["requiredAffinity"] = self._affinity()
        if rng.random() < 0.35:
            pod_set["tolerations"] = [self._toleration() for _ in range(rng.choice((1, 1, 2)))]
        return pod_set

    def _selector(self) -> dict[str, str]:
        rng = self.rng
        options = [{"zone": rng.choice("ab")}, {"type": rng.choice(self.flavors)["name"]}, {"unrelated": "q"}]
        if self.topology:
            options = [{"disk": rng.choice(("ssd", "hdd"))}, {"pool": rng.choice("ab")}, {RACK: "b0-r0"}]
        return rng.choice(options)

    def _affinity(self) -> list[list[dict[str, Any]]]:
        rng = self.rng
        terms = []
        for _ in range(rng.choice((1, 1, 2))):
            key = rng.choice(("zone", "type", "pool", "disk", "unrelated"))
            values = {"zone": ["a"], "type": [rng.choice(self.flavors)["name"]], "pool": ["a"], "disk": ["ssd"]}
            operator = rng.choice(("In", "NotIn", "Exists", "DoesNotExist"))
            requirement: dict[str, Any] = {"key": key, "operator": operator}
            if operator in ("In", "NotIn"):
                requirement["values"] = values.get(key, ["q"])
            terms.append([requirement])
        return terms

    def _toleration(self) -> dict[str, str]:
        rng = self.rng
        return dict(
            rng.choice(
                (
                    {"operator": "Exists"},
                    {"key": "spot", "operator": "Exists"},
                    {"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"},
                    {"key": "dedicated", "operator": "Equal", "value": "x"},
                    {"key": "spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"},
                    {"key": "maint", "operator": "Exists"},
                )
            )
        )

    def _ask_topology(self, pod_sets: list[dict[str, Any]], *, grouped: bool) -> None:
        rng = self.rng
        if grouped:
            pod_sets[rng.randrange(2)]["count"] = 1  # the leader
            request = {rng.choice(("required", "preferred")): rng.choice(self.levels), "podSetGroupName": "grp"}
            for each in pod_sets:
                each["topologyRequest"] = dict(request)
            return
        for each in pod_sets:
            if rng.random() < 0.9:
                each["topologyRequest"] = self._topology_request(each["count"])

    def _topology_request(self, count: int) -> dict[str, Any]:
        rng = self.rng
        kind = rng.choice(("required", "required", "preferred", "unconstrained", "slices"))
        if kind == "unconstrained":
            return {"unconstrained": True}
        place = rng.randrange(len(self.levels))
        if kind != "slices":
            return {kind: self.levels[place]}
        sizes = [size for size in (1, 2, 3, 4) if count % size == 0]
        lower = self.levels[rng.randrange(place, len(self.levels))]
        request: dict[str, Any] = {"podSetSliceRequiredTopology": lower, "podSetSliceSize": rng.choice(sizes)}
        outer = rng.choice(("required", "preferred", "unconstrained"))
        request[outer] = True if outer == "unconstrained" else self.levels[place]
        return request
