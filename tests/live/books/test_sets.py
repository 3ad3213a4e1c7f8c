"""Kinds whose controllers make Jobs and stateful sets: judged by themselves, run by their real controllers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from allotment.adapters.sandbox.store import SandboxStore
from allotment.model.cluster import Feature
from allotment.model.manifest import key_of
from allotment.operations.ports import Body
from tests.live.books.accounts import charged, difference, pod_requests, total
from tests.live.books.following import devices
from tests.live.conftest import kubectl_for, told_to, unique_name
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


MARKS = {
    "labels": {"app.kubernetes.io/managed-by": "allotment", "allotment.dev/platform": "acme"},
    "annotations": {"allotment.dev/submitted-by": "joan"},
}
"""What controllers would copy: the look of the platform's own objects, and another's name."""


def claim(name: str, **metadata: Any) -> Body:
    storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": name, **metadata}, "spec": storage}


def ray(kind: str, **head: Any) -> Body:
    pod = {"spec": {"containers": [container(cpu=1, memory="1Gi")]}}
    group = {"groupName": "w", "replicas": 1, "minReplicas": 1, "maxReplicas": 1, "rayStartParams": {}}
    spec = {"headGroupSpec": {"rayStartParams": {}, "template": pod} | head,
            "workerGroupSpecs": [group | {"template": pod}]}  # fmt: skip
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


@pytest.mark.parametrize(
    ("part", "policy"), [("labels", "managed-objects-protected"), ("annotations", "submitter-kept")]
)
def test_controllers_find_nothing_of_ours_to_copy(sets: Training, part: str, policy: str) -> None:
    for body, at in marked_bodies(part):
        message = sets.refusal(body, member(NAMESPACE))
        assert f"{policy}.allotment.dev" in message, (at, message)
        assert f"{at}{part}." in message, (at, message)
    for body in (ray("RayCluster"), ray("RayJob")):
        until(lambda body=body: sets.refusal(body, member(NAMESPACE)) == "", seconds=60)  # type: ignore[misc]


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
    assert "spec.replicatedJobs[workers].template.spec.template.spec asks for 64 nvidia.com/gpu" in message


def changed(live: Training, body: Body, spec: Body) -> str:
    """Why a member's change is refused, or nothing."""
    patch = {"spec": spec}
    return refusal(lambda: live.kube.merge_patch(body["apiVersion"], key_of(body), patch, identity=member(NAMESPACE)))


def gpus(live: Training, body: Body) -> tuple[int, int]:
    """(running, charged)"""
    pods = [pod for pod in pods_of(live, body) if pod["spec"].get("nodeName")]
    workloads = [each for each in live.kube.list(*WORKLOADS, namespace=NAMESPACE) if names(each, body)]
    return devices(total(pod_requests(pod["spec"]) for pod in pods)), devices(total(map(charged, workloads)))


def test_a_group_grows_and_shrinks_and_changes_without_pods_only(sets: Training) -> None:
    """Kueue lets pods of an old revision go: with none there is none."""
    body = group("rolled", cpu=2, memory="4Gi", **GPU)
    submitted(sets, body)
    noted = {"leaderWorkerTemplate": {"workerTemplate": {"metadata": {"annotations": {"note": "x"}}}}}
    until(lambda: gpus(sets, body) == (2, 2), seconds=30)
    assert "counts the pods of a LeaderWorkerSet by what was submitted" in changed(sets, body, noted)
    assert changed(sets, body, {"replicas": 2}) == ""
    until(lambda: gpus(sets, body) == (4, 4), seconds=30)
    assert changed(sets, body, {"replicas": 0}) == ""
    until(lambda: gpus(sets, body) == (0, 0), seconds=60)
    assert changed(sets, body, noted) == ""
    assert changed(sets, body, {"replicas": 1}) == ""
    until(lambda: gpus(sets, body) == (2, 2), seconds=60)


def test_pods_of_sets_are_not_left_behind(sets: Training, tools: Mapping[str, Path]) -> None:
    """Nor those of a Job that a JobSet would make again."""
    body = job_set("kept", cpu=4, memory="8Gi", **GPU)
    submitted(sets, body)
    until(lambda: gpus(sets, body) == (2, 2), seconds=30)
    kubectl = kubectl_for(sets.sandbox, tools)
    for kind, name in (("jobset", "kept"), ("job", "kept-workers-0")):
        said = kubectl("delete", kind, name, "-n", NAMESPACE, "--cascade=orphan", "--wait=false",
                       f"--as=member@{NAMESPACE}", f"--as-group=acme-{NAMESPACE}", check=False)  # fmt: skip
        assert "work-ends.allotment.dev" in said, said
    assert gpus(sets, body) == (2, 2)


FOREIGN = "kueue.x-k8s.io/multikueue"
"""The only foreign name that Ray's and Trainer's own schemas let through."""


IN_JOB_SET = ("replicatedJobs", 0, "template", "spec")


def managed(body: Body, *path: str | int) -> Body:
    """By somebody else; the path leads from the object's spec to another spec inside."""
    spec = body["spec"]
    for step in path:
        spec = spec[step]
    spec["managedBy"] = FOREIGN
    return body


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (managed(job_set(cpu=1, memory="1Gi")), "spec."),
        (managed(job_set(cpu=1, memory="1Gi"), *IN_JOB_SET), "spec.replicatedJobs[workers].template.spec."),
        (managed(ray("RayCluster")), "spec."),
        (managed(ray("RayJob")), "spec."),
        (managed(ray("RayJob"), "rayClusterSpec"), "spec.rayClusterSpec."),
        (managed(train_job()), "spec."),
    ],
    ids=["JobSet", "Job in a JobSet", "RayCluster", "RayJob", "RayCluster in a RayJob", "TrainJob"],
)
def test_a_foreign_manager_is_refused_wherever_it_stands(sets: Training, body: Body, at: str) -> None:
    assert f"{at}managedBy is {FOREIGN}" in sets.refusal(body, member(NAMESPACE))


def test_their_own_managers_are_admitted(sets: Training) -> None:
    own = job_set("own", cpu=1, memory="1Gi")
    own["spec"]["managedBy"] = "jobset.sigs.k8s.io/jobset-controller"
    cluster = ray("RayCluster")
    cluster["spec"]["managedBy"] = "ray.io/kuberay-operator"
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
