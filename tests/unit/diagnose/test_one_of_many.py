"""Of one of many the same is said as of one alone, and rules that are passed over would have found nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.diagnose.case import Case
from allotment.diagnose.causes import BY_ID, CAUSES
from allotment.diagnose.explaining import explain
from allotment.diagnose.needs import NEEDS, Asking
from allotment.diagnose.subjects import find_case
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.ask.explaining import why_all
from tests.unit.diagnose.building import EARLIER, GPU, TEAM, Raw, case_of, job, node, waiting
from tests.unit.diagnose.queues import cluster_queue, condition, holding, platform, queued, quota

TIMES = ("2026-11-01T11:30:00Z", "2026-11-01T11:59:58Z", EARLIER)
few = st.integers(0, 3)


@st.composite
def clusters(draw: Any) -> list[Raw]:
    """A small cluster in which something waits: in queues or without, for quota, nodes, claims, or what was refused."""
    policies: Raw = {"preemption": {"withinClusterQueue": draw(st.sampled_from(["Never", "LowerPriority"]))}}
    strategy = draw(st.sampled_from(["StrictFIFO", "BestEffortFIFO"]))
    queues = [
        cluster_queue(name, quota("f", draw(st.integers(0, 8))), cohort="all", queueingStrategy=strategy, **policies)
        for name in ("own", "other")
    ]
    if draw(st.integers(0, 4)) == 0:
        queues[0]["spec"]["resourceGroups"][0]["flavors"][0]["name"] = "absent"
    objects = platform(*queues)
    objects += [
        node(f"n{at}", draw(few) * 2, unschedulable=draw(st.booleans()), ready=draw(st.sampled_from(["True", "False"])))
        for at in range(draw(st.integers(0, 2)))
    ]
    objects.append(node("n"))
    objects += bounds(draw)
    for at in range(draw(few)):
        objects += holding(f"run-{at}", draw(st.sampled_from(["own", "other"])), draw(st.integers(1, 2)), gpus=1)
    for at in range(draw(st.integers(1, 3))):
        said = [condition("QuotaReserved", "False", "Pending", "no quota")] if draw(st.booleans()) else []
        objects += queued(
            f"wait-{at}",
            draw(st.integers(1, 3)),
            priority=draw(few),
            at=draw(st.sampled_from(TIMES)),
            status={"conditions": said},
            gpus=draw(few) * 2,
            queue=draw(st.sampled_from(["q", "q", "q", "typo"])),
        )
    for at in range(draw(few)):
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}] if draw(st.booleans()) else []
        objects += waiting(f"pods-{at}", gpus=draw(st.integers(0, 9)), volumes=volumes)
    return objects + (refused() if draw(st.booleans()) else [])


def bounds(draw: Any) -> list[Raw]:
    meta = {"name": "bounds", "namespace": TEAM}
    most = {"type": "Container", "max": {GPU: str(draw(st.integers(1, 9)))}}
    hard = {"pods": str(draw(st.integers(0, 40))), "limits.memory": "8Gi"}
    ranges = {"apiVersion": "v1", "kind": "LimitRange", "metadata": meta, "spec": {"limits": [most]}}
    quotas = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": hard}, "status": {}}
    return draw(st.sampled_from([[], [], [ranges], [quotas], [ranges, quotas]]))


def refused() -> list[Raw]:
    above = job("refused")
    about = {"kind": "Job", "name": "refused", "namespace": TEAM, "uid": "job-refused"}
    said = 'admission webhook "guard.example.com" denied the request: no'
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": TEAM},
        "reason": "FailedCreate",
    }
    return [above, {**event, "involvedObject": about, "message": said, "lastTimestamp": EARLIER, "type": "Warning"}]


def passed_over(case: Case) -> list[str]:
    """Causes whose rules are not asked of a case, and would have found something."""
    asked = {each.id for each in Asking(CAUSES).of(case)}
    return [each.id for each in CAUSES if each.id not in asked and each.find(case) is not None]


def alone(snapshot: Snapshot, subject: Any) -> Case:
    return find_case(snapshot, f"{subject.kind}/{subject.name}", subject.namespace)


@given(clusters())
@settings(max_examples=20, deadline=None)
def test_a_list_says_of_each_what_is_said_of_it_alone(objects: list[Raw]) -> None:
    snapshot = case_of(objects, "job/wait-0").snapshot
    listed = why_all(snapshot).waiting
    assert listed
    for each in listed:
        single = explain(alone(snapshot, each.subject), with_remedies=False)
        # What contributes is told of one that is asked about.
        assert each.explanation == replace(single, contributing=each.explanation.contributing)
        assert passed_over(alone(snapshot, each.subject)) == []


def test_needs_are_of_causes_that_are_there_each_of_one() -> None:
    named = Counter(cause for causes in NEEDS.values() for cause in causes)
    assert set(named) <= set(BY_ID)
    assert max(named.values()) == 1
