"""What is done to nodes, and what is said of pods that have a bad one."""

from __future__ import annotations

from allotment.diagnose.explaining import explain
from allotment.model.explanation import CauseVerdict, RemedyKind, StartsWhen
from tests.unit.diagnose.building import Raw, case_of, job, node, pod, waiting

LOST = "node.kubernetes.io/unreachable:NoExecute"


def on_node(there: Raw) -> list[Raw]:
    above = job("train")
    return [there, above, pod("train-0", "a", owner=above, status={"phase": "Pending"})]


def test_a_pod_whose_node_is_not_ready_waits_for_the_node_and_not_for_itself() -> None:
    found = explain(case_of(on_node(node("a", ready="False", taints=(LOST,)))))
    assert (found.cause, found.verdict, found.facts["node"]) == ("node-not-ready", CauseVerdict.BROKEN, "a")
    assert [(each.kind, each.tried.starts) for each in found.remedies] == [(RemedyKind.REPAIR_NODE, StartsWhen.NOW)]
    assert explain(case_of(on_node(node("a")))).cause == "pod-starting"


def test_a_taint_is_taken_off_without_touching_others() -> None:
    tainted = node("a", taints=("keep=x:PreferNoSchedule", "gpu:NoSchedule"))
    last = explain(case_of([tainted, *waiting()])).remedies[-1]
    assert last.command == "kubectl taint node a gpu:NoSchedule-"
    assert last.patch is not None
    assert last.patch.body == [
        {"op": "test", "path": "/spec/taints/1/key", "value": "gpu"},
        {"op": "test", "path": "/spec/taints/1/effect", "value": "NoSchedule"},
        {"op": "remove", "path": "/spec/taints/1"},
    ]
    assert last.tried.starts is StartsWhen.NOW


def test_the_numbers_beside_a_taint_are_those_of_the_tainted_nodes() -> None:
    found = explain(case_of([node("a", taints=("gpu:NoSchedule",)), node("b", 1), *waiting(gpus=4)]))
    assert found.cause == "gpu-taint-not-tolerated"
    assert (found.facts["free_by_node"], found.facts["gpus_free"], found.facts["gpus_total"]) == ({"a": 8}, 8, 8)


def test_a_node_is_uncordoned_without_touching_its_taints() -> None:
    marks = ("node.kubernetes.io/unschedulable:NoSchedule", "keep=x:PreferNoSchedule")
    found = explain(case_of([node("a", unschedulable=True, taints=marks), *waiting()]))
    opened = next(each for each in found.remedies if each.kind is RemedyKind.UNCORDON)
    assert opened.command == "kubectl uncordon node/a"
    assert opened.patch is not None
    assert opened.patch.body == {"spec": {"unschedulable": None}}
    assert opened.tried.starts is StartsWhen.NOW


def test_all_nodes_that_it_takes_are_uncordoned() -> None:
    closed = [node(name, unschedulable=True) for name in "ab"]
    found = explain(case_of([*closed, *waiting(pods=2, gpus=8)]))
    opened = next(each for each in found.remedies if each.kind is RemedyKind.UNCORDON)
    assert opened.command == "kubectl uncordon node/a node/b"
    assert opened.tried.starts is StartsWhen.NOW
