"""Work that is kept back for a queue where nobody looks: Kueue is not installed, or makes no Workload of it."""

from __future__ import annotations

from typing import Any

import msgspec

from allotment.diagnose.case import Case
from allotment.diagnose.explaining import explain
from allotment.diagnose.subjects import find_case
from allotment.model.explanation import Confidence, StartsWhen
from tests.unit.diagnose.building import Raw, case_of, job, node, pod
from tests.unit.diagnose.queues import cluster_queue, platform, quota

QUEUE = {"kueue.x-k8s.io/queue-name": "q"}
RANKED = {**QUEUE, "kueue.x-k8s.io/priority-class": "hi"}
GATED = [{"name": "kueue.x-k8s.io/admission"}]
ROOM = cluster_queue("cq", quota("f", 8))
LONG_AGO = "2020-01-01T00:00:00Z"


def without_kueue(objects: list[Raw], subject: str) -> Case:
    snapshot = case_of(objects, subject).snapshot
    source = msgspec.structs.replace(snapshot.sources[0], lacks=("kueue.x-k8s.io",))
    return find_case(msgspec.structs.replace(snapshot, sources=(source,)), subject)


def kept(name: str = "train", labels: dict[str, str] = RANKED, **spec: Any) -> Raw:
    made = job(name, 1, **spec)
    made["spec"]["suspend"] = True
    made["metadata"] |= {"labels": labels, "creationTimestamp": LONG_AGO}
    return made


def gated(name: str = "solo") -> Raw:
    made = pod(name, schedulingGates=GATED)
    made["metadata"] |= {"labels": QUEUE, "creationTimestamp": LONG_AGO}
    return made


def test_a_suspended_job_is_told_that_kueue_is_not_there_and_can_do_without() -> None:
    found = explain(without_kueue([node("a"), kept()], "job/train"))
    assert (found.cause, found.confidence) == ("workload-missing", Confidence.SURE)
    assert "Kueue is not installed" in found.summary
    assert (found.remedies[0].tried.starts, found.remedies[0].patch.body["spec"]) == (  # type: ignore[union-attr]
        StartsWhen.NOW,
        {"suspend": False},
    )


def test_a_pod_with_kueues_gate_is_told_the_same() -> None:
    found = explain(without_kueue([node("a"), gated()], "pod/solo"))
    assert (found.cause, "Kueue is not installed" in found.summary) == ("workload-missing", True)


def test_what_has_been_let_go_waits_for_nodes_and_not_for_labels() -> None:
    running = job("train", 1, gpus=4)
    running["metadata"]["labels"] = RANKED
    objects = [node("a", gpus=2), running, pod("train-0", owner=running, gpus=4)]
    assert explain(without_kueue(objects, "job/train")).cause == "insufficient-gpu"


def test_where_kueue_is_there_it_is_likely_that_it_leaves_the_pod_alone() -> None:
    found = explain(case_of([*platform(ROOM), gated()], "pod/solo"))
    assert (found.cause, found.confidence) == ("workload-missing", Confidence.LIKELY)
    assert "integrations" in found.remedies[0].summary


def test_a_pod_whose_queue_is_not_there_is_told_so() -> None:
    assert explain(case_of([*platform(ROOM)[:-1], gated()], "pod/solo")).cause == "queue-missing"
