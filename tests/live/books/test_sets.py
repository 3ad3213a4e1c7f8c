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
    name, further = unique_name(), (Feature.JOBSET, Feature.LEADERWORKERSET)
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


def pods_of(live: Training, body: Body) -> list[Body]:
    return [pod for pod in live.kube.list("v1", "Pod", namespace=NAMESPACE) if names(pod, body)]


def names(made: Body, body: Body) -> bool:
    return str(body["metadata"]["name"]) in str(made["metadata"]["name"])
