"""Audit, warn, enforce: what each lets through, and what trace it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from allotment.adapters.kube.client import KubeClient
from allotment.model.manifest import key_of
from allotment.model.policy import Mode, PolicyName
from allotment.ports.kube import RefusedError
from allotment.ports.sandboxes import Sandbox
from allotment.render.policies import render_policies
from tests.live.policies.bodies import workload
from tests.live.policies.conftest import JANE, Law, small_platform, until
from tests.unit.builders import platform, policies

pytestmark = pytest.mark.live
BAD = workload("Job", name="unlabelled", own={}, pods={})
SOURCE = "labels-required.allotment.dev"
EXPECTED = {Mode.AUDIT: (True, False), Mode.WARN: (True, True), Mode.ENFORCE: (False, False)}


@pytest.fixture(params=tuple(Mode), ids=lambda mode: mode.value)
def mode(request: pytest.FixtureRequest, kube: KubeClient, law: Law) -> Iterator[Mode]:
    law.leave()
    chosen: Mode = request.param
    declared, place = small_platform(pod_integration=False)
    changed = platform(clusters=declared.clusters, teams=declared.teams, guardrails=policies((place,), mode=chosen))
    labels_only = [
        manifest
        for manifest in render_policies(changed, place)
        if manifest.key.name.startswith(PolicyName.LABELS_REQUIRED)
    ]
    for manifest in labels_only:
        kube.apply(manifest.body)
    yield chosen
    for manifest in labels_only:
        kube.delete(manifest.api_version, key_of(manifest.body))


def test_mode(mode: Mode, kube: KubeClient, sandbox: Sandbox) -> None:
    admitted, warned = EXPECTED[mode]

    def answered() -> bool:
        try:
            warnings = kube.create(BAD, dry_run=True, identity=JANE).warnings
        except RefusedError as error:
            return not admitted and SOURCE in error.message
        return admitted and any(SOURCE in warning for warning in warnings) is warned

    # Before the policy is in force audit mode answers no differently: ask until the log shows what it saw.
    begin = sandbox.audit_log.stat().st_size
    until(lambda: answered() and (mode is Mode.ENFORCE or audited(sandbox.audit_log, begin)))


def audited(log: Path, begin: int) -> bool:
    """Whether the API server's audit log names the violation, from a position in bytes on."""
    key = "validation.policy.admission.k8s.io/validation_failure"
    with log.open("rb") as lines:
        lines.seek(begin)
        whole = [line for line in lines if line.endswith(b"\n")]
    return any(SOURCE in json.loads(line).get("annotations", {}).get(key, "") for line in whole)
