"""Roles of pods in groups: the API server tells a forged one from Kueue's. And Kueue's own work under the rule."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from allotment.adapters.kube.client import KubeClient
from allotment.model import labels
from allotment.model.manifest import key_of
from allotment.model.policy import PolicyName
from allotment.render.kueue import render_kueue
from allotment.render.objects import site_of
from tests.live.policies.bodies import GOOD_LABELS, QUEUE, Body, workload
from tests.live.policies.conftest import JANE, REPLICA_SETS, Law, refusal, small_platform, until
from tests.live.policies.test_changes import patched, refused, running

pytestmark = [pytest.mark.live, pytest.mark.nightly]

MARKS = PolicyName.QUEUE_MARKS_PROTECTED
ROLE = "kueue.x-k8s.io/role-hash"


@pytest.fixture(scope="module", autouse=True)
def in_force(kube: KubeClient, law: Law) -> Iterator[None]:
    declared, place = small_platform(pod_integration=True, mutating=True)
    queues = tuple(render_kueue(site_of(declared, place)))
    law.be(pod_integration=True, mutating=True)
    for manifest in queues:
        kube.apply(manifest.body)
    yield
    for manifest in reversed(queues):
        kube.delete(manifest.api_version, manifest.key)


def member(name: str, role: str = "") -> Body:
    """A pod of a group of two."""
    own = GOOD_LABELS | QUEUE | {"kueue.x-k8s.io/pod-group-name": "pair-1c1g-2", "app": "pair"}
    body = workload("Pod", name=name, own=own)
    body["metadata"]["annotations"] = {"kueue.x-k8s.io/pod-group-total-count": "2"} | ({ROLE: role} if role else {})
    return body


def replicas(name: str = "replicas") -> Body:
    body = workload("StatefulSet", name=name, own=GOOD_LABELS | QUEUE, pods=GOOD_LABELS | QUEUE)
    body["spec"]["replicas"] = 2
    return body


@pytest.mark.parametrize("who", [JANE, REPLICA_SETS], ids=["member", "controller"])
def test_a_role_that_somebody_wrote_is_refused(who: object, kube: KubeClient) -> None:
    message = refusal(lambda: kube.create(member("forged", "same"), dry_run=True, identity=who))  # type: ignore[arg-type]
    assert refused(message, MARKS, f"metadata.annotations.{ROLE} is set"), message


def test_a_pod_does_not_say_that_its_set_holds_it(kube: KubeClient) -> None:
    body = workload("Pod", own=GOOD_LABELS | QUEUE | {"kueue.x-k8s.io/managed": "true"})
    body["metadata"]["annotations"] = {"kueue.x-k8s.io/pod-suspending-parent": "statefulset"}
    message = refusal(lambda: kube.create(body, dry_run=True, identity=JANE))
    assert refused(message, MARKS, "kueue.x-k8s.io/pod-suspending-parent"), message


def test_kueues_own_marks_go_on_working(kube: KubeClient) -> None:
    """A pod group and a StatefulSet run; what Kueue wrote on them is kept, and the rest may change."""
    given = [member("pair-0"), member("pair-1"), replicas()]
    for body in given:
        kube.delete(body["apiVersion"], key_of(body))
        kube.create(copy.deepcopy(body), identity=JANE)
    try:
        until(lambda: len(running(kube, "app=pair")) == len(running(kube, "app=replicas")) == 2)
        pod = running(kube, "app=pair")[0]
        assert ROLE in pod["metadata"]["annotations"]
        assert labels.REFUSED not in pod["metadata"]["annotations"]
        pod |= {"apiVersion": "v1", "kind": "Pod"}
        assert patched(kube, pod, {"metadata": {"annotations": {"note": "x"}}}) == ""
        message = patched(kube, pod, {"metadata": {"annotations": {ROLE: "other"}}})
        assert refused(message, MARKS, f"annotations.{ROLE}: only Kueue"), message
        message = patched(kube, pod, {"metadata": {"labels": {"kueue.x-k8s.io/managed": None}}})
        assert refused(message, MARKS, "Kueue finds its pods by this"), message
        assert patched(kube, replicas(), {"metadata": {"annotations": {"note": "x"}}}) == ""
    finally:
        for body in given:
            kube.delete(body["apiVersion"], key_of(body))
