"""A cluster's node pools as fake nodes: what the flavors select is what the nodes carry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.errors import UsageError
from allotment.model import labels
from allotment.model.cluster import Cluster, Feature
from allotment.model.platform import Platform
from allotment.operations.foresee.sandboxing import (
    SandboxWishes,
    extensions_of,
    flags_of,
    frameworks_of,
    nodes_of,
    spec_of,
)
from allotment.ports.sandboxes import FakeNode
from allotment.spec.load import load_platform
from tests.unit.builders import cluster, node_pool, platform

ACME = Path(__file__).parents[3] / "examples" / "acme"
REFERENCE = load_platform(read_tree(ACME)).platform


def pool_nodes(home: Platform, place: Cluster, pool: str, limit: int | None = None) -> list[FakeNode]:
    return [node for node in nodes_of(home, place, limit) if node.labels[labels.NODE_POOL] == pool]


@pytest.mark.parametrize("place", REFERENCE.clusters, ids=lambda place: place.name)
def test_every_flavor_finds_its_nodes_and_their_devices(place: Cluster) -> None:
    nodes = list(nodes_of(REFERENCE, place))
    assert len({node.name for node in nodes}) == len(nodes)
    for flavor in place.flavors:
        mine = [node for node in nodes if flavor.node_labels.items() <= node.labels.items()]
        if flavor.accelerator is not None:
            resource = REFERENCE.accelerators[flavor.accelerator].resource_name
            others = [pool for pool in place.node_pools if pool.flavor != flavor.name]
            names = {pool.name for pool in others if pool.accelerator == flavor.accelerator}
            own = [node for node in mine if node.labels[labels.NODE_POOL] not in names]
            assert sum(int(node.allocatable[resource]) for node in own) == flavor.capacity
            for node in own:
                assert {(t.key, t.value, t.effect.value) for t in flavor.taints} <= set(node.taints)


def test_a_node_is_the_pool_s_shape() -> None:
    place = cluster(node_pools=[node_pool(max_nodes=3, per_node=8, cpu=96, memory_gib=1024)])
    home = platform(clusters=[place])
    nodes = pool_nodes(home, place, "a100-pool")
    assert [node.name for node in nodes] == ["a100-pool-0", "a100-pool-1", "a100-pool-2"]
    assert nodes[0].allocatable == {"cpu": "96", "memory": "1Ti", "pods": "110", "nvidia.com/gpu": "8"}
    assert nodes[0].taints == (("nvidia.com/gpu", "present", "NoSchedule"),)
    assert all(nodes[0].labels.values())


def test_never_fewer_than_the_minimum() -> None:
    place = cluster(node_pools=[replace(node_pool("a100-pool"), min_nodes=2)])
    assert len(pool_nodes(platform(clusters=[place]), place, "a100-pool", 0)) == 2


@pytest.mark.parametrize(("limit", "count"), [(None, 4), (0, 0), (1, 1), (9, 4)])
def test_fewer_nodes_on_request(limit: int | None, count: int) -> None:
    place = cluster()
    assert len(pool_nodes(platform(clusters=[place]), place, "a100-pool", limit)) == count


def test_pods_queue_only_where_the_cluster_says_so() -> None:
    assert frameworks_of(cluster(features=())) == ("batch/job",)
    assert "pod" in frameworks_of(cluster(features=(Feature.POD_INTEGRATION,)))


def test_a_sandbox_has_the_kinds_that_the_cluster_declares() -> None:
    assert extensions_of(cluster(features=(Feature.DRA,))) == ()
    assert extensions_of(cluster(features=(Feature.TRAINJOB, Feature.DRA, Feature.JOBSET))) == ("jobset", "trainjob")


def test_a_sandbox_stands_in_for_the_cluster() -> None:
    place = replace(
        cluster(features=(Feature.JOBSET, Feature.POD_INTEGRATION)), context="prod-admin", fair_sharing=True
    )
    spec = spec_of(platform(clusters=[place]), place, SandboxWishes("mine", 1, ("rayjob",), ("v=4",)))
    assert (spec.name, spec.context_name, spec.extensions) == ("mine", "prod-admin", ("jobset", "rayjob"))
    assert spec.nodes == tuple(nodes_of(platform(clusters=[place]), place, 1))
    assert (spec.kueue.frameworks, spec.kueue.fair_sharing) == (frameworks_of(place), True)
    assert (spec.apiserver_flags, spec.volumes) == ({"v": "4"}, True)


@pytest.mark.parametrize(
    ("texts", "flags"),
    [
        ((), {}),
        (("v=4",), {"v": "4"}),
        (("--v=4",), {"v": "4"}),
        (("feature-gates=A=true,B=false", "v=4"), {"feature-gates": "A=true,B=false", "v": "4"}),
        (("oidc-groups-prefix=",), {"oidc-groups-prefix": ""}),
    ],
    ids=["none", "one", "with dashes", "equals signs in the value", "an empty value"],
)
def test_texts_become_flags(texts: tuple[str, ...], flags: dict[str, str]) -> None:
    assert flags_of(texts) == flags


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (("profiling",), "NAME=VALUE"),
        (("=x",), "NAME=VALUE"),
        (("feature-gates=A=true", "feature-gates=B=true"), "feature-gates=A=true,B=true"),
    ],
    ids=["no value", "no name", "twice"],
)
def test_texts_that_are_no_flags(texts: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        flags_of(texts)
    assert told in str(caught.value)
