"""Kinds whose controllers make Jobs and stateful sets: judged by themselves, run by their real controllers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from allotment.model.manifest import Body, ObjectKey, key_of
from tests.live.books.accounts import charged, difference, pod_requests, total
from tests.live.books.following import devices
from tests.live.books.kinds import (
    GPU,
    NAMESPACE,
    WORKLOADS,
    expect_said,
    group,
    job_set,
    marked_bodies,
    names,
    pods_of,
    ray,
    submitted,
    train_job,
)
from tests.live.conftest import kubectl_for
from tests.live.policies.conftest import until
from tests.live.training import OWNER, Training, member, refusal

pytestmark = [pytest.mark.live, pytest.mark.nightly]


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


AGAIN = {"name": "all_again", "action": "RestartJobSet"}
ALWAYS = {"name": "always", "action": "RestartJobSetAndIgnoreMaxRestarts"}
FAILS = {"name": "fails", "action": "FailJobSet", "targetReplicatedJobs": ["workers"]}
SOME_FAIL = FAILS | {"name": "some_fail", "onJobFailureReasons": ["DeadlineExceeded"]}
FAILS_ALWAYS = {"name": "fails_always", "action": "FailJobSet"}


@pytest.mark.parametrize(
    ("replicas", "failure", "again"),
    [
        (2, {"maxRestarts": 3}, True),
        (2, {"maxRestarts": 3, "rules": [SOME_FAIL]}, True),
        (2, {"maxRestarts": 3, "rules": [AGAIN, FAILS_ALWAYS]}, True),
        (2, {"rules": [ALWAYS]}, True),
        (2, {"maxRestarts": 3, "rules": [FAILS, FAILS_ALWAYS]}, False),
        (2, {"maxRestarts": 3, "rules": [FAILS]}, False),
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
    ("annotations", "says"),
    [
        ({"exclusive-topology": "example.org/rack"}, "keeps Jobs apart by the label example.org/rack, which no pool"),
        ({"exclusive-topology": "kubernetes.io/hostname", "node-selector": "true"}, "on nodes marked by hand"),
        ({"exclusive-topology": "kubernetes.io/hostname"}, ""),
    ],
    ids=["nobody's", "marked", "nodes"],
)
def test_jobs_of_a_set_are_kept_apart_by_labels_that_nodes_have(
    sets: Training, annotations: Mapping[str, str], says: str
) -> None:
    body = job_set("apart", cpu=1, memory="1Gi")
    body["metadata"]["annotations"] = {f"alpha.jobset.sigs.k8s.io/{key}": value for key, value in annotations.items()}
    expect_said(sets, body, says)


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
