"""Pods that are queued as a group: what is said where some were never made."""

from __future__ import annotations

import pytest

from allotment.diagnose.causes import BY_ID
from allotment.diagnose.explaining import explain
from allotment.model.explanation import CauseVerdict, StartsWhen
from tests.unit.diagnose.building import Raw, case_of, node, owned_by, pod
from tests.unit.diagnose.queues import QUEUE, cluster_queue, holding, platform, queued, quota, reserved

ROOM = cluster_queue("cq", quota("f", 8))


def group(pods: int, total: str = "3", **further: str) -> list[Raw]:
    """Pods of a group that Kueue keeps, and that it has made no Workload of."""
    labels = {QUEUE: "q", "kueue.x-k8s.io/pod-group-name": "mpi"}
    marks = {"kueue.x-k8s.io/pod-group-total-count": total, **further}
    gates = [{"name": "kueue.x-k8s.io/admission"}]
    return [
        *platform(ROOM),
        node("n"),
        *(pod(f"mpi-{n}", labels=labels, schedulingGates=gates, metadata={"annotations": marks}) for n in range(pods)),
    ]


def test_a_group_of_which_pods_are_missing_is_not_queued_and_starts_when_they_are_made() -> None:
    explanation = explain(case_of(group(2), "pod/mpi-0"))
    assert (explanation.cause, explanation.verdict) == ("pod-group-incomplete", CauseVerdict.MISCONFIGURED)
    assert explanation.facts == {"group": "mpi", "pods": 2, "expected": 3}
    first = explanation.remedies[0]
    assert (first.target and first.target.name, first.tried.starts, first.command) == ("mpi-2", StartsWhen.NOW, "")
    # The group as a whole asks for more than its queue has.
    large = explain(case_of(group(2, "9"), "pod/mpi-0"))
    assert large.cause == "pod-group-incomplete"
    assert ["not enough by itself" in each.summary for each in large.remedies] == [True]


@pytest.mark.parametrize(
    "objects",
    [
        group(3),
        group(2, "not a number"),
        group(2, **{"kueue.x-k8s.io/pod-group-fast-admission": "true"}),
    ],
    ids=["complete", "without a total", "may start before"],
)
def test_a_group_that_kueue_queues_is_not_incomplete(objects: list[Raw]) -> None:
    assert BY_ID["pod-group-incomplete"].find(case_of(objects, "pod/mpi-0")) is None


def test_the_pods_of_a_group_are_those_of_its_workload() -> None:
    held = group(3)
    pods = [each for each in held if each["kind"] == "Pod"]
    for each in pods:
        each["spec"] |= {"schedulingGates": [], "nodeName": "n"}
        each["status"] = {"phase": "Running"}
    (_, workload) = queued("mpi", 3, status=reserved())
    workload["metadata"]["ownerReferences"] = [{**owned_by(each), "controller": False} for each in pods]
    explanation = explain(case_of([*held, workload], "workload/mpi"))
    assert (explanation.cause, explanation.summary) == ("none", "it runs: 3 pods on n")


def test_what_runs_with_less_than_it_asks_for_says_so() -> None:
    objects = holding("train", "cq", pods=2)
    workload, pod = objects[1], objects[-1]
    workload["spec"]["podSets"][0] |= {"count": 3, "minCount": 1}
    second = {**pod, "metadata": {**pod["metadata"], "name": "train-1", "uid": "pod-train-1"}}
    message = {"reason": "Infeasible", "message": "too large"}
    second["status"] = {"phase": "Running", "conditions": [{"type": "PodResizePending", "status": "True", **message}]}
    assert explain(case_of([*objects, second])).summary == (
        "it runs: 2 pods on n; Kueue has admitted 2 of the 3 pods that it asks for (partial admission); "
        'the resize of train-1 waits (Infeasible): "too large"'
    )
    second["status"]["containerStatuses"] = [{"name": "main", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
    assert not explain(case_of([*objects, second])).summary.startswith("it runs")


def test_a_group_that_is_too_large_is_called_by_its_name() -> None:
    """Not by Kueue's hash of what its pods ask for."""
    held = group(3)
    (_, workload) = queued("mpi", 3)
    workload["spec"]["podSets"][0]["name"] = "4bc34225"
    pods = [each for each in held if each["kind"] == "Pod"]
    workload["metadata"]["ownerReferences"] = [{**owned_by(each), "controller": False} for each in pods]
    small = platform(cluster_queue("cq", quota("f", 2)))
    found = explain(case_of([*small, node("n"), *pods, workload], "pod/mpi-0"))
    assert found.remedies[0].summary.startswith("make the group mpi of 2 pods in place of 3")
