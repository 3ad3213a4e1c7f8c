"""Raw objects of two teams, as short as can be; whatever is the other team's carries the word `canary`."""

from __future__ import annotations

from typing import Any

OURS, THEIRS = "team-nlp", "team-canary-7"
NOW = "2026-11-27T12:00:00Z"
_UIDS = {"other": "ca0a1234-0000-4000-8000-{:012d}", "own": "0b1c0b7e-0000-4000-8000-{:012d}"}


def uid(number: int, *, other: bool = False) -> str:
    return _UIDS["other" if other else "own"].format(number)


def raw(kind: str, version: str, name: str, namespace: str = "", *, number: int = 0, **rest: Any) -> dict[str, Any]:
    meta = {"name": name, "uid": uid(number, other=namespace == THEIRS or "canary" in name), **rest.pop("meta", {})}
    if namespace:
        meta["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": meta, **rest}


def pod(name: str, namespace: str, number: int, node: str = "a100-0", **rest: Any) -> dict[str, Any]:
    image = "registry.example/canary-7:1" if namespace == THEIRS else "registry.example/nlp:1"
    container = {"name": "canary-7" if namespace == THEIRS else "main", "image": image}
    container["resources"] = {"requests": {"cpu": "4", "nvidia.com/gpu": "2"}}  # type: ignore[assignment]
    spec = {"containers": [container], "nodeName": node, "priority": 100, **rest}
    return raw("Pod", "v1", name, namespace, number=number, spec=spec, status={"phase": "Running"})


def two_teams() -> list[dict[str, Any]]:
    preempted = (
        f"Preempted to accommodate a workload (UID: {uid(31, other=True)}) of {THEIRS}/train-canary-7 in "
        "queue-canary-7; nvidia.com/gpu is used up"
    )
    labels = {"team": "canary-7", "canary-7.example/x": "canary-7"}
    return [
        raw("Namespace", "v1", OURS, number=1, meta={"labels": {"team": "nlp"}}),
        raw("Namespace", "v1", THEIRS, number=2, meta={"labels": {"team": "canary-7"}}),
        raw(
            "Node", "v1", "a100-0", number=3, meta={"labels": {"allotment.dev/dedicated": "canary-7", "zone": "a"}},
            spec={"taints": [{"key": "allotment.dev/dedicated", "value": "canary-7", "effect": "NoSchedule"}]},
            status={"allocatable": {"cpu": "96", "nvidia.com/gpu": "8"}},
        ),
        pod("tune-0", OURS, 10),
        {**pod("train-canary-7", THEIRS, 11), "metadata": {
            "name": "train-canary-7", "namespace": THEIRS, "uid": uid(11, other=True), "labels": labels,
            "annotations": {"kueue.x-k8s.io/x": "canary-7"},
        }},
        raw("ClusterQueue", "kueue.x-k8s.io/v1beta2", "nlp", number=20, spec={
            "cohortName": "all",
            "namespaceSelector": {"matchExpressions": [
                {"key": "team", "operator": "In", "values": ["nlp", "canary-7"]}]},
        }),
        raw("ClusterQueue", "kueue.x-k8s.io/v1beta2", "queue-canary-7", number=21, spec={
            "cohortName": "all", "namespaceSelector": {"matchLabels": {"team": "canary-7"}},
            "resourceGroups": [{"coveredResources": ["nvidia.com/gpu"], "flavors": [
                {"name": "a100", "resources": [{"name": "nvidia.com/gpu", "nominalQuota": "8"}]}]}],
        }, status={"pendingWorkloads": 1, "conditions": [{"type": "Active", "status": "True", "message": "canary-7"}]}),
        raw("LocalQueue", "kueue.x-k8s.io/v1beta2", "default", OURS, number=22, spec={"clusterQueue": "nlp"}),
        raw("LocalQueue", "kueue.x-k8s.io/v1beta2", "lq-canary-7", THEIRS, number=23,
            spec={"clusterQueue": "queue-canary-7"}),
        raw("Workload", "kueue.x-k8s.io/v1beta2", "job-tune", OURS, number=30,
            meta={"ownerReferences": [{"kind": "Job", "name": "tune", "uid": uid(40), "controller": True}]},
            spec={"queueName": "default"},
            status={"conditions": [{"type": "Evicted", "status": "True", "message": preempted}]}),
        raw("Workload", "kueue.x-k8s.io/v1beta2", "job-train-canary-7", THEIRS, number=31,
            spec={"queueName": "lq-canary-7", "priority": 7, "podSets": [{"name": "canary-7", "count": 2, "template": {
                "spec": {"containers": [{"name": "canary-7", "image": "canary-7", "resources": {
                    "requests": {"nvidia.com/gpu": "1"}}}], "nodeSelector": {"pool": "canary-7"}}}}]},
            status={"admission": {"clusterQueue": "queue-canary-7", "podSetAssignments": [
                {"name": "canary-7", "count": 2, "flavors": {"nvidia.com/gpu": "a100"}}]},
                "conditions": [{"type": "QuotaReserved", "status": "True", "message": "canary-7"}]}),
        raw("Job", "batch/v1", "tune", OURS, number=40),
        raw("Job", "batch/v1", "train-canary-7", THEIRS, number=41),
        raw("Event", "v1", "tune.1", OURS, number=50, message=preempted,
            involvedObject={"kind": "Workload", "namespace": OURS, "name": "job-tune"}),
        raw("Event", "v1", "train.1", THEIRS, number=51, message="canary-7",
            involvedObject={"kind": "Pod", "namespace": THEIRS, "name": "train-canary-7"}),
        raw("ResourceQuota", "v1", "quota-canary-7", THEIRS, number=60, spec={"hard": {"cpu": "7"}}),
        raw("PersistentVolume", "v1", "pv-canary-7", number=61,
            spec={"claimRef": {"namespace": THEIRS, "name": "data-canary-7"}}),
        raw("ResourceClaim", "resource.k8s.io/v1", "claim-canary-7", THEIRS, number=62, status={"allocation": {
            "devices": {"results": [{"request": "r", "driver": "gpu.example", "pool": "a100-0", "device": "gpu-0"}]}},
            "reservedFor": [{"resource": "pods", "name": "train-canary-7"}]}),
        raw("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "canary-7", number=63,
            subjects=[{"kind": "User", "name": "canary-7"}]),
    ]  # fmt: skip
