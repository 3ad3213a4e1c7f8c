"""Write examples/snapshots/training-eastus.json: the reference platform's training cluster on a busy morning.

    python -m tools.write_example_snapshot

Namespaces, queues, quotas and classes are those that `allot render` makes of examples/acme; nodes, jobs and what became
of them are written here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from allotment.adapters.files.tree import read_tree
from allotment.model.observed.snapshot import Asker, Snapshot, Source
from allotment.observe.gathering import Gathered
from allotment.observe.kinds import BY_KIND
from allotment.observe.written import encode, unpacked
from allotment.render.manifests import render
from allotment.spec.load import load_platform

ROOT: Final = Path(__file__).parent.parent
FILE: Final = ROOT / "examples" / "snapshots" / "training-eastus.json"
CLUSTER: Final = "training-eastus"
NOW: Final = "2027-01-11T09:30:00Z"
_LONG: Final = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
"""Left out: they would be nine tenths of the file, and none of its answers rests on them."""
_REQUESTS: Final = {"cpu": "8", "memory": "64Gi"}
Body = dict[str, Any]


def snapshot() -> Snapshot:
    """The snapshot."""
    gathered = Gathered()
    gathered.take_any([*_rendered(), *_nodes(), *_work()])
    source = Source(
        name=CLUSTER, observed_at=NOW, took=0.4, server="v1.36.3", objects=gathered.objects(), gaps=gathered.gaps
    )
    return Snapshot(taken_at=NOW, asker=Asker(user="lin@acme.example", namespace="nlp"), sources=(source,))


def text() -> str:
    """The file's text: the snapshot's JSON, laid out to be read and compared."""
    return json.dumps(json.loads(unpacked(encode(snapshot()))), indent=1, ensure_ascii=False) + "\n"


def _rendered() -> Iterator[Body]:
    """What the platform directory says, as the API server would show it."""
    platform = load_platform(read_tree(ROOT / "examples" / "acme")).platform
    cluster = platform.cluster(CLUSTER)
    if cluster is None:
        raise SystemExit(f"examples/acme has no cluster {CLUSTER}")
    for number, manifest in enumerate(render(platform, cluster)):
        raw = json.loads(json.dumps(manifest.body))
        group, slash, _ = raw["apiVersion"].partition("/")
        if (group if slash else "", raw["kind"]) not in BY_KIND or raw["kind"] in _LONG:
            continue
        raw["metadata"] |= {"uid": f"rendered-{number}", "creationTimestamp": "2026-12-01T08:00:00Z"}
        if raw["kind"] in {"ClusterQueue", "LocalQueue"}:
            raw["status"] = {"conditions": [_condition("Active", "True", "Ready", "Can admit new workloads")]}
        if raw["kind"] == "Namespace":
            raw["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = raw["metadata"]["name"]
            raw["status"] = {"phase": "Active"}
        if raw["kind"] == "ResourceQuota":
            raw["status"] = {"hard": raw["spec"]["hard"], "used": dict.fromkeys(raw["spec"]["hard"], "0")}
        yield raw


def _nodes() -> Iterator[Body]:
    for pool, devices, number in (("a100-on-demand", 8, 5), ("cpu", 0, 1)):
        for at in range(number):
            yield _node(pool, f"{pool}-{at}", devices, cordoned=pool == "a100-on-demand" and at == 4)


def _node(pool: str, name: str, devices: int, *, cordoned: bool) -> Body:
    labels = {"kubernetes.io/hostname": name, "allotment.dev/pool": pool}
    size: Body = {"cpu": "92", "memory": "1700Gi", "pods": "110", "ephemeral-storage": "800Gi"}
    taints: list[Body] = []
    if devices:
        labels |= {"allotment.dev/accelerator": "a100", "allotment.dev/capacity-type": "on-demand"}
        size |= {"nvidia.com/gpu": str(devices)}
        taints = [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    if cordoned:
        taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": NOW})
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "uid": f"node-{name}",
            "labels": labels,
            "creationTimestamp": "2027-01-04T06:00:00Z",
        },
        "spec": {"taints": taints, **({"unschedulable": True} if cordoned else {})},
        "status": {
            "allocatable": size,
            "capacity": size,
            "conditions": [_condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")],
        },
    }


def _work() -> Iterator[Body]:
    """Two that run, and of those that wait one for each way to get it wrong."""
    yield from _running("cv", "detector-v4", gpus=8, pods=2, nodes=("a100-on-demand-0", "a100-on-demand-1"))
    yield from _running("recsys", "two-tower", gpus=8, pods=1, nodes=("a100-on-demand-2",))
    yield _job("nlp", "train-llm", queue="nlp-gpu", gpus=4, pods=1, hour=8)
    yield from _queued("nlp", "pretrain", gpus=8, pods=2)
    yield from _pulling("nlp", "summarise", node="a100-on-demand-3", image="registry.acme.example/nlp/summarise:v1.20")


def _job(  # noqa: PLR0913  a job is made of what its spec says
    team: str, name: str, *, queue: str, gpus: int, pods: int, hour: int, suspend: bool = True, image: str = ""
) -> Body:
    size = {**_REQUESTS, "nvidia.com/gpu": str(gpus)}
    container = {
        "name": "main",
        "image": image or f"registry.acme.example/{team}/{name}:v2",
        "resources": {"requests": size, "limits": size},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": team,
            "uid": f"job-{team}-{name}",
            "creationTimestamp": f"2027-01-11T{hour:02}:12:00Z",
            "labels": {
                "kueue.x-k8s.io/queue-name": queue,
                "team": team,
                "project": "assistant",
                "environment": "staging",
            },
        },
        "spec": {
            "parallelism": pods,
            "completions": pods,
            "suspend": suspend,
            "template": {
                "metadata": {"labels": {"team": team}},
                "spec": {
                    "restartPolicy": "Never",
                    "priorityClassName": "exploratory",
                    "nodeSelector": {"allotment.dev/accelerator": "a100", "allotment.dev/capacity-type": "on-demand"},
                    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
                    "containers": [container],
                },
            },
        },
    }


def _running(team: str, name: str, *, gpus: int, pods: int, nodes: tuple[str, ...]) -> Iterator[Body]:
    job = _job(team, name, queue="default", gpus=gpus, pods=pods, hour=6, suspend=False)
    yield job | {"status": {"active": pods, "ready": pods, "startTime": "2027-01-11T06:13:00Z"}}
    yield _workload(job, pods, gpus)
    for at, node in enumerate(nodes):
        state = {"running": {"startedAt": "2027-01-11T06:14:00Z"}}
        yield _pod(job, at, node, "Running", {"name": "main", "ready": True, "state": state})


def _queued(team: str, name: str, *, gpus: int, pods: int) -> Iterator[Body]:
    """A job that Kueue has looked at and that has to wait for quota."""
    job = _job(team, name, queue="default", gpus=gpus, pods=pods, hour=7)
    yield job
    said = (
        "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor "
        "a100-on-demand, 9 more needed, flavor a100-spot doesn't match node affinity, flavor h100-spot doesn't match "
        "node affinity"
    )
    pending = _workload(job, pods, gpus)
    pending["status"] = {"conditions": [_condition("QuotaReserved", "False", "Pending", said)]}
    yield pending


def _pulling(team: str, name: str, *, node: str, image: str) -> Iterator[Body]:
    """A pod on its node whose image is not there: it holds its GPU and does nothing."""
    job = _job(team, name, queue="default", gpus=1, pods=1, hour=9, suspend=False, image=image)
    yield job | {"status": {"active": 1, "startTime": "2027-01-11T09:12:30Z"}}
    yield _workload(job, 1, 1)
    said = f'Back-off pulling image "{image}": ErrImagePull: rpc error: code = NotFound desc = {image}: not found'
    state = {"waiting": {"reason": "ImagePullBackOff", "message": said}}
    yield _pod(job, 0, node, "Pending", {"name": "main", "image": image, "ready": False, "state": state})
    yield {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}-0.pull", "namespace": team, "creationTimestamp": "2027-01-11T09:29:00Z"},
        "involvedObject": {"kind": "Pod", "namespace": team, "name": f"{name}-0", "uid": f"pod-{team}-{name}-0"},
        "type": "Warning",
        "reason": "Failed",
        "message": f'Failed to pull image "{image}": rpc error: code = NotFound desc = {image}: not found',
        "count": 6,
        "firstTimestamp": "2027-01-11T09:13:00Z",
        "lastTimestamp": "2027-01-11T09:29:00Z",
    }


def _owned(job: Body) -> Body:
    meta = job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"], "controller": True}
    return {"namespace": meta["namespace"], "creationTimestamp": meta["creationTimestamp"], "ownerReferences": [owner]}


def _pod(job: Body, at: int, node: str, phase: str, container: Body) -> Body:
    meta, template = job["metadata"], job["spec"]["template"]
    name = f"{meta['name']}-{at}"
    ready = "True" if container["ready"] else "False"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **_owned(job),
            "name": name,
            "uid": f"pod-{meta['namespace']}-{name}",
            "labels": template["metadata"]["labels"],
        },
        "spec": {**template["spec"], "nodeName": node, "priority": 1000},
        "status": {
            "phase": phase,
            "startTime": job["status"]["startTime"] if "status" in job else meta["creationTimestamp"],
            "conditions": [
                _condition("PodScheduled", "True", "", ""),
                _condition("Ready", ready, "" if container["ready"] else "ContainersNotReady", ""),
            ],
            "containerStatuses": [container],
        },
    }


def _workload(job: Body, pods: int, gpus: int) -> Body:
    meta = job["metadata"]
    usage = {"cpu": f"{8 * pods}", "memory": f"{64 * pods}Gi", "nvidia.com/gpu": str(gpus * pods)}
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "Workload",
        "metadata": {
            **_owned(job),
            "name": f"job-{meta['name']}",
            "uid": f"workload-{meta['namespace']}-{meta['name']}",
        },
        "spec": {
            "queueName": meta["labels"]["kueue.x-k8s.io/queue-name"],
            "priority": 1000,
            "podSets": [{"name": "main", "count": pods, "template": job["spec"]["template"]}],
        },
        "status": {
            "admission": {
                "clusterQueue": meta["namespace"],
                "podSetAssignments": [
                    {
                        "name": "main",
                        "count": pods,
                        "flavors": dict.fromkeys(usage, "a100-on-demand"),
                        "resourceUsage": usage,
                    }
                ],
            },
            "conditions": [
                _condition(
                    "QuotaReserved", "True", "QuotaReserved", f"Quota reserved in ClusterQueue {meta['namespace']}"
                ),
                _condition("Admitted", "True", "Admitted", "The workload is admitted"),
            ],
        },
    }


def _condition(kind: str, status: str, reason: str, message: str) -> Body:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2027-01-11T06:13:00Z",
    }


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
