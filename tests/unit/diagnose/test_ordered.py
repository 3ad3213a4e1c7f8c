"""StatefulSets in order: the pod that is in the way of a mended template has to be deleted."""

from __future__ import annotations

from typing import Any

from allotment.diagnose.explaining import explain
from allotment.diagnose.remedies.trying import tried
from allotment.diagnose.rules.scheduler.insufficient_gpu import find
from allotment.model.explanation import Explanation, PatchOp, StartsWhen
from tests.unit.diagnose.building import EARLIER, GPU, TEAM, Raw, case_of, node, pod, pod_spec

READY = {"phase": "Running", "startTime": EARLIER, "conditions": [{"type": "Ready", "status": "True"}]}


def updating(gpus: int, **spec: Any) -> list[Raw]:
    """One pod runs; the next was made to ask for eight GPUs, which no node has, and the template asks for so many."""
    top = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web", "namespace": TEAM, "uid": "web", "creationTimestamp": EARLIER},
        "spec": {"replicas": 2, "template": {"spec": pod_spec(gpus) | {"restartPolicy": "Always"}}, **spec},
        "status": {"replicas": 2, "readyReplicas": 1},
    }
    return [node("n", 4), top, pod("web-0", "n", owner=top, status=READY), pod("web-1", owner=top, gpus=8)]


def told(gpus: int, **spec: Any) -> Explanation:
    return explain(case_of(updating(gpus, **spec), "statefulset/web"))


def test_a_mended_template_and_the_pod_deleted_are_one_remedy() -> None:
    first = told(8).remedies[0]
    assert first.command.endswith(f" && kubectl delete pod/web-1 -n {TEAM}")
    assert "and delete the pod web-1" in first.summary
    alone = case_of(updating(8), "statefulset/web")
    found = find(alone)
    assert found is not None
    assert tried(alone, found, found.proposals[0])[0].starts is StartsWhen.NO


def test_of_a_template_that_is_mended_only_the_pod_is_left_to_be_deleted() -> None:
    remedies = told(2).remedies
    assert remedies[0].command == f"kubectl delete pod/web-1 -n {TEAM}"
    assert remedies[0].tried.starts is StartsWhen.NOW
    assert not any(f"8 {GPU} → 2" in each.summary for each in remedies), "the template says so already"


def test_pods_made_side_by_side_are_replaced_by_their_controller() -> None:
    first = told(8, podManagementPolicy="Parallel").remedies[0]
    assert first.patch is not None
    assert first.patch.op is PatchOp.STRATEGIC
    assert "delete" not in first.command
