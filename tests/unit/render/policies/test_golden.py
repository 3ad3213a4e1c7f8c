"""Golden files: each policy with its binding, as bytes.

After a change that is meant, run ``make golden``, and read the difference.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from allotment.model.cluster import Feature
from allotment.model.policy import PolicyName
from allotment.render.policies import render_policies
from allotment.render.yaml_text import to_documents
from tests.unit.render.policies.small import isolated

GOLDEN = Path(__file__).parents[3] / "golden" / "policies"
UPDATE = os.environ.get("ALLOTMENT_UPDATE_GOLDEN") == "1"
PODS_QUEUE = {"features": frozenset({Feature.POD_INTEGRATION})}
MUTATING = {"mutating_policies": True}
CASES: list[tuple[PolicyName, str, dict[str, Any]]] = [
    *((name, name.value, {}) for name in PolicyName),
    (PolicyName.QUEUE_REQUIRED, "queue-required-pod-integration", PODS_QUEUE),
    (PolicyName.QUEUE_MARKS_PROTECTED, "queue-marks-protected-mutating", MUTATING),
]


@pytest.mark.parametrize(("name", "file", "changes"), CASES, ids=[case[1] for case in CASES])
def test_policy_renders_to_its_golden_file(name: PolicyName, file: str, changes: dict[str, Any]) -> None:
    platform = isolated()
    cluster = replace(platform.clusters[0], **changes)
    objects = [item.body for item in render_policies(platform, cluster) if item.key.name == f"{name}.allotment.dev"]
    rendered = to_documents(objects)
    path = GOLDEN / f"{file}.yaml"
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rendered, encoding="utf-8", newline="\n")
    assert rendered.encode() == path.read_bytes(), f"{path} differs; see this file's head for how to renew it"
