"""examples/acme renders to what it rendered to: counts of every kind, and a digest of every family's bytes.

A change that is meant is written anew by ``make golden``. Policies are counted only: each has golden cases of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from allotment.adapters.files.tree import read_tree
from allotment.model.manifest import Family, Manifests
from allotment.render.manifests import render
from allotment.render.yaml_text import to_documents
from allotment.spec.load import load_platform

TESTS = Path(__file__).parents[2]
GOLDEN = TESTS / "golden" / "render" / "acme.json"
ACME = TESTS.parent / "examples" / "acme"


def summary(manifests: Manifests) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for family in Family:
        objects = list(manifests.of(family))
        entry: dict[str, Any] = {"kinds": dict(sorted(Counter(item.key.kind for item in objects).items()))}
        if family is not Family.POLICIES:
            text = to_documents(item.body for item in objects)
            entry["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        result[family.value] = entry
    return result


def test_acme_renders_to_what_it_did() -> None:
    platform = load_platform(read_tree(ACME)).platform
    found = {cluster.name: summary(render(platform, cluster)) for cluster in platform.clusters}
    if os.environ.get("ALLOTMENT_UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))
