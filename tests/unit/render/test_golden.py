"""Golden files: the bytes that each family renders to.

After a change that is meant, ``make golden`` (or ``ALLOTMENT_UPDATE_GOLDEN=1 pytest tests/unit/render``) writes them
anew; read the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from allotment.model.manifest import Family
from allotment.render.manifests import render
from allotment.render.yaml_text import to_documents
from tests.unit.render.reference import reference

GOLDEN = Path(__file__).parents[2] / "golden" / "render"
UPDATE = os.environ.get("ALLOTMENT_UPDATE_GOLDEN") == "1"

CASES: list[tuple[str, str, Family]] = [
    ("namespaces", "training", Family.NAMESPACES),
    ("rbac", "training", Family.RBAC),
    ("rbac-own-cluster", "regulated", Family.RBAC),
    ("service-accounts", "training", Family.SERVICE_ACCOUNTS),
    ("resource-quotas", "training", Family.RESOURCE_QUOTAS),
    ("limit-ranges", "training", Family.LIMIT_RANGES),
    ("network-policies", "training", Family.NETWORK_POLICIES),
    ("storage", "training", Family.STORAGE),
    ("priority-classes", "training", Family.PRIORITY_CLASSES),
    ("kueue", "training", Family.KUEUE),
    ("kueue-shared-v1beta1", "shared", Family.KUEUE),
    ("kueue-own-cluster", "regulated", Family.KUEUE),
]


@pytest.mark.parametrize(("file", "cluster", "family"), CASES, ids=[case[0] for case in CASES])
def test_family_renders_to_its_golden_file(file: str, cluster: str, family: Family) -> None:
    platform = reference()
    target = platform.cluster(cluster)
    assert target is not None
    rendered = to_documents(manifest.body for manifest in render(platform, target).of(family))
    path = GOLDEN / f"{file}.yaml"
    if UPDATE:
        path.write_text(rendered, encoding="utf-8", newline="\n")
    assert rendered.encode() == path.read_bytes(), f"{path} differs; see this file's head for how to renew it"


def test_every_family_but_policies_has_a_golden_file() -> None:
    # Policies have golden cases of their own, one for each policy.
    assert {family for _file, _cluster, family in CASES} == set(Family) - {Family.POLICIES}
