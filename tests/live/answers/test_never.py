"""`never` is what the real Kueue and kube-scheduler do on an emptied cluster: random jobs on random small platforms.

The jobs wait on a platform that others have filled, and `allot why` is asked of each. Then the platform is emptied, and
each job is sent alone: it is admitted and all its pods get nodes, or it was right to say never.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from typing import Final

import pytest
from click.testing import CliRunner

from allotment.adapters.sandbox.kwok import node_object
from allotment.cli.main import cli
from allotment.ports.sandboxes import RUN_FOR, FakeNode, Sandbox
from tests.live.answers.api import KUEUE, Api, Raw, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

GPU: Final = "nvidia.com/gpu"
SPACE: Final = "never"
JOBS: Final = 10
JOBS_BY_DAY: Final = 6
PLATFORMS: Final = 10
"""Of a night: a hundred jobs."""
SETTLES_WITHIN: Final = 60.0
LOOKED_AT_WITHIN: Final = 15.0
STAYS_FOR: Final = 2.0
"""Seconds for which a refusal must hold: Kueue looks again within one, and nothing else changes."""


@dataclass(frozen=True)
class Pool:
    """Nodes that are alike, and the flavor that covers them."""

    name: str
    nodes: tuple[FakeNode, ...]
    flavor: Raw


def pool(chance: random.Random, number: int) -> Pool:
    name = f"p{number}"
    tainted = chance.random() < 0.4
    taint = ("dedicated", name, "NoSchedule")
    amounts = {"cpu": chance.choice(["16", "32", "64"]), "memory": "256Gi", GPU: chance.choice(["2", "4", "8"])}
    nodes = tuple(
        FakeNode(f"{name}-{at}", {"pool": name}, (taint,) if tainted else (), amounts)
        for at in range(chance.choice([1, 1, 2, 3]))
    )
    spec: Raw = {"nodeLabels": {"pool": name}}
    if tainted and chance.random() < 0.6:
        spec["nodeTaints"] = [{"key": taint[0], "value": taint[1], "effect": taint[2]}]
    elif tainted and chance.random() < 0.5:
        spec["tolerations"] = [{"key": "dedicated", "operator": "Exists"}]
    return Pool(name, nodes, {"apiVersion": KUEUE, "kind": "ResourceFlavor", "metadata": {"name": name}, "spec": spec})


def quota(chance: random.Random, each: Pool) -> Raw:
    most = sum(int(node.allocatable[GPU]) for node in each.nodes)
    devices: Raw = {"name": GPU, "nominalQuota": chance.randint(0, most + 2)}
    if chance.random() < 0.3:
        devices["borrowingLimit"] = chance.randint(0, 4)
    if chance.random() < 0.3:
        devices["lendingLimit"] = chance.randint(0, devices["nominalQuota"])
    others = [{"name": "cpu", "nominalQuota": chance.choice([8, 40, 200])}, {"name": "memory", "nominalQuota": "900Gi"}]
    return {"name": each.name, "resources": [*others, devices]}


def queue(chance: random.Random, name: str, pools: list[Pool]) -> list[Raw]:
    chosen = chance.sample(pools, chance.randint(1, len(pools)))
    group = {"coveredResources": ["cpu", "memory", GPU], "flavors": [quota(chance, each) for each in chosen]}
    spec: Raw = {"cohortName": "all", "namespaceSelector": {}, "resourceGroups": [group]}
    local = {"metadata": {"name": name, "namespace": SPACE}, "spec": {"clusterQueue": name}}
    return [
        {"apiVersion": KUEUE, "kind": "ClusterQueue", "metadata": {"name": name}, "spec": spec},
        {"apiVersion": KUEUE, "kind": "LocalQueue", **local},
    ]


def job(name: str, into: str, pods: int, spec: Raw) -> Raw:
    meta: Raw = {"name": name, "namespace": SPACE}
    if into:
        meta["labels"] = {"kueue.x-k8s.io/queue-name": into}
    template = {"metadata": {"annotations": {RUN_FOR: "10h"}}, "spec": {"restartPolicy": "Never", **spec}}
    body = {"parallelism": pods, "completions": pods, "backoffLimit": 0, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": body}


def asks(cpu: str, gpus: int, memory: str = "1Gi") -> Raw:
    amounts: Raw = {"cpu": cpu, "memory": memory, **({GPU: str(gpus)} if gpus else {})}
    limits = {GPU: amounts[GPU]} if gpus else {}
    return {"containers": [{"name": "main", "image": "x:1", "resources": {"requests": amounts, "limits": limits}}]}


def random_job(chance: random.Random, number: int, pools: list[Pool]) -> Raw:
    spec = asks(chance.choice(["1", "2", "4", "16", "40"]), chance.choice([0, 1, 1, 2, 2, 3, 4, 5, 8, 9]))
    if chance.random() < 0.4:
        spec["nodeSelector"] = {"pool": chance.choice([*(each.name for each in pools), "p-a100"])}
    if chance.random() < 0.6:
        spec["tolerations"] = [{"key": "dedicated", "operator": "Exists"}]
    return job(f"job-{number}", chance.choice(["a", "b", "b", ""]), chance.choice([1, 1, 1, 2, 3, 4]), spec)


def fillers(pools: list[Pool], queues: list[Raw], *, quotas: bool) -> list[Raw]:
    """Pods that take all of every node; with `quotas` also jobs that take all of every queue."""
    found: list[Raw] = []
    for node in (node for each in pools for node in each.nodes):
        spec = {**asks(node.allocatable["cpu"], int(node.allocatable[GPU])), "nodeName": node.name}
        found.append(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"on-{node.name}", "namespace": SPACE},
                "spec": spec,
            }
        )
    if not quotas:
        return found
    for each in queues:
        for flavor in each["spec"]["resourceGroups"][0]["flavors"] if each["kind"] == "ClusterQueue" else ():
            amounts = {one["name"]: one["nominalQuota"] for one in flavor["resources"]}
            spec = asks(str(amounts["cpu"]), amounts[GPU], amounts["memory"])
            spec |= {"nodeSelector": {"pool": flavor["name"]}, "tolerations": [{"operator": "Exists"}]}
            name = each["metadata"]["name"]
            found.append(job(f"in-{name}-{flavor['name']}", name, 1, spec))
    return found


def condition(each: Raw, name: str) -> Raw:
    found = [one for one in each.get("status", {}).get("conditions", ()) if one["type"] == name]
    return found[0] if found else {}


def outcome(api: Api, sent: Raw) -> bool | None:
    """Whether all pods of a job have nodes; None while somebody has still to look."""
    name = sent["metadata"]["name"]
    if "labels" in sent["metadata"]:
        owned = [
            each
            for each in api.items(KUEUE, "Workload", SPACE)
            if each["metadata"]["ownerReferences"][0]["name"] == name
        ]
        reserved = condition(owned[0], "QuotaReserved") if owned else {}
        if reserved.get("status") != "True":
            return False if reserved else None
    pods = [
        each for each in api.items("v1", "Pod", SPACE) if each["metadata"].get("labels", {}).get("job-name") == name
    ]
    looked = [condition(each, "PodScheduled").get("status") for each in pods]
    if len(pods) < sent["spec"]["parallelism"] or None in looked:
        return None
    return all(each == "True" for each in looked)


def settled(api: Api, sent: Raw) -> bool:
    """The outcome once it has held for a while; what has its nodes keeps them."""
    ends = time.monotonic() + SETTLES_WITHIN
    since: float | None = None
    while time.monotonic() < ends:
        found = outcome(api, sent)
        if found:
            return True
        since = None if found is None else since or time.monotonic()
        if since is not None and time.monotonic() - since > STAYS_FOR:
            return False
        time.sleep(0.3)
    raise AssertionError(f"{sent['metadata']['name']} comes to no end")


def waiting(api: Api, jobs: list[Raw]) -> list[Raw]:
    """Those that wait: refused, or not even looked at, for one of their shape was refused before them."""
    ends = time.monotonic() + LOOKED_AT_WITHIN
    while time.monotonic() < ends and any(outcome(api, each) is None for each in jobs):
        time.sleep(0.5)
    time.sleep(STAYS_FOR)
    return [each for each in jobs if not outcome(api, each)]


def alone(api: Api, sent: Raw) -> bool:
    """Whether it starts with nobody else there."""
    api.make([sent])
    found = settled(api, sent)
    api.empty(SPACE)
    return found


def why(arena: Sandbox, name: str) -> Raw:
    words = ["why", f"job/{name}", "-n", SPACE, "-o", "json", "--kubeconfig", str(arena.kubeconfig)]
    result = CliRunner().invoke(cli, words, prog_name="allot", catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: Raw = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("seed", [pytest.param(each, marks=pytest.mark.nightly) for each in range(PLATFORMS + 1)])
def test_never_is_what_an_emptied_cluster_refuses(seed: int, bare: Sandbox, on: Api) -> None:
    chance = random.Random(seed)
    pools = [pool(chance, number) for number in range(chance.choice([2, 3]))]
    queues = [each for name in ("a", "b") for each in queue(chance, name, pools)]
    jobs = [random_job(chance, number, pools) for number in range(JOBS if seed else JOBS_BY_DAY)]
    nodes = [node_object(node) for each in pools for node in each.nodes]
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    on.make([space, *nodes, *(each.flavor for each in pools), *queues])
    until("a service account", lambda: on.items("v1", "ServiceAccount", SPACE))

    # Full nodes alone leave quota free: then some wait for Kueue, and some for kube-scheduler.
    on.make(fillers(pools, queues, quotas=seed % 2 == 0))
    time.sleep(STAYS_FOR)
    on.make(jobs)
    wait = waiting(on, jobs)
    said = {each["metadata"]["name"]: why(bare, each["metadata"]["name"]) for each in wait}
    on.empty(SPACE)

    wrong = []
    refused = 0
    for each in wait:
        name = each["metadata"]["name"]
        never = bool((said[name]["start"] or {}).get("never"))
        starts = alone(on, each)
        refused += not starts
        if never is starts:
            told = (
                f"{name} {'starts' if starts else 'is refused'} alone: {said[name]['cause']}: {said[name]['summary']}"
            )
            wrong.append(f"{told}\n  {json.dumps(each['spec'])}")
    assert not wrong, "\n".join(wrong)
    assert len(wait) >= len(jobs) - 2, "the platform is full"
    assert 0 < refused < len(wait), "some can never start, and some can"
