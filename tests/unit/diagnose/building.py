"""Raw objects from terse arguments, and the case that they make."""

from __future__ import annotations

from typing import Any

from allotment.diagnose.case import Case
from allotment.diagnose.subjects import find_case
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.observe.gathering import Gathered

Raw = dict[str, Any]
NOW = "2026-11-01T12:00:00Z"
EARLIER = "2026-11-01T11:00:00Z"
GPU = "nvidia.com/gpu"
TEAM = "team-a"


def node(name: str, gpus: int | None = 8, *, pool: str = "", taints: tuple[str, ...] = (), **further: Any) -> Raw:
    """A node with 32 CPU, 256 GiB and room for 110 pods; a taint is ``key=value:Effect``."""
    amounts = {"cpu": "32", "memory": "256Gi", "ephemeral-storage": "100Gi", "pods": "110"}
    if gpus is not None:
        amounts[GPU] = str(gpus)
    amounts |= further.pop("amounts", {})
    labels = {"kubernetes.io/hostname": name, **({"agentpool": pool} if pool else {}), **further.pop("labels", {})}
    conditions = [{"type": "Ready", "status": further.pop("ready", "True")}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": name, "labels": labels, "creationTimestamp": EARLIER},
        "spec": {"taints": [_taint(each) for each in taints], **further},
        "status": {"capacity": dict(amounts), "allocatable": amounts, "conditions": conditions},
    }


def _taint(text: str) -> Raw:
    pair, _, effect = text.rpartition(":")
    key, _, value = pair.partition("=")
    return {"key": key, "value": value, "effect": effect}


def pod_spec(gpus: int = 1, cpu: str = "1", **further: Any) -> Raw:
    """The spec of a pod with one container; `asks` are further resources, `ports` its ports."""
    asked = {"cpu": cpu, "memory": "1Gi", **({GPU: str(gpus)} if gpus else {}), **further.pop("asks", {})}
    container = {"name": "main", "image": "x:1", "resources": {"requests": asked, "limits": {}}}
    if "ports" in further:
        container["ports"] = further.pop("ports")
    return {"containers": [container], "restartPolicy": "Never", **further}


def pod(name: str, on: str = "", *, owner: Raw | None = None, namespace: str = TEAM, **spec: Any) -> Raw:
    """A pod that waits, or runs on a node."""
    labels = spec.pop("labels", {})
    status = spec.pop("status", {"phase": "Running" if on else "Pending", **({"startTime": EARLIER} if on else {})})
    extra = spec.pop("metadata", {})
    owners = [] if owner is None else [owned_by(owner)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": name,
            "labels": labels,
            "creationTimestamp": EARLIER,
            "ownerReferences": owners,
            **extra,
        },
        "spec": {**pod_spec(**spec), **({"nodeName": on} if on else {})},
        "status": status,
    }


def owned_by(owner: Raw) -> Raw:
    """A reference to a controller."""
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }


def job(name: str, pods: int = 1, *, namespace: str = TEAM, **spec: Any) -> Raw:
    """A Job that is not queued."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace, "uid": f"job-{name}", "creationTimestamp": EARLIER},
        "spec": {"parallelism": pods, "completions": pods, "template": {"spec": pod_spec(**spec)}},
    }


def waiting(name: str = "train", pods: int = 1, **spec: Any) -> list[Raw]:
    """A Job whose pods all wait."""
    above = job(name, pods, **{key: value for key, value in spec.items() if key not in {"labels", "status"}})
    return [above, *(pod(f"{name}-{number}", owner=above, **spec) for number in range(pods))]


def running(name: str, on: str, pods: int = 1, *, namespace: str = "team-b", **spec: Any) -> list[Raw]:
    """A Job of another team whose pods run on one node."""
    above = job(name, pods, namespace=namespace, **{k: v for k, v in spec.items() if k != "labels"})
    return [
        above,
        *(pod(f"{name}-{number}", on, owner=above, namespace=namespace, **spec) for number in range(pods)),
    ]


def case_of(objects: list[Raw], subject: str = "job/train", namespace: str = TEAM) -> Case:
    """The case of a subject among raw objects."""
    gathered = Gathered()
    gathered.take_any(objects)
    source = Source(name="test", observed_at=NOW, objects=gathered.objects(), gaps=gathered.gaps)
    return find_case(Snapshot(taken_at=NOW, sources=(source,)), subject, namespace)
