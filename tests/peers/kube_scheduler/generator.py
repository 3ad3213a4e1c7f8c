"""Random placement scenarios, dense in what can interact: few label values, small nodes, many rules.

Each scenario draws a theme, which says how likely each feature is; so there are scenarios about one plugin and
scenarios where all of them meet. Everything is a function of the seed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"
RACK = "rack"
TOPOLOGIES = (ZONE, ZONE, HOSTNAME, HOSTNAME, RACK, REGION, "disk")
GPU = "nvidia.com/gpu"
MIG = "nvidia.com/mig-1g.10gb"
EXTENDED = (GPU, GPU, GPU, MIG, "rdma/hca", "amd.com/gpu")
NAMESPACES = ("default", "default", "default", "other", "lab")
TAINTS = ("dedicated", "nvidia.com/gpu", "spot", "node.kubernetes.io/unschedulable", "node.kubernetes.io/not-ready")
EFFECTS = ("NoSchedule", "NoSchedule", "PreferNoSchedule", "PreferNoSchedule", "NoExecute")
PRIORITIES = (-100, 0, 0, 0, 10, 100, 1000, 1000, 2_000_000_000)
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
START = 1_699_900_000


@dataclass(frozen=True, slots=True)
class Theme:
    """How likely a pod (or node) has each feature."""

    name: str
    nodes: tuple[int, int] = (1, 12)
    crowd: float = 0.5
    taints: float = 0.05
    cordons: float = 0.03
    node_affinity: float = 0.05
    pod_affinity: float = 0.03
    spread: float = 0.03
    ports: float = 0.02
    extended: float = 0.3
    images: float = 0.0
    priorities: float = 0.0
    budgets: float = 0.0
    claims: float = 0.0
    nominated: float = 0.0


_QUIET = Theme("fit")
THEMES = (
    _QUIET,
    replace(_QUIET, name="taints", taints=0.7, cordons=0.15),
    replace(_QUIET, name="node affinity", node_affinity=0.8, taints=0.1),
    replace(_QUIET, name="pod affinity", pod_affinity=0.6, crowd=0.3),
    replace(_QUIET, name="spread", spread=0.8, taints=0.2, node_affinity=0.2, crowd=0.3),
    replace(_QUIET, name="ports", ports=0.6),
    replace(_QUIET, name="images", images=0.8, crowd=0.2),
    replace(_QUIET, name="preemption", priorities=1.0, crowd=1.0),
    replace(_QUIET, name="budgets", priorities=1.0, crowd=1.0, budgets=1.0),
    replace(_QUIET, name="preemption and rules", priorities=1.0, crowd=0.9, pod_affinity=0.3, spread=0.3, ports=0.2),
    Theme(
        "everything", (1, 15), 0.7, 0.3, 0.08, 0.3, 0.25, 0.25, 0.15, 0.4, 0.2, 0.8, 0.5, 0.0,
    ),
    replace(_QUIET, name="nominated", priorities=1.0, pod_affinity=0.2, spread=0.2, ports=0.15, nominated=1.0),
    Theme("claims", (1, 5), claims=0.5, taints=0.2, node_affinity=0.2, spread=0.1, priorities=0.5),
    Theme("midsize", nodes=(30, 99), crowd=0.8, taints=0.2, spread=0.15, pod_affinity=0.1, priorities=0.4),
)  # fmt: skip
LARGE = (
    replace(_QUIET, name="large", nodes=(100, 320), taints=0.2, node_affinity=0.3),
    # With 100 candidates for preemption or more the scheduler looks at some of them at random; here there are fewer.
    replace(_QUIET, name="large preemption", nodes=(100, 125), taints=0.4, priorities=1.0, crowd=0.9, budgets=0.5),
    replace(_QUIET, name="large rules", nodes=(100, 260), spread=0.3, pod_affinity=0.2, taints=0.2, ports=0.1),
)
"""Clusters in which the scheduler stops its search early."""


class Generator:
    """Draws one scenario."""

    def __init__(self, seed: int, theme: Theme) -> None:
        self._chance = random.Random(seed)
        self._seed = seed
        self.theme = theme
        self._names: list[str] = []
        self._taken: dict[str, set[int]] = {}

    def _maybe(self, probability: float) -> bool:
        return self._chance.random() < probability

    def scenario(self) -> Json:
        chance, theme = self._chance, self.theme
        count = chance.randint(*theme.nodes)
        self._names = [f"n{i:02d}" for i in range(count)]
        nodes = [self._node(i) for i in range(count)]
        if self._maybe(0.15):
            chance.shuffle(nodes)
        result: Json = {
            "id": f"{theme.name.replace(' ', '-')}-{self._seed}",
            "class": theme.name,
            "nodes": nodes,
            "existing": self._existing(nodes),
            "pods": [self._pod(f"p{i:02d}") for i in range(chance.randint(1, 10 if count < 30 else 30))],
        }
        if theme.claims:
            result["pvcs"] = [
                {"name": "slow", "storageClassName": "immediate"}, {"name": "classless", "storageClassName": ""},
            ]  # fmt: skip
            result["storage_classes_immediate"] = ["immediate"]
        if self._maybe(theme.nominated):
            result["nominated"] = [self._nominee(i) for i in range(chance.randint(1, 4))]
        if self._maybe(theme.budgets):
            result["pdbs"] = [self._budget(i) for i in range(chance.randint(1, 4))]
        if self._maybe(0.4):
            result["namespaces"] = {"other": {"team": "x"}, "lab": {"team": chance.choice("xy"), "tier": "test"}}
        return result

    # Nodes

    def _node(self, index: int) -> Json:
        chance = self._chance
        node: Json = {"name": self._names[index], "labels": self._node_labels(index), "allocatable": self._capacity()}
        if self._maybe(self.theme.taints):
            node["taints"] = [self._taint() for _ in range(chance.randint(1, 3))]
        if self._maybe(self.theme.cordons):
            node["unschedulable"] = True
        if self.theme.images and self._maybe(0.8):
            node["images"] = {
                image: chance.choice((10, 30, 200, 900, 1500, 4000)) * 1024 * 1024 + chance.randrange(999)
                for image in chance.sample(IMAGES, k=chance.randint(1, 4))
            }
        return node

    def _node_labels(self, index: int) -> dict[str, str]:
        chance = self._chance
        labels: dict[str, str] = {}
        if self._maybe(0.95):
            labels[HOSTNAME] = self._names[index] if self._maybe(0.97) else self._names[0]
        if self._maybe(0.85):
            labels[ZONE] = f"z{chance.randrange(3)}"
        if self._maybe(0.3):
            labels[REGION] = f"r{chance.randrange(2)}"
        if self._maybe(0.6):
            labels[RACK] = chance.choice(("a", "b", "c", ""))
        if self._maybe(0.5):
            labels["disk"] = chance.choice(("ssd", "hdd"))
        if self._maybe(0.5):
            labels["gen"] = chance.choice(("1", "2", "3", "10", "-4", "+2", "x", "", "007", "99999999999999999999"))
        return labels

    def _capacity(self) -> dict[str, int]:
        chance = self._chance
        allocatable = {
            "cpu": chance.choice((0, 900, 1000, 4000, 4000, 7910, 8000, 16000, 31850)),
            "memory": chance.choice((0, 777, 1024, 4096, 8192, 15999, 32768, 250873)),
            "pods": chance.choice((2, 3, 5, 10, 110, 110, 110)),
        }
        if self._maybe(0.04):
            del allocatable[chance.choice(list(allocatable))]
        if self._maybe(0.3):
            allocatable["ephemeral-storage"] = chance.choice((0, 10240, 102400))
        for resource in chance.sample(EXTENDED, k=chance.choice((0, 0, 1, 2))):
            allocatable[resource] = chance.choice((0, 1, 2, 4, 8))
        return allocatable

    def _taint(self) -> Json:
        taint = {"key": self._chance.choice(TAINTS), "effect": self._chance.choice(EFFECTS)}
        if self._maybe(0.5):
            taint["value"] = self._chance.choice(("a", "b"))
        return taint

    # Pods

    def _existing(self, nodes: list[Json]) -> list[Json]:
        pods = []
        for node in nodes:
            free = dict(node["allocatable"])
            for _ in range(self._chance.randint(0, round(2 + 8 * self.theme.crowd))):
                if not self._maybe(0.4 + 0.6 * self.theme.crowd):
                    continue
                pod = self._running(f"e{len(pods):03d}", node["name"], free)
                pods.append(pod)
        starts = self._chance.sample(range(START, START + 100_000), k=len(pods))
        for pod, start in zip(pods, starts, strict=True):
            pod["start"] = start
        return pods

    def _running(self, name: str, node: str, free: dict[str, int]) -> Json:
        chance = self._chance
        pod: Json = {"name": name, "node": node, **self._identity()}
        full = chance.random() < self.theme.crowd
        requests = self._requests()
        over = self._maybe(0.03)
        for resource, left in list(free.items()):
            if resource == "pods" or (resource not in requests and not (full and self._maybe(0.5))):
                continue
            wanted = requests.get(resource, 0)
            share = max(left // chance.choice((1, 2, 3, 4, 6)), 0)
            requests[resource] = wanted if over else min(max(wanted, share), max(left, 0))
            free[resource] = left - requests[resource]
        pod["requests"] = requests if over else {r: a for r, a in requests.items() if r in free}
        self._pod_rules(pod, 0.6)
        # One holder for a port on a node: the scheduler never lets two have it.
        taken = self._taken.setdefault(node, set())
        ports = self._ports() if self._maybe(self.theme.ports) else []
        numbers = {p if isinstance(p, int) else p["port"] for p in ports}
        if numbers and not numbers & taken:
            taken |= numbers
            pod["hostPorts"] = ports
        return pod

    def _identity(self) -> Json:
        chance = self._chance
        pod: Json = {}
        labels = {}
        if self._maybe(0.85):
            labels["app"] = chance.choice(("web", "db", "train"))
        if self._maybe(0.4):
            labels["team"] = chance.choice(("x", "y"))
        if labels or self._maybe(0.5):
            pod["labels"] = labels
        namespace = chance.choice(NAMESPACES)
        if namespace != "default":
            pod["namespace"] = namespace
        if self._maybe(self.theme.priorities):
            pod["priority"] = chance.choice(PRIORITIES)
        return pod

    def _requests(self) -> dict[str, int]:
        chance = self._chance
        requests: dict[str, int] = {}
        if self._maybe(0.8):
            requests["cpu"] = chance.choice((0, 1, 100, 250, 500, 1000, 2000, 3999, 4000, 8000))
        if self._maybe(0.8):
            requests["memory"] = chance.choice((0, 1, 64, 200, 512, 1000, 2048, 4096, 9000))
        if self._maybe(0.1):
            requests["ephemeral-storage"] = chance.choice((0, 1024, 50000))
        if self._maybe(self.theme.extended):
            for resource in chance.sample(EXTENDED, k=chance.choice((1, 1, 1, 2))):
                requests[resource] = chance.choice((0, 1, 1, 2, 4, 9))
        return requests

    def _pod(self, name: str) -> Json:
        chance, theme = self._chance, self.theme
        pod: Json = {"name": name, **self._identity(), "requests": self._requests()}
        if self._maybe(theme.priorities):
            pod["priority"] = chance.choice(PRIORITIES)
            if self._maybe(0.12):
                pod["preemptionPolicy"] = "Never"
        if self._maybe(theme.taints):
            pod["tolerations"] = [self._toleration() for _ in range(chance.randint(1, 3))]
        self._node_rules(pod)
        self._pod_rules(pod, 1.0)
        if self._maybe(theme.spread):
            pod["topologySpreadConstraints"] = [self._constraint() for _ in range(chance.choice((1, 1, 2, 3)))]
        if self._maybe(theme.ports):
            pod["hostPorts"] = self._ports()
        if self._maybe(theme.images):
            pod["images"] = [chance.choice((*IMAGES, "unknown:1")) for _ in range(chance.randint(1, 3))]
        if self._maybe(theme.claims):
            pod["pvc"] = chance.choice(("slow", "classless", "missing"))
        return pod

    def _nominee(self, index: int) -> Json:
        waiting = self._pod(f"w{index}")
        return {**waiting, "nominatedNodeName": self._chance.choice(self._names), "start": START + 200_000 + index}

    def _toleration(self) -> Json:
        chance = self._chance
        toleration: Json = {"operator": chance.choice(("Exists", "Equal"))}
        if toleration["operator"] == "Equal" or self._maybe(0.85):
            toleration["key"] = chance.choice(TAINTS)
        if toleration["operator"] == "Equal":
            toleration["value"] = chance.choice(("a", "b", ""))
            if self._maybe(0.3):
                del toleration["operator"]
        if self._maybe(0.6):
            toleration["effect"] = chance.choice(EFFECTS)
        return toleration

    def _ports(self) -> list[Any]:
        chance = self._chance
        ports: list[Any] = []
        for _ in range(chance.choice((1, 1, 2))):
            port = chance.choice((80, 443, 8080))
            if self._maybe(0.6):
                ports.append(port)
                continue
            described: Json = {"port": port}
            if self._maybe(0.5):
                described["protocol"] = chance.choice(("TCP", "UDP"))
            if self._maybe(0.6):
                described["hostIP"] = chance.choice(("0.0.0.0", "10.0.0.1", "10.0.0.2"))
            ports.append(described)
        return ports

    def _node_rules(self, pod: Json) -> None:
        chance, likely = self._chance, self.theme.node_affinity
        if self._maybe(likely * 0.5):
            pod["nodeSelector"] = dict(
                chance.sample([(ZONE, "z0"), ("disk", "ssd"), (RACK, "a"), (RACK, ""), ("gen", "2")], 1)
            )
        rules: Json = {}
        if self._maybe(likely * 0.6):
            terms = [self._node_term() for _ in range(chance.choice((1, 1, 2, 3)))]
            rules[REQUIRED] = {"nodeSelectorTerms": terms}
        if self._maybe(likely * 0.6):
            rules[PREFERRED] = [
                {"weight": chance.choice((1, 7, 50, 100)), "preference": self._node_term()}
                for _ in range(chance.choice((1, 2, 3)))
            ]
        if rules:
            pod.setdefault("affinity", {})["nodeAffinity"] = rules

    def _node_term(self) -> Json:
        chance = self._chance
        term: Json = {}
        if self._maybe(0.9):
            term["matchExpressions"] = [self._node_requirement() for _ in range(chance.choice((1, 1, 2)))]
        if self._maybe(0.3):
            term["matchFields"] = [
                {
                    "key": "metadata.name",
                    "operator": chance.choice(("In", "In", "In", "NotIn")),
                    "values": [chance.choice([*self._names, "gone"])],
                }
                for _ in range(chance.choice((1, 1, 1, 2)))
            ]
        return term

    def _node_requirement(self) -> Json:
        chance = self._chance
        operator = chance.choice(("In", "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"))
        if operator in {"Gt", "Lt"}:
            return {"key": "gen", "operator": operator, "values": [chance.choice(("0", "2", "9", "007"))]}
        key, values = chance.choice(
            ((ZONE, ("z0", "z1", "z2")), ("disk", ("ssd", "hdd")), (RACK, ("a", "b", "")), ("gen", ("1", "2", "x")))
        )
        found: Json = {"key": key, "operator": operator}
        if operator in {"In", "NotIn"}:
            found["values"] = chance.sample(values, k=chance.randint(1, len(values)))
        return found

    def _selector(self) -> Json | None:
        chance = self._chance
        kind = chance.random()
        if kind < 0.05:
            return None
        if kind < 0.12:
            return {}
        selector: Json = {}
        if kind < 0.75:
            selector["matchLabels"] = {"app": chance.choice(("web", "db", "train"))}
        if kind > 0.65:
            key, values = chance.choice((("app", ("web", "db", "train")), ("team", ("x", "y"))))
            requirement: Json = {"key": key, "operator": chance.choice(("In", "NotIn", "Exists", "DoesNotExist"))}
            if requirement["operator"] in {"In", "NotIn"}:
                requirement["values"] = chance.sample(values, k=chance.randint(1, len(values)))
            selector["matchExpressions"] = [requirement]
        return selector

    def _affinity_term(self) -> Json:
        chance = self._chance
        term: Json = {"topologyKey": chance.choice(TOPOLOGIES)}
        selector = self._selector()
        if selector is not None:
            term["labelSelector"] = selector
        if self._maybe(0.15):
            term["namespaces"] = chance.sample(("default", "other", "lab"), k=chance.randint(1, 2))
        if self._maybe(0.12):
            term["namespaceSelector"] = chance.choice(
                ({}, {"matchLabels": {"team": "x"}}, {"matchLabels": {"kubernetes.io/metadata.name": "other"}},
                 {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]})
            )  # fmt: skip
        return term

    def _pod_rules(self, pod: Json, factor: float) -> None:
        chance, likely = self._chance, self.theme.pod_affinity * factor
        for kind in ("podAffinity", "podAntiAffinity"):
            rules: Json = {}
            if self._maybe(likely * 0.6):
                rules[REQUIRED] = [self._affinity_term() for _ in range(chance.choice((1, 1, 2)))]
            if self._maybe(likely * 0.6):
                rules[PREFERRED] = [
                    {"weight": chance.choice((1, 3, 50, 100)), "podAffinityTerm": self._affinity_term()}
                    for _ in range(chance.choice((1, 1, 2)))
                ]
            if rules:
                pod.setdefault("affinity", {})[kind] = rules

    def _constraint(self) -> Json:
        chance = self._chance
        constraint: Json = {
            "topologyKey": chance.choice(TOPOLOGIES),
            "maxSkew": chance.choice((1, 1, 1, 2, 3)),
            "whenUnsatisfiable": chance.choice(("DoNotSchedule", "ScheduleAnyway")),
        }
        selector = self._selector()
        if selector is not None:
            constraint["labelSelector"] = selector
        if constraint["whenUnsatisfiable"] == "DoNotSchedule" and self._maybe(0.2):
            constraint["minDomains"] = chance.randint(1, 6)
        if self._maybe(0.2):
            constraint["nodeAffinityPolicy"] = chance.choice(("Honor", "Ignore"))
        if self._maybe(0.2):
            constraint["nodeTaintsPolicy"] = chance.choice(("Honor", "Ignore"))
        if selector is not None and self._maybe(0.2):
            constraint["matchLabelKeys"] = chance.sample(("app", "team", "none"), k=chance.randint(1, 2))
        return constraint

    def _budget(self, index: int) -> Json:
        budget: Json = {"name": f"b{index}", "disruptionsAllowed": self._chance.choice((0, 0, 1, 2, 5))}
        selector = self._selector()
        if selector is not None:
            budget["selector"] = selector
        if self._maybe(0.2):
            budget["namespace"] = self._chance.choice(("other", "lab"))
        return budget


IMAGES = ("registry/a:1", "registry/b:2", "registry/c", "registry/d:4", "registry/e:latest")


def scenario(seed: int, themes: tuple[Theme, ...] = THEMES) -> Json:
    """The scenario of a seed; themes take turns."""
    return Generator(seed, themes[seed % len(themes)]).scenario()


GANG_THEMES = tuple(replace(t, priorities=0.0) for t in THEMES if t.name in {"fit", "taints", "pod affinity", "spread"})


def gang_scenario(seed: int) -> Json:
    """A scenario whose pods form gangs; nobody preempts, so that a gang either fits or does not."""
    chance = random.Random(seed)
    result = Generator(seed, GANG_THEMES[seed % len(GANG_THEMES)]).scenario()
    pods: list[Json] = []
    gangs: list[Json] = []
    for index, pattern in enumerate(result["pods"][:4]):
        pattern.pop("namespace", None)
        others = result["pods"] if chance.random() < 0.5 else [pattern]
        members = []
        for i in range(chance.randint(1, 6)):
            copied = dict(chance.choice(others))
            copied.pop("namespace", None)
            # In 1.36 members do not see the terms of members placed before them in the same cycle; ours do.
            if "affinity" in copied:
                copied["affinity"] = {k: v for k, v in copied["affinity"].items() if k == "nodeAffinity"}
            members.append({**copied, "name": f"g{index}-{i}", "preemptionPolicy": "Never"})
            if chance.random() < 0.3:
                members[-1]["priority"] = chance.choice(PRIORITIES)
        pods += members
        names = [m["name"] for m in members]
        gangs.append({"name": f"g{index}", "minCount": chance.randint(1, len(members)), "pods": names})
    return {**result, "id": f"gangs-{seed}", "pods": pods, "gangs": gangs}


def even_scenario(seed: int) -> Json:
    """Equal nodes with equal victims, so that candidates for preemption tie; start times differ on a node only."""
    chance = random.Random(seed)
    size = chance.choice((1000, 4000))
    slots = chance.randint(1, 4)
    names = [f"n{i:02d}" for i in range(chance.randint(2, 30))]
    nodes = [
        {"name": n, "labels": {HOSTNAME: n}, "allocatable": {"cpu": size, "memory": size, "pods": 9}} for n in names
    ]
    ranks = chance.sample((-100, 0, 10, 100), k=chance.choice((1, 1, 2)))
    labels = [{"app": "web"}, {"app": "db"}]
    existing = [
        {
            "name": f"e{i}-{slot}",
            "node": name,
            "start": START + 100 * slot + chance.choice((0, 0, 0, 50)),
            "priority": chance.choice(ranks),
            "labels": chance.choice(labels),
            "requests": {"cpu": size // slots, "memory": size // slots},
        }
        for i, name in enumerate(names)
        for slot in range(slots)
    ]
    pods = [
        {
            "name": f"p{i}",
            "priority": chance.choice((100, 1000, 1000)),
            "requests": {"cpu": size // chance.choice((slots, 2, 1)), "memory": chance.choice((0, size // slots))},
        }
        for i in range(chance.randint(1, 8))
    ]
    budgets = [
        {"name": "b", "selector": {"matchLabels": {"app": "db"}}, "disruptionsAllowed": chance.choice((0, 1, 3))}
    ]
    return {
        "id": f"even-{seed}",
        "class": "even",
        "nodes": nodes,
        "existing": existing,
        "pods": pods,
        "pdbs": budgets if chance.random() < 0.4 else [],
    }


def wordy_scenario(seed: int) -> Json:
    """Refusals whose text is cut at the limit of an event, and clusters without a node."""
    chance = random.Random(seed)
    kinds = [f"example.com/{'very-' * chance.randint(1, 9)}special-device-{i}" for i in range(chance.randint(10, 30))]
    nodes = [
        {
            "name": f"n{i}",
            "allocatable": {"cpu": 1000, "memory": 1000, "pods": chance.choice((0, 9)), **dict.fromkeys(kinds, i % 3)},
            "taints": [{"key": "k", "effect": "NoSchedule"}] if chance.random() < 0.2 else [],
        }
        for i in range(chance.choice((0, 1, 3, 12)))
    ]
    pods = [
        {
            "name": f"p{i}",
            "priority": chance.choice((0, 100)),
            "requests": {kind: chance.randint(0, 3) for kind in kinds if chance.random() < 0.9},
        }
        for i in range(3)
    ]
    existing = [
        {"name": f"e{n['name']}", "node": n["name"], "start": START + i, "requests": dict.fromkeys(kinds[:3], 1)}
        for i, n in enumerate(nodes)
        if n["allocatable"]["pods"] and i % 3
    ]
    return {"id": f"wordy-{seed}", "class": "wordy", "nodes": nodes, "existing": existing, "pods": pods}
