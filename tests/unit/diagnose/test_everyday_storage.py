# ruff: noqa: E501  messages of controllers stand as they come
"""Volumes, claims for devices and images as they are every day, of which an answer that looks right would be wrong."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.diagnose.case import Case
from allotment.diagnose.explaining import explain
from allotment.model.explanation import CauseVerdict, Confidence, RemedyKind, StartsWhen
from tests.unit.diagnose.situations import (
    BEFORE,
    NS,
    Raw,
    case,
    container,
    event,
    job,
    node,
    owned,
    pod,
    pod_spec,
    raw,
    ready,
    replicas,
    waits,
)

ZONE = "topology.kubernetes.io/zone"
DATA = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}
WORK = job(spec={**pod_spec(), **DATA})
WAITS = pod("p", WORK, node="")
SAID = 'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded'
BINDING: Raw = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": SAID}]}
SCRATCH: Raw = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}}
WRONG: Raw = {"name": "data", "persistentVolumeClaim": {"claimName": "datta"}}
BOTH = {**pod_spec(), "volumes": [SCRATCH, WRONG]}
DOWN = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}


def claim(mode: str = "ReadWriteOnce", *, volume: str = "v") -> Raw:
    spec = {"accessModes": [mode], "storageClassName": "fast", "volumeName": volume}
    return raw("v1", "PersistentVolumeClaim", "data", spec=spec, status={"phase": "Bound" if volume else "Pending"})


def chosen_for(name: str) -> Raw:
    """A claim whose volume is to be made for a node."""
    found = claim(volume="")
    return {**found, "metadata": {**found["metadata"], "annotations": {"volume.kubernetes.io/selected-node": name}}}


def chosen(since: str = BEFORE) -> Raw:
    """A pod for which a node was chosen, and of which the scheduler says nothing more."""
    status: Raw = {"phase": "Pending", "nominatedNodeName": "n1"}
    return pod("p", WORK, node="", status=status, meta={"creationTimestamp": since})


JUST_NOW = "2026-11-22T05:59:00Z"
CALLED = {**event(chosen_for("n1"), "ExternalProvisioning", "Waiting for a volume"), "firstTimestamp": JUST_NOW}


def volume_in(zone: str) -> list[Raw]:
    """A bound claim whose volume lies in a zone."""
    rule = {"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}
    spec: Raw = {"claimRef": {"namespace": NS, "name": "data"}, "storageClassName": "fast"}
    spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [rule]}}
    return [claim(), raw("v1", "PersistentVolume", "v", "", spec=spec, status={"phase": "Bound"})]


def of_class(mode: str) -> Raw:
    return raw("storage.k8s.io/v1", "StorageClass", "fast", "", provisioner="csi.x", volumeBindingMode=mode)


def service(*, rolls: bool, mode: str, on: str = "", replicas_: int = 1) -> Case:
    """A Deployment one of whose pods has the volume, and another, of a new template or of the same, wants it."""
    spec = {**pod_spec(container(gpus=0), restartPolicy="Always"), **DATA}
    work = {**replicas(spec=spec)}
    work["spec"] = {**work["spec"], "replicas": replicas_}
    sets = [raw("apps/v1", "ReplicaSet", name, meta=owned(work), spec=work["spec"]) for name in ("serve-1", "serve-2")]
    new = pod("new", sets[rolls], node=on, spec=spec, status=waits("ContainerCreating") if on else {"phase": "Pending"})
    said = event(new, "FailedAttachVolume", 'Multi-Attach error for volume "v" Volume is already used by pod(s) old')
    old = ready(sets[0], "old", spec=spec)
    return case(work, *sets, old, new, *([said] if on else []), claim(mode), volume_in("z1")[1], node(), node("n2"))


def devices(*, taints: bool = False, shared: bool = False, taken: bool = False, **asks: Any) -> Case:
    """A pod that asks for the one device there is."""
    api = "resource.k8s.io/v1"
    request = {"name": "g", "exactly": {"deviceClassName": "gpu", "count": 1, **asks}}
    spec = {**pod_spec(container(gpus=0)), "resourceClaims": [{"name": "g", "resourceClaimTemplateName": "gpu"}]}
    work = job(spec=spec)
    device: Raw = {"name": "gpu-0", "allowMultipleAllocations": shared}
    if taints:
        device["taints"] = [{"key": "maintenance", "effect": "NoSchedule"}]
    result = {"request": "g", "driver": "gpu", "pool": "n1", "device": "gpu-0"}
    objects = [
        raw(api, "DeviceClass", "gpu", "", spec={}),
        raw(api, "ResourceClaimTemplate", "gpu", spec={"spec": {"devices": {"requests": [request]}}}),
        raw(api, "ResourceSlice", "s", "", spec={"driver": "gpu", "nodeName": "n1", "pool": {"name": "n1"}, "devices": [device]}),
        raw(api, "ResourceClaim", "other", status={"allocation": {"devices": {"results": [result] if taken else []}}}),
    ]  # fmt: skip
    return case(work, pod("p", work, node="", spec=spec), *objects, node())


CASES: dict[str, tuple[Case, str, CauseVerdict, Confidence]] = {
    "no room where the volume lies": (
        case(WORK, WAITS, *volume_in("z1"), node(gpus=1), node("n2", zone="z2"), ready(job("o"), "o")),
        "gpu-all-in-use", CauseVerdict.WAITING, Confidence.SURE,
    ),
    "the machine is down where the volume lies": (
        case(WORK, WAITS, *volume_in("z1"), node(ready="Unknown", taints=[DOWN]), node("n2", zone="z2")),
        "node-not-ready", CauseVerdict.BROKEN, Confidence.SURE,
    ),
    "no machine where the volume lies": (
        case(WORK, WAITS, *volume_in("z1"), node("n2", zone="z2")),
        "pvc-unbound-wait-for-consumer-zone-conflict", CauseVerdict.MISCONFIGURED, Confidence.SURE,
    ),
    "the provisioner is silent": (
        case(WORK, WAITS, claim(volume=""), of_class("Immediate"), node()),
        "pvc-provisioning-failed", CauseVerdict.BROKEN, Confidence.LIKELY,
    ),
    "the volume was for a node that is gone": (
        case(WORK, WAITS, chosen_for("n9"), of_class("WaitForFirstConsumer"), node()),
        "pvc-provisioning-failed", CauseVerdict.BROKEN, Confidence.SURE,
    ),
    "the volume is for a node, and nobody makes it": (
        case(WORK, pod("p", WORK, node="", status=BINDING), chosen_for("n1"), of_class("WaitForFirstConsumer"), node()),
        "pvc-provisioning-failed", CauseVerdict.BROKEN, Confidence.LIKELY,
    ),
    "the volume is for a node that was chosen, and nobody has said a word for an hour": (
        case(WORK, chosen(), chosen_for("n1"), of_class("WaitForFirstConsumer"), node()),
        "pvc-provisioning-failed", CauseVerdict.BROKEN, Confidence.LIKELY,
    ),
    "the volume is for a node that was chosen just now": (
        case(WORK, chosen(JUST_NOW), chosen_for("n1"), of_class("WaitForFirstConsumer"), node()),
        "pvc-being-made", CauseVerdict.WAITING, Confidence.LIKELY,
    ),
    "the volume is for a node that was chosen just now, of a pod that is old": (
        case(WORK, chosen(), chosen_for("n1"), CALLED, of_class("WaitForFirstConsumer"), node()),
        "pvc-being-made", CauseVerdict.WAITING, Confidence.LIKELY,
    ),
    "a claim is missing beside one that is made for the pod": (
        case(job(spec=BOTH), pod("p", job(spec=BOTH), node=""), claim(), node()),
        "pvc-missing", CauseVerdict.MISCONFIGURED, Confidence.SURE,
    ),
    "the volume is for a node that is full": (
        case(WORK, WAITS, chosen_for("n1"), of_class("WaitForFirstConsumer"), node(gpus=1), node("n2"), ready(job("o"), "o")),
        "gpu-all-in-use", CauseVerdict.WAITING, Confidence.SURE,
    ),
    "a rollout of a volume for one pod": (
        service(rolls=True, mode="ReadWriteOncePod"), "volume-in-use", CauseVerdict.MISCONFIGURED, Confidence.SURE,
    ),
    "a rollout to another node": (
        service(rolls=True, mode="ReadWriteOnce", on="n2"), "volume-mount-failed", CauseVerdict.MISCONFIGURED, Confidence.SURE,
    ),
    "a tainted device": (devices(taints=True), "claim-unallocatable", CauseVerdict.BROKEN, Confidence.SURE),
    "a device that another has": (devices(taken=True), "claim-unallocatable", CauseVerdict.WAITING, Confidence.SURE),
}  # fmt: skip


@pytest.mark.parametrize(("of", "cause", "verdict", "sure"), CASES.values(), ids=CASES.keys())
def test_answer(of: Case, cause: str, verdict: CauseVerdict, sure: Confidence) -> None:
    found = explain(of, with_remedies=False)
    assert (found.cause, found.verdict, found.confidence) == (cause, verdict, sure)


@pytest.mark.parametrize(
    "of",
    [devices(taints=True, tolerations=[{"operator": "Exists"}]), devices(taken=True, shared=True)],
    ids=["tolerated", "shared"],
)
def test_a_device_that_can_be_had_is_not_called_taken(of: Case) -> None:
    assert explain(of).cause == "unknown"


def test_a_volume_of_one_machine_is_told_with_its_name() -> None:
    lies = volume_in("z1")
    lies[1]["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"] = [
        {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n9"]}]}
    ]
    found = explain(case(WORK, WAITS, *lies, node("n2")), with_remedies=False)
    assert "lies on n9, which is gone, and the machine that the pod can use stands elsewhere (n2)" in found.summary


def test_a_claim_forgets_the_node_that_is_gone() -> None:
    first = explain(CASES["the volume was for a node that is gone"][0]).remedies[0]
    assert first.tried.starts is StartsWhen.NOW


@pytest.mark.parametrize("on", ["", "n2"], ids=["not placed", "on another node"])
def test_a_rollout_lets_its_old_pod_go_first(on: str) -> None:
    """An old pod that is deleted comes back, and a service that is scaled to nothing does not."""
    found = explain(service(rolls=True, mode="ReadWriteOnce" if on else "ReadWriteOncePod", on=on))
    first = found.remedies[0]
    assert first.patch is not None
    assert first.patch.body == {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
    assert first.tried.starts is StartsWhen.NOW


def test_replicas_that_share_a_volume_of_one_node_are_told_so() -> None:
    found = explain(service(rolls=False, mode="ReadWriteOnce", on="n2", replicas_=2))
    assert found.verdict is CauseVerdict.MISCONFIGURED
    assert "ReadWriteMany" in found.remedies[0].summary


def test_the_image_of_a_volume_is_told_by_its_own_name() -> None:
    spec = {**pod_spec(), "volumes": [{"name": "m", "image": {"reference": "quay.io/models/llama:1"}}]}
    work = job(spec=spec)
    message = 'Back-off pulling image "quay.io/models/llama:1": ErrImagePull: quay.io/models/llama:1: not found'
    found = explain(case(work, pod("p", work, spec=spec, status=waits("ImagePullBackOff", message)), node()))
    assert found.cause == "image-pull-not-found"
    assert '"quay.io/models/llama:1"' in found.summary
    assert {each.kind for each in found.remedies} == {RemedyKind.FIX_IMAGE}


def test_a_pod_that_does_not_end_is_deleted_by_force() -> None:
    """Deleted once more without it, it waits for its kubelet as before."""
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}
    work = job()
    it = pod("p", work, meta={**owned(work), "deletionTimestamp": BEFORE}, status=status)
    found = explain(case(work, it, node()))
    assert found.cause == "pod-stuck-terminating"
    assert found.remedies[0].command.endswith("--grace-period=0 --force")
