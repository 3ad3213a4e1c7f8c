"""What an answer says beside its cause: once, from where it stands, and with acts that keep what others meant."""

from __future__ import annotations

from allotment.diagnose import by_hand
from allotment.diagnose.explaining import explain
from allotment.model.explanation import Explanation, RemedyKind
from tests.unit.diagnose.building import TEAM, case_of, node, pod, running, waiting
from tests.unit.diagnose.queues import QUEUE, cluster_queue, platform, queued, quota, thing

ROOM = cluster_queue("cq", quota("f", 8))


def kinds_of(found: Explanation) -> list[RemedyKind]:
    return [each.kind for each in found.remedies]


def labelled(value: str, has: str) -> Explanation:
    there = node("n", labels={"kind": has})
    return explain(case_of([there, *platform(ROOM, flavors={"f": {"nodeLabels": {"kind": value}}}), *queued()]))


def test_nodes_that_are_kept_for_a_team_are_not_to_be_tolerated_by_others() -> None:
    found = explain(case_of([node("a", taints=("team=vip:NoSchedule",)), *waiting()]))
    assert found.cause == "pool-of-another-team"
    assert RemedyKind.ADD_TOLERATION not in kinds_of(found)
    own = explain(case_of([node("a", taints=(f"team={TEAM}:NoSchedule",)), *waiting()]))
    assert RemedyKind.ADD_TOLERATION in kinds_of(own)


def test_a_flavor_gets_another_label_only_where_that_was_meant() -> None:
    assert RemedyKind.FIX_LABEL in kinds_of(labelled("l4os", "l40s"))
    other = labelled("l40s", "a100")
    assert (other.cause, kinds_of(other)) == ("flavor-matches-no-node", [RemedyKind.ADD_NODE])
    assert "node-selector-typo" not in {each.cause for each in other.contributing}


def test_one_fact_is_told_under_one_name() -> None:
    labels = {"kueue.x-k8s.io/priority-class": "lost"}
    sent = queued(labels=labels)[:1]
    found = explain(case_of([node("n"), *platform(ROOM), *sent]))
    assert found.cause == "priorityclass-missing"
    assert "workload-priority-class-missing" not in {each.cause for each in found.contributing}


def test_where_a_template_is_not_known_the_pod_is_the_evidence() -> None:
    owner = thing("JobSet", "set", TEAM) | {"apiVersion": "jobset.x-k8s.io/v1alpha2"}
    owner["spec"] = {"replicatedJobs": []}
    found = explain(case_of([node("n"), owner, pod("set-0", owner=owner, nodeSelector={"kind": "x"})], "jobset/set"))
    assert found.cause == "node-selector-typo"
    assert next((each.object.kind, each.field) for each in found.evidence) == ("Pod", "spec.nodeSelector[kind]")
    assert QUEUE not in str(found.evidence)


def test_only_a_container_that_was_restarted_has_previous_logs() -> None:
    about = case_of(waiting()).pods[0]
    assert by_hand.logs_of(about, "main", restarted=False) == f"kubectl logs pod/train-0 -n {TEAM} -c main"
    assert by_hand.logs_of(about, "main").endswith(" --previous")


def test_what_is_free_is_told_with_its_unit_and_of_what_is_short() -> None:
    taken = running("other", "a", gpus=0, asks={"memory": "200Gi"})
    found = explain(case_of([node("a"), *taken, *waiting(gpus=0, asks={"memory": "100Gi"})]))
    assert found.cause == "memory-all-in-use"
    assert found.facts["free_by_node"] == {"a": "56 GiB"}
