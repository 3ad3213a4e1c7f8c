"""Work of kinds with controllers of their own: changed where their templates and numbers lie, and tried so."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.diagnose.explaining import explain
from allotment.model.explanation import PatchOp, Remedy, StartsWhen
from tests.unit.diagnose import situations
from tests.unit.diagnose.building import TEAM, Raw, case_of, node, owned_by, pod, pod_spec
from tests.unit.diagnose.queues import QUEUE, cluster_queue, platform, quota, thing

NOW = StartsWhen.NOW
TEMPLATE: Raw = {"spec": pod_spec()}
SMALL: Raw = {"spec": pod_spec(gpus=0)}


def owned(kind: str, group: str, spec: Raw, *, queue: bool = True) -> Raw:
    labels = {QUEUE: "q"} if queue else {}
    meta = {"name": "train", "namespace": TEAM, "uid": "owned", "labels": labels}
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": meta, "spec": spec}


def ray(workers: int, **more: Any) -> Raw:
    return {
        "suspend": True,
        "headGroupSpec": {"template": SMALL},
        "workerGroupSpecs": [{"groupName": "gpu", "replicas": workers, "template": TEMPLATE, **more}],
    }


def job_set(pods: int, **more: Any) -> Raw:
    job = {"parallelism": pods, "completions": pods, "template": TEMPLATE}
    return {"replicatedJobs": [{"name": "w", "replicas": 1, "template": {"spec": job}}], **more}


LWS = {"replicas": 2, "leaderWorkerTemplate": {"size": 3, "leaderTemplate": SMALL, "workerTemplate": TEMPLATE}}
SIZE = "/spec/leaderWorkerTemplate/size"
REPLICAS = "/spec/workerGroupSpecs/0/replicas"
JOB = "/spec/replicatedJobs/0/template/spec"
FEWER: dict[str, tuple[Raw, list[tuple[str, int, Raw]], int, dict[str, int]]] = {
    "a JobSet": (owned("JobSet", "jobset.x-k8s.io", job_set(4)), [("w", 4, TEMPLATE)], 3,
                 {f"{JOB}/parallelism": 3, f"{JOB}/completions": 3}),
    "a RayCluster": (owned("RayCluster", "ray.io", ray(3, minReplicas=3)),
                     [("head", 1, SMALL), ("gpu", 3, TEMPLATE)], 2,
                     {REPLICAS: 2, "/spec/workerGroupSpecs/0/minReplicas": 2}),
    "a RayJob, of which Kueue knows a pod more": (
        owned("RayJob", "ray.io", {"suspend": True, "rayClusterSpec": ray(3)}),
        [("head", 1, SMALL), ("gpu", 3, TEMPLATE), ("submitter", 1, SMALL)], 2,
        {"/spec/rayClusterSpec/workerGroupSpecs/0/replicas": 2}),
    "one group of a LeaderWorkerSet, with a leader of its own": (
        owned("LeaderWorkerSet", "leaderworkerset.x-k8s.io", LWS), [("leader", 1, SMALL), ("worker", 2, TEMPLATE)], 1,
        {SIZE: 2}),
    "a TrainJob, whose templates stand elsewhere": (
        owned("TrainJob", "trainer.kubeflow.org", {"suspend": True, "trainer": {"numNodes": 4}}),
        [("node", 4, TEMPLATE)], 3, {"/spec/trainer/numNodes": 3}),
}  # fmt: skip


def workload_of(above: Raw, parts: list[tuple[str, int, Raw]]) -> Raw:
    sets = [{"name": name, "count": count, "template": template} for name, count, template in parts]
    return thing("Workload", "wl", TEAM, queueName="q", podSets=sets, metadata={"ownerReferences": [owned_by(above)]})


def first_of(objects: list[Raw], kind: str) -> Remedy:
    return explain(case_of(objects, f"{kind.lower()}/train")).remedies[0]


@pytest.mark.parametrize(("above", "parts", "gpus", "numbers"), FEWER.values(), ids=FEWER)
def test_fewer_pods_of_any_kind_are_tried_and_have_a_command(
    above: Raw, parts: list[tuple[str, int, Raw]], gpus: int, numbers: dict[str, int]
) -> None:
    """The number is changed where the kind has it, with what has to be the same."""
    objects = [*platform(cluster_queue("cq", quota("f", gpus))), node("n"), above, workload_of(above, parts)]
    found = first_of(objects, above["kind"])
    assert found.patch is not None
    assert (found.tried.starts, found.patch.op) == (NOW, PatchOp.RESUBMIT)
    assert {step["path"]: step["value"] for step in found.patch.body} == numbers
    assert "--type json" in found.command


def test_of_several_templates_the_one_that_waits_is_changed() -> None:
    """The other asks for less than the new amount, and must not ask for more."""
    large, small = ({"spec": pod_spec(gpus=0, cpu=cpu)} for cpu in ("40", "1"))
    parts = [{"name": name, "template": {"spec": {"template": each}}} for name, each in (("ps", large), ("w", small))]
    above = owned("JobSet", "jobset.x-k8s.io", {"replicatedJobs": parts}, queue=False)
    pods = [pod("ps-0", owner=above, gpus=0, cpu="40"), pod("w-0", owner=above, gpus=0, cpu="1")]
    found = first_of([node("n"), above, *pods], "JobSet")
    assert found.patch is not None
    path = "/spec/replicatedJobs/0/template/spec/template/spec/containers/0"
    assert [(step["op"], step["path"]) for step in found.patch.body] == [
        ("test", f"{path}/name"),
        ("add", f"{path}/resources/requests/cpu"),
    ]


def test_work_of_any_kind_is_resumed() -> None:
    """Its pods are made then."""
    above = owned("JobSet", "jobset.x-k8s.io", job_set(2, suspend=True), queue=False)
    found = first_of([node("n"), above], "JobSet")
    assert (found.tried.starts, found.command.split()[-1]) == (NOW, """'{"spec":{"suspend":false}}'""")


NEEDS = """ValidatingAdmissionPolicy 'house' with binding 'house' denied request: pods need the label 'cost'"""
REFUSED = {
    "a Job": (situations.job(), "spec.template.metadata.labels"),
    "a JobSet": (
        owned("JobSet", "jobset.x-k8s.io", job_set(2), queue=False),
        "spec.replicatedJobs.0.template.spec.template.metadata.labels",
    ),
}


@pytest.mark.parametrize(("work", "place"), REFUSED.values(), ids=REFUSED)
def test_a_label_that_pods_need_stands_in_their_template(work: Raw, place: str) -> None:
    """The work's own labels are of no use; and no other cause says the same once more."""
    message = f'Error creating: pods "train-x" is forbidden: {NEEDS}'
    of = situations.case(work, node("n"), situations.event(work, "FailedCreate", message))
    found = explain(of)
    assert (found.evidence[-1].field, found.contributing) == (f"{place}[cost]", ())
    assert place in found.remedies[0].summary


def test_what_has_no_suspension_is_let_be_once_parts_of_it_are_ready() -> None:
    above = owned("LeaderWorkerSet", "leaderworkerset.x-k8s.io", LWS)
    parts = [("leader", 1, SMALL), ("worker", 2, TEMPLATE)]
    small = [*platform(cluster_queue("cq", quota("f", 1))), node("n"), above, workload_of(above, parts)]
    found = first_of(small, "LeaderWorkerSet")
    assert "jsonpath={.status.readyReplicas}')\" in *[1-9]*) false ;; esac; then" in found.command
