"""Kinds whose controllers make Jobs and stateful sets: judged by themselves, run by their real controllers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from allotment.adapters.sandbox.store import SandboxStore
from allotment.model.cluster import Feature
from allotment.operations.ports import Body
from tests.live.books.accounts import charged, difference, pod_requests, total
from tests.live.conftest import told_to, unique_name
from tests.live.policies.conftest import until
from tests.live.training import Training, member, refusal, training_on

pytestmark = [pytest.mark.live, pytest.mark.nightly]

NAMESPACE = "nlp"
WORKLOADS = ("kueue.x-k8s.io/v1beta2", "Workload")


@pytest.fixture(scope="module")
def sets(sandbox_store: SandboxStore, request: pytest.FixtureRequest) -> Iterator[Training]:
    name, further = unique_name(), (Feature.JOBSET, Feature.LEADERWORKERSET, Feature.RAYJOB, Feature.TRAINJOB)
    try:
        with training_on(
            lambda spec: sandbox_store.up(spec, progress=told_to(request)), name, mutating=True, further=further
        ) as live:
            yield live
    finally:
        sandbox_store.down(name)


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


def submitted(live: Training, body: Body) -> None:
    """Created as a member; a quota counts a kind that just arrived from its next round on."""

    def tried() -> bool:
        return "status unknown for quota" not in refusal(lambda: live.kube.create(body, identity=member(NAMESPACE)))

    until(tried, seconds=60)


GPU = {"nvidia.com/gpu": 1}


@pytest.mark.parametrize(
    "body",
    [
        job_set(cpu=4, memory="8Gi", **GPU),
        group(cpu=2, memory="4Gi", **GPU),
    ],
    ids=["jobs", "group"],
)
def test_they_run_and_are_charged_what_their_pods_take(sets: Training, body: Body) -> None:
    """Their amounts are numbers or text as they were written: the API server knows no quantities in these kinds."""
    submitted(sets, body)
    until(lambda: len(pods_of(sets, body)) == 2, seconds=30)
    [workload] = [one for one in sets.kube.list(*WORKLOADS, namespace=NAMESPACE) if names(one, body)]
    taken = total(pod_requests(pod["spec"]) for pod in pods_of(sets, body))
    assert difference(charged(workload), taken) == {}
    assert taken["nvidia.com/gpu"] == 2


def test_a_template_that_fits_nowhere_is_refused_with_its_place(sets: Training) -> None:
    message = sets.refusal(job_set("huge", cpu=4, memory="8Gi", **{"nvidia.com/gpu": 64}), member(NAMESPACE))
    assert "spec.replicatedJobs[workers].template.spec.template.spec asks for more accelerators" in message


FOREIGN = "kueue.x-k8s.io/multikueue"
"""The only foreign name that Ray's and Trainer's own schemas let through."""


def ray(kind: str, at: str = "", **spec: Any) -> Body:
    """A Ray kind; `at` is the field that holds its cluster."""
    head = {"rayStartParams": {}, "template": {"spec": {"containers": [container(cpu=1, memory="1Gi")]}}}
    own = {"headGroupSpec": head, **spec.pop("cluster", {})}
    return {
        "apiVersion": "ray.io/v1",
        "kind": kind,
        "metadata": {"name": "ray", "namespace": NAMESPACE, "labels": {"project": "assistant"}},
        "spec": {**({at: own} if at else own), **spec},
    }


def managed(body: Body, *, inside: bool = False) -> Body:
    spec = body["spec"]["replicatedJobs"][0]["template"]["spec"] if inside else body["spec"]
    spec["managedBy"] = FOREIGN
    return body


def train_job() -> Body:
    return {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": "train", "namespace": NAMESPACE, "labels": {"project": "assistant"}},
        "spec": {"runtimeRef": {"name": "torch"}},
    }


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (managed(job_set(cpu=1, memory="1Gi")), "spec."),
        (managed(job_set(cpu=1, memory="1Gi"), inside=True), "spec.replicatedJobs[workers].template.spec."),
        (managed(ray("RayCluster")), "spec."),
        (managed(ray("RayJob", "rayClusterSpec", entrypoint="x")), "spec."),
        (ray("RayJob", "rayClusterSpec", entrypoint="x", cluster={"managedBy": FOREIGN}), "spec.rayClusterSpec."),
        (managed(train_job()), "spec."),
    ],
    ids=["JobSet", "Job in a JobSet", "RayCluster", "RayJob", "RayCluster in a RayJob", "TrainJob"],
)
def test_a_foreign_manager_is_refused_wherever_it_stands(sets: Training, body: Body, at: str) -> None:
    assert f"{at}managedBy is {FOREIGN}" in sets.refusal(body, member(NAMESPACE))


def test_their_own_managers_are_admitted(sets: Training) -> None:
    own = job_set("own", cpu=1, memory="1Gi")
    own["spec"]["managedBy"] = "jobset.sigs.k8s.io/jobset-controller"
    cluster = ray("RayCluster", managedBy="ray.io/kuberay-operator")
    for body in (own, cluster):
        message = sets.refusal(body, member(NAMESPACE))
        assert message == "" or "status unknown for quota" in message


def test_what_never_runs_is_refused_in_every_template(sets: Training) -> None:
    body = job_set(cpu=1, memory="1Gi", **{"example.com/foo": 1})
    body["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]["schedulerName"] = "volcano"
    message = sets.refusal(body, member(NAMESPACE))
    at = "spec.replicatedJobs[workers].template.spec.template.spec"
    assert f"{at}.schedulerName is volcano" in message
    assert f"{at}: container main (example.com/foo) asks for what no queue" in message


def test_pods_at_once_are_those_of_all_jobs_together(sets: Training) -> None:
    body = job_set(cpu=1, memory="1Gi")
    (job,) = body["spec"]["replicatedJobs"]
    body["spec"]["replicatedJobs"] = [job | {"name": name, "replicas": 13} for name in ("one", "two")]
    assert "spec asks for 52 pods at once" in sets.refusal(body, member(NAMESPACE))


def pods_of(live: Training, body: Body) -> list[Body]:
    return [pod for pod in live.kube.list("v1", "Pod", namespace=NAMESPACE) if names(pod, body)]


def names(made: Body, body: Body) -> bool:
    return str(body["metadata"]["name"]) in str(made["metadata"]["name"])
