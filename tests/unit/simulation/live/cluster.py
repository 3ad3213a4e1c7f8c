"""A small cluster of two queues in one cohort, as Kueue and its Jobs would show it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from allotment.model.observed.snapshot import Snapshot, Source
from allotment.observe.gathering import Gathered

NOW = dt.datetime(2027, 1, 11, 12, tzinfo=dt.UTC)
GPU = "nvidia.com/gpu"
KUEUE = "kueue.x-k8s.io/v1beta2"


def ago(minutes: float) -> str:
    return (NOW - dt.timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def queue(name: str, gpus: int, *, cohort: str = "", **spec: Any) -> list[dict[str, Any]]:
    quota = {"name": "a100", "resources": [{"name": GPU, "nominalQuota": str(gpus)}]}
    group = {"coveredResources": [GPU], "flavors": [quota]}
    body = {"cohortName": cohort, "namespaceSelector": {}, "resourceGroups": [group], **spec}
    return [
        {
            "apiVersion": KUEUE,
            "kind": "ClusterQueue",
            "metadata": {"name": name, "creationTimestamp": ago(60 * 24 * 30)},
            "spec": body,
        },
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        {
            "apiVersion": KUEUE,
            "kind": "LocalQueue",
            "metadata": {"name": "jobs", "namespace": name},
            "spec": {"clusterQueue": name},
        },
    ]


def work(
    name: str,
    gpus: int,
    *,
    came: float,
    got: float | None = None,
    ended: float | None = None,
    where: str = "nlp",
    limit: int | None = None,
    selector: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A Workload; times in minutes ago."""
    container = {"name": "main", "resources": {"requests": {GPU: str(gpus)}}}
    pod = {"containers": [container], "nodeSelector": selector or {}}
    status: dict[str, Any] = {}
    if got is not None:
        given = {"name": "main", "count": 1, "flavors": {GPU: "a100"}, "resourceUsage": {GPU: str(gpus)}}
        held = {"status": "True", "lastTransitionTime": ago(got), "reason": "x", "message": ""}
        conditions = [{"type": "QuotaReserved", **held}, {"type": "Admitted", **held}]
        if ended is not None:
            conditions.append({**held, "type": "Finished", "lastTransitionTime": ago(ended)})
        status = {"admission": {"clusterQueue": where, "podSetAssignments": [given]}, "conditions": conditions}
    return {
        "apiVersion": KUEUE,
        "kind": "Workload",
        "metadata": {"name": name, "namespace": where, "uid": f"uid-{name}", "creationTimestamp": ago(came)},
        "spec": {
            "queueName": "jobs",
            "maximumExecutionTimeSeconds": limit,
            "podSets": [{"name": "main", "count": 1, "template": {"spec": pod}}],
        },
        "status": status,
    }


def node(name: str, gpus: int, labels: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels or {}},
        "status": {"allocatable": {"cpu": "64", "memory": "256Gi", "pods": "110", GPU: str(gpus)}},
    }


def namespace_quota(namespace: str, gpus: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "gpus", "namespace": namespace},
        "spec": {"hard": {f"requests.{GPU}": str(gpus)}},
    }


def snapshot(*objects: dict[str, Any], at: float = 0) -> Snapshot:
    gathered = Gathered()
    flavor = {"apiVersion": KUEUE, "kind": "ResourceFlavor", "metadata": {"name": "a100"}, "spec": {}}
    gathered.take_any([flavor, *objects])
    source = Source(name="test", observed_at=ago(at), objects=gathered.objects(), gaps=gathered.gaps)
    return Snapshot(taken_at=ago(at), sources=(source,))


def ended(number: int, *, minutes: float = 30, where: str = "nlp") -> list[dict[str, Any]]:
    """Ended workloads of one GPU that each ran for so long."""
    return [
        work(f"old-{each}", 1, came=300 + 20 * each, got=300 + 20 * each, ended=300 + 20 * each - minutes, where=where)
        for each in range(number)
    ]
