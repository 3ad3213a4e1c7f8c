"""Work as members of examples/acme's teams write it, on the training cluster; each object a fresh copy."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from allotment.model.grouping import group_name
from allotment.model.quantity import parse_quantity
from allotment.ports.sandboxes import RUN_FOR

GPU = "nvidia.com/gpu"
QUEUE = "kueue.x-k8s.io/queue-name"
GROUP = "kueue.x-k8s.io/pod-group-name"
GROUP_SIZE = "kueue.x-k8s.io/pod-group-total-count"
IMAGE = "registry.acme.example/train:1"
RESTRICTED_POD = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}

LABELS: Mapping[str, Mapping[str, str]] = {
    team: {"team": team, "project": project, "cost-center": cost_center, "environment": "staging"}
    for team, project, cost_center in (
        ("nlp", "assistant", "cc-4521"),
        ("cv", "inspection", "cc-4522"),
        ("recsys", "home-feed", "cc-4523"),
        ("data-science", "churn", "cc-4600"),
    )
}

KINDS = ("Job", "Pod", "PodGroup", "Deployment", "StatefulSet", "CronJob")
API_VERSIONS = {
    "Pod": "v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
}
PODS_OF_A_GROUP = 2
DEFAULT_REQUESTS = {"cpu": "500m", "memory": "1Gi"}
"""What examples/acme gives a container that names neither a request nor a limit."""

Body = dict[str, Any]


def container(resources: Mapping[str, Any] | None = None, *, name: str = "main", **more: Any) -> Body:
    """A container that Pod Security's `restricted` accepts."""
    body: Body = {"name": name, "image": IMAGE, "securityContext": copy.deepcopy(RESTRICTED), **more}
    if resources:
        body["resources"] = copy.deepcopy(dict(resources))
    return body


def pod_spec(*containers: Body, **more: Any) -> Body:
    """A pod spec that Pod Security's `restricted` accepts."""
    return {"securityContext": copy.deepcopy(RESTRICTED_POD), "containers": list(containers or (container(),)), **more}


def amounts(*, gpus: int = 0, cpu: str = "1", memory: str = "1Gi") -> Body:
    """Requests and limits alike."""
    wanted = {"cpu": cpu, "memory": memory, **({GPU: str(gpus)} if gpus else {})}
    return {"requests": dict(wanted), "limits": dict(wanted)}


def work(
    kind: str,
    name: str,
    team: str,
    spec: Mapping[str, Any],
    *,
    labels: Mapping[str, str] | None = None,
    pods: Mapping[str, str] | None = None,
    queue: str = "default",
    **outer: Any,
) -> tuple[Body, ...]:
    """The objects that somebody creates for one piece of work of a kind; all their pods are called `name…`.

    Args:
        spec: of the pods.
        labels: of the objects, the queue's beside them; None: the team's own.
        pods: of the pod templates; None: like `labels`.
        queue: empty for none.
        outer: of the spec of a Job, Deployment or StatefulSet.
    """
    own = dict(LABELS[team] if labels is None else labels)
    inner = dict(own if pods is None else pods)
    queued = own | ({QUEUE: queue} if queue else {})
    spec = copy.deepcopy(dict(spec))
    head = {"apiVersion": API_VERSIONS.get(kind, "v1"), "kind": kind}
    metadata = {"name": name, "namespace": team, "labels": queued}
    if kind == "Pod":
        return ({**head, "metadata": metadata, "spec": {"restartPolicy": "Never", **spec}},)
    if kind == "PodGroup":
        return tuple(_group(name, metadata, spec))
    template: Body = {"metadata": {"labels": inner}, "spec": spec}
    if kind in ("Job", "CronJob"):
        spec.setdefault("restartPolicy", "Never")
        template["metadata"]["annotations"] = {RUN_FOR: "1s"}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template, **outer}}
        return (job,) if kind == "Job" else tuple(_cron(name, job))
    template["metadata"]["labels"] = inner | {"app": name}
    body = {**head, "metadata": metadata, "spec": {"selector": {"matchLabels": {"app": name}}, "template": template}}
    body["spec"].update(outer)
    if kind == "StatefulSet":
        body["spec"]["serviceName"] = name
    return (body,)


def named_group(stem: str, spec: Body, size: int) -> str:
    """The name of a group of such pods, none of whose init containers goes on running."""

    def asked(resource: str) -> Fraction:
        amounts = [[_asked(each.get("resources", {}), resource) for each in spec.get(kind, ())]
                   for kind in ("containers", "initContainers")]  # fmt: skip
        return max(sum(amounts[0], Fraction(0)), *amounts[1], Fraction(0))

    return group_name(stem, cpu=asked("cpu"), memory=asked("memory"), devices=int(asked(GPU)), size=size)


def _asked(resources: Body, resource: str) -> Fraction:
    """A request, or the limit that the API server takes for one, or the namespace's default."""
    said = (resources.get("requests", {}).get(resource), resources.get("limits", {}).get(resource))
    return parse_quantity(str(next((one for one in said if one is not None), DEFAULT_REQUESTS.get(resource, 0))))


def _group(name: str, metadata: Body, spec: Body) -> Iterator[Body]:
    """Pods that are admitted together or not at all."""
    for number in range(PODS_OF_A_GROUP):
        own = {
            **copy.deepcopy(metadata),
            "name": f"{name}-{number}",
            "annotations": {GROUP_SIZE: str(PODS_OF_A_GROUP), RUN_FOR: "1s"},
        }
        own["labels"][GROUP] = named_group(name, spec, PODS_OF_A_GROUP)
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": own,
               "spec": {"restartPolicy": "Never", **copy.deepcopy(spec)}}  # fmt: skip


def _cron(name: str, job: Body) -> Iterator[Body]:
    """The CronJob, and a Job from it as `kubectl create job --from` makes one: nobody waits for the hour."""
    inside = {"metadata": {"labels": dict(job["metadata"]["labels"])}, "spec": copy.deepcopy(job["spec"])}
    yield {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": copy.deepcopy(job["metadata"]),
        "spec": {"schedule": "0 3 1 1 *", "jobTemplate": inside},
    }
    made = copy.deepcopy(job)
    made["metadata"]["name"] = f"{name}-now"
    made["metadata"]["annotations"] = {"cronjob.kubernetes.io/instantiate": "manual"}
    yield made
