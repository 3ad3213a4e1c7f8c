"""The second plan after apply is empty, for every example and cluster, and costs no dry run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.adapters.folders import holds_platform
from allotment.plan.changes import Action
from allotment.render.manifests import render
from allotment.spec.load import load_platform
from tests.live.apply.conftest import Cluster

pytestmark = [pytest.mark.live, pytest.mark.nightly]

EXAMPLES = sorted(path for path in Path("examples").iterdir() if holds_platform(path))
NIGHTLY = {
    "dev": "of examples/minimal: by day its whole life is lived in tests/live/apply/test_right_cluster.py",
    "prod-inference-eastus": "by day training-eastus, which holds all kinds of objects that it has",
    "prod-inference-westeu": "like prod-inference-eastus but for its place",
    "dev-eastus": "by day tests/live/gitops plans it again after its tree was applied",
}
"""Clusters that are looked at in the nightly run, and why not by day."""
CASES = [
    pytest.param(example, cluster.name, marks=pytest.mark.nightly if cluster.name in NIGHTLY else ())
    for example in EXAMPLES
    for cluster in load_platform(read_tree(example)).platform.clusters
]


@pytest.mark.parametrize(("example", "name"), CASES, ids=lambda value: getattr(value, "name", value))
def test_the_second_plan_is_empty(cluster: Cluster, example: Path, name: str) -> None:
    platform = load_platform(read_tree(example)).platform
    declared = platform.cluster(name)
    assert declared is not None
    desired = render(platform, declared)
    first = cluster.plan(desired, platform=platform.name)
    assert first.counts[Action.CREATE] + first.counts[Action.UPDATE] == len(desired.objects)
    cluster.settle(desired, platform=platform.name)
    time.sleep(3)  # controllers write status, defaults, finalizers: they must not look like drift
    cluster.wire.calm()
    second = cluster.plan(desired, platform=platform.name)
    assert second.empty, [(str(change.key), change) for change in second.changes]
    assert second.unchanged == len(desired.objects)
    assert cluster.wire.dry_runs == []
