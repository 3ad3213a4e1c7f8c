# ruff: noqa: E501  messages of servers stand as they come
"""Causes of the storage layer: each with a case that has it, and one that nearly does."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.diagnose.case import Case
from allotment.diagnose.explaining import explain
from allotment.model.explanation import StartsWhen
from tests.unit.diagnose.situations import (
    BEFORE,
    Raw,
    case,
    event,
    job,
    node,
    pod,
    pod_spec,
    raw,
    ready,
    replicas,
    said,
)

STORAGE = "storage.k8s.io/v1"
DRA = "resource.k8s.io/v1"


def with_claim(name: str = "data") -> Raw:
    return pod_spec(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": name}}])


def claim(name: str = "data", kind: str | None = "fast", volume: str = "", phase: str = "Pending", **rest: Any) -> Raw:
    spec = {"accessModes": rest.pop("modes", ["ReadWriteOnce"]), "resources": {"requests": {"storage": "10Gi"}}}
    if kind is not None:
        spec["storageClassName"] = kind
    if volume:
        spec["volumeName"] = volume
    return raw("v1", "PersistentVolumeClaim", name, spec=spec, status={"phase": phase}, **rest)


def volume(name: str = "pv", zone: str = "", kind: str = "fast", size: str = "10Gi", **rest: Any) -> Raw:
    spec: Raw = {"storageClassName": kind, "capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], **rest}
    if zone:
        rule = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}}
    return raw("v1", "PersistentVolume", name, "", spec=spec, status={"phase": rest.pop("phase", "Available")})


def storage_class(name: str = "fast", mode: str = "WaitForFirstConsumer", zone: str = "", **rest: Any) -> Raw:
    topologies = [{"matchLabelExpressions": [{"key": "topology.kubernetes.io/zone", "values": [zone]}]}] if zone else []
    body = {"provisioner": rest.pop("provisioner", "csi.example"), "volumeBindingMode": mode}
    return raw(STORAGE, "StorageClass", name, "", allowedTopologies=topologies, **body, **rest)


def dra(kind: str, name: str, device_class: str) -> Raw:
    devices = {"requests": [{"name": "gpu", "exactly": {"deviceClassName": device_class}}]}
    spec = {"devices": devices} if kind == "ResourceClaim" else {"spec": {"devices": devices}}
    return raw(DRA, kind, name, spec=spec)


WORK = job(spec=with_claim())
UNPLACED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
WAITING = pod("train-1", WORK, node="", status={"phase": "Pending", "conditions": [UNPLACED]})
STARTING = pod("train-1", WORK)
BOUND = claim(volume="pv", phase="Bound")
CLASS = storage_class()
BY_TEMPLATE = job(spec=pod_spec(resourceClaims=[{"name": "gpu", "resourceClaimTemplateName": "one"}]))
BY_CLAIM = replicas(spec=pod_spec(resourceClaims=[{"name": "gpu", "resourceClaimName": "mine"}]))
HOLDER = replicas(name="browser", spec=with_claim())
HELD = ready(HOLDER, "browser-1", node="n2")
SET = replicas("StatefulSet", "db", spec=with_claim())

CASES: dict[str, tuple[Case, str]] = {
    "missing": (case(WORK, WAITING, CLASS, node()), "pvc-missing"),
    "missing for a StatefulSet": (case(SET, pod("db-0", SET, node=""), CLASS, node()), "pvc-missing"),
    "missing for a bare pod": (case(pod("p", node="", spec=with_claim()), node()), "pvc-missing"),
    "missing before there are pods": (case(WORK, node()), "pvc-missing"),
    "of an ephemeral volume": (case(job(spec=pod_spec(volumes=[{"name": "v", "ephemeral": {}}])), node()), ""),
    "lost": (case(WORK, WAITING, claim(volume="pv", phase="Lost"), node()), "pvc-lost"),
    "volume gone": (case(WORK, WAITING, BOUND, CLASS, node()), "pvc-lost"),
    "volume there": (case(WORK, WAITING, BOUND, volume(), CLASS, node()), "scheduler-has-not-looked"),
    "no such class": (case(WORK, WAITING, claim(kind="fst"), CLASS, node()), "pvc-unbound-no-class"),
    "no class and no default": (case(SET, pod("db-0", SET, node=""), claim(kind=None), CLASS, node()), "pvc-unbound-no-class"),
    "no such class, but a volume": (case(WORK, WAITING, claim(kind="hand"), volume(kind="hand"), node()), ""),
    "bound elsewhere": (case(WORK, WAITING, BOUND, volume(zone="z2"), CLASS, node()), "pvc-unbound-wait-for-consumer-zone-conflict"),
    "made elsewhere": (case(WORK, WAITING, claim(), storage_class(zone="z2"), node()), "pvc-unbound-wait-for-consumer-zone-conflict"),
    "made elsewhere, for a Deployment": (case(HOLDER, pod("b", HOLDER, node=""), claim(), storage_class(zone="z2"), node()), "pvc-unbound-wait-for-consumer-zone-conflict"),
    "made here": (case(WORK, WAITING, claim(), storage_class(zone="z1"), node()), "scheduler-has-not-looked"),
    "maker fails": (case(WORK, WAITING, claim(), event(claim(), "ProvisioningFailed", "quota of disks"), CLASS, node()), "pvc-provisioning-failed"),
    "maker failed before": (case(WORK, WAITING, claim(), event(claim(), "ProvisioningFailed", "x", BEFORE), event(claim(), "ProvisioningSucceeded", "y"), CLASS, node()), "scheduler-has-not-looked"),
    "no volume to be had": (case(WORK, WAITING, claim(), storage_class(provisioner="kubernetes.io/no-provisioner"), volume(size="1Gi"), node()), "pvc-unbound-no-volume"),
    "going": (case(WORK, WAITING, claim(meta={"deletionTimestamp": BEFORE}), CLASS, node()), "pvc-terminating"),
    "one pod at a time": (case(WORK, WAITING, claim(volume="pv", phase="Bound", modes=["ReadWriteOncePod"]), volume(), HOLDER, HELD, node(), node("n2")), "volume-in-use"),
    "held on another node": (case(WORK, STARTING, BOUND, volume(), HOLDER, HELD, event(STARTING, "FailedAttachVolume", 'Multi-Attach error for volume "pv"'), node(), node("n2")), "volume-mount-failed"),
    "shared": (case(WORK, STARTING, claim(volume="pv", phase="Bound", modes=["ReadWriteMany"]), volume(), HOLDER, HELD, node(), node("n2")), "pod-starting"),
    "ConfigMap": (case(WORK, STARTING, event(STARTING, "FailedMount", 'MountVolume.SetUp failed for volume "v" : configmap "x" not found')), "volume-mount-failed"),
    "driver": (case(SET, pod("db-0", SET), event(pod("db-0", SET), "FailedMount", 'MountVolume failed for volume "v": driver name csi.example not found in the list of registered CSI drivers')), "volume-mount-failed"),
    "mounted since": (case(WORK, STARTING, event(STARTING, "FailedMount", "x", BEFORE), event(STARTING, "Pulling", "y")), "pod-starting"),
    "device claim": (case(BY_CLAIM, pod("p", BY_CLAIM, node=""), node()), "resource-claim-missing"),
    "device template": (case(BY_TEMPLATE, node()), "resource-claim-missing"),
    "device class": (case(BY_TEMPLATE, dra("ResourceClaimTemplate", "one", "gpu.example"), node()), "device-class-missing"),
    "device class of a claim": (case(BY_CLAIM, dra("ResourceClaim", "mine", "gpu.example"), raw(DRA, "DeviceClass", "other", ""), node()), "device-class-missing"),
}  # fmt: skip


@pytest.mark.parametrize(("of", "cause"), CASES.values(), ids=CASES.keys())
def test_cause(of: Case, cause: str) -> None:
    assert said(of) == cause


def test_the_claim_that_was_meant_is_proposed_first_and_the_pod_starts_with_it() -> None:
    found = explain(case(WORK, WAITING, claim("data2"), CLASS, node()))
    assert found.remedies[0].patch is not None
    volumes = found.remedies[0].patch.body["spec"]["template"]["spec"]["volumes"]
    assert volumes == [{"name": "v", "persistentVolumeClaim": {"claimName": "data2"}}]
    assert found.remedies[0].tried.starts is StartsWhen.NOW


def test_a_class_that_makes_volumes_elsewhere_too_is_not_proposed() -> None:
    bad, good = storage_class("bad", zone="z3"), storage_class("good")
    found = explain(case(WORK, WAITING, claim(), storage_class(zone="z2"), bad, good, node()))
    said_of = [each.summary for each in found.remedies if each.who == "user"]
    assert said_of == ["create the claim data again with storageClassName good"]


def test_a_new_claim_is_made_before_it_is_named() -> None:
    found = explain(case(WORK, WAITING, BOUND, volume(zone="z2"), CLASS, node()))
    assert found.remedies[0].tried.starts is StartsWhen.NOW
    made, _, used = found.remedies[0].command.partition(" && ")
    assert made.startswith("printf")
    assert "data-2" in used


def test_who_holds_the_volume_is_ended() -> None:
    of = CASES["held on another node"][0]
    found = explain(of)
    assert found.verdict == "waiting"
    assert found.remedies[0].target is not None
    assert (found.remedies[0].target.kind, found.remedies[0].target.name) == ("Deployment", "browser")
    assert found.remedies[0].tried.starts is StartsWhen.NOW


ONE_POD = [claim(volume="pv", phase="Bound", modes=["ReadWriteOncePod"]), volume(), node(), node("n2")]
OTHER_JOB = job("export", spec=with_claim())
ALONE = ready(None, "shell", spec=with_claim(), node="n2")
HOLDERS: dict[str, tuple[list[Raw], list[tuple[str, str]]]] = {
    "of a Deployment": ([HOLDER, HELD], [("Deployment", "merge-patch")]),
    "of a Job": ([OTHER_JOB, ready(OTHER_JOB, "export-1", node="n2")], [("Job", "wait"), ("Job", "delete")]),
    "of nobody": ([ALONE], [("Pod", "wait"), ("Pod", "delete")]),
    "of what was not seen": ([HELD], [("Deployment", "signal")]),
}


@pytest.mark.parametrize(("holder", "wanted"), HOLDERS.values(), ids=HOLDERS)
def test_a_volume_is_let_go_by_what_made_the_pod_that_has_it(holder: list[Raw], wanted: list[tuple[str, str]]) -> None:
    found = explain(case(WORK, WAITING, *ONE_POD, *holder))
    assert found.cause == "volume-in-use"
    assert [(each.target.kind, each.patch.op) for each in found.remedies if each.target and each.patch] == wanted


def test_a_claim_that_no_class_makes_a_volume_for_needs_one_made_where_the_machines_are() -> None:
    by_hand = claim(kind="", volume="pv", phase="Bound")
    found = explain(case(WORK, WAITING, by_hand, volume(zone="z2", kind=""), node()))
    first = found.remedies[0]
    assert (first.kind, first.who, first.tried.starts) == ("fix-volume", "platform", StartsWhen.NOW)
    assert first.target is not None
    assert first.target.kind == "Job"
    # Where a class makes volumes, the asker claims one alone.
    alone = explain(case(WORK, WAITING, by_hand, volume(zone="z2", kind=""), CLASS, node()))
    assert [each.who for each in alone.remedies[:2]] == ["user", "platform"]
