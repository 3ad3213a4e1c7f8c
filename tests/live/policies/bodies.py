"""Workloads of every kind for the policy tests: good ones, from which each case departs in one point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allotment.model import labels

NAMESPACE = "pol-nlp"
OTHER = "pol-other"
QUEUE = {labels.KUEUE_QUEUE: "default"}
GOOD_LABELS = {"team": "pol-nlp", "project": "pol-nlp-core", "cost-center": "cc-4521", "environment": "development"}
GPU_NODES = {
    "nodeSelector": {labels.ACCELERATOR: "a100"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
}
GATE = {"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}
MANAGED = {"kueue.x-k8s.io/managed": "true"}

API_VERSIONS = {
    "Pod": "v1",
    "ReplicationController": "v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
}
KINDS = tuple(API_VERSIONS)

Body = dict[str, Any]


def container(*, gpus: int = 0, image: str = "registry.acme.example/train:1", **more: Any) -> Body:
    """A container that Pod Security's `restricted` accepts."""
    resources: Body = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    if gpus:
        resources["limits"]["nvidia.com/gpu"] = str(gpus)
    return {
        "name": "main",
        "image": image,
        "resources": resources,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        **more,
    }


def pod_spec(*, gpus: int = 0, **more: Any) -> Body:
    """A pod spec that Pod Security's `restricted` accepts."""
    return {
        "containers": [container(gpus=gpus)],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "restartPolicy": "Never",
        **more,
    }


def workload(
    kind: str,
    *,
    gpus: int = 0,
    namespace: str = NAMESPACE,
    name: str = "probe",
    own: Mapping[str, str] | None = None,
    pods: Mapping[str, str] | None = None,
    spec: Mapping[str, Any] | None = None,
    **outer: Any,
) -> Body:
    """A workload of any kind.

    Args:
        own: labels of the object (of the job template in a CronJob too); None: good ones.
        pods: labels of the pod template; None: good ones.
        spec: changes to the pod spec.
        outer: changes to the spec of a Job.
    """
    own_labels = dict(GOOD_LABELS if own is None else own)
    pod_labels = dict(GOOD_LABELS if pods is None else pods)
    inside = pod_spec(gpus=gpus) | dict(spec or {})
    head = {"apiVersion": API_VERSIONS[kind], "kind": kind}
    metadata = {"name": name, "namespace": namespace, "labels": own_labels}
    if kind == "Pod":
        return {**head, "metadata": metadata | {"labels": {**pod_labels, **own_labels}}, "spec": inside}
    template = {"metadata": {"labels": pod_labels | {"app": name}}, "spec": inside}
    if kind == "Job":
        return {**head, "metadata": metadata, "spec": {"template": template, "podReplacementPolicy": "Failed", **outer}}
    if kind == "CronJob":
        spec_ = {"template": template, "podReplacementPolicy": "Failed", **outer}
        job = {"metadata": {"labels": own_labels}, "spec": spec_}
        return {**head, "metadata": metadata, "spec": {"schedule": "0 3 * * *", "jobTemplate": job}}
    inside["restartPolicy"] = "Always"
    selector: Body = {"app": name} if kind == "ReplicationController" else {"matchLabels": {"app": name}}
    body: Body = {**head, "metadata": metadata, "spec": {"selector": selector, "template": template}}
    if kind == "StatefulSet":
        body["spec"]["serviceName"] = name
    return body


def queued(kind: str, *, gpus: int = 1, own: Mapping[str, str] | None = None, **more: Any) -> Body:
    """The same with accelerators and a queue label wherever the kind wants it."""
    labelled = {**GOOD_LABELS, **QUEUE, **(own or {})}
    if kind in ("Job", "CronJob", "Pod"):
        return workload(kind, gpus=gpus, own=labelled, **more)
    return workload(kind, gpus=gpus, own=labelled, pods={**GOOD_LABELS, **QUEUE}, **more)


def service(**spec: Any) -> Body:
    """A service of the team."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "probe", "namespace": NAMESPACE, "labels": dict(GOOD_LABELS)},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "probe"}, **spec},
    }


def config_map(own: Mapping[str, str], namespace: str = NAMESPACE, name: str = "probe") -> Body:
    """The simplest object there is."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(own)},
        "data": {"key": "value"},
    }


def namespace(name: str, own: Mapping[str, str]) -> Body:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(own)}}


def binding(kind: str, name: str, namespace: str = "") -> Body:
    """A binding of the team to one subject."""
    api = "rbac.authorization.k8s.io"
    subject = {"kind": kind, "name": name, "namespace": namespace} if namespace else {
        "kind": kind, "name": name, "apiGroup": api}  # fmt: skip
    return {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "probe", "namespace": NAMESPACE},
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": "view"},
        "subjects": [subject],
    }
