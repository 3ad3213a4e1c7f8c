"""Objects of kinds whose controllers make Jobs, stateful sets or pods, as a member submits them, and what they made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allotment.model.manifest import Body
from tests.live.policies.conftest import until
from tests.live.training import Training, member, refusal

NAMESPACE = "nlp"
WORKLOADS = ("kueue.x-k8s.io/v1beta2", "Workload")
GPU = {"nvidia.com/gpu": 1}


def container(**limits: Any) -> Body:
    return {"name": "main", "image": "registry.acme.example/train:1", "resources": {"limits": limits}}


def job_set(name: str = "dist", **limits: Any) -> Body:
    pod = {"spec": {"restartPolicy": "Never", "containers": [container(**limits)]}}
    job = {"spec": {"parallelism": 2, "completions": 2, "template": pod}}
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"project": "assistant"}},
        "spec": {"replicatedJobs": [{"name": "workers", "replicas": 1, "template": job}]},
    }


def group(name: str = "serve", **limits: Any) -> Body:
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"project": "assistant"}},
        "spec": {
            "replicas": 1,
            "leaderWorkerTemplate": {"size": 2, "workerTemplate": {"spec": {"containers": [container(**limits)]}}},
        },
    }


MARKS = {
    "labels": {"app.kubernetes.io/managed-by": "allotment", "allotment.dev/platform": "acme"},
    "annotations": {"allotment.dev/submitted-by": "joan"},
}
"""What controllers would copy: the look of the platform's own objects, and another's name."""


def claim(name: str, **metadata: Any) -> Body:
    storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": name, **metadata}, "spec": storage}


def ray(kind: str, workers: Body | None = None, **head: Any) -> Body:
    pod = {"spec": {"containers": [container(cpu=1, memory="1Gi")]}}
    group = {"groupName": "w", "replicas": 1, "minReplicas": 1, "maxReplicas": 1, "rayStartParams": {}}
    spec = {"headGroupSpec": {"rayStartParams": {}, "template": pod} | head,
            "workerGroupSpecs": [group | {"template": pod} | (workers or {})]}  # fmt: skip
    whole = {"entrypoint": "x", "shutdownAfterJobFinishes": True, "rayClusterSpec": spec} if kind == "RayJob" else spec
    metadata = {"name": "ray", "namespace": NAMESPACE, "labels": {"project": "assistant"}}
    return {"apiVersion": "ray.io/v1", "kind": kind, "metadata": metadata, "spec": whole}


def train_job(**template: Any) -> Body:
    patch = {"manager": "me.example/x", "trainingRuntimeSpec": {"template": template}}
    metadata = {"name": "train", "namespace": NAMESPACE, "labels": {"project": "assistant"}}
    return {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "metadata": metadata,
            "spec": {"runtimeRef": {"name": "torch"}, "runtimePatches": [patch]}}  # fmt: skip


def marked_bodies(part: str) -> Iterator[tuple[Body, str]]:
    """Objects whose controllers would copy this part of `MARKS`, and where it stands."""
    marks = {part: MARKS[part]}
    amounts = {"cpu": 1, "memory": "1Gi"}
    jobs = job_set(**amounts)
    jobs["spec"]["replicatedJobs"][0]["template"]["metadata"] = marks
    yield jobs, "spec.replicatedJobs[workers].template.metadata."
    claims = job_set(**amounts)
    claims["spec"]["volumeClaimPolicies"] = [{"templates": [claim("data", **marks)]}]
    yield claims, "spec.volumeClaimPolicies.templates[data].metadata."
    pods = group(**amounts)
    pods["spec"]["leaderWorkerTemplate"]["workerTemplate"]["metadata"] = marks
    yield pods, "spec.leaderWorkerTemplate.workerTemplate.metadata."
    kept = group(**amounts)
    kept["spec"]["leaderWorkerTemplate"]["volumeClaimTemplates"] = [claim("data", **marks)]
    yield kept, "spec.leaderWorkerTemplate.volumeClaimTemplates[data].metadata."
    for kind, at in (("RayCluster", "spec."), ("RayJob", "spec.rayClusterSpec.")):
        yield ray(kind, headService={"metadata": marks}), f"{at}headGroupSpec.headService.metadata."
    if part == "labels":
        yield ray("RayCluster", labels=MARKS["labels"]), "spec.headGroupSpec."
    yield train_job(metadata=marks), "spec.runtimePatches[me.example/x].trainingRuntimeSpec.template.metadata."
    inner = {"name": "node", "template": {"metadata": marks}}
    yield train_job(spec={"replicatedJobs": [inner]}), "template.spec.replicatedJobs[node].template.metadata."
    pod = {"name": "node", "template": {"spec": {"template": {"metadata": marks}}}}
    yield train_job(spec={"replicatedJobs": [pod]}), "replicatedJobs[node].template.spec.template.metadata."


def submitted(live: Training, body: Body) -> None:
    """Created as a member; a quota counts a kind that just arrived from its next round on."""

    def tried() -> bool:
        return "status unknown for quota" not in refusal(lambda: live.kube.create(body, identity=member(NAMESPACE)))

    until(tried, seconds=60)


def expect_said(live: Training, body: Body, says: str) -> None:
    """A member is refused it in these words, or with none by no policy."""
    message = live.refusal(body, member(NAMESPACE))
    assert says in message
    assert says or "allotment.dev" not in message, message


def pods_of(live: Training, body: Body) -> list[Body]:
    return [pod for pod in live.kube.list("v1", "Pod", namespace=NAMESPACE) if names(pod, body)]


def names(made: Body, body: Body) -> bool:
    return str(body["metadata"]["name"]) in str(made["metadata"]["name"])
