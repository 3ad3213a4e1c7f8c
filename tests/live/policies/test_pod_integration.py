"""The queue rules where Kueue's pod integration is on: Deployments and bare pods may wait too."""

from __future__ import annotations

import pytest

from allotment.adapters.kube.client import KubeClient
from allotment.model.manifest import key_of
from allotment.model.policy import PolicyName
from tests.live.policies.bodies import GPU_NODES, queued
from tests.live.policies.cases import POD_INTEGRATION_CASES, Case
from tests.live.policies.conftest import JANE, Law, refusal, until
from tests.live.policies.test_changes import created, patched, refused

# The cluster's policies are put in force anew for it; by day tests/live/everyday has plain pods and Deployments queue.
pytestmark = [pytest.mark.live, pytest.mark.nightly]


@pytest.fixture(scope="module", autouse=True)
def in_force(law: Law) -> None:
    law.be(pod_integration=True)


@pytest.mark.parametrize("case", POD_INTEGRATION_CASES, ids=lambda case: case.id)
def test_case(case: Case, kube: KubeClient) -> None:
    message = refusal(lambda: kube.create(case.body, dry_run=True, identity=case.who))
    if case.refused_by is None:
        assert message == ""
        return
    assert refused(message, case.refused_by, *case.says) or not case.alone, message
    assert all(part in message for part in case.says), message


def test_a_pod_does_not_leave_its_queue(kube: KubeClient) -> None:
    body = created(kube, queued("Pod", name="gated", spec=GPU_NODES))
    assert {"name": "kueue.x-k8s.io/admission"} in body["spec"]["schedulingGates"]
    message = patched(kube, body, {"spec": {"schedulingGates": None}})
    assert refused(message, PolicyName.QUEUE_REQUIRED, "spec.schedulingGates lost"), message
    kube.delete("v1", key_of(body))


def test_a_pod_is_not_freed_by_a_forged_owner(kube: KubeClient) -> None:
    parent = created(kube, queued("Job", name="parent"))
    forged = queued("Pod", name="child", spec=GPU_NODES)
    forged["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": "parent",
            "uid": parent["metadata"]["uid"],
            "controller": True,
        }
    ]

    def message() -> str:
        return refusal(lambda: kube.create(forged, dry_run=True, identity=JANE))

    until(lambda: "not found" not in message())  # Kueue's webhook learns of the parent a moment later
    said = message()
    kube.delete("batch/v1", key_of(parent))
    # Two policies refuse it, and each tells both faults.
    assert "spec.schedulingGates lacks" in said, said
    assert "metadata.ownerReferences names Job parent as its controller" in said, said
