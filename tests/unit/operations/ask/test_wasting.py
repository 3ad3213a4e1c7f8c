"""What an answer on devices or queues says of others, of what has no price, and of which cluster it speaks."""

from __future__ import annotations

import msgspec

from allotment.accounting.moment import CountingRules
from allotment.accounting.prices import DevicePrices, prices_of
from allotment.model import labels
from allotment.model.observed.nodes import Node
from allotment.model.observed.queueing import FlavorUsage, UsageOf
from allotment.model.observed.snapshot import Snapshot
from allotment.model.source import SourceTree
from allotment.observe.anonymous import hidden_pod
from allotment.operations.ask.books import DeclaredBooks, books_of
from allotment.operations.ask.devices import team_of, who_holds
from allotment.operations.ask.quotas import queues_of
from allotment.operations.ask.wasting import waste_now
from tests.unit.accounting.scenes import GPU, moment_of, node, pod, workload
from tests.unit.accounting.test_books import queue
from tests.unit.builders import cluster, flavor, node_pool, platform

NOW = 1_800_000_000_000
RESERVED = (FlavorUsage(name="gpu", resources=(UsageOf(name=GPU, total="3"),)),)
NODES = [node("a", {GPU: "8"}), node("b", {GPU: "4"})]


class OfOneNode(DevicePrices):
    def of(self, source: str, node: Node) -> int | None:
        return 3_000_000 if node.name == "a" else None


def test_devices_without_a_price_are_in_no_sum_and_that_is_said() -> None:
    rules = CountingRules(prices=OfOneNode(currency="EUR"))
    found = waste_now(moment_of(NOW, nodes=NODES), rules, "node")

    assert {group.name: group.cost for group in found.groups} == {"dev/a": 24_000_000, "dev/b": None}
    assert found.remarks == ("4.00 GPUs have no price, and are in no sum of money",)
    assert waste_now(moment_of(NOW, nodes=NODES), CountingRules(), "node").remarks == ()


def test_of_several_clusters_only_the_one_that_is_declared_has_its_prices() -> None:
    (dev,) = moment_of(NOW, nodes=[node("a", {GPU: "8"}, labels={labels.NODE_POOL: "a100-pool"})]).sources
    rules = CountingRules(prices=prices_of(platform(clusters=[cluster("dev")])))
    alone, with_another = (
        waste_now(Snapshot(taken_at=dev.observed_at, sources=sources), rules, "node")
        for sources in ((msgspec.structs.replace(dev, name="any"),), (dev, msgspec.structs.replace(dev, name="prod")))
    )

    assert alone.ledger.cost == 8_000_000, "the platform's only cluster, whatever its context is called"
    assert {group.name: group.cost for group in with_another.groups} == {"dev/a": 8_000_000, "prod/a": None}


def test_others_are_called_alike_in_every_answer() -> None:
    other = hidden_pod(pod("p", "a", {GPU: "2"}), "hidden-pod-1")
    found = moment_of(NOW, nodes=NODES, pods=[other])
    (hold,) = who_holds(found).holds
    teams = [group.name for group in waste_now(found, CountingRules(), "team").groups]

    assert team_of(hold) == "another team"
    assert teams == ["(nobody)", "another team"]


def test_pools_of_the_directory_bound_the_cluster_that_it_declares_alone() -> None:
    pools = [node_pool(accelerator="a100", per_node=8, max_nodes=4, flavor="gpu")]
    here = cluster("dev", node_pools=pools, flavors=[flavor("gpu")])
    (dev,) = moment_of(NOW, nodes=NODES, cluster_queues=(queue("cq", "8"),)).sources
    both = Snapshot(sources=(dev, msgspec.structs.replace(dev, name="prod")))
    found = books_of(both, DeclaredBooks(SourceTree({}), platform(clusters=[here]), here))

    assert {book.cluster: book.bounds.most for book in found.books} == {"dev": 32, "prod": None}


def test_of_several_clusters_a_remark_names_its_own() -> None:
    here = moment_of(NOW, cluster_queues=(queue("cq", "4"),), workloads=(workload("w", "gpu", 4, admitted=True),))
    (source,) = here.sources
    told = msgspec.structs.replace(source.objects.cluster_queues[0].status, flavors_reservation=RESERVED)
    lagging = msgspec.structs.replace(source.objects.cluster_queues[0], status=told)
    objects = msgspec.structs.replace(source.objects, cluster_queues=(lagging,))
    east = msgspec.structs.replace(source, name="east", objects=objects)
    (remark,) = queues_of(msgspec.structs.replace(here, sources=(source, east))).remarks

    assert remark == "east: ClusterQueue cq reports 3 nvidia.com/gpu in flavor gpu; its workloads hold 4"
