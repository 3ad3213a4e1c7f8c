"""The fake nodes that an API server holds."""

from __future__ import annotations

from allotment.adapters.kube.fake import FakeKube
from allotment.adapters.sandbox.nodes import nodes_ready, read_nodes, reconcile_nodes
from allotment.model.manifest import ObjectKey
from allotment.ports.sandboxes import FakeNode, SandboxSpec

OLD = SandboxSpec("dev", (FakeNode("kept"), FakeNode("changed", {"pool": "old"}), FakeNode("gone")))
NEW = SandboxSpec("dev", (FakeNode("kept"), FakeNode("changed", {"pool": "new"}), FakeNode("added")))
STRANGER = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "real"}, "status": {}}


def key(name: str) -> ObjectKey:
    return ObjectKey("", "Node", "", name)


def made_ready(kube: FakeKube, *names: str) -> None:
    for name in names:
        conditions = [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}]
        kube.merge_patch("v1", key(name), {"status": {"conditions": conditions}})


def test_nodes_come_change_and_go_and_others_stay() -> None:
    kube = FakeKube()
    kube.create(STRANGER)
    reconcile_nodes(kube, OLD)
    kept = kube.get("v1", key("kept"))
    reconcile_nodes(kube, NEW)
    pools = {
        node["metadata"]["name"]: node["metadata"].get("labels", {}).get("pool") for node in kube.list("v1", "Node")
    }
    assert pools == {"real": None, "kept": None, "changed": "new", "added": None}
    assert kube.get("v1", key("kept")) == kept


def test_every_wanted_node_has_to_be_ready() -> None:
    kube = FakeKube()
    reconcile_nodes(kube, OLD)
    made_ready(kube, "kept", "changed")
    assert read_nodes(kube) == (("changed", True), ("gone", False), ("kept", True))
    assert not nodes_ready(kube, OLD)
    made_ready(kube, "gone")
    assert nodes_ready(kube, OLD)
