"""Declared pools against nodes: every way of not being as declared is named, and nothing else is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.files.tree import read_tree
from allotment.model import labels
from allotment.model.platform import Platform
from allotment.operations.foresee.sandboxing import nodes_of
from allotment.plan.labelling import PoolEdits, edit_for, with_intolerant
from allotment.plan.nodes import DeclaredNodes, NodeFault, NodeFinding, compare_nodes, declared_nodes
from allotment.spec.load import load_platform
from tests.unit.nodes import Node, declared, node, node_of

ACME = load_platform(read_tree(Path(__file__).parents[3] / "examples" / "acme")).platform
GPU = "nvidia.com/gpu"
BIG = {GPU: "8", "cpu": "256", "memory": "4Ti"}
"""What a node of eight devices offers, whatever the pool."""


def declaration(platform: Platform, name: str) -> tuple[DeclaredNodes, list[Node]]:
    cluster = platform.cluster(name)
    assert cluster is not None
    return declared_nodes(platform, cluster), declared(platform, cluster)


TRAINING, NODES = declaration(ACME, "training-eastus")


def changed(name: str, change: Callable[[Node], object]) -> list[Node]:
    """The declared nodes, one of them changed."""
    found = copy.deepcopy(NODES)
    (target,) = [item for item in found if item["metadata"]["name"] == name]
    change(target)
    return found


def without(*prefixes: str) -> list[Node]:
    return [item for item in NODES if not item["metadata"]["name"].startswith(prefixes)]


def relabel(key: str, value: str | None) -> Callable[[Node], object]:
    def change(found: Node) -> None:
        found["metadata"]["labels"].pop(key, None)
        if value is not None:
            found["metadata"]["labels"][key] = value

    return change


def untaint(key: str) -> Callable[[Node], object]:
    def change(found: Node) -> None:
        found["spec"]["taints"] = [item for item in found["spec"]["taints"] if item["key"] != key]

    return change


def taint(key: str, effect: str = "NoSchedule", value: str = "") -> Callable[[Node], object]:
    item = {"key": key, "effect": effect} | ({"value": value} if value else {})
    return lambda found: found["spec"].setdefault("taints", []).append(item)


def devices(number: int | None) -> Callable[[Node], object]:
    def change(found: Node) -> None:
        found["status"]["allocatable"].pop(GPU, None)
        if number is not None:
            found["status"]["allocatable"][GPU] = str(number)

    return change


def both(*changes: Callable[[Node], object]) -> Callable[[Node], object]:
    return lambda found: [change(found) for change in changes]


@pytest.mark.parametrize("cluster", [cluster.name for cluster in ACME.clusters])
@pytest.mark.parametrize("per_pool", [0, 1, None])
def test_declared_nodes_are_as_declared_at_any_number_from_the_minimum_on(cluster: str, per_pool: int | None) -> None:
    place = ACME.cluster(cluster)
    assert place is not None
    nodes = [node_of(shape) for shape in nodes_of(ACME, place, per_pool)]
    assert compare_nodes(declared_nodes(ACME, place), nodes) == ()


A100, DEDICATED, SYSTEM = "a100-on-demand-0", "h100-data-science-0", "system-0"

FAULTS: dict[str, tuple[str, Callable[[Node], object], NodeFault, str]] = {
    "a selected label removed": (
        A100, relabel(labels.CAPACITY_TYPE, None), NodeFault.LABEL,
        "capacity-type is missing, declared is on-demand; work admitted to a100-on-demand finds no node here",
    ),
    "a selected label changed": (
        A100, relabel(labels.ACCELERATOR, "h100"), NodeFault.LABEL, "accelerator is h100, declared is a100",
    ),
    "the dedicated label removed": (
        DEDICATED, relabel(labels.DEDICATED, None), NodeFault.LABEL, "declared is data-science",
    ),
    "a dedicated label that nobody declared": (
        A100, relabel(labels.DEDICATED, "cv"), NodeFault.LABEL, "the pool is dedicated to nobody",
    ),
    "a dedicated node without its taint": (
        DEDICATED, untaint(labels.DEDICATED), NodeFault.TAINT_MISSING,
        "=data-science:NoSchedule is missing; pods of other teams may land on the nodes of data-science",
    ),
    "an accelerator node without its taint": (
        A100, untaint("nvidia.com/gpu"), NodeFault.TAINT_MISSING, "work without devices may fill it",
    ),
    "the provider's spot taint gone": (
        "a100-spot-0", untaint("kubernetes.azure.com/scalesetpriority"), NodeFault.TAINT_MISSING, "scalesetpriority",
    ),
    "a taint nobody declared": (
        A100, taint("maintenance", value="soon"), NodeFault.TAINT_UNDECLARED,
        "taint maintenance=soon:NoSchedule is not declared; pods of a100-on-demand do not tolerate it",
    ),
    "a CPU node with a taint": (SYSTEM, taint("CriticalAddonsOnly"), NodeFault.TAINT_UNDECLARED, "CriticalAddonsOnly"),
    "fewer devices": (A100, devices(7), NodeFault.FEWER_DEVICES, "offers 7 nvidia.com/gpu, declared are 8"),
    "no devices": (A100, devices(None), NodeFault.FEWER_DEVICES, "offers 0 nvidia.com/gpu"),
    "devices on a CPU node": (SYSTEM, devices(8), NodeFault.NO_POOL, "declared without accelerators"),
    "a pool that nobody declares": (
        A100, both(relabel(labels.NODE_POOL, "old"), relabel(labels.CAPACITY_TYPE, None)), NodeFault.NO_POOL,
        "node-pool is old, which nobody declares",
    ),
    "the pool's former name, though its flavor selects the node": (
        A100, relabel(labels.NODE_POOL, "old"), NodeFault.NAME,
        "node-pool is old, which nobody declares; work that selects its pool by that label is accepted, and finds no",
    ),
    "without the pool's own label": (
        A100, relabel(labels.NODE_POOL, None), NodeFault.NAME, "node-pool is missing; work that selects its pool",
    ),
    "a CPU node with a former name": (
        SYSTEM, both(relabel(labels.NODE_POOL, "old"), relabel(labels.CAPACITY_TYPE, None)), NodeFault.NAME,
        "node-pool is old, which nobody declares",
    ),
    "no labels at all": (
        A100, lambda found: found["metadata"].pop("labels"), NodeFault.NO_POOL, "its labels fit no declared pool",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "change", "fault", "says"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_with_node_pool_consequence_and_fix(
    name: str, change: Callable[[Node], object], fault: NodeFault, says: str
) -> None:
    (finding,) = compare_nodes(TRAINING, changed(name, change))
    assert finding.fault is fault
    assert finding.nodes == (name,)
    assert finding.key.name == name
    assert says in str(finding)
    assert finding.fix


HARMLESS: dict[str, tuple[str, Callable[[Node], object]]] = {
    "more labels": (A100, relabel("team-color", "blue")),
    "more devices": (A100, devices(16)),
    "cordoned": (A100, taint("node.kubernetes.io/unschedulable")),
    "not ready": (A100, taint("node.kubernetes.io/not-ready", "NoExecute")),
    "about to go": (A100, taint("ToBeDeletedByClusterAutoscaler", value="1700000000")),
    "a preference": (A100, taint("busy", "PreferNoSchedule")),
    "a driver that starts": (A100, taint("ebs.csi.aws.com/agent-not-ready", "NoExecute")),
    "a CPU node without labels": (SYSTEM, lambda found: found["metadata"].pop("labels")),
    "an effect of the future": (A100, taint("x", "NoBreakfast")),
    "an amount only the server can read": (SYSTEM, lambda found: found["status"]["allocatable"].update({GPU: "?"})),
}


@pytest.mark.parametrize(("name", "change"), HARMLESS.values(), ids=HARMLESS)
def test_what_is_no_fault(name: str, change: Callable[[Node], object]) -> None:
    assert compare_nodes(TRAINING, changed(name, change)) == ()


class TestNumbers:
    def test_a_pool_below_its_minimum(self) -> None:
        (finding,) = compare_nodes(TRAINING, without("a100-on-demand"))
        assert (finding.fault, finding.pool, finding.nodes) == (NodeFault.FEWER_NODES, "a100-on-demand", ())
        assert "0 of at least 1 nodes are there" in finding.what
        assert str(finding.key) == "NodePool a100-on-demand"

    def test_a_pool_whose_minimum_is_zero_may_be_empty(self) -> None:
        assert compare_nodes(TRAINING, without("a100-spot", "h100")) == ()

    def test_nodes_that_are_being_deleted_count_for_nothing(self) -> None:
        change = changed(A100, lambda found: found["metadata"].update(deletionTimestamp="now"))
        rest = [item for item in change if not item["metadata"]["name"].startswith("a100-on-demand-")]
        gone = [item for item in change if item["metadata"]["name"] == A100]
        assert [one.fault for one in compare_nodes(TRAINING, rest + gone)] == [NodeFault.FEWER_NODES]

    @pytest.mark.parametrize(("plain", "missing"), [(0, 3), (1, 2), (3, 0)])
    def test_cpu_nodes_without_labels_count_for_cpu_pools(self, plain: int, missing: int) -> None:
        extra = [node(f"worker-{index}") for index in range(plain)]
        found = compare_nodes(TRAINING, [*without("system"), *extra])
        assert [one.what for one in found] == ([f"{3 - missing} of at least 3 nodes are there"] if missing else [])

    def test_control_plane_nodes_do_not(self) -> None:
        extra = [
            node(f"control-{i}", taints=(("node-role.kubernetes.io/control-plane", "", "NoSchedule"),))
            for i in range(3)
        ]
        (finding,) = compare_nodes(TRAINING, [*without("system"), *extra])
        assert finding.fault is NodeFault.FEWER_NODES


def test_the_same_fault_of_many_nodes_is_told_once() -> None:
    bare = [node(f"gpu-{index}", allocatable=BIG) for index in range(7)]
    (finding,) = compare_nodes(TRAINING, [*NODES, *bare])
    assert finding.nodes == tuple(f"gpu-{index}" for index in range(7))
    assert "gpu-4 and 2 more" in str(finding)
    named = " ".join(finding.nodes)
    assert finding.fix.startswith(f"`allot nodes label --pool a100-on-demand {named}` (or with --pool a100-spot or ")


def test_a_command_names_a_dozen_nodes_and_counts_the_others() -> None:
    bare = [node(f"gpu-{index:02}", {labels.ACCELERATOR: "h100"}, allocatable=BIG) for index in range(14)]
    (finding,) = compare_nodes(TRAINING, [*NODES, *bare])
    command = finding.fix.split("`")[1]
    assert command.endswith(" gpu-10 gpu-11")
    assert f"{command}` (and 2 more)" in finding.fix


@pytest.mark.parametrize("cluster", [cluster.name for cluster in ACME.clusters])
def test_a_renamed_pool_is_named_with_all_its_nodes_and_labelling_them_puts_it_right(cluster: str) -> None:
    place = ACME.cluster(cluster)
    assert place is not None
    world, nodes = declared_nodes(ACME, place), declared(ACME, place)
    for pool in world.pools:
        renamed = replace(pool, name="hall2")
        after = replace(world, pools=tuple(renamed if each is pool else each for each in world.pools))
        former = [item for item in nodes if item["metadata"]["labels"][labels.NODE_POOL] == pool.name]
        said = [one for one in compare_nodes(after, nodes) if one.fault is NodeFault.NAME]
        assert {name for one in said for name in one.nodes} == {item["metadata"]["name"] for item in former}
        assert all("--pool" in one.fix and "hall2" in one.fix for one in said)
        new = [merged(item, edit_for(renamed, item).patch) if item in former else item for item in nodes]
        assert compare_nodes(after, new) == ()


SUGGESTED: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "devices, CPU and memory as declared": ({}, BIG, "--pool a100-on-demand gpu-0` (or with --pool a100-spot or "),
    "the likeliest first": ({labels.ACCELERATOR: "h100"}, BIG, "--pool h100"),
    "devices of another number": ({}, {**BIG, GPU: "4"}, "declare their pool: no declared one"),
    "less CPU than any": ({}, {**BIG, "cpu": "8"}, "declare their pool: no declared one"),
    "less memory than any": ({}, {**BIG, "memory": "32Gi"}, "declare their pool: no declared one"),
}


@pytest.mark.parametrize(("found", "allocatable", "says"), SUGGESTED.values(), ids=SUGGESTED)
def test_only_pools_that_a_node_can_belong_to_are_suggested(
    found: dict[str, str], allocatable: dict[str, str], says: str
) -> None:
    (finding,) = compare_nodes(TRAINING, [*NODES, node("gpu-0", found, allocatable=allocatable)])
    assert says in finding.fix


def test_what_the_system_reserves_does_not_make_a_node_too_small() -> None:
    reserved = node("gpu-0", allocatable={**BIG, "cpu": "60"})
    reserved["status"]["capacity"] = BIG
    (finding,) = compare_nodes(TRAINING, [*NODES, reserved])
    assert "--pool a100-on-demand" in finding.fix


def pod(name: str, place: str, *tolerations: dict[str, str], phase: str = "Running") -> Any:
    return {
        "metadata": {"namespace": "team-a", "name": name},
        "spec": {"nodeName": place, "tolerations": list(tolerations)},
        "status": {"phase": phase},
    }


def test_pods_that_do_not_tolerate_an_added_taint_are_named() -> None:
    pool = next(item for item in TRAINING.pools if item.name == "a100-on-demand")
    edits = PoolEdits(pool, (edit_for(pool, node("gpu-0", allocatable=BIG)), edit_for(pool, NODES[0])))
    after = with_intolerant(
        edits,
        [
            pod("plain", "gpu-0"),
            pod("other", "gpu-0", {"key": "x", "operator": "Exists"}),
            pod("value", "gpu-0", {"key": GPU, "value": "absent"}),
            pod("evicted-only", "gpu-0", {"key": GPU, "operator": "Exists", "effect": "NoExecute"}),
            pod("exists", "gpu-0", {"key": GPU, "operator": "Exists"}),
            pod("equal", "gpu-0", {"key": GPU, "value": "present", "effect": "NoSchedule"}),
            pod("all", "gpu-0", {"operator": "Exists"}),
            pod("over", "gpu-0", phase="Succeeded"),
            pod("elsewhere", "gpu-1"),
        ],
    )
    assert [edit.intolerant for edit in after.edits] == [
        ("team-a/evicted-only", "team-a/other", "team-a/plain", "team-a/value"), (),
    ]  # fmt: skip


def test_a_label_of_feature_discovery_is_not_ours_to_set() -> None:
    discovered = ("nvidia.com/gpu.product", "A100")
    (cluster,) = [item for item in ACME.clusters if item.name == "training-eastus"]
    pool = next(item for item in TRAINING.pools if item.name == "a100-on-demand")
    selected = {discovered[0]: discovered[1], labels.CAPACITY_TYPE: "on-demand"}
    other = replace(pool, selected=selected, labels=selected)
    world = DeclaredNodes(cluster.name, (other,), TRAINING.resources)
    bare = node("gpu-0", {labels.NODE_POOL: pool.name}, allocatable={GPU: "4"})
    edit = edit_for(other, bare)
    assert {key for key, _, _ in edit.labels} == {labels.CAPACITY_TYPE}
    assert "it offers 4 nvidia.com/gpu, the pool declares 8" in edit.remark
    assert "nvidia.com/gpu.product=A100 is not ours to set" in edit.remark
    (finding,) = [one for one in compare_nodes(world, [bare]) if discovered[0] in one.what]
    assert "feature discovery" in finding.fix


def merged(found: Node, patch: Any) -> Node:
    """The node after a merge patch."""
    after = copy.deepcopy(found)
    after["metadata"].setdefault("labels", {}).update(patch["metadata"]["labels"])
    if "spec" in patch:
        after["spec"]["taints"] = patch["spec"]["taints"]
    return after


@given(
    st.sampled_from([pool.name for pool in TRAINING.pools]),
    st.dictionaries(
        st.sampled_from([labels.NODE_POOL, labels.ACCELERATOR, labels.CAPACITY_TYPE]),
        st.sampled_from(["a100", "spot", "on-demand", "old"]),
    ),
    st.lists(
        st.tuples(st.sampled_from([GPU, labels.DEDICATED, "mine"]), st.sampled_from(["", "present", "x"])), max_size=3
    ),
)
def test_a_labelled_node_is_one_of_its_pool_s_and_labelling_again_does_nothing(
    name: str, before: dict[str, str], taints: list[tuple[str, str]]
) -> None:
    pool = next(item for item in TRAINING.pools if item.name == name)
    unique = dict(taints)
    bare = node("n", before, tuple((key, value, "NoSchedule") for key, value in unique.items()),
                {pool.resource: str(pool.devices)} if pool.resource else {})  # fmt: skip
    after = merged(bare, edit_for(pool, bare).patch)
    assert edit_for(pool, after).empty
    kept = {item["key"] for item in after["spec"].get("taints", ())}
    assert kept >= set(unique), "nothing is taken away"
    found = [one for one in compare_nodes(TRAINING, [*without(name), after]) if one.nodes]
    assert {one.fault for one in found} <= {NodeFault.TAINT_UNDECLARED}, found


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A mapping with some of the fields, each of which may be null; or null itself."""
    return st.none() | st.fixed_dictionaries({}, optional={key: st.none() | value for key, value in fields.items()})


WORDS = st.text(max_size=3)
NAMED = st.fixed_dictionaries(
    {"name": st.text(max_size=5)}, optional={"labels": st.none() | st.dictionaries(WORDS, WORDS, max_size=2)}
)
ODD = st.fixed_dictionaries(
    {"metadata": NAMED},
    optional={"spec": optional(taints=st.just([{"key": "k"}])), "status": optional(allocatable=st.just({GPU: "8"}))},
)


@given(st.data())
def test_whatever_nodes_look_like_it_is_told_and_never_fails(data: st.DataObject) -> None:
    """Real clusters hold nodes without labels, status or spec."""
    found = compare_nodes(TRAINING, data.draw(st.lists(ODD, max_size=4)))
    assert all(isinstance(one, NodeFinding) and str(one) for one in found)
