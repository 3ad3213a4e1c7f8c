"""The demo has drift: what somebody edited by hand is found as in a real cluster, and nothing else is."""

from __future__ import annotations

import pytest

from allotment.operations.change.drift import DriftKind, drift_of
from allotment.operations.demo.building import edit_by_hand
from tests.unit.operations.demo.worlds import World, demo_platform


@pytest.mark.parametrize(("name", "drifts"), [("dev-eastus", True), ("prod-inference-westeu", False)])
def test_what_was_edited_by_hand_is_drift_and_nothing_else(name: str, drifts: bool) -> None:
    world, platform = World(name), demo_platform()
    cluster = platform.cluster(name)
    assert cluster is not None
    before = drift_of(platform, (cluster,), lambda _: world.kube, world.clock).clusters[0]
    assert [str(each.key) for each in before.objects] == []
    edit_by_hand(cluster, world.kube)
    after = drift_of(platform, (cluster,), lambda _: world.kube, world.clock).clusters[0]
    found = {(each.kind, each.key.kind): each for each in after.objects}
    assert bool(found) == drifts
    if drifts:
        assert set(found) == {(DriftKind.CHANGED, "ResourceQuota"), (DriftKind.MISSING, "NetworkPolicy")}
        (field,) = found[DriftKind.CHANGED, "ResourceQuota"].fields
        assert (field.field, field.live, field.by) == (".spec.hard.pods", "900", "kubectl-edit")
