"""Whose series of kube-state-metrics count: the job's that tells of the most measured nodes."""

from __future__ import annotations

import pytest

from allotment.observe.state_metrics import StateJob, StateTargets, outdone, own_labels, rivals

KSM, OTHER, TEAM = StateJob("ksm", "monitoring"), StateJob("ksm-2", "monitoring"), StateJob("push", "alpha")
MEASURED = ("n1", "n2", "n3")
Told = dict[StateJob, set[str]]

TOLD: dict[str, tuple[Told, set[StateJob], set[StateJob]]] = {
    # name: (nodes of which each tells, who does not count, who counts only where others agree)
    "alone": ({KSM: {"n1"}}, set(), set()),
    "most of the measured nodes": ({KSM: {"n1", "n2", "n3"}, TEAM: {"n1"}}, {TEAM}, set()),
    "invented nodes do not count": ({KSM: {"n1", "n2", "n3"}, TEAM: {"n1", *"abcdef"}}, {TEAM}, set()),
    "nor does who tells of them alone": ({KSM: {"n1"}, TEAM: {*"abcdef"}}, {TEAM}, set()),
    "nor who tells of no node": ({KSM: {"n1"}, TEAM: set()}, {TEAM}, set()),
    "of equals what both say": ({KSM: {"n1", "cpu"}, TEAM: {"n1"}}, set(), {KSM, TEAM}),
    "shards tell of nodes of their own": ({KSM: {"n1"}, OTHER: {"n2", "n3"}}, set(), set()),
    "without measured nodes all nodes count": ({KSM: {"a", "b"}, TEAM: {"a"}}, {TEAM}, set()),
    "without any node all are equal": ({KSM: set(), TEAM: set()}, set(), {KSM, TEAM}),
}


@pytest.mark.parametrize(("told", "out", "equal"), TOLD.values(), ids=TOLD)
def test_who_tells_of_the_most_measured_nodes_counts(told: Told, out: set[StateJob], equal: set[StateJob]) -> None:
    assert set(outdone(told, MEASURED)) == out
    left = {job: nodes for job, nodes in told.items() if job not in out}
    assert set(rivals(left, MEASURED)) == equal


HONEST = {"job": "ksm", "instance": "10.0.0.1:8080"}
OF_NODE = {**HONEST, "node": "n1", "namespace": "monitoring", "pod": "ksm-0"}
OF_POD = {**HONEST, "namespace": "nlp", "pod": "train"}
EVIL = {"job": "ksm", "instance": "10.0.0.9:80", "namespace": "alpha", "pod": "evil"}
PLAIN = EVIL
RENAMED = {**EVIL, "exported_namespace": "nlp", "exported_pod": "train"}

JOBS = {
    # name: (labels of a series of a pod, whose it is)
    "of the target that tells of nodes in its namespace": (OF_POD, KSM),
    "of another target of the job, which shows its own": (RENAMED, StateJob("ksm", "alpha")),
    "of that target, with its own name for the pod's": (EVIL, None),
    "of one that tells of one namespace, its own": ({**PLAIN, "instance": "10.0.0.7:80"}, StateJob("ksm", "alpha")),
    "of one that shows no namespace": ({**OF_POD, "instance": "10.0.0.8:80"}, StateJob("ksm")),
    "renamed, of one that was not looked at": ({**RENAMED, "instance": "new"}, StateJob("ksm", "alpha")),
    "plain, of one that was not looked at": ({**PLAIN, "instance": "new"}, StateJob("ksm", "alpha")),
    "pushed without an instance": ({**OF_POD, "instance": ""}, None),
    "out of a gateway": ({**OF_POD, "exported_job": "ksm"}, None),
    "without a job": ({"namespace": "nlp", "pod": "train"}, None),
}


@pytest.mark.parametrize(("labels", "job"), JOBS.values(), ids=JOBS)
def test_whose_a_series_is(labels: dict[str, str], job: StateJob | None) -> None:
    targets = StateTargets()
    targets.learn([OF_NODE], of_nodes=True)
    targets.learn([OF_POD, RENAMED, {**PLAIN, "instance": "10.0.0.7:80"}], of_nodes=False)
    targets.learn([{**OF_POD, "instance": "10.0.0.8:80", "namespace": each} for each in ("nlp", "cv")], of_nodes=False)
    assert targets.job_of(labels, of_nodes=False) == job
    assert targets.job_of({**OF_NODE, "instance": "a shard"}, of_nodes=True) == KSM
    assert StateTargets().job_of({"pod": "train"}, of_nodes=False) == StateJob("")


def test_renamed_labels_are_read_as_they_were_written() -> None:
    assert own_labels(OF_POD) is OF_POD
    assert {**own_labels(RENAMED)}.items() >= {"namespace": "nlp", "pod": "train", "job": "ksm"}.items()
