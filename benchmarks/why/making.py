"""Objects of a small platform, from terse arguments. Names are neutral: they must not give a cause away."""

from __future__ import annotations

from typing import Any

from allotment.ports.sandboxes import FakeNode

Raw = dict[str, Any]
KUEUE = "kueue.x-k8s.io/v1beta2"
QUEUE = "kueue.x-k8s.io/queue-name"
GPU = "nvidia.com/gpu"
A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
H100 = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}


def node(
    name: str, gpus: int = 8, cpu: str = "96", memory: str = "1024Gi", labels: Any = None, taints: Any = (), **more: str
) -> FakeNode:
    amounts = {"cpu": cpu, "memory": memory, **more}
    if gpus:
        amounts[GPU] = str(gpus)
    return FakeNode(
        name, labels={**(A100 if gpus and labels is None else labels or {})}, taints=tuple(taints), allocatable=amounts
    )


def namespace(name: str, **labels: str) -> Raw:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def flavor(name: str, node_labels: Any = None, **spec: Any) -> Raw:
    body = {"nodeLabels": node_labels} if node_labels else {}
    return {"apiVersion": KUEUE, "kind": "ResourceFlavor", "metadata": {"name": name}, "spec": {**body, **spec}}


def quota(nominal: Any, borrowing: Any = None, lending: Any = None) -> Raw:
    limits = {"borrowingLimit": borrowing, "lendingLimit": lending}
    return {"nominalQuota": nominal, **{key: value for key, value in limits.items() if value is not None}}


def cluster_queue(name: str, flavors: dict[str, dict[str, Raw]], cohort: str = "", **spec: Any) -> Raw:
    """`flavors`: flavor → resource → quota; all flavors cover the same resources."""
    covered = list(next(iter(flavors.values())))
    group = {
        "coveredResources": covered,
        "flavors": [
            {"name": each, "resources": [{"name": resource, **amounts[resource]} for resource in covered]}
            for each, amounts in flavors.items()
        ],
    }
    body = {"namespaceSelector": {}, "resourceGroups": [group], **({"cohortName": cohort} if cohort else {}), **spec}
    return {"apiVersion": KUEUE, "kind": "ClusterQueue", "metadata": {"name": name}, "spec": body}


def local_queue(name: str, namespace: str, cluster_queue: str, **spec: Any) -> Raw:
    return {
        "apiVersion": KUEUE,
        "kind": "LocalQueue",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterQueue": cluster_queue, **spec},
    }


def usual(gpus: Any, cpu: Any = 1000, memory: str = "8Ti") -> dict[str, Raw]:
    """Quota of a flavor: GPUs (a number or a quota), with CPU and memory that are no bound."""
    return {GPU: gpus if isinstance(gpus, dict) else quota(gpus), "cpu": quota(cpu), "memory": quota(memory)}


def pod_spec(gpus: int = 1, cpu: str = "4", memory: str = "16Gi", resource: str = GPU, **spec: Any) -> Raw:
    amounts = {"cpu": cpu, "memory": memory, **({resource: str(gpus)} if gpus else {})}
    container = {
        "name": "main",
        "image": "registry.example/train:1",
        "resources": {"requests": dict(amounts), "limits": dict(amounts)},
    }
    return {"restartPolicy": "Never", "containers": [container], **spec}


def job(
    name: str,
    namespace: str,
    queue: str = "",
    pods: int = 1,
    spec: Raw | None = None,
    run_for: str = "2h",
    labels: Any = None,
    **more: Any,
) -> Raw:
    template = {
        "metadata": {"labels": {"app": name}, "annotations": {"allotment.dev/run-for": run_for}},
        "spec": spec if spec is not None else pod_spec(),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {**({QUEUE: queue} if queue else {}), **(labels or {})},
        },
        "spec": {"parallelism": pods, "completions": pods, "backoffLimit": 3, "template": template, **more},
    }


def job_set(name: str, namespace: str, queue: str, jobs: dict[str, tuple[int, Raw]], run_for: str = "2h") -> Raw:
    """`jobs`: of each replicated job the number of pods and their specification."""
    replicated = [
        {
            "name": each,
            "replicas": 1,
            "template": {
                "spec": {
                    "parallelism": pods,
                    "completions": pods,
                    "backoffLimit": 0,
                    "template": {"metadata": {"annotations": {"allotment.dev/run-for": run_for}}, "spec": spec},
                }
            },
        }
        for each, (pods, spec) in jobs.items()
    ]
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": name, "namespace": namespace, "labels": {QUEUE: queue}},
        "spec": {"replicatedJobs": replicated},
    }


def pod(
    name: str,
    namespace: str,
    queue: str = "",
    spec: Raw | None = None,
    group: tuple[str, int] | None = None,
    annotations: Any = None,
) -> Raw:
    """A pod of its own, or of a group: its name and how many pods it says to have."""
    labels = {**({QUEUE: queue} if queue else {}), **({"kueue.x-k8s.io/pod-group-name": group[0]} if group else {})}
    marks = {**({"kueue.x-k8s.io/pod-group-total-count": str(group[1])} if group else {}), **(annotations or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "annotations": marks},
        "spec": spec if spec is not None else pod_spec(),
    }


def deployment(name: str, namespace: str, replicas: int = 1, spec: Raw | None = None, **more: Any) -> Raw:
    labels = {"app": name}
    body = spec if spec is not None else pod_spec()
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {**body, "restartPolicy": "Always"}},
            **more,
        },
    }


def subject(each: Raw) -> Raw:
    meta = each["metadata"]
    return {
        "apiVersion": each["apiVersion"],
        "kind": each["kind"],
        "namespace": meta.get("namespace", ""),
        "name": meta["name"],
    }
