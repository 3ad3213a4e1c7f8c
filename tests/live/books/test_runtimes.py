"""Ray and Trainer: the sandbox has their kinds and not their controllers, so what is submitted is judged here."""

from __future__ import annotations

import pytest

from allotment.model.manifest import Body, key_of
from allotment.ports.kube import Identity
from tests.live.books.kinds import GPU, NAMESPACE, container, expect_said, ray, submitted, train_job
from tests.live.policies.conftest import until
from tests.live.training import Training, member

pytestmark = [pytest.mark.live, pytest.mark.nightly]

KUBERAY = Identity("system:serviceaccount:gpu-operator:kuberay-operator", ("system:authenticated",))
"""In a namespace that the platform directory exempts."""


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
    expect_said(sets, body, says)


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
    expect_said(sets, body, says)


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
    expect_said(sets, body, says)


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
    expect_said(sets, train_job(spec={"replicatedJobs": [pod]}), says)
