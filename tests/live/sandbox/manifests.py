"""Objects that the sandbox's own tests create."""

from __future__ import annotations

import json
from typing import Any

GPU = "nvidia.com/gpu"


def queues(namespace: str, gpus: int) -> str:
    """A namespace with a LocalQueue on a ClusterQueue of its own, with a quota of A100 GPUs."""
    flavor = {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "ResourceFlavor",
        "metadata": {"name": f"{namespace}-a100"},
        "spec": {"nodeLabels": {"pool": "a100"}},
    }
    resources = [
        {"name": "cpu", "nominalQuota": "64"},
        {"name": "memory", "nominalQuota": "512Gi"},
        {"name": GPU, "nominalQuota": str(gpus)},
    ]
    cluster_queue = {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "ClusterQueue",
        "metadata": {"name": namespace},
        "spec": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "resourceGroups": [
                {
                    "coveredResources": [each["name"] for each in resources],
                    "flavors": [{"name": f"{namespace}-a100", "resources": resources}],
                }
            ],
        },
    }
    local_queue = {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "LocalQueue",
        "metadata": {"name": "queue", "namespace": namespace},
        "spec": {"clusterQueue": namespace},
    }
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    return as_list(space, flavor, cluster_queue, local_queue)


def pod_spec(gpus: int) -> dict[str, Any]:
    resources = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {GPU: str(gpus)} if gpus else {}}
    return {"restartPolicy": "Never", "containers": [{"name": "main", "image": "train", "resources": resources}]}


def job(namespace: str, name: str, *, gpus: int, annotations: dict[str, str], queue: str = "queue") -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kueue.x-k8s.io/queue-name": queue}},
        "spec": {
            "backoffLimit": 0,
            "template": {"metadata": {"annotations": annotations}, "spec": pod_spec(gpus)},
        },
    }


def as_list(*objects: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
