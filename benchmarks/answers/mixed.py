"""A busy fleet of a given size as raw objects, always the same: what `why` and the counts are asked about.

Five kinds of nodes; a namespace and a ClusterQueue a team, in six cohorts that preempt by different rules; running work
that fills the quota; work that waits, each with three events; a twentieth of it waits for something odd.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from benchmarks.answers.fleet import TEAMS, Size

Raw = dict[str, Any]
NOW: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
GPU: Final = "nvidia.com/gpu"
_KUEUE: Final = "kueue.x-k8s.io/v1beta2"
_ODD: Final = 20
"""One in so many of those that wait is odd."""


@dataclass(frozen=True)
class Pool:
    """Nodes of one kind: their share of the fleet in percent, and what each has."""

    name: str
    product: str
    share: int
    gpus: int
    cpu: int
    memory: int


POOLS: Final = (
    Pool("h100", "NVIDIA-H100-80GB-HBM3", 30, 8, 192, 2000),
    Pool("a100", "NVIDIA-A100-SXM4-80GB", 30, 8, 128, 1000),
    Pool("l40s", "NVIDIA-L40S", 15, 4, 64, 512),
    Pool("t4", "Tesla-T4", 10, 1, 16, 64),
    Pool("cpu", "", 15, 0, 64, 256),
)
_PREEMPTION: Final[tuple[Raw, ...]] = (
    {},
    {"reclaimWithinCohort": "Any", "withinClusterQueue": "LowerPriority"},
    {"reclaimWithinCohort": "LowerPriority", "withinClusterQueue": "LowerPriority"},
    {"reclaimWithinCohort": "Any", "withinClusterQueue": "Never"},
    {"withinClusterQueue": "LowerOrNewerEqualPriority"},
    {
        "reclaimWithinCohort": "Any",
        "withinClusterQueue": "LowerPriority",
        "borrowWithinCohort": {"policy": "LowerPriority", "maxPriorityThreshold": 2},
    },
)
_PRIORITIES: Final = 5


def objects(size: Size) -> Iterator[Raw]:
    """All of them; `size.pods` run, `size.workloads` wait."""
    making = _Making(size)
    yield from _surroundings()
    yield from making.nodes()
    yield from making.running()
    yield from making.waiting()
    yield from making.queues()


def _surroundings() -> Iterator[Raw]:
    for number in range(_PRIORITIES):
        yield _object("scheduling.k8s.io/v1", "PriorityClass", f"rung-{number}", value=number)
        yield _object(_KUEUE, "WorkloadPriorityClass", f"rung-{number}", value=number)
    yield _object("storage.k8s.io/v1", "StorageClass", "fast", provisioner="csi.example")
    for team in map(_team, range(TEAMS)):
        yield _object("v1", "Namespace", team, labels={"team": team})
        yield _object("v1", "ServiceAccount", "default", team)
        most = {"type": "Container", "max": {"cpu": "64", GPU: "8"}, "defaultRequest": {"cpu": "1", "memory": "1Gi"}}
        yield _object("v1", "LimitRange", "bounds", team, spec={"limits": [most]})
        hard = {f"requests.{GPU}": "100000", "pods": "5000", "requests.cpu": "200k"}
        used = {f"requests.{GPU}": "500", "pods": "400", "requests.cpu": "5k"}
        yield _object("v1", "ResourceQuota", "team", team, spec={"hard": hard}, status={"hard": hard, "used": used})
        yield _object("v1", "ResourceQuota", "tight", team, spec={
            "hard": {"pods": "3"}, "scopes": ["BestEffort"]}, status={"hard": {"pods": "3"}, "used": {"pods": "0"}},
        )  # fmt: skip
    for pool in POOLS:
        labels = {"pool": pool.name}
        taints = [{"key": GPU, "value": "present", "effect": "NoSchedule"}] if pool.gpus else []
        yield _object(_KUEUE, "ResourceFlavor", pool.name, spec={"nodeLabels": labels, "nodeTaints": taints})


class _Making:
    def __init__(self, size: Size) -> None:
        self.size = size
        self.random = random.Random(11)
        self.used: dict[tuple[str, str, str], int] = {}
        self.places: dict[str, list[tuple[str, int]]] = {}
        self.events = 0

    def nodes(self) -> Iterator[Raw]:
        """Nodes with the labels that clouds and feature discovery write; some cordoned, some not ready."""
        for pool in POOLS:
            count = self.size.nodes * pool.share // 100
            rooms = self.places.setdefault(pool.name, [])
            for number in range(count):
                name = f"{pool.name}-{number}"
                broken = self.random.random()
                yield _node(pool, name, number, cordoned=broken < 0.01, ready=broken < 0.995)
                if 0.01 <= broken < 0.995:
                    rooms.append((name, pool.gpus))

    def running(self) -> Iterator[Raw]:
        """Admitted Jobs of one to sixteen pods on the nodes in turn, one in nine pods of no queue."""
        made = number = 0
        turns = dict.fromkeys(self.places, 0)
        while made < self.size.pods:
            number += 1
            pool = self.random.choices(POOLS, [each.share for each in POOLS])[0]
            gpus = self.random.choice([1, 1, 2, 4, pool.gpus]) if pool.gpus else 0
            gpus = min(gpus, pool.gpus)
            count = min(self.random.choice([1, 1, 2, 4, 8, 16]), self.size.pods - made)
            places = []
            for _ in range(count):
                place = self._place(pool, gpus, turns)
                if place:
                    places.append(place)
            if not places:
                gpus, pool = 0, POOLS[-1]
                rooms = self.places[pool.name]
                places = [rooms[(number + each) % len(rooms)][0] for each in range(count)]
            made += len(places)
            yield from self._running(number, pool, gpus, places)

    def _place(self, pool: Pool, gpus: int, turns: dict[str, int]) -> str:
        rooms = self.places[pool.name]
        for _ in range(8):
            at = turns[pool.name] % len(rooms)
            turns[pool.name] += 1
            name, free = rooms[at]
            if free >= gpus:
                rooms[at] = (name, free - gpus)
                return name
        return ""

    def _running(self, number: int, pool: Pool, gpus: int, places: list[str]) -> Iterator[Raw]:
        team, name = _team(number), f"run-{number}"
        spec = _pod_spec(gpus, pool)
        since = _time(self.random.randrange(3600, 500_000))
        queued = number % 9 != 0
        job = _job(team, name, spec, len(places), since, queued=queued, suspended=False)
        yield job
        if queued:
            amounts = {"cpu": 4 if gpus else 2, "memory": 16 << 30, **({GPU: gpus} if gpus else {})}
            for resource, amount in amounts.items():
                key = (team, pool.name, resource)
                self.used[key] = self.used.get(key, 0) + amount * len(places)
            workload = _workload(team, name, spec, len(places), number % _PRIORITIES, since, job)
            workload["status"] = {
                "conditions": [_condition("QuotaReserved", since), _condition("Admitted", since)],
                "admission": {"clusterQueue": team, "podSetAssignments": [{
                    "name": "main", "count": len(places), "flavors": dict.fromkeys(amounts, pool.name),
                    "resourceUsage": {each: str(amount * len(places)) for each, amount in amounts.items()}}]},
            }  # fmt: skip
            yield workload
        for each, node in enumerate(places):
            pod = _pod(job, f"{name}-{each}", {**spec, "nodeName": node}, since)
            pod["status"] = {"phase": "Running", "startTime": since, "conditions": [_condition("Ready", since)],
                             "containerStatuses": [{"name": "main", "ready": True, "restartCount": 0,
                                                    "state": {"running": {"startedAt": since}}}]}  # fmt: skip
            yield pod

    def waiting(self) -> Iterator[Raw]:
        """Jobs that wait in a queue, each with its Workload and three events."""
        for number in range(self.size.workloads):
            team, name = _team(self.random.randrange(TEAMS)), f"wait-{number}"
            since = _time(self.random.randrange(60, 90_000))
            made = self._odd(number, team, name, since) if number % _ODD == 0 else None
            for each in made or self._usual(number, team, name, since):
                yield each
                if each["kind"] in {"Job", "Pod"}:
                    yield from self._told(each)

    def _usual(self, number: int, team: str, name: str, since: str) -> Iterator[Raw]:
        pool = self.random.choices(POOLS, [each.share for each in POOLS])[0]
        gpus = self.random.choice([each for each in (1, 2, 4, 8) if each <= pool.gpus] or [0])
        selector = {"pool": pool.name} if number % 3 else {}
        spec = {**_pod_spec(gpus, pool), "nodeSelector": selector}
        count = self.random.choice([1, 1, 2, 4, 8])
        job = _job(team, name, spec, count, since, queued=True, suspended=True)
        workload = _workload(team, name, spec, count, self.random.randrange(_PRIORITIES), since, job)
        text = f"couldn't assign flavors to pod set main: insufficient unused quota for {GPU} in flavor {pool.name}"
        workload["status"] = {
            "conditions": [{**_condition("QuotaReserved", since, "False", "Pending"), "message": text}]
        }
        yield job
        yield workload

    def _odd(self, number: int, team: str, name: str, since: str) -> Iterator[Raw]:
        kinds: tuple[Callable[[str, str, str], Iterator[Raw]], ...] = (
            self._queue_missing, self._tainted, self._claim_missing, self._typo,
            self._too_large, self._no_image, self._pods_refused, self._out_of_range,
        )  # fmt: skip
        return kinds[number // _ODD % len(kinds)](team, name, since)

    def _queue_missing(self, team: str, name: str, since: str) -> Iterator[Raw]:
        spec = _pod_spec(1, POOLS[0])
        job = _job(team, name, spec, 1, since, queued=True, suspended=True)
        job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "defualt"
        workload = _workload(team, name, spec, 1, 0, since, job)
        workload["spec"]["queueName"] = "defualt"
        yield job
        yield workload

    def _unplaced(self, team: str, name: str, since: str, spec: Raw) -> Iterator[Raw]:
        job = _job(team, name, spec, 1, since, queued=False, suspended=False)
        yield job
        pod = _pod(job, f"{name}-0", spec, since)
        text = f"0/{self.size.nodes} nodes are available"
        why = {**_condition("PodScheduled", since, "False", "Unschedulable"), "message": text}
        pod["status"] = {"phase": "Pending", "conditions": [why]}
        yield pod

    def _tainted(self, team: str, name: str, since: str) -> Iterator[Raw]:
        spec = {**_pod_spec(0, POOLS[0]), "tolerations": [], "nodeSelector": {"pool": "t4"}}
        return self._unplaced(team, name, since, spec)

    def _claim_missing(self, team: str, name: str, since: str) -> Iterator[Raw]:
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": f"data-{name}"}}]
        return self._unplaced(team, name, since, {**_pod_spec(1, POOLS[2]), "volumes": volumes})

    def _typo(self, team: str, name: str, since: str) -> Iterator[Raw]:
        selector = {f"{GPU}.product": "NVIDIA-A100-SXM4-80BG"}
        return self._unplaced(team, name, since, {**_pod_spec(2, POOLS[1]), "nodeSelector": selector})

    def _too_large(self, team: str, name: str, since: str) -> Iterator[Raw]:
        spec = _pod_spec(8, POOLS[0])
        spec["containers"][0]["resources"]["requests"]["memory"] = "9000Gi"
        return self._unplaced(team, name, since, spec)

    def _no_image(self, team: str, name: str, since: str) -> Iterator[Raw]:
        spec = _pod_spec(0, POOLS[-1])
        job = _job(team, name, spec, 1, since, queued=False, suspended=False)
        yield job
        pod = _pod(job, f"{name}-0", {**spec, "nodeName": "cpu-1"}, since)
        waiting = {
            "reason": "ImagePullBackOff",
            "message": 'Back-off pulling image "registry.example/train:1": not found',
        }
        container = {"name": "main", "ready": False, "state": {"waiting": waiting}}
        pod["status"] = {"phase": "Pending", "conditions": [_condition("PodScheduled", since)]}
        pod["status"]["containerStatuses"] = [container]
        yield pod

    def _pods_refused(self, team: str, name: str, since: str) -> Iterator[Raw]:
        spec = _pod_spec(1, POOLS[1])
        spec["containers"][0]["resources"]["requests"]["cpu"] = "80"
        yield _job(team, name, spec, 1, since, queued=False, suspended=False)

    def _out_of_range(self, team: str, name: str, since: str) -> Iterator[Raw]:
        spec = _pod_spec(1, POOLS[1])
        spec["containers"][0]["resources"]["requests"]["cpu"] = "80"
        job = _job(team, name, spec, 1, since, queued=True, suspended=True)
        yield job
        yield _workload(team, name, spec, 1, 0, since, job)

    def _told(self, about: Raw) -> Iterator[Raw]:
        meta = about["metadata"]
        for reason in ("Suspended", "CreatedWorkload", "UpdatedWorkload"):
            self.events += 1
            event = _object("v1", "Event", f"{meta['name']}.{self.events}", meta["namespace"])
            event["involvedObject"] = {"kind": about["kind"], "name": meta["name"], "namespace": meta["namespace"],
                                       "uid": meta["uid"], "apiVersion": about["apiVersion"]}  # fmt: skip
            when = meta["creationTimestamp"]
            yield {**event, "reason": reason, "message": f"{reason}: {meta['name']}", "type": "Normal",
                   "firstTimestamp": when, "lastTimestamp": when, "count": 1}  # fmt: skip

    def queues(self) -> Iterator[Raw]:
        """Queues whose quota is what is used and a little more, so that little of what waits fits."""
        for number in range(len(_PREEMPTION)):
            yield _object(_KUEUE, "Cohort", f"division-{number}", spec={})
        for number in range(TEAMS):
            team, group = _team(number), number % len(_PREEMPTION)
            flavors = [
                {"name": pool.name, "resources": [
                    self._quota(team, pool, resource) for resource in ("cpu", "memory", GPU)]}
                for pool in POOLS
            ]  # fmt: skip
            spec = {
                "cohortName": f"division-{group}", "namespaceSelector": {}, "preemption": _PREEMPTION[group],
                "queueingStrategy": "StrictFIFO" if number % 10 == 0 else "BestEffortFIFO",
                "resourceGroups": [{"coveredResources": ["cpu", "memory", GPU], "flavors": flavors}],
            }  # fmt: skip
            active = {"conditions": [_condition("Active", _time(10**6))]}
            yield _object(_KUEUE, "ClusterQueue", team, spec=spec, status=active)
            yield _object(_KUEUE, "LocalQueue", "default", team, spec={"clusterQueue": team}, status=active)

    def _quota(self, team: str, pool: Pool, resource: str) -> Raw:
        used = self.used.get((team, pool.name, resource), 0)
        if resource == GPU:
            # A third of the teams use more than they own, and borrow it.
            nominal = used * 2 // 3 if int(team[5:]) % 3 == 0 else used + used // 16
            return {"name": resource, "nominalQuota": str(nominal)}
        if not pool.gpus:
            return {"name": resource, "nominalQuota": str(used + used // 16)}
        return {"name": resource, "nominalQuota": str(used * 2 + (1 << 40 if resource == "memory" else 500))}


def _node(pool: Pool, name: str, number: int, *, cordoned: bool, ready: bool) -> Raw:
    labels = {f"feature.node.kubernetes.io/cpu-{each}": "true" for each in range(20)}
    labels |= {"pool": pool.name, "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"zone-{number % 3}"}
    amounts = {"cpu": str(pool.cpu), "memory": f"{pool.memory}Gi", "pods": "110", "ephemeral-storage": "1Ti"}
    taints = []
    if pool.gpus:
        labels[f"{GPU}.product"] = pool.product
        amounts[GPU] = str(pool.gpus)
        taints.append({"key": GPU, "value": "present", "effect": "NoSchedule"})
    conditions = [_condition("Ready", _time(10**6), "True" if ready else "Unknown")]
    spec: Raw = {"taints": taints}
    if cordoned:
        spec["unschedulable"] = True
        taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    if not ready:
        taints.append({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"})
    status = {"capacity": amounts, "allocatable": amounts, "conditions": conditions}
    return _object("v1", "Node", name, labels=labels, spec=spec, status=status)


def _job(team: str, name: str, spec: Raw, count: int, since: str, *, queued: bool, suspended: bool) -> Raw:
    labels = {"kueue.x-k8s.io/queue-name": "default"} if queued else {}
    body = {"parallelism": count, "completions": count, "suspend": suspended,
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec}}  # fmt: skip
    return _object("batch/v1", "Job", name, team, labels=labels, since=since, spec=body, status={})


def _workload(team: str, name: str, spec: Raw, count: int, priority: int, since: str, job: Raw) -> Raw:
    body = {
        "queueName": "default", "priority": priority, "active": True,
        "podSets": [{"name": "main", "count": count, "template": {"spec": spec}}],
    }  # fmt: skip
    return _object(_KUEUE, "Workload", f"job-{name}", team, since=since, owner=job, spec=body)


def _pod(job: Raw, name: str, spec: Raw, since: str) -> Raw:
    team, labels = job["metadata"]["namespace"], {"app": job["metadata"]["name"]}
    return _object("v1", "Pod", name, team, labels=labels, since=since, owner=job, spec=spec)


def _pod_spec(gpus: int, pool: Pool) -> Raw:
    requests = {"cpu": "4" if gpus else "2", "memory": "16Gi", **({GPU: str(gpus)} if gpus else {})}
    limits = {GPU: str(gpus)} if gpus else {}
    container = {
        "name": "main", "image": "registry.example/train:1", "resources": {"requests": requests, "limits": limits}
    }  # fmt: skip
    tolerations = [{"key": GPU, "operator": "Exists"}] if pool.gpus else []
    return {"restartPolicy": "Never", "containers": [container], "tolerations": tolerations}


def _object(
    version: str, kind: str, name: str, namespace: str = "", *,
    labels: Raw | None = None, since: str = "", owner: Raw | None = None, **more: Any,
) -> Raw:  # fmt: skip
    meta: Raw = {"name": name, "uid": f"{kind}/{namespace}/{name}", "creationTimestamp": since or _time(10**6)}
    if namespace:
        meta["namespace"] = namespace
    if labels:
        meta["labels"] = dict(labels)
    if owner is not None:
        above = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
                 "uid": owner["metadata"]["uid"], "controller": True}  # fmt: skip
        meta["ownerReferences"] = [above]
    return {"apiVersion": version, "kind": kind, "metadata": meta, **more}


def _condition(kind: str, since: str, status: str = "True", reason: str = "Said") -> Raw:
    return {"type": kind, "status": status, "reason": reason, "lastTransitionTime": since}


def _time(ago: int) -> str:
    return (NOW - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _team(number: int) -> str:
    return f"team-{number % TEAMS}"
