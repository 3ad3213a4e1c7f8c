"""Kinds whose controllers make Jobs and stateful sets: judged by themselves, run by their real controllers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from allotment.adapters.sandbox.store import SandboxStore
from allotment.model.cluster import Feature
from allotment.model.manifest import ObjectKey, key_of
from allotment.operations.ports import Body, Identity
from tests.live.books.accounts import charged, difference, pod_requests, total
from tests.live.books.following import devices
from tests.live.conftest import kubectl_for, told_to, unique_name
from tests.live.policies.conftest import until
from tests.live.training import OWNER, Training, member, refusal, training_on

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
    pod = pods_of(sets, body)[0]["metadata"]["name"]  # of a LeaderWorkerSet a pod owns the other pods' set
    for kind, name in (("jobset", "kept"), ("job", "kept-workers-0"), ("pod", pod)):
        said = kubectl("delete", kind, name, "-n", NAMESPACE, "--cascade=orphan", "--wait=false",
                       f"--as=member@{NAMESPACE}", f"--as-group=acme-{NAMESPACE}", check=False)  # fmt: skip
        assert "work-ends.allotment.dev" in said, said
    assert gpus(sets, body) == (2, 2)


KUBERAY = Identity("system:serviceaccount:gpu-operator:kuberay-operator", ("system:authenticated",))
"""In a namespace that the platform directory exempts."""

AGAIN = {"name": "all_again", "action": "RestartJobSet"}
ALWAYS = {"name": "always", "action": "RestartJobSetAndIgnoreMaxRestarts"}
FAILS = {"name": "fails", "action": "FailJobSet", "targetReplicatedJobs": ["workers"]}
FAILS_ALWAYS = {"name": "fails_always", "action": "FailJobSet"}


@pytest.mark.parametrize(
    ("replicas", "failure", "again"),
    [
        (2, {"maxRestarts": 3}, True),
        (2, {"maxRestarts": 3, "rules": [FAILS]}, True),
        (2, {"maxRestarts": 3, "rules": [AGAIN, FAILS_ALWAYS]}, True),
        (2, {"rules": [ALWAYS]}, True),
        (2, {"maxRestarts": 3, "rules": [FAILS, FAILS_ALWAYS]}, False),
        (2, {"maxRestarts": 0}, False),
        (1, {"maxRestarts": 3}, False),
        (1, {"rules": [ALWAYS]}, False),
    ],
)
def test_a_job_set_does_not_run_again_what_gave_back_its_quota(
    sets: Training, replicas: int, failure: Body, again: bool
) -> None:
    body = job_set("restarts", cpu=4, memory="8Gi", **GPU)
    body["spec"]["replicatedJobs"][0]["replicas"] = replicas
    body["spec"]["failurePolicy"] = failure
    message = sets.refusal(body, member(NAMESPACE))
    assert ("spec.failurePolicy runs all Jobs of the JobSet again" in message) is again, message
    assert again or message == "" or "status unknown for quota" in message, message


def test_a_job_of_a_set_does_not_go_before_the_set(sets: Training) -> None:
    body = job_set("timed", cpu=4, memory="8Gi", **GPU)
    body["spec"]["replicatedJobs"][0]["template"]["spec"]["ttlSecondsAfterFinished"] = 2
    message = sets.refusal(body, member(NAMESPACE))
    assert "replicatedJobs[workers].template.spec.ttlSecondsAfterFinished deletes a Job that has ended" in message


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"ttlSecondsAfterFinished": 1801}, "spec.ttlSecondsAfterFinished is 1801"),
        ({"ttlSecondsAfterFinished": 1800}, ""),
        ({"deletionStrategy": {"onSuccess": {"policy": "DeleteNone"}, "onFailure": {"policy": "DeleteNone"}}},
         "spec.deletionStrategy may keep parts of the Ray cluster"),
    ],
    ids=["too long", "as long as pods may take", "nothing deleted"],
)  # fmt: skip
def test_the_cluster_of_a_ray_job_ends_with_it(sets: Training, spec: Body, says: str) -> None:
    body = ray("RayJob")
    body["spec"].update(spec)
    message = sets.refusal(body, member(NAMESPACE))
    assert says in message
    assert says or "allotment.dev" not in message, message


def test_what_a_set_made_is_changed_by_that_set(sets: Training) -> None:
    """Kueue lets the pods of a set go that is deleted, and counts those of one by its own template."""
    body = group("theirs", cpu=2, memory="4Gi", **GPU)
    submitted(sets, body)
    key = ObjectKey("apps", "StatefulSet", NAMESPACE, "theirs")
    until(lambda: sets.kube.get("apps/v1", key) is not None, seconds=30)
    made = sets.kube.get("apps/v1", key)
    assert made is not None
    controllers = made["metadata"]["ownerReferences"]
    beside = {"apiVersion": "v1", "kind": "ConfigMap", "name": "kept", "uid": "00000000-0000-0000-0000-000000000001"}
    own = {"labels": {"team": NAMESPACE, "project": "assistant", "cost-center": "cc-4521", "environment": "staging"}}
    for patch in (
        {"metadata": {**own, "ownerReferences": None}},
        {"metadata": {**own, "ownerReferences": [*controllers, beside]}},
        {"metadata": {**own, "finalizers": ["example.org/mine"]}},
        {"metadata": {"labels": {"leaderworkerset.sigs.k8s.io/name": None}}},
        {"spec": {"replicas": 0}},
        {"spec": {"template": {"metadata": {"annotations": {"note": "x"}}}}},
    ):
        message = refusal(lambda patch=patch: sets.kube.merge_patch("apps/v1", key, patch, identity=OWNER))  # type: ignore[misc]
        assert "made this StatefulSet and counts it as its own" in message, (patch, message)
        assert "change LeaderWorkerSet theirs" in message
    message = refusal(lambda: sets.kube.delete("apps/v1", key, identity=OWNER))
    assert "LeaderWorkerSet theirs would make it again" in message


def test_a_job_of_a_set_is_deleted_with_the_set(sets: Training) -> None:
    """Made again it would run on what Kueue took back when it succeeded."""
    body = job_set("whole", cpu=4, memory="8Gi", **GPU)
    submitted(sets, body)
    key = ObjectKey("batch", "Job", NAMESPACE, "whole-workers-0")
    until(lambda: sets.kube.get("batch/v1", key) is not None, seconds=30)
    message = refusal(lambda: sets.kube.delete("batch/v1", key, identity=member(NAMESPACE)))
    assert "JobSet whole would make it again" in message
    assert sets.kube.delete(body["apiVersion"], key_of(body), identity=member(NAMESPACE))


@pytest.mark.parametrize("kind", ["RayCluster", "RayJob"])
@pytest.mark.parametrize(
    "workers",
    [
        {"replicas": 0, "minReplicas": 5, "maxReplicas": 5},
        {"minReplicas": 0, "replicas": 3, "maxReplicas": 2},
        {"suspend": True},
    ],
    ids=["at-least-five", "at-most-two", "suspended"],
)
def test_a_ray_cluster_has_the_workers_that_are_counted(sets: Training, kind: str, workers: Body) -> None:
    at = "spec." if kind == "RayCluster" else "spec.rayClusterSpec."
    message = sets.refusal(ray(kind, workers), member(NAMESPACE))
    assert f"{at}workerGroupSpecs[w].replicas is {workers.get('replicas', 1)}, which the queue counts" in message


def test_pods_of_a_ray_cluster_that_was_admitted_are_let_through(sets: Training) -> None:
    """The sandbox has no KubeRay: a pod is made here as it makes them, by an account of the system."""
    body = ray("RayCluster", {"template": {"spec": {"containers": [container(cpu=4, memory="8Gi", **GPU)]}}})
    submitted(sets, body)
    until(
        lambda: not (sets.kube.get("ray.io/v1", key_of(body)) or {"spec": {}})["spec"].get("suspend", True), seconds=30
    )
    live = sets.kube.get("ray.io/v1", key_of(body))
    assert live is not None
    template = live["spec"]["workerGroupSpecs"][0]["template"]
    metadata = template.get("metadata", {})
    owner = {"apiVersion": "ray.io/v1", "kind": "RayCluster", "name": body["metadata"]["name"],
             "uid": live["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}  # fmt: skip
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ray-w-worker-0", "namespace": NAMESPACE, "ownerReferences": [owner],
                     "labels": metadata.get("labels", {}) | {"ray.io/cluster": body["metadata"]["name"]}},
        "spec": template["spec"],
    }  # fmt: skip
    rights: Body = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "kuberay-operator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": KUBERAY.user}],
    }
    sets.kube.create(rights)
    try:
        until(lambda: "cannot create" not in sets.refusal(pod, KUBERAY), seconds=30)
        assert sets.refusal(pod, KUBERAY) == ""
        assert "which did not make it" in sets.refusal(pod, member(NAMESPACE))
    finally:
        for made in (rights, body):
            sets.kube.delete(made["apiVersion"], key_of(made))


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


@pytest.mark.parametrize(
    ("nodes", "devices", "says"),
    [
        (1, 64, "spec.trainer: of each node the spec asks for"),
        (100, 8, "100 pods at once"),
        (0, 1, "spec.trainer.numNodes is 0 or less"),
        (2, 1, ""),
    ],
)
def test_a_train_job_asks_for_nodes_that_there_are(sets: Training, nodes: int, devices: int, says: str) -> None:
    body = train_job()
    body["spec"]["trainer"] = {"numNodes": nodes, "resourcesPerNode": {"limits": {"nvidia.com/gpu": devices}}}
    message = sets.refusal(body, member(NAMESPACE))
    assert says in message
    assert says or "allotment.dev" not in message, message


TRAINER = {"limits": {"nvidia.com/gpu": 1}}
SIDE_DOOR = {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}


@pytest.mark.parametrize(
    ("trainer", "says"),
    [
        (
            {"resourcesPerNode": {"limits": {"cpu": 64, "memory": "64Gi"}}},
            "node (cpu, memory) has a limit and no request",
        ),
        (
            {"resourcesPerNode": {"requests": {"nvidia.com/gpu": 1}}},
            "asks for an accelerator with a request that is not",
        ),
        ({"image": "evil.example/x:1", "resourcesPerNode": TRAINER}, "uses the image evil.example/x:1"),
        ({"image": "registry.acme.example/x:1", "env": [SIDE_DOOR]}, "sets NVIDIA_VISIBLE_DEVICES"),
        ({"image": "registry.acme.example/x:1", "resourcesPerNode": TRAINER}, ""),
    ],
    ids=["limits only", "requests only", "image", "variable", "good"],
)
def test_what_a_train_job_says_of_its_nodes_is_judged(sets: Training, trainer: Body, says: str) -> None:
    body = train_job()
    body["spec"]["trainer"] = trainer
    message = sets.refusal(body, member(NAMESPACE))
    assert says in message
    assert says or "allotment.dev" not in message, message


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ({"spec": {"containers": [{"name": "node", "env": [SIDE_DOOR]}]}}, "sets NVIDIA_VISIBLE_DEVICES"),
        ({"metadata": {"annotations": {"cdi.k8s.io/x": "nvidia.com/gpu=all"}}, "spec": {}}, "cdi.k8s.io/x"),
        ({"spec": {"volumes": [{"name": "v", "csi": {"driver": "evil.example"}}]}}, "names the driver evil.example"),
        ({"spec": {"tolerations": [{"operator": "Exists"}]}}, "holds one without a key"),
    ],
    ids=["variable", "annotation", "volume", "tolerations"],
)
def test_a_train_job_patches_in_no_side_door(sets: Training, template: Body, says: str) -> None:
    pod = {"name": "node", "template": {"spec": {"template": template}}}
    assert says in sets.refusal(train_job(spec={"replicatedJobs": [pod]}), member(NAMESPACE))


def test_a_train_job_patches_in_no_finalizer(sets: Training) -> None:
    body = train_job(metadata={"finalizers": ["orphan"]})
    assert "writes finalizers (orphan)" in sets.refusal(body, member(NAMESPACE))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"schedulingGates": [{"name": "example.org/wait"}]}, "schedulingGates holds example.org/wait"),
        ({"nodeSelector": {"example.org/rack": "7"}}, "selects nodes by example.org/rack=7"),
        ({"nodeSelector": {"allotment.dev/accelerator": "a100"}}, ""),
    ],
    ids=["gates", "nodes of nobody", "nodes"],
)
def test_a_train_job_patches_nothing_that_never_runs(sets: Training, spec: Body, says: str) -> None:
    pod = {"name": "node", "template": {"spec": {"template": {"spec": spec}}}}
    message = sets.refusal(train_job(spec={"replicatedJobs": [pod]}), member(NAMESPACE))
    assert says in message
    assert says or "allotment.dev" not in message, message


def test_pods_at_once_are_those_of_all_jobs_together(sets: Training) -> None:
    body = job_set(cpu=1, memory="1Gi")
    (job,) = body["spec"]["replicatedJobs"]
    body["spec"]["replicatedJobs"] = [job | {"name": name, "replicas": 13} for name in ("one", "two")]
    assert "spec asks for 52 pods at once" in sets.refusal(body, member(NAMESPACE))


def pods_of(live: Training, body: Body) -> list[Body]:
    return [pod for pod in live.kube.list("v1", "Pod", namespace=NAMESPACE) if names(pod, body)]


def names(made: Body, body: Body) -> bool:
    return str(body["metadata"]["name"]) in str(made["metadata"]["name"])
