"""What belongs together is told as one: leaders with their workers, groups of pods, runs of CronJobs."""

from __future__ import annotations

from typing import Any

from allotment.diagnose.explaining import explain
from allotment.operations.ask.explaining import why_all
from tests.unit.diagnose.building import EARLIER, TEAM, Raw, case_of, job, node, owned_by, pod, pod_spec
from tests.unit.diagnose.test_rollouts import READY

LWS = {
    "apiVersion": "leaderworkerset.x-k8s.io/v1",
    "kind": "LeaderWorkerSet",
    "metadata": {"name": "serve", "namespace": TEAM, "uid": "lws", "creationTimestamp": EARLIER},
    "spec": {"replicas": 1, "leaderWorkerTemplate": {"size": 2, "workerTemplate": {"spec": pod_spec(1)}}},
    "status": {},
}


def group_of(leader_on: str, worker_on: str, **status: Any) -> list[Raw]:
    """A LeaderWorkerSet: its leader, and the StatefulSet of workers that the leader's pod owns."""
    leads = stateful("serve", LWS)
    leader = pod("serve-0", leader_on, owner=leads, status=READY if leader_on else None)
    works = stateful("serve-0", leader)
    worker = pod("serve-0-1", worker_on, owner=works, status=READY if worker_on else None)
    pods = [{**each, "status": each["status"] or {"phase": "Pending"}} for each in (leader, worker)]
    return [LWS | {"status": status}, leads, works, *pods]


def stateful(name: str, owner: Raw) -> Raw:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": TEAM, "uid": f"set-{name}", "ownerReferences": [owned_by(owner)]},
        "spec": {"replicas": 1, "template": {"spec": pod_spec(1)}},
        "status": {"replicas": 1},
    }


def waiting_in(objects: list[Raw], subject: str) -> list[str]:
    told = why_all(case_of(objects, subject).snapshot).waiting
    return sorted(f"{each.subject.kind}/{each.subject.name}" for each in told)


def test_workers_that_a_leading_pod_made_are_pods_of_the_whole() -> None:
    runs = explain(case_of([node("n"), *group_of("n", "n")], "leaderworkerset/serve"))
    assert (runs.cause, runs.summary) == ("none", "it runs: 2 pods on n")
    assert case_of(group_of("n", "n"), "pod/serve-0-1").top is not None
    objects = [node("n", 1), *group_of("n", "")]
    assert explain(case_of(objects, "leaderworkerset/serve")).cause == "gang-partially-placed"
    assert waiting_in(objects, "leaderworkerset/serve") == ["LeaderWorkerSet/serve"]


def test_a_set_that_says_it_is_available_runs_whatever_is_seen_of_its_pods() -> None:
    said = {"conditions": [{"type": "Available", "status": "True"}]}
    assert explain(case_of([node("n"), LWS | {"status": said}], "leaderworkerset/serve")).cause == "none"


def test_pods_of_a_group_that_wait_for_the_same_are_told_once() -> None:
    label = {"kueue.x-k8s.io/pod-group-name": "g"}
    alike = [pod(f"g-{at}", labels=label, gpus=9) for at in range(3)]
    other = pod("g-3", labels=label, nodeSelector={"no": "where"})
    assert waiting_in([node("n"), *alike], "pod/g-0") == ["Pod/g-0"]
    assert len(waiting_in([node("n"), *alike, other], "pod/g-0")) == 2
    assert len(waiting_in([node("n"), *alike, pod("h", gpus=9)], "pod/g-0")) == 2


def test_a_cronjob_that_waits_for_its_run_is_told_by_the_run() -> None:
    template = {"spec": {"template": {"spec": pod_spec(9)}}}
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "hourly", "namespace": TEAM, "uid": "cron", "creationTimestamp": EARLIER},
        "spec": {"schedule": "0 * * * *", "jobTemplate": template},
    }
    run = job("hourly-1", gpus=9)
    run["metadata"]["ownerReferences"] = [owned_by(cron)]
    objects = [node("n"), cron, run, pod("hourly-1-x", owner=run, gpus=9)]
    assert explain(case_of(objects, "cronjob/hourly")).cause == "insufficient-gpu"
    assert waiting_in(objects, "cronjob/hourly") == ["Job/hourly-1"]


def test_what_is_scaled_to_zero_waits_for_nothing() -> None:
    idle = stateful("idle", LWS)
    idle["metadata"].pop("ownerReferences")
    idle["spec"]["replicas"] = 0
    assert waiting_in([node("n"), idle], "statefulset/idle") == []
    assert explain(case_of([node("n"), idle], "statefulset/idle")).cause == "scaled-to-zero"


def test_what_runs_names_some_of_its_nodes_and_how_many_more_there_are() -> None:
    nodes, many = [node(f"n{each}") for each in range(5)], job("train", 5)
    pods = [pod(f"p{each}", f"n{each}", owner=many) for each in range(5)]
    assert explain(case_of([*nodes, many, *pods], "job/train")).summary == "it runs: 5 pods on n0, n1, n2 and 2 more"


def test_what_has_ended_well_says_so() -> None:
    over = {"conditions": [{"type": "Complete", "status": "True"}], "completionTime": "2026-11-01T12:00:00Z"}
    for succeeded, said in ((1, ""), (6, ": all 6 pods")):
        found = explain(case_of([job("train") | {"status": {**over, "succeeded": succeeded}}], "job/train"))
        assert (found.cause, found.summary) == ("none", f"it has succeeded at 2026-11-01T12:00:00Z{said}")
