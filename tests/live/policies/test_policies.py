"""Every rule on a real API server: admitted, refused, and what the refusal says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from allotment.adapters.kube.client import KubeClient
from allotment.model.manifest import Manifest
from allotment.model.policy import PolicyName
from tests.live.policies.cases import CASES, Case
from tests.live.policies.conftest import governed, refusal

pytestmark = pytest.mark.live


@pytest.fixture(scope="module", autouse=True)
def in_force(kube: KubeClient, tenants: None) -> Iterator[tuple[Manifest, ...]]:
    with governed(kube, pod_integration=False) as manifests:
        yield manifests


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case, kube: KubeClient) -> None:
    message = refusal(lambda: kube.create(case.body, dry_run=True, identity=case.who))
    if case.refused_by is None:
        assert message == ""
        return
    assert f"ValidatingAdmissionPolicy '{case.refused_by}.allotment.dev'" in message or not case.alone
    for part in case.says:
        assert part in message


def test_every_policy_is_seen_to_refuse() -> None:
    assert {case.refused_by for case in CASES} - {None} == set(PolicyName)
