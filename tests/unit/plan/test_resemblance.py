"""A cluster without a mark: what shows that it is the one meant, or another one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.model import labels
from allotment.plan.nodes import DeclaredNodes, declared_nodes
from allotment.plan.resemblance import by_contexts, by_nodes
from allotment.spec.load import load_platform
from tests.unit.nodes import Node, declared, node

ACME = load_platform(read_tree(Path(__file__).parents[3] / "examples" / "acme")).platform
GPU = "nvidia.com/gpu"


def pools(name: str) -> DeclaredNodes:
    cluster = ACME.cluster(name)
    assert cluster is not None
    return declared_nodes(ACME, cluster)


def nodes(name: str) -> list[Node]:
    cluster = ACME.cluster(name)
    assert cluster is not None
    return declared(ACME, cluster, per_pool=1)


def bare(name: str) -> list[Node]:
    """The same nodes, as they are before anybody labels them for us."""
    return [{**each, "metadata": {"name": each["metadata"]["name"]}} for each in nodes(name)]


def fixed(name: str) -> DeclaredNodes:
    """The same pools, each with nodes at any time."""
    found = pools(name)
    return replace(found, pools=tuple(replace(pool, min_nodes=1) for pool in found.pools))


PLAIN = [node("a"), node("b")]
TWO_GPUS = node("gpu", {labels.NODE_POOL: "t4-spot"}, allocatable={GPU: "2"})


@pytest.mark.parametrize(
    ("meant", "there", "doubt"),
    [
        pytest.param(pools("training-eastus"), nodes("training-eastus"), "", id="its own nodes"),
        pytest.param(pools("training-eastus"), nodes("training-eastus")[:1], "", id="one of its own"),
        pytest.param(pools("training-eastus"), bare("training-eastus"), "grave", id="its own, not labelled yet"),
        pytest.param(pools("training-eastus"), bare("prod-inference-eastus"), "grave", id="another's"),
        pytest.param(pools("training-eastus"), PLAIN, "grave", id="no accelerators where some must be"),
        pytest.param(pools("training-eastus"), [], "light", id="no nodes at all"),
        pytest.param(pools("dev-eastus"), PLAIN, "", id="accelerators that come from zero"),
        pytest.param(pools("dev-eastus"), bare("training-eastus"), "light", id="from zero, and others are there"),
        pytest.param(fixed("dev-eastus"), [TWO_GPUS], "grave", id="a pool of that name with other devices"),
        pytest.param(replace(pools("dev-eastus"), pools=()), PLAIN, "", id="no pools"),
    ],
)
def test_what_nodes_say(meant: DeclaredNodes, there: list[Node], doubt: str) -> None:
    found = by_nodes(meant, there, "https://prod:6443")
    assert (("grave" if found.grave else "light") if found else "") == doubt
    if found:
        assert "https://prod:6443" in found.message
        assert meant.cluster in found.message


def test_the_sentence_counts_and_says_what_is_there() -> None:
    found = by_nodes(fixed("dev-eastus"), bare("prod-inference-eastus"), "https://prod:6443 (context prod)")
    assert found is not None
    assert found.message.startswith(
        "none of the declared pools of dev-eastus (system, t4-spot, a10g-spot, a10g-data-science) matches any of the "
        "20 nodes of https://prod:6443 (context prod) (16 nvidia.com/gpu): is this the right cluster?"
    ), found.message


OTHERS = {"prod": "prod-admin", "staging": "staging-admin"}


@pytest.mark.parametrize(
    ("used", "named"),
    [
        ({"dev-admin"}, None),
        ({"laptop"}, None),
        ({"prod-admin"}, "prod"),
        ({"alias", "prod-admin"}, "prod"),
        # One tunnel for all of them: its address says nothing.
        ({"dev-admin", "prod-admin", "staging-admin"}, None),
        (set(), None),
    ],
    ids=lambda value: " ".join(sorted(value)) if isinstance(value, set) else str(value),
)
def test_what_contexts_say(used: set[str], named: str | None) -> None:
    found = by_contexts("dev", "dev-admin", OTHERS, used)
    assert (f"is that of the cluster {named}" in found.message if found else None) == (True if named else None)
    assert found is None or found.grave
