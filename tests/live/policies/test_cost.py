"""The policies as the API server sees them: well typed, and cheap enough for the largest work anybody submits."""

from __future__ import annotations

import time

import pytest

from allotment.adapters.kube.client import KubeClient
from allotment.model import labels
from allotment.model.policy import PolicyName
from tests.live.policies.bodies import GOOD_LABELS, GPU_NODES, QUEUE, Body, container, queued, workload
from tests.live.policies.conftest import JANE, Law, refusal, until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module", autouse=True)
def in_force(law: Law) -> None:
    law.be(pod_integration=False)


def checked(kube: KubeClient) -> list[Body]:
    """Our policies, once the API server's type checker has looked at all of them."""
    found = [
        dict(body)
        for body in kube.list("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy")
        if body["metadata"]["name"].endswith(".allotment.dev")
    ]
    return found if all(body.get("status", {}).get("observedGeneration") for body in found) else []


def test_the_type_checker_has_nothing_to_say(kube: KubeClient) -> None:
    until(lambda: len(checked(kube)) == len(PolicyName), seconds=300)
    warnings = [
        (body["metadata"]["name"], warning["fieldRef"], warning["warning"])
        for body in checked(kube)
        for warning in body["status"].get("typeChecking", {}).get("expressionWarnings", ())
    ]
    assert warnings == []


def large() -> Body:
    """A Job with far more of everything than anybody writes by hand."""
    containers = [container(gpus=1) | {"name": f"c{index}"} for index in range(150)]
    values = ["a100"] * 20
    expressions = [{"key": labels.ACCELERATOR, "operator": "In", "values": values} for _ in range(10)]
    terms = [{"matchExpressions": expressions} for _ in range(20)]
    return queued(
        "Job",
        spec={
            "containers": containers,
            "initContainers": [item | {"name": f"i{index}"} for index, item in enumerate(containers)],
            "tolerations": [{"key": f"taint-{index}", "operator": "Exists"} for index in range(300)],
            "affinity": {
                "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
            },
            "volumes": [{"name": f"v{index}", "emptyDir": {}} for index in range(100)],
        },
    )


def test_very_large_work_stays_within_the_cost_budget(kube: KubeClient) -> None:
    assert refusal(lambda: kube.create(large(), dry_run=True, identity=JANE)) == ""


def test_hostile_work_is_refused_rather_than_let_through(kube: KubeClient) -> None:
    """Whoever exhausts the budget is refused: failurePolicy Fail."""
    body = large()
    spec = body["spec"]["template"]["spec"]
    hidden = spec["containers"][-1]
    hidden["image"] = "evil.example/x"
    assert "trusted-registries.allotment.dev" in refusal(lambda: kube.create(body, dry_run=True, identity=JANE))


@pytest.mark.nightly  # a machine with all other tests beside it measures nothing
def test_an_ordinary_request_is_not_slowed_down(kube: KubeClient) -> None:
    def seconds(body: Body) -> float:
        begin = time.perf_counter()
        kube.create(body, dry_run=True, identity=JANE)
        return time.perf_counter() - begin

    good = queued("Job", spec=GPU_NODES, own=GOOD_LABELS | QUEUE)
    plain = workload("Job", namespace="default")
    # The quickest of many: whatever else the machine does only adds to a request's time.
    with_policies = min(seconds(good) for _ in range(20))
    without = min(seconds(plain) for _ in range(20))
    # Twelve policies and Kueue's webhooks beside them; a loose bound, against something quadratic slipping in.
    assert with_policies < without + 0.25
