"""Every rule on a real API server: admitted, refused, and what the refusal says."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from allotment.adapters.kube.client import KubeClient
from allotment.model import labels
from allotment.model.policy import PolicyName
from tests.live.policies.bodies import container, queued, workload
from tests.live.policies.cases import CASES, Case
from tests.live.policies.conftest import JANE, Law, refusal

pytestmark = pytest.mark.live


@pytest.fixture(scope="module", autouse=True)
def in_force(law: Law) -> None:
    law.be(pod_integration=False)


def by_day() -> Sequence[object]:
    """Of each policy the first refusal, and every fourth case of all; the rest by night."""
    first = {case.refused_by: number for number, case in reversed(tuple(enumerate(CASES)))}
    kept = {*first.values(), *range(0, len(CASES), 4)}
    return [
        pytest.param(case, id=case.id, marks=() if number in kept else pytest.mark.nightly)
        for number, case in enumerate(CASES)
    ]


@pytest.mark.parametrize("case", by_day())
def test_case(case: Case, kube: KubeClient) -> None:
    message = refusal(lambda: kube.create(case.body, dry_run=True, identity=case.who))
    if case.refused_by is None:
        assert message == ""
        return
    assert f"ValidatingAdmissionPolicy '{case.refused_by}.allotment.dev'" in message or not case.alone
    for part in case.says:
        assert part in message


def test_a_pod_is_not_told_of_a_template(kube: KubeClient) -> None:
    message = refusal(lambda: kube.create(workload("Pod", own={}, pods={}), dry_run=True, identity=JANE))
    assert "metadata.labels.team is missing; set team to pol-nlp •" in message
    assert "template" not in message


@pytest.mark.parametrize("key", [labels.ACCELERATOR, labels.CAPACITY_TYPE, labels.NODE_POOL])
def test_a_wrong_node_selector_is_told_once(key: str, kube: KubeClient) -> None:
    for make in (queued, workload):
        body = make("Job", spec={"nodeSelector": {key: "nope"}})
        message = refusal(partial(kube.create, body, dry_run=True, identity=JANE))
        assert "denied request: spec.template.spec" in message, message


def test_a_pod_that_is_too_large_is_told_what_it_asks_for(kube: KubeClient) -> None:
    huge = {"cpu": "3k", "memory": "1Gi"}
    spec = {"containers": [container() | {"resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": huge}}]}
    message = refusal(lambda: kube.create(workload("Job", spec=spec), dry_run=True, identity=JANE))
    assert "spec asks for 3000 CPUs by its limits, where one pod of this team may have 2k; ask for less" in message


def test_every_policy_is_seen_to_refuse() -> None:
    assert {case.refused_by for case in CASES} - {None} == set(PolicyName)
