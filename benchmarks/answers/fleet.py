"""A fleet of a given size as raw objects, always the same: nodes, pods that run on them, workloads that wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

TEAMS: Final = 50
_GPUS: Final = 8
_FIELDS: Final = 40
"""Environment variables of a container: a real pod is some 5 KB, most of which no answer rests on."""


@dataclass(frozen=True)
class Size:
    """How many of each."""

    nodes: int
    pods: int
    workloads: int


def namespaces() -> Iterator[dict[str, Any]]:
    """A namespace a team."""
    for number in range(TEAMS):
        name = _team(number)
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": name}}}


def queues() -> Iterator[dict[str, Any]]:
    """A flavor; a queue with its local queue for each team."""
    version = "kueue.x-k8s.io/v1beta2"
    yield {"apiVersion": version, "kind": "ResourceFlavor", "metadata": {"name": "a100"}, "spec": {}}
    for number in range(TEAMS):
        name = _team(number)
        quota = {"name": "nvidia.com/gpu", "nominalQuota": "800"}
        yield {
            "apiVersion": version, "kind": "ClusterQueue", "metadata": {"name": name},
            "spec": {"cohortName": "all", "namespaceSelector": {}, "resourceGroups": [
                {"coveredResources": ["nvidia.com/gpu"], "flavors": [{"name": "a100", "resources": [quota]}]}]},
        }  # fmt: skip
        yield {
            "apiVersion": version, "kind": "LocalQueue", "metadata": {"name": "default", "namespace": name},
            "spec": {"clusterQueue": name},
        }  # fmt: skip


def nodes(size: Size) -> Iterator[dict[str, Any]]:
    """Nodes of eight GPUs, with the labels that clouds and GPU feature discovery write."""
    for number in range(size.nodes):
        labels = {f"feature.node.kubernetes.io/cpu-{each}": "true" for each in range(40)}
        amounts = {"cpu": "96", "memory": "880Gi", "nvidia.com/gpu": str(_GPUS), "pods": "110"}
        yield {
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": f"a100-{number}", "labels": {**labels, "nvidia.com/gpu.product": "NVIDIA-A100"}},
            "spec": {}, "status": {"capacity": amounts, "allocatable": amounts,
                                   "conditions": [{"type": "Ready", "status": "True"}]},
        }  # fmt: skip


def pods(size: Size) -> Iterator[dict[str, Any]]:
    """Pods with a GPU each, bound to the nodes in turn."""
    for number in range(size.pods):
        yield {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": f"train-{number}", "namespace": _team(number), "labels": {"app": f"train-{number}"}},
            "spec": {**_pod_spec(), "nodeName": f"a100-{number % size.nodes}"},
        }  # fmt: skip


def workloads(size: Size) -> Iterator[dict[str, Any]]:
    """Workloads that wait."""
    for number in range(size.workloads):
        yield {
            "apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "Workload",
            "metadata": {"name": f"job-wait-{number}", "namespace": _team(number)},
            "spec": {"queueName": "default", "priority": number % 5, "podSets": [
                {"name": "main", "count": 1 + number % 4, "template": {"spec": _pod_spec()}}]},
        }  # fmt: skip


def _pod_spec() -> dict[str, Any]:
    resources = {"requests": {"cpu": "4", "memory": "32Gi"}, "limits": {"nvidia.com/gpu": "1"}}
    environment = [{"name": f"SETTING_{each}", "value": f"value of the setting {each}"} for each in range(_FIELDS)]
    container = {"name": "main", "image": "registry.example/train:1", "resources": resources, "env": environment}
    return {"restartPolicy": "Never", "containers": [container]}


def _team(number: int) -> str:
    return f"team-{number % TEAMS}"
