"""Courses of several steps, for real: each step may be admitted or refused, the end is harmless.

Harmless means that no more GPUs run than are charged, that a neighbour's guaranteed work runs, and that whoever leaves
reads nothing any more.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from allotment.model.manifest import ObjectKey, key_of
from allotment.ports.kube import RefusedError
from tests.live.attacks.attempts import in_template, marked, one, service
from tests.live.attacks.courses import (
    LONG,
    LONGEST,
    MEMBER,
    NEIGHBOUR,
    OWNER,
    attempted,
    eventually,
    expect_honest_books,
    group_pod,
    job,
    limits_only,
    pods_of,
    settled,
)
from tests.live.books.following import WORKLOADS, condition
from tests.live.books.manifests import GROUP, GROUP_SIZE, amounts, container, pod_spec, work
from tests.live.training import PEOPLE, TEAMS, Training, member

pytestmark = pytest.mark.live

ON_DEMAND = {"allotment.dev/accelerator": "a100", "allotment.dev/capacity-type": "on-demand"}
FOREIGN = ["evil.example/x"]


@pytest.mark.parametrize("fast", [False, True], ids=["group", "fast admission"])
def test_a_role_of_small_and_large_pods(arena: Training, fast: bool) -> None:
    """One pod is counted for all that claim to be alike."""
    claims = {"kueue.x-k8s.io/role-hash": "same"}
    if fast:
        claims["kueue.x-k8s.io/pod-group-fast-admission"] = "true"
    attempted(arena, MEMBER, group_pod("band-0", 1, 4, "band-1c1g-1x4", **claims))
    if fast:
        settled(arena)
    attempted(arena, MEMBER, *(group_pod(f"band-{number}", 8, 4, "band-1c1g-1x4", **claims) for number in (1, 2, 3)))
    expect_honest_books(arena)


def test_a_role_of_small_and_large_pods_by_a_deployment(arena: Training) -> None:
    for name, gpus in (("small", 1), ("large", 8)):
        [body] = work("Deployment", name, "nlp", pod_spec(container(amounts(gpus=gpus))))
        labels = {GROUP: "band-1c1g-2", "kueue.x-k8s.io/queue-name": "default"}
        notes = {GROUP_SIZE: "2", "kueue.x-k8s.io/role-hash": "same"}
        attempted(arena, MEMBER, in_template(body, labels=labels, annotations=notes))
    expect_honest_books(arena)


@pytest.mark.nightly
def test_work_under_the_accounts_of_other_work(arena: Training) -> None:
    """The Workload of a Job or a pod group is named as one's own; then the owner of the account goes."""
    attempted(arena, MEMBER, job("first", gpus=8), group_pod("band-0", 8, 1))
    settled(arena)
    names = [each["metadata"]["name"] for each in arena.kube.list(*WORKLOADS, namespace="nlp")]
    assert len(names) == 2
    for number, name in enumerate(names):
        claim = {"kueue.x-k8s.io/prebuilt-workload-name": name}
        thief = marked(job(f"thief-{number}", gpus=8), labels=claim)
        pod = marked(group_pod(f"thief-{number}", 8, 1), labels=claim)
        del pod["metadata"]["labels"][GROUP]
        attempted(arena, MEMBER, thief, pod)
    expect_honest_books(arena)
    arena.kube.delete("batch/v1", key_of(job("first", gpus=8)), identity=MEMBER)
    expect_honest_books(arena)


def test_children_of_admitted_work(arena: Training) -> None:
    attempted(arena, MEMBER, job("parent", gpus=1))
    settled(arena)
    parent = arena.kube.get("batch/v1", ObjectKey("batch", "Job", "nlp", "parent"))
    assert parent is not None
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "parent", "uid": parent["metadata"]["uid"],
             "controller": True}  # fmt: skip
    children = [job("child-0", gpus=8), job("child-1", gpus=8, suspend=True), group_pod("child-2", 8, 1)]
    children[2]["metadata"]["labels"].pop(GROUP)
    gated = copy.deepcopy(children[2])
    gated["metadata"]["name"] = "child-3"
    gated["metadata"]["labels"]["kueue.x-k8s.io/managed"] = "true"
    gated["spec"]["schedulingGates"] = [{"name": "kueue.x-k8s.io/admission"}]
    attempted(arena, MEMBER, *(marked(child, ownerReferences=[owner]) for child in (*children, gated)))
    expect_honest_books(arena)


@pytest.mark.nightly
def test_pods_that_do_not_end(arena: Training) -> None:
    """A pod is deleted and lingers, its Job makes another, and both hold their GPUs."""
    slow = job("slow", gpus=8)
    slow["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 946_080_000
    held = in_template(job("held", gpus=8), finalizers=FOREIGN)
    attempted(arena, MEMBER, slow, held, job("plain", gpus=8))
    settled(arena)
    for _ in range(2):
        for pod in pods_of(arena, "nlp"):
            if "deletionTimestamp" not in pod["metadata"]:
                arena.kube.delete("v1", key_of(pod), identity=MEMBER)
        expect_honest_books(arena)


def test_objects_in_deletion_are_not_free(arena: Training) -> None:
    kept = marked(service(), finalizers=FOREIGN)
    deployment = marked(one("Deployment"), finalizers=FOREIGN)
    attempted(arena, OWNER, kept, deployment)
    addresses = {"spec": {"externalIPs": ["8.8.8.8"]}}
    pods = {"spec": {"template": {"spec": {"tolerations": [{"operator": "Exists"}], "nodeName": "a100-on-demand-0"}}}}
    for body, patch in ((kept, addresses), (deployment, pods)):
        if arena.kube.get(body["apiVersion"], key_of(body)) is None:
            continue  # the finalizer was refused
        arena.kube.delete(body["apiVersion"], key_of(body), identity=OWNER)
        with pytest.raises(RefusedError, match=r"allotment\.dev"):
            arena.kube.merge_patch(body["apiVersion"], key_of(body), patch, identity=OWNER)


def guaranteed(name: str, team: str, gpus: int) -> dict[str, Any]:
    wanted = amounts(gpus=gpus, cpu="10", memory="10Gi")
    [body] = work("Job", name, team, pod_spec(container(wanted), nodeSelector=ON_DEMAND))
    return in_template(body, annotations=LONG)


def runs(training: Training, namespace: str, number: int, seconds: float = 30.0) -> bool:
    """Whether so many pods of the team get their nodes."""
    return eventually(
        lambda: sum(1 for pod in pods_of(training, namespace) if pod["spec"].get("nodeName")) >= number, seconds
    )


def test_a_guarantee_beside_a_greedy_neighbour(arena: Training) -> None:
    """Seven Jobs with GPU limits only, which were counted as nothing once; then the neighbour's guaranteed work."""
    attempted(arena, MEMBER, *(limits_only(f"greedy-{number}") for number in range(7)))
    expect_honest_books(arena)
    assert attempted(arena, NEIGHBOUR, guaranteed("mine", "cv", 8)) == [""]
    assert runs(arena, "cv", 1), "the neighbour's guaranteed Job gets no node"


@pytest.mark.nightly
def test_a_guarantee_beside_a_neighbour_without_gpus(arena: Training) -> None:
    """CPU-only work on the nodes with GPUs leaves the devices unused and unusable."""
    wanted = amounts(cpu="85", memory="10Gi")
    [hungry] = work("Deployment", "hungry", "nlp", pod_spec(container(wanted)), queue="", replicas=3)
    jobs = [
        in_template(work("Job", f"hungry-{n}", "nlp", pod_spec(container(wanted)))[0], annotations=LONG)
        for n in range(3)
    ]
    attempted(arena, MEMBER, hungry, *jobs)
    settled(arena)
    on_gpus = [p["spec"]["nodeName"] for p in pods_of(arena, "nlp") if "100" in p["spec"].get("nodeName", "")]
    assert on_gpus == [], "CPU-only pods stand on nodes with GPUs"
    assert attempted(arena, NEIGHBOUR, guaranteed("eight", "cv", 8), guaranteed("four", "cv", 4)) == ["", ""]
    assert attempted(arena, PEOPLE["recmember"], guaranteed("eight", "recsys", 8)) == [""]
    assert runs(arena, "cv", 2)
    assert runs(arena, "recsys", 1)


def test_a_queue_admits_no_pods_that_its_namespace_would_refuse(arena: Training) -> None:
    """A namespace of nlp holds 50 pods: of two Jobs with 30 each one waits, and holds nothing meanwhile."""
    small = pod_spec(container(amounts(cpu="10m", memory="16Mi")))
    jobs = [in_template(work("Job", f"many-{n}", "nlp", small, parallelism=30, completions=30)[0], annotations=LONG)
            for n in range(2)]  # fmt: skip
    assert attempted(arena, MEMBER, *jobs) == ["", ""]
    assert eventually(lambda: sum(bool(pod["spec"].get("nodeName")) for pod in pods_of(arena, "nlp")) == 30, LONGEST)
    reserving = [condition(each, "QuotaReserved") for each in arena.kube.list(*WORKLOADS, namespace="nlp")]
    assert sorted(map(bool, reserving)) == [False, True]


def test_plain_work_of_everybody_still_runs(arena: Training) -> None:
    """What these tests would not notice if everything were refused."""
    short = [in_template(job(f"plain-{team}", gpus=1, team=team), annotations={"allotment.dev/run-for": "1s"})
             for team in TEAMS]  # fmt: skip
    for body in short:
        assert attempted(arena, member(body["metadata"]["namespace"]), body) == [""]
    keys = [key_of(body) for body in short]
    assert eventually(
        lambda: all(condition(arena.kube.get("batch/v1", key) or {}, "Complete") for key in keys), LONGEST
    )
