"""A service whose pods Kueue queues one by one: its cause is theirs, with the numbers of all of them."""

from __future__ import annotations

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.chain import dominant, findings
from allotment.diagnose.explaining import explain
from allotment.diagnose.remedies.trying import tried
from allotment.model.explanation import CauseVerdict, PatchOp, RemedyKind, StartsWhen
from allotment.operations.ask.explaining import why_all
from tests.unit.diagnose.building import EARLIER, GPU, TEAM, Raw, case_of, node, owned_by, pod, pod_spec
from tests.unit.diagnose.queues import QUEUE, cluster_queue, condition, holding, platform, quota, thing

NODES = [node("n"), node("m")]
FULL = [*NODES, *platform(cluster_queue("cq", quota("f", 4))), *holding("other", "cq", gpus=4)]


def service(pods: int = 3, let_in: int = 0, gpus: int = 1) -> list[Raw]:
    """A Deployment with a ReplicaSet and as many gated pods, each with its Workload; the first of them are let in."""
    labels = {QUEUE: "q"}
    template = {"metadata": {"labels": labels}, "spec": pod_spec(gpus) | {"restartPolicy": "Always"}}
    top, middle = (
        {
            "apiVersion": "apps/v1",
            "kind": each,
            "metadata": {"name": "web", "namespace": TEAM, "uid": each, "labels": labels, "creationTimestamp": EARLIER},
            "spec": {"replicas": pods, "template": template},
            "status": {"replicas": pods, "updatedReplicas": pods, "unavailableReplicas": pods},
        }
        for each in ("Deployment", "ReplicaSet")
    )
    middle["metadata"]["ownerReferences"] = [owned_by(top)]
    made = []
    for at in range(pods):
        gates = [{"name": "kueue.x-k8s.io/admission"}] if at >= let_in else []
        one = pod(
            f"web-{at}", "n" if at < let_in else "", owner=middle, gpus=gpus, labels=labels, schedulingGates=gates
        )
        made += [one, _workload(one, at, let_in=at < let_in)]
    return [top, middle, *made]


def _workload(one: Raw, at: int, *, let_in: bool) -> Raw:
    given = {"clusterQueue": "cq", "podSetAssignments": [{"name": "main", "count": 1, "flavors": {GPU: "f"}}]}
    looked = [condition("QuotaReserved", "False", "Pending", "insufficient unused quota")] if at == 1 else []
    status = {"admission": given, "conditions": [condition("QuotaReserved")]} if let_in else {"conditions": looked}
    sets = [{"name": "main", "count": 1, "template": {"spec": one["spec"]}}]
    meta = {"ownerReferences": [owned_by(one)], "creationTimestamp": EARLIER}
    return thing(
        "Workload", f"pod-{one['metadata']['name']}", TEAM, queueName="q", podSets=sets, metadata=meta, status=status
    )


def test_what_keeps_its_pods_is_its_cause_and_the_numbers_are_of_all_that_wait() -> None:
    found = explain(case_of([*FULL, *service()], "deployment/web"))
    assert (found.cause, found.verdict) == ("quota-nominal", CauseVerdict.WAITING)
    assert found.facts["requested"] == 3
    assert not found.contributing
    raised = next(each for each in found.remedies if each.kind is RemedyKind.RAISE_QUOTA)
    assert raised.tried.starts is StartsWhen.NOW
    assert "4 → 7" in raised.summary
    of_two = explain(case_of([*FULL, *service(let_in=1)], "deployment/web"))
    assert of_two.facts["requested"] == 2


def test_its_place_in_the_line_is_that_of_the_first_pod_which_kueue_looks_at() -> None:
    case = case_of([*FULL, *service()], "deployment/web")
    found = explain(case, with_remedies=False)
    assert found.evidence[-1].object is not None
    assert found.evidence[-1].object.name == "pod-web-1"


def test_fewer_replicas_leave_those_that_run_alone() -> None:
    room_for_one = [*NODES, *platform(cluster_queue("cq", quota("f", 4))), *holding("other", "cq", gpus=2)]
    found = explain(case_of([*room_for_one, *service(let_in=1)], "deployment/web"))
    fewer = next(each for each in found.remedies if each.patch and each.patch.op is PatchOp.MERGE)
    assert fewer.patch is not None
    assert fewer.patch.body == {"spec": {"replicas": 2}}
    assert "replicas 3 → 2" in fewer.summary


def test_nobody_waits_for_a_service_to_end() -> None:
    lets_two_in = [*NODES, *platform(cluster_queue("cq", quota("f", 2))), *service(let_in=2)]
    found = explain(case_of(lets_two_in, "deployment/web"))
    assert (found.cause, found.verdict) == ("quota-nominal", CauseVerdict.MISCONFIGURED)
    assert found.summary.endswith("; its own pods hold it and do not end")
    assert found.remedies
    assert not any(each.patch and each.patch.op is PatchOp.WAIT for each in found.remedies)


def test_it_is_told_once_among_all_that_wait() -> None:
    told = why_all(case_of([*FULL, *service()], "deployment/web").snapshot)
    assert [each.subject.kind for each in told.waiting] == ["Deployment"]


def test_a_changed_service_is_queued_again_and_not_let_past_the_queue() -> None:
    case = case_of([*FULL, *service()], "deployment/web")
    first = dominant(findings(case))
    assert first is not None
    less = {"containers": [{"name": "main", "resources": {"requests": {"cpu": "500m"}}}]}
    answer, left = tried(case, first[1], changed_pods(RemedyKind.REDUCE_REQUEST, "ask for less CPU", case, less))
    assert answer.starts is StartsWhen.NO
    assert left is not None
    assert (left.cause, left.facts["requested"]) == ("quota-nominal", 3)


def test_a_rollout_in_a_queue_holds_the_quota_of_its_old_pods_until_new_ones_are_let_in() -> None:
    """Two pods of one GPU each would have the quota of the old one, that stays until one of them runs."""
    half_full = [*NODES, *platform(cluster_queue("cq", quota("f", 4))), *holding("other", "cq", gpus=2)]
    top, *below = service(pods=2, let_in=1, gpus=2)
    one = {"requests": {GPU: "1"}, "limits": {GPU: "1"}}
    for away, starts in ((0, StartsWhen.NO), (1, StartsWhen.NOW)):
        top["spec"]["strategy"] = {"rollingUpdate": {"maxUnavailable": away}}
        case = case_of([*half_full, top, *below], "deployment/web")
        first = dominant(findings(case))
        assert first is not None
        less = changed_pods(RemedyKind.REDUCE_REQUEST, "1", case, {"containers": [{"name": "main", "resources": one}]})
        assert tried(case, first[1], less)[0].starts is starts
