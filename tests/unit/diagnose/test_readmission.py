"""What a remedy makes anew passes, on trial, what a new object passes; what would be refused is not proposed."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.diagnose.amending import patch_by_name
from allotment.diagnose.explaining import explain
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.remedies.trying import tried
from allotment.model.explanation import CauseVerdict, Doer, Patch, PatchOp, RemedyKind, StartsWhen
from allotment.model.observed.base import Reference
from tests.unit.diagnose.building import TEAM, Raw, case_of, job, node, pod
from tests.unit.diagnose.queues import QUEUE, cluster_queue, platform, quota, thing

STUCK = Finding("node-not-ready", CauseVerdict.BROKEN, "x")


def starts(objects: list[Raw], body: Any, op: PatchOp = PatchOp.RESUBMIT) -> tuple[bool, str]:
    """Whether the first of the objects starts with a change, and the cause that is left."""
    first = objects[0]
    target = Reference(api_version=first["apiVersion"], kind=first["kind"], namespace=TEAM, name="train")
    proposal = Proposal(RemedyKind.OTHER, Doer.USER, "x", target, Patch(op, body))
    answer, left = tried(case_of(objects, f"{first['kind'].lower()}/train"), STUCK, proposal)
    return answer.starts is not StartsWhen.NO, left.cause if left is not None else ""


def of_main(**requests: str) -> Raw:
    return {"spec": {"containers": [{"name": "main", "resources": {"requests": requests}}]}}


def bounds(**most: str) -> Raw:
    made = thing("LimitRange", "lim", TEAM, limits=[{"type": "Container", "max": most}])
    return made | {"apiVersion": "v1"}


def team_quota(**hard: str) -> Raw:
    return thing("ResourceQuota", "team", TEAM, hard=hard) | {"apiVersion": "v1"}


HERE = [pod("train", "n", cpu="2"), pod("other", "n", cpu="1"), node("n")]


def test_a_pod_made_anew_is_taken_by_its_namespace_with_the_old_one_gone() -> None:
    quotas = [*HERE, team_quota(cpu="4")]
    assert starts(quotas, of_main(cpu="3")) == (True, "")
    assert starts(quotas, of_main(cpu="4")) == (False, "resourcequota-exceeded")
    limited = [*HERE, bounds(memory="2Gi")]
    assert starts(limited, of_main(memory="2Gi")) == (True, "")
    assert starts(limited, of_main(memory="3Gi")) == (False, "limitrange-max")


def test_a_container_is_changed_in_the_list_that_it_stands_in() -> None:
    init = {"name": "log", "image": "x:1", "resources": {"requests": {"cpu": "1"}}}
    there = [pod("train", "n", initContainers=[init]), node("n")]
    change = [{"name": "log", "resources": {"requests": {"cpu": "2"}}}]
    assert starts(there, {"spec": {"initContainers": change}}) == (True, "")
    assert starts(there, {"spec": {"containers": change}}) == (False, "object-invalid")
    less = {"log": {"resources": {"limits": {"cpu": "1"}}}}
    assert patch_by_name(case_of(there, "pod/train"), less) == {"initContainers": [{"name": "log", **less["log"]}]}


def test_more_memory_than_the_namespace_allows_is_given_with_its_bound() -> None:
    ended = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-01T11:59:00Z"}
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    again = {"name": "main", "restartCount": 6, "lastState": {"terminated": ended}, "state": state}
    unready = [{"type": "Ready", "status": "False"}]
    out = pod("train", "n", status={"phase": "Running", "conditions": unready, "containerStatuses": [again]})
    out["spec"]["containers"][0]["resources"]["limits"] = {"memory": "1Gi"}
    (only,) = explain(case_of([out, node("n"), bounds(memory="1Gi")], "pod/train")).remedies
    assert (only.who, only.tried.starts) == (Doer.TEAM_OWNER, StartsWhen.NOW)
    assert only.command.startswith(f"kubectl patch limitrange/lim -n {TEAM} ")
    assert only.command.index("memory") < only.command.index("was=$(kubectl get pod/train")


def queued_job(**annotations: str) -> Raw:
    above = job("train", 8)
    above["metadata"] |= {"labels": {QUEUE: "q"}, "annotations": annotations}
    return above


def stateful(**labels: str) -> Raw:
    above = {**job("train"), "apiVersion": "apps/v1", "kind": "StatefulSet"}
    above["metadata"]["labels"] = labels
    above["spec"] = {"replicas": 3, "template": above["spec"]["template"]}
    return above


LEAST, EQUAL = "kueue.x-k8s.io/job-min-parallelism", "kueue.x-k8s.io/job-completions-equal-parallelism"
ONE = {"spec": {"replicas": 1}}
REFUSED: dict[str, tuple[Raw, Any, PatchOp, bool]] = {
    "more than the least": (queued_job(**{LEAST: "3"}), {"spec": {"parallelism": 4}}, PatchOp.RESUBMIT, False),
    "no more than the least": (queued_job(**{LEAST: "4"}), {"spec": {"parallelism": 4}}, PatchOp.RESUBMIT, True),
    "not Indexed": (queued_job(**{EQUAL: "true"}), {"spec": {"parallelism": 4}}, PatchOp.RESUBMIT, True),
    "a set in a queue": (stateful(**{QUEUE: "q"}), ONE, PatchOp.MERGE, True),
    "the same anew": (stateful(**{QUEUE: "q"}), ONE, PatchOp.RESUBMIT, False),
    "a set in none": (stateful(), ONE, PatchOp.MERGE, False),
}


@pytest.mark.parametrize(("raw", "body", "op", "no"), REFUSED.values(), ids=REFUSED)
def test_what_the_webhooks_of_kueue_refuse(raw: Raw, body: Any, op: PatchOp, no: bool) -> None:
    there = [raw, *platform(cluster_queue("cq", quota("f", 100))), node("n"), node("m")]
    assert starts(there, body, op) == (not no, "admission-webhook-refused" if no else "")
