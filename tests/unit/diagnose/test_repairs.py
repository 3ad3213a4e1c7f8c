"""After a repair: what controllers said of an earlier try is no cause, and that they have not tried since is one."""

from __future__ import annotations

import pytest

from allotment.diagnose.explaining import explain
from allotment.model.explanation import CauseVerdict, PatchOp
from tests.unit.diagnose.building import EARLIER, TEAM, Raw, case_of, job, node, owned_by, pod_spec
from tests.unit.diagnose.queues import QUEUE, cluster_queue, platform, quota

REFUSED = (
    'Error creating: pods "web-1-" is forbidden: error looking up service account team-a/ghost: '
    'serviceaccount "ghost" not found'
)
LATER = "2026-11-01T11:50:00Z"


def account(name: str) -> Raw:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": TEAM}}


def failed_to_create(about: Raw, message: str = REFUSED) -> Raw:
    named = {
        "kind": about["kind"],
        "namespace": TEAM,
        "name": about["metadata"]["name"],
        "uid": about["metadata"]["uid"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": TEAM},
        "involvedObject": named,
        "reason": "FailedCreate",
        "message": message,
        "lastTimestamp": EARLIER,
    }


def service() -> list[Raw]:
    """A Deployment with a ReplicaSet that could not make its pod."""
    template = {"spec": pod_spec(0, serviceAccountName="ghost")}
    meta = {"namespace": TEAM, "creationTimestamp": EARLIER}
    top: Raw = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {**meta, "name": "web", "uid": "d"}}
    top |= {"spec": {"replicas": 1, "template": template}}
    below = {**top, "kind": "ReplicaSet", "metadata": {**meta, "name": "web-1", "uid": "r", "ownerReferences": []}}
    below["metadata"]["ownerReferences"].append(owned_by(top))
    return [node("n"), account("default"), top, below, failed_to_create(below)]


def test_what_is_there_now_was_missing_when_the_controller_last_tried() -> None:
    before = explain(case_of(service(), "deployment/web"))
    assert before.cause == "service-account-missing"
    assert "repair-not-noticed" not in {each.cause for each in before.contributing}
    found = explain(case_of([*service(), account("ghost")], "deployment/web"))
    assert (found.cause, found.verdict) == ("repair-not-noticed", CauseVerdict.WAITING)
    assert found.facts["last_try"] == EARLIER
    assert found.remedies[0].command == f"kubectl rollout restart deployment/web -n {TEAM}"
    assert found.remedies[-1].patch is not None
    assert found.remedies[-1].patch.op is PatchOp.WAIT


def test_a_job_is_only_touched() -> None:
    alone = job("train", gpus=0)
    alone["spec"]["template"]["spec"]["serviceAccountName"] = "ghost"
    objects = [node("n"), account("default"), account("ghost"), alone, failed_to_create(alone)]
    found = explain(case_of(objects))
    assert found.cause == "repair-not-noticed"
    assert found.remedies[0].command.startswith(f"kubectl annotate --overwrite job/train -n {TEAM} tried-again=")


@pytest.mark.parametrize(("made", "cause"), [(LATER, "repair-not-noticed"), (EARLIER, "workload-missing")])
def test_a_priority_class_that_came_after_the_work(made: str, cause: str) -> None:
    queued = job("train")
    queued["metadata"]["labels"] = {QUEUE: "q", "kueue.x-k8s.io/priority-class": "super"}
    queued["spec"]["suspend"] = True
    kind = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "WorkloadPriorityClass", "value": 9}
    super_class = kind | {"metadata": {"name": "super", "uid": "s", "creationTimestamp": made}}
    objects = [node("n"), *platform(cluster_queue("cq", quota("f", 8))), queued, super_class]
    found = explain(case_of(objects))
    assert found.cause == cause
    assert not found.contributing
