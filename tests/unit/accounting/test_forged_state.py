"""A team that can write series of kube-state-metrics' names changes no ledger, and the answer says what it left out."""

from __future__ import annotations

import pytest

from allotment.adapters.prometheus.fake import FakeMetrics
from allotment.operations.ask.metered import MeteredTime, doubted_ledger
from tests.unit.accounting.test_metered import MINUTE, START, USUAL, by_cause, dcgm, points

MINUTES = 40
KSM = {"job": "ksm", "instance": "10.0.0.1:8080"}
OWN = {"namespace": "monitoring", "pod": "ksm-0"}
"""What a server adds to series of nodes, which have no such labels."""
EVIL = {"job": "team/push", "instance": "10.0.0.9:80", "namespace": "alpha", "pod": "evil"}
GPU = {"resource": "nvidia_com_gpu"}
TEAM = "label_allotment_dev_tenant"
Series = tuple[str, dict[str, str], float]


def a_pod(namespace: str, pod: str, prefix: str = "") -> dict[str, str]:
    return {f"{prefix}namespace": namespace, f"{prefix}pod": pod}


def honest(target: dict[str, str], own: dict[str, str]) -> list[Series]:
    """Two nodes of two devices: one has a pod that its exporter names, the other one that it does not name."""
    told: list[Series] = []
    for node, pod in (("n", "train"), ("m", "big")):
        here = {**target, **own, **GPU, "node": node}
        told += [(f"kube_node_status_{what}", here, 2) for what in ("capacity", "allocatable")]
        who = {**target, **a_pod("nlp", pod)}
        told.append(("kube_pod_container_resource_requests", {**who, **GPU, "node": node, "container": "main"}, 2))
        told.append(("kube_pod_status_phase", {**who, "phase": "Running"}, 1))
        told.append(("kube_pod_owner", {**who, "owner_kind": "Job", "owner_name": pod}, 1))
    told.append(("kube_namespace_labels", {**target, "namespace": "nlp", TEAM: "nlp"}, 1))
    told.append(("kube_namespace_labels", {**target, "namespace": "alpha", TEAM: "alpha"}, 1))
    return told


def metrics(*told: Series) -> FakeMetrics:
    fake, every = FakeMetrics(), range(MINUTES)
    for node in "nm":
        for device in ("gpu-0", "gpu-1"):
            labels = dcgm(f"{node}-{device}", "train" if node == "n" else "", node=node)
            fake.put("DCGM_FI_DEV_GPU_UTIL", labels, points(*every))
    for name, labels, value in told:
        fake.put(name, labels, points(*every, value=value))
    return fake


def ledger(*told: Series) -> tuple[dict[tuple[str, str, str, str], int], tuple[str, ...]]:
    """Minutes by cause, namespace, team and top; and what was doubted."""
    found, doubts = doubted_ledger(metrics(*told), MeteredTime(START, START + MINUTES * MINUTE, "c"), USUAL)
    minutes: dict[tuple[str, str, str, str], int] = {}
    for each in found.entries:
        owner = each.charge.owner
        key = (each.charge.cause.value, owner.namespace, owner.team, owner.top)
        minutes[key] = minutes.get(key, 0) + each.gpu_ms // MINUTE
    assert sum(by_cause(found).values()) * MINUTE == found.capacity_ms
    return minutes, doubts


TRUTH = {("productive", "nlp", "nlp", f"Job/{pod}"): 2 * MINUTES for pod in ("train", "big")}
ASKS = "kube_pod_container_resource_requests"
OTHERS = a_pod("nlp", "big", "exported_")

FORGED: dict[str, list[Series]] = {
    "more devices of a node": [("kube_node_status_capacity", {**EVIL, **GPU, "node": "n"}, 9)],
    "nodes that are not there": [
        (f"kube_node_status_{what}", {**EVIL, **GPU, "node": f"x{number}"}, 9)
        for number in range(5)
        for what in ("capacity", "allocatable")
    ],
    "a node that is not ready": [
        ("kube_node_status_condition", {**EVIL, "node": "n", "condition": "Ready", "status": "true"}, 0)
    ],
    "its own pod on another's node": [(ASKS, {**EVIL, **GPU, "node": "m", "container": "c"}, 2)],
    "another's pod that asks for more": [(ASKS, {**EVIL, **OTHERS, **GPU, "node": "m", "container": "c"}, 2)],
    "another's pod that never began": [("kube_pod_status_phase", {**EVIL, **OTHERS, "phase": "Pending"}, 1)],
    "another's owner": [("kube_pod_owner", {**EVIL, **OTHERS, "owner_kind": "Job", "owner_name": "mine"}, 1)],
    "another's team": [("kube_namespace_labels", {**EVIL, "exported_namespace": "nlp", TEAM: "alpha"}, 1)],
    "the exporter's namespace as a team's": [
        ("kube_namespace_labels", {**EVIL, "exported_namespace": "monitoring", TEAM: "alpha"}, 1)
    ],
    "pushed in the exporter's name": [
        ("kube_node_status_capacity", {"job": "ksm", "instance": "", **GPU, "node": "n"}, 9)
    ],
    "all of it, of more nodes, from a target with the exporter's job": [
        *honest({**EVIL, "job": "ksm"}, {}),
        *[("kube_node_status_capacity", {**EVIL, "job": "ksm", **GPU, "node": f"x{each}"}, 9) for each in "abc"],
    ],
}


@pytest.mark.parametrize("job", ["team/push", "ksm"], ids=["another job", "the same job"])
@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_forged_series_change_no_ledger(forged: list[Series], job: str) -> None:
    forged = [(name, {**labels, "job": job}, value) for name, labels, value in forged]
    minutes, doubts = ledger(*honest(KSM, OWN), *forged)
    assert minutes == TRUTH
    told = [each for each in forged if each[0] in {ASKS, "kube_node_status_capacity"}]
    assert any(each.startswith("left out: ") for each in doubts) or not told


def test_nothing_is_left_out_where_nobody_forges() -> None:
    assert ledger(*honest(KSM, OWN)) == (TRUTH, ())
    shard = {**KSM, "instance": "10.0.0.7:8080"}
    nodes = [each for each in honest(KSM, OWN) if "node" in each[0]]
    assert ledger(*nodes, *(each for each in honest(shard, OWN) if "node" not in each[0])) == (TRUTH, ())


def test_an_exporter_whose_labels_are_renamed_is_read_as_it_wrote_them() -> None:
    renamed = [
        (name, {**{f"exported_{key}" if key in OWN else key: value for key, value in labels.items()}, **OWN}, value)
        for name, labels, value in honest(KSM, {})
    ]
    assert ledger(*renamed) == (TRUTH, ())


def test_of_equals_only_what_both_say_counts_and_the_answer_names_them() -> None:
    second = {"job": "other", "instance": "10.0.0.2:8080"}
    same = honest(second, {"namespace": "agents", "pod": "other-0"})
    minutes, doubts = ledger(*honest(KSM, OWN), *same)
    assert minutes == TRUTH
    assert doubts[0].startswith("job ksm in namespace monitoring and job other in namespace agents tell of the same")


@pytest.mark.parametrize("lie", ["kube_node_status_capacity", ASKS, "kube_pod_status_phase"])
def test_what_equals_contradict_each_other_on_makes_nothing_free_nor_anybodys(lie: str) -> None:
    second = {"job": "other", "instance": "10.0.0.2:8080"}
    same = honest(second, {"namespace": "agents", "pod": "other-0"})
    lies = [(name, labels, (0 if "phase" in name else 9) if name == lie else value) for name, labels, value in same]
    minutes, doubts = ledger(*honest(KSM, OWN), *lies)
    assert sum(minutes.values()) == 4 * MINUTES
    assert minutes["productive", "nlp", "nlp", "Job/train"] == 2 * MINUTES
    assert {key[0] for key in minutes} <= {"productive", "unmeasured"}
    assert "only what all of them say alike counts" in doubts[0]
