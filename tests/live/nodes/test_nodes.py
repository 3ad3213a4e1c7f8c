"""Nodes on a real API server: what is taken off by hand is named by plan, drift and prove, and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.files.tree import read_tree
from allotment.adapters.kube.client import KubeClient, connect
from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.manifest import ObjectKey
from allotment.model.platform import Platform
from allotment.operations.change.cluster_plan import live_plan
from allotment.operations.change.drift import DriftKind, drift_of
from allotment.operations.change.nodes import ChosenNodes, label_nodes, plan_labels
from allotment.operations.foresee.sandboxing import nodes_of
from allotment.operations.prove.proving import Selection, prove
from allotment.plan.changes import WarningCode
from allotment.plan.labelling import PoolEdits
from allotment.plan.nodes import declared_nodes
from allotment.ports.clock import Clock
from allotment.ports.sandboxes import Sandbox, SandboxSpec
from allotment.spec.load import load_platform
from tests.live.conftest import unique_name

pytestmark = [pytest.mark.live, pytest.mark.nightly]

DEDICATED = "h100-data-science-0"
SPOT = "a100-spot-0"


@dataclass(frozen=True)
class Fleet:
    """A cluster with the nodes of training-eastus."""

    kube: KubeClient
    platform: Platform
    cluster: Cluster
    clock: ClassVar[Clock] = SystemClock()

    def node(self, name: str) -> Mapping[str, Any]:
        found = self.kube.get("v1", ObjectKey("", "Node", "", name))
        assert found is not None
        return found

    def patch(self, name: str, patch: Mapping[str, Any]) -> None:
        self.kube.merge_patch("v1", ObjectKey("", "Node", "", name), patch)

    def said(self) -> tuple[list[str], list[str], list[str]]:
        """What plan, drift and prove say about nodes."""
        plan = live_plan(self.platform, self.cluster, self.kube, self.clock.now().date())
        drift = drift_of(self.platform, [self.cluster], lambda _cluster: self.kube, self.clock)
        selection = Selection(guardrails=("nodes",))
        proof = prove(self.platform, self.cluster, self.kube, self.clock, selection=selection)
        return (
            [warning.message for warning in plan.warnings if warning.code is WarningCode.NODES],
            [found.message for found in drift.clusters[0].objects if found.kind is DriftKind.NODES],
            [result.got for result in proof.results if result.verdict.value == "failed"],
        )

    def label(self, pool: str, *names: str, selector: str = "") -> None:
        edits = self.lacking(pool, *names, selector=selector)
        label_nodes(self.kube, edits, dry_run=True)
        label_nodes(self.kube, edits)

    def lacking(self, pool: str, *names: str, selector: str = "") -> PoolEdits:
        return plan_labels(self.kube, declared_nodes(self.platform, self.cluster), pool, ChosenNodes(names, selector))


@pytest.fixture(scope="module")
def fleet(new_sandbox: Callable[[SandboxSpec], Sandbox]) -> Iterator[Fleet]:
    platform = load_platform(read_tree(Path("examples/acme"))).platform
    cluster = platform.cluster("training-eastus")
    assert cluster is not None
    shapes = nodes_of(platform, cluster, 1)
    nodes = tuple(shapes)
    sandbox = new_sandbox(SandboxSpec(unique_name(), nodes))
    with connect(sandbox.kubeconfig) as kube:
        yield Fleet(kube, platform, cluster)


def test_nodes_as_declared_are_no_finding(fleet: Fleet) -> None:
    assert fleet.said() == ([], [], [])


def without_taint(fleet: Fleet, name: str, key: str) -> None:
    taints = [item for item in fleet.node(name)["spec"].get("taints", ()) if item["key"] != key]
    fleet.patch(name, {"spec": {"taints": taints}})


@pytest.mark.parametrize(
    ("pool", "name", "damage", "says"),
    [
        pytest.param(
            "h100-data-science", DEDICATED, lambda fleet: without_taint(fleet, DEDICATED, labels.DEDICATED),
            "pods of other teams may land on the nodes of data-science", id="a dedicated node without its taint",
        ),
        pytest.param(
            "a100-spot", SPOT,
            lambda fleet: fleet.patch(SPOT, {"metadata": {"labels": {labels.CAPACITY_TYPE: None}}}),
            "work admitted to a100-spot finds no node here", id="a label removed by hand",
        ),
        pytest.param(
            "a100-spot", SPOT,
            lambda fleet: fleet.patch(
                SPOT, {"metadata": {"labels": {labels.CAPACITY_TYPE: None, labels.NODE_POOL: None}}}
            ),
            "its labels fit no declared pool", id="no labels",
        ),
        pytest.param(
            "a100-spot", SPOT, lambda fleet: fleet.patch(SPOT, {"metadata": {"labels": {labels.NODE_POOL: "old"}}}),
            "node-pool is old, which nobody declares", id="the name of a pool that was renamed",
        ),
    ],
)  # fmt: skip
@pytest.mark.nightly  # by day nodes as declared are looked at
def test_what_was_taken_off_is_named_by_all_three_and_put_back(
    fleet: Fleet, pool: str, name: str, damage: Callable[[Fleet], None], says: str
) -> None:
    damage(fleet)
    for messages in fleet.said():
        (message,) = messages
        assert name in message
        assert says in message
    fleet.label(pool, name)
    assert fleet.said() == ([], [], [])


def test_a_pool_below_its_minimum_is_named(fleet: Fleet) -> None:
    fleet.kube.delete("v1", ObjectKey("", "Node", "", "system-2"))
    for messages in fleet.said():
        (message,) = messages
        assert "pool system: 2 of at least 3 nodes are there" in message


def test_taints_that_others_add_meanwhile_stay(fleet: Fleet) -> None:
    """Taints are written as a whole: a stale list is refused by the server, and made anew."""
    without_taint(fleet, DEDICATED, labels.DEDICATED)
    edits = fleet.lacking("h100-data-science", DEDICATED)
    others = [*fleet.node(DEDICATED)["spec"]["taints"], {"key": "mine", "effect": "PreferNoSchedule"}]
    fleet.patch(DEDICATED, {"spec": {"taints": others}})
    label_nodes(fleet.kube, edits)
    found = {item["key"] for item in fleet.node(DEDICATED)["spec"]["taints"]}
    assert {"mine", labels.DEDICATED, "nvidia.com/gpu"} <= found
