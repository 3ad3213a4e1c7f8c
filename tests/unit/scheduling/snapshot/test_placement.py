"""The bridge to the scheduler's twin: what was observed decides, and what was not seen is said."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Gap, Source
from allotment.observe.gathering import Gathered
from allotment.scheduling.placement.diagnosis import NEVER_PREEMPTS
from allotment.scheduling.snapshot.placement import FoundPlace, NoPlace, place, placement_view, waiting_pod
from tests.by_day import by_day

Raw = dict[str, Any]
NAMESPACE = "team-a"
POD_AFTER = " no new claims to deallocate, preemption: 0/2 nodes are available: "
NOT_HELPFUL = f"{POD_AFTER}2 Preemption is not helpful for scheduling."


def node(name: str, zone: str, gpus: int = 8) -> Raw:
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone}
    amounts = {"cpu": "16", "memory": "64Gi", "pods": "10", "nvidia.com/gpu": str(gpus)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": amounts},
    }


def pod(name: str, gpus: int = 0, at: str = "", **spec: Any) -> Raw:
    asked = {"cpu": "1", **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
    body = {"containers": [{"name": "main", "resources": {"requests": asked}}], "nodeName": at, **spec}
    meta = {"name": name, "namespace": NAMESPACE, "uid": name, "labels": {"app": name[0], "job": name}}
    status = {"phase": "Running" if at else "Pending", "startTime": "2026-01-01T00:00:00Z"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": body, "status": status}


def claim(name: str = "data", kind: str = "", volume: str = "", phase: str = "Pending") -> Raw:
    spec = {"storageClassName": kind, "volumeName": volume, "accessModes": ["ReadWriteOnce"]}
    spec["resources"] = {"requests": {"storage": "10Gi"}}
    meta = {"name": name, "namespace": NAMESPACE}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta,
        "spec": spec,
        "status": {"phase": phase},
    }


def volume(name: str, zone: str, kind: str = "", size: str = "10Gi") -> Raw:
    terms = [{"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]}]}]
    spec = {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}, "storageClassName": kind}
    spec |= {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": spec,
        "status": {"phase": "Available"},
    }


def storage_class(provisioner: str, zone: str = "", mode: str = "WaitForFirstConsumer") -> Raw:
    rules = [{"key": "topology.kubernetes.io/zone", "values": [zone]}]
    body = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "late"}}
    body |= {"provisioner": provisioner, "volumeBindingMode": mode}
    return {**body, **({"allowedTopologies": [{"matchLabelExpressions": rules}]} if zone else {})}


MOUNTS = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
TWO_ZONES = [node("a1", "a", gpus=0), node("b1", "b")]
FULL = [*TWO_ZONES, pod("low", 8, "b1", priority=0)]
APART = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "w"}}}
        ]
    }
}


def decide(raws: list[Raw], name: str = "waits", *gaps: Gap) -> FoundPlace | NoPlace:
    gathered = Gathered()
    gathered.take_any(copy.deepcopy(raws))
    index = Index(Source(objects=gathered.objects(), gaps=gaps))
    view = placement_view(index)
    return place(view, waiting_pod(view, index.pods[f"{NAMESPACE}/{name}"]))


REFUSED = {
    "the volume lies where no GPU is": (
        [*TWO_ZONES, claim(volume="disk", phase="Bound"), volume("disk", "a"), pod("waits", 8, volumes=MOUNTS)],
        "1 Insufficient nvidia.com/gpu, 1 node(s) didn't match PersistentVolume's node affinity." + NOT_HELPFUL,
    ),
    "a volume can be made only where no GPU is": (
        [*TWO_ZONES, claim(kind="late"), storage_class("csi.example", "a"), pod("waits", 8, volumes=MOUNTS)],
        "1 Insufficient nvidia.com/gpu, 1 node(s) didn't find available persistent volumes to bind." + NOT_HELPFUL,
    ),
    "no volume is large enough, and none is made": (
        [
            *TWO_ZONES,
            claim(kind="late"),
            storage_class("kubernetes.io/no-provisioner"),
            volume("small", "b", "late", "1Gi"),
            pod("waits", volumes=MOUNTS),
        ],
        "2 node(s) didn't find available persistent volumes to bind." + NOT_HELPFUL,
    ),
    "a claim that is not there": (
        [*TWO_ZONES, pod("waits", volumes=MOUNTS)],
        'persistentvolumeclaim "data" not found. not found',
    ),
    "a claim of a class that binds at once": (
        [*TWO_ZONES, claim(kind="late"), storage_class("csi.example", mode="Immediate"), pod("waits", volumes=MOUNTS)],
        "pod has unbound immediate PersistentVolumeClaims. not found",
    ),
    "it may not preempt": (
        [*FULL, pod("waits", 8, priority=9, preemptionPolicy="Never")],
        f"2 Insufficient nvidia.com/gpu. no new claims to deallocate, preemption: {NEVER_PREEMPTS}",
    ),
    "what runs is as important": (
        [*FULL, pod("waits", 8, priority=0)],
        "2 Insufficient nvidia.com/gpu."
        + POD_AFTER
        + "1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
    ),
    "the room is promised to another": (
        [
            *TWO_ZONES,
            {**(first := pod("first", 8)), "status": {**first["status"], "nominatedNodeName": "b1"}},
            pod("waits", 8),
        ],
        "2 Insufficient nvidia.com/gpu."
        + POD_AFTER
        + "1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
    ),
    "a running pod keeps its like away, and only labels that some selector names are kept": (
        [node("a1", "a", 0), node("b1", "b"), pod("keeps", 1, "b1", affinity=APART), pod("waits", 1)],
        "1 Insufficient nvidia.com/gpu, 1 node(s) didn't satisfy existing pods anti-affinity rules."
        + POD_AFTER
        + "1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
    ),
    "pods count under the label that the waiting pod alone selects": (
        [node("a1", "a", 0), node("b1", "b"), pod("w1", 1, "b1"), pod("waits", 1, affinity=APART)],
        "1 Insufficient nvidia.com/gpu, 1 node(s) didn't match pod anti-affinity rules."
        + POD_AFTER
        + "1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
    ),
}


@pytest.mark.parametrize(("raws", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(raws: list[Raw], says: str) -> None:
    found = decide(raws)
    assert isinstance(found, NoPlace)
    assert found.message == f"0/2 nodes are available: {says}"


def test_victims_are_named_and_nothing_is_changed() -> None:
    found = decide([*FULL, pod("waits", 8, priority=9)])
    assert isinstance(found, NoPlace)
    assert (found.nominated, found.victims) == ("b1", (f"{NAMESPACE}/low",))
    assert found.message == "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    assert [(refused.reasons[0].text, nodes) for refused, nodes in found.refusals] == [
        ("Insufficient nvidia.com/gpu", ("b1",)),
        ("Insufficient nvidia.com/gpu", ("a1",)),
    ]


def test_what_could_not_be_seen_is_said_and_not_held_against_the_pod() -> None:
    found = decide([*TWO_ZONES, pod("waits", 8, volumes=MOUNTS)], "waits", Gap(what="persistentvolumeclaims"))
    assert isinstance(found, FoundPlace)
    assert found.node == "b1"
    assert found.unmodelled == ("claim data: claims could not be read",)


def test_devices_of_claims_are_named() -> None:
    found = decide([*TWO_ZONES, pod("waits", resourceClaims=[{"name": "gpu", "resourceClaimName": "mine"}])])
    assert found.unmodelled == ("devices of claim mine (DRA)",)


RULES = st.builds(
    lambda key, operator, values: {"key": key, "operator": operator, "values": values},
    st.sampled_from("ab"),
    st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    st.lists(st.sampled_from("xyz"), min_size=1, max_size=2),
).map(lambda rule: {**rule, "values": rule["values"] if rule["operator"].endswith("In") else []})
SELECTORS = st.builds(
    lambda labels, rules: {"matchLabels": labels, "matchExpressions": rules},
    st.dictionaries(st.sampled_from("ab"), st.sampled_from("xyz"), max_size=1),
    st.lists(RULES, max_size=2),
)
LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"))


def with_rules(name: str, at: str, labels: dict[str, str], selector: Raw | None) -> Raw:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": selector}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}} if selector else None
    made = pod(name, 0, at, affinity=affinity, priority=int(name == "waits"))
    return {**made, "metadata": {**made["metadata"], "labels": labels}}


@settings(max_examples=by_day(50))
@given(
    st.lists(st.tuples(st.sampled_from(["a1", "b1"]), LABELS, st.none() | SELECTORS), max_size=5),
    LABELS,
    st.none() | SELECTORS,
    SELECTORS,
)
def test_labels_that_are_left_out_decide_nothing(
    running: list[tuple[str, dict[str, str], Raw | None]], labels: dict[str, str], selector: Raw | None, budget: Raw
) -> None:
    raws = [*TWO_ZONES, with_rules("waits", "", labels, selector)]
    raws += [with_rules(f"p{at}", on, has, wants) for at, (on, has, wants) in enumerate(running)]
    raws.append(disruption_budget("tight", NAMESPACE, budget))
    # A selector that names every label, and is about no pod here: then all of them are kept.
    everything = {"matchExpressions": [{"key": key, "operator": "In", "values": list("xyz")} for key in "abc"]}
    assert decide(raws) == decide([*raws, disruption_budget("all", "elsewhere", everything)])


def disruption_budget(name: str, namespace: str, selector: Raw) -> Raw:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": {"selector": selector}}
