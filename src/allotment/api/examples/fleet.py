"""The platform of the examples as its directory declares it, and its training cluster as it was seen that morning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from allotment.api.examples.moments import NOW
from allotment.model.cluster import Cluster
from allotment.model.moments import rfc3339
from allotment.model.observed.snapshot import Asker, DeviceUse, Snapshot, Source
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.observe.gathering import Gathered
from allotment.observe.kinds import BY_KIND
from allotment.operations.fleet.joined import AnswerScope, DeclaredPlatform
from allotment.render.manifests import render
from allotment.spec.load import load_platform

CLUSTER: Final = "training-eastus"
FLAVOR: Final = "a100-on-demand"
NLP_FILE: Final = "teams/nlp.yaml"
_PLATFORM: Final = """\
kind: Platform
name: acme
currency: USD
adminGroups: [acme-platform-engineers]
---
kind: Prices
accelerators:
  a100: {on-demand: 3.00}
"""
_CLUSTER: Final = """\
kind: Cluster
name: training-eastus
purpose: training
region: eastus
provider: azure
nodePools:
  - name: cpu
    cpu: 92
    memory: 700Gi
    maxNodes: 2
  - name: a100-on-demand
    accelerator: a100
    acceleratorsPerNode: 8
    capacityType: on-demand
    cpu: 92
    memory: 1700Gi
    minNodes: 1
    maxNodes: 6
"""
_TEAM: Final = """\
kind: Team
name: {name}
costCenter: {cost_center}
groups:
  owners: [acme-{name}-leads]
  members: [acme-{name}]
placements:
  training-eastus:
    cpu: 64
    memory: 512Gi
    accelerators:
      a100-on-demand: {{nominal: {devices}, borrowingLimit: {borrows}}}
"""
FILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "platform.yaml": _PLATFORM,
        "clusters/training-eastus.yaml": _CLUSTER,
        "teams/cv.yaml": _TEAM.format(name="cv", cost_center="cc-4510", devices=12, borrows=6),
        NLP_FILE: _TEAM.format(name="nlp", cost_center="cc-4521", devices=12, borrows=6),
        "teams/recsys.yaml": _TEAM.format(name="recsys", cost_center="cc-4540", devices=8, borrows=4),
    }
)
"""The platform directory: a pool of 32 that three teams share, and two nodes that could come."""
_SEEN: Final = rfc3339(NOW)
_SINCE: Final = "2027-01-11T06:13:00Z"
_DECLARED: Final = "2026-12-01T08:00:00Z"
_LEFT_OUT: Final = frozenset({"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"})
"""Long, and no answer of these rests on them."""
_LASTS: Final = 8 * 3600
"""Seconds that a job of the examples runs at most."""
Body = dict[str, Any]


@cache
def platform() -> Platform:
    """What the directory declares."""
    return load_platform(SourceTree(FILES), NOW.date()).platform


@cache
def scope() -> AnswerScope:
    """What somebody sees who sees all of it."""
    return AnswerScope("", DeclaredPlatform(platform(), SourceTree(FILES)), (CLUSTER,), sees_all=True)


@cache
def snapshot() -> Snapshot:
    """The cluster: one team's job holds two nodes, another's holds a third and does nothing, and a third one waits."""
    declared = platform().cluster(CLUSTER)
    if declared is None:
        raise AssertionError(f"{CLUSTER} is declared above")
    gathered = Gathered()
    gathered.take_any([*_rendered(declared), *(_node(number) for number in range(4)), *_work()])
    source = Source(
        name=CLUSTER,
        observed_at=_SEEN,
        took=0.4,
        server="v1.36.3",
        objects=gathered.objects(),
        gaps=gathered.gaps,
        device_use=tuple(_idle(_name_of(2), "recsys/two-tower-0", each) for each in range(8)),
    )
    return Snapshot(taken_at=_SEEN, asker=Asker(user="lin@acme.example"), sources=(source,))


def _idle(node: str, pod: str, device: int) -> DeviceUse:
    return DeviceUse(node=node, device=f"{device}", pod=pod, busy=0.0, over=3600, idle_since=_SINCE)


def _rendered(declared: Cluster) -> Iterator[Body]:
    """What `allot apply` has made there, as the API server shows it."""
    for number, manifest in enumerate(render(platform(), declared)):
        body: Body = {**manifest.body}
        group, slash, _ = body["apiVersion"].partition("/")
        if (group if slash else "", body["kind"]) not in BY_KIND or body["kind"] in _LEFT_OUT:
            continue
        body["metadata"] = {**body["metadata"], "uid": f"rendered-{number}", "creationTimestamp": _DECLARED}
        if body["kind"] == "Namespace":
            own = {"kubernetes.io/metadata.name": body["metadata"]["name"]}
            body["metadata"]["labels"] = {**body["metadata"].get("labels", {}), **own}
        if body["kind"] in {"ClusterQueue", "LocalQueue"}:
            body["status"] = {"conditions": [_condition("Active", "True", "Ready", "Can admit new workloads")]}
        if body["kind"] == "ResourceQuota":
            hard = body["spec"]["hard"]
            body["status"] = {"hard": hard, "used": {**dict.fromkeys(hard, "0"), "pods": "2"}}
        yield body


def _name_of(node: int) -> str:
    return f"{FLAVOR}-{node}"


def _node(number: int) -> Body:
    size = {"cpu": "92", "memory": "1700Gi", "pods": "110", "nvidia.com/gpu": "8"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": _name_of(number),
            "uid": f"node-{number}",
            "creationTimestamp": _DECLARED,
            "labels": {
                "kubernetes.io/hostname": _name_of(number),
                "allotment.dev/pool": FLAVOR,
                "allotment.dev/accelerator": "a100",
                "allotment.dev/capacity-type": "on-demand",
            },
        },
        "spec": {"taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]},
        "status": {
            "allocatable": size,
            "capacity": size,
            "conditions": [_condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")],
        },
    }


def _work() -> Iterator[Body]:
    yield from _running("cv", "detector-v4", nodes=(0, 1))
    yield from _running("recsys", "two-tower", nodes=(2,))
    waiting = _job("nlp", "pretrain", pods=2)
    waiting["spec"]["suspend"] = True
    said = (
        "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor "
        "a100-on-demand, 8 more needed"
    )
    yield waiting
    yield _workload(waiting, {"conditions": [_condition("QuotaReserved", "False", "Pending", said)]})


def _running(team: str, name: str, *, nodes: tuple[int, ...]) -> Iterator[Body]:
    """A job with a pod on each of some nodes."""
    job = _job(team, name, pods=len(nodes))
    yield {**job, "status": {"active": len(nodes), "ready": len(nodes), "startTime": _SINCE}}
    usage = {"cpu": f"{8 * len(nodes)}", "memory": f"{64 * len(nodes)}Gi", "nvidia.com/gpu": f"{8 * len(nodes)}"}
    flavors = {"cpu": "cpu", "memory": "cpu", "nvidia.com/gpu": FLAVOR}
    given = {"name": "main", "count": len(nodes), "flavors": flavors, "resourceUsage": usage}
    reserved = f"Quota reserved in ClusterQueue {team}"
    conditions = [
        _condition("QuotaReserved", "True", "QuotaReserved", reserved),
        _condition("Admitted", "True", "Admitted", "The workload is admitted"),
    ]
    admission = {"clusterQueue": team, "podSetAssignments": [given]}
    yield _workload(job, {"admission": admission, "conditions": conditions})
    for number, node in enumerate(nodes):
        yield _pod(job, number, _name_of(node))


def _job(team: str, name: str, *, pods: int) -> Body:
    size = {"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "8"}
    image = f"registry.acme.example/{team}/{name}:v2"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": team,
            "uid": f"job-{team}-{name}",
            "creationTimestamp": _SINCE,
            "labels": {"kueue.x-k8s.io/queue-name": "default", "team": team, "environment": "staging"},
        },
        "spec": {
            "parallelism": pods,
            "completions": pods,
            "activeDeadlineSeconds": _LASTS,
            "template": {
                "metadata": {"labels": {"team": team}},
                "spec": {
                    "restartPolicy": "Never",
                    "priorityClassName": "exploratory",
                    "nodeSelector": {"allotment.dev/accelerator": "a100", "allotment.dev/capacity-type": "on-demand"},
                    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
                    "containers": [
                        {"name": "main", "image": image, "resources": {"requests": size, "limits": size}},
                    ],
                },
            },
        },
    }


def _owned(job: Body) -> Body:
    told = job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": told["name"], "uid": told["uid"], "controller": True}
    return {"namespace": told["namespace"], "creationTimestamp": told["creationTimestamp"], "ownerReferences": [owner]}


def _workload(job: Body, status: Body) -> Body:
    told, spec = job["metadata"], job["spec"]
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "Workload",
        "metadata": {**_owned(job), "name": f"job-{told['name']}", "uid": f"workload-{told['uid']}"},
        "spec": {
            "queueName": "default",
            "priority": 1000,
            "maximumExecutionTimeSeconds": _LASTS,
            "podSets": [{"name": "main", "count": spec["parallelism"], "template": spec["template"]}],
        },
        "status": status,
    }


def _pod(job: Body, number: int, node: str) -> Body:
    told, template = job["metadata"], job["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**_owned(job), "name": f"{told['name']}-{number}", "uid": f"pod-{told['uid']}-{number}"},
        "spec": {**template["spec"], "nodeName": node, "priority": 1000},
        "status": {
            "phase": "Running",
            "startTime": _SINCE,
            "conditions": [_condition("PodScheduled", "True"), _condition("Ready", "True")],
            "containerStatuses": [{"name": "main", "ready": True, "state": {"running": {"startedAt": _SINCE}}}],
        },
    }


def _condition(kind: str, status: str, reason: str = "", message: str = "") -> Body:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": _SINCE}
