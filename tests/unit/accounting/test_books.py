"""Quota against hardware: each finding with its numbers and its mend, and lending limits that follow and come back."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.accounting.book_checks import BookFault, findings
from allotment.accounting.books import flavor_books
from allotment.accounting.bounds import DeviceBounds
from allotment.accounting.lending import lending_changes, undo_changes
from allotment.cli.commands.ask.books_view import books_listing
from allotment.model.observed.base import ObjectMeta
from allotment.model.observed.index import Index
from allotment.model.observed.namespaced import ConfigMap
from allotment.model.observed.nodes import (
    Device,
    KarpenterNodePool,
    KarpenterPoolSpec,
    Node,
    NodePoolTemplate,
    ResourceSlice,
    ResourceSliceSpec,
)
from allotment.model.observed.queueing import (
    ClusterQueue,
    ClusterQueueSpec,
    Cohort,
    CohortSpec,
    FlavorQuota,
    FlavorSpec,
    QuotaOf,
    ResourceFlavor,
    ResourceGroupOf,
)
from allotment.model.observed.snapshot import Gap, Snapshot
from allotment.operations.ask.books import BooksAnswer, patch_command
from allotment.operations.ask.devices import saturated
from allotment.reports.documents.books import flavor_book_document
from tests.unit.accounting.scenes import GPU, moment_of, node

EIGHT = {GPU: "8", "cpu": "64"}


def queue(
    name: str, nominal: str, *, cohort: str = "all", borrow: str | None = None, lend: str | None = None, cpu: str = "64"
) -> ClusterQueue:
    quota = QuotaOf(name=GPU, nominal_quota=nominal, borrowing_limit=borrow, lending_limit=lend)
    group = ResourceGroupOf(
        covered_resources=(GPU, "cpu"),
        flavors=(FlavorQuota(name="gpu", resources=(quota, QuotaOf(name="cpu", nominal_quota=cpu))),),
    )
    return ClusterQueue(
        metadata=ObjectMeta(name=name), spec=ClusterQueueSpec(cohort_name=cohort, resource_groups=(group,))
    )


def cohort(name: str, nominal: str, above: str = "", lend: str | None = None) -> Cohort:
    quota = QuotaOf(name=GPU, nominal_quota=nominal, lending_limit=lend)
    group = ResourceGroupOf(covered_resources=(GPU,), flavors=(FlavorQuota(name="gpu", resources=(quota,)),))
    return Cohort(metadata=ObjectMeta(name=name), spec=CohortSpec(parent_name=above, resource_groups=(group,)))


def of_flavor(name: str, flavor: str, nominal: str, resource: str = GPU) -> ClusterQueue:
    quota = FlavorQuota(name=flavor, resources=(QuotaOf(name=resource, nominal_quota=nominal),))
    group = ResourceGroupOf(covered_resources=(resource,), flavors=(quota,))
    return ClusterQueue(metadata=ObjectMeta(name=name), spec=ClusterQueueSpec(resource_groups=(group,)))


def flavor(name: str, **more: str) -> ResourceFlavor:
    return ResourceFlavor(metadata=ObjectMeta(name=name), spec=FlavorSpec(node_labels={"pool": "gpu", **more}))


def index_of(*queues: ClusterQueue, nodes: tuple[Node, ...] = (node("n", EIGHT),), **more: Any) -> Index:
    return Index(moment_of(0, nodes=nodes, cluster_queues=queues, **more).sources[0])


STATUS = ConfigMap(
    metadata=ObjectMeta(name="cluster-autoscaler-status", namespace="kube-system"),
    data={"status": "nodeGroups:\n- name: eks-pool-1\n  health:\n    minSize: 1\n    maxSize: 3\n"},
)
IN_GROUP = node("n", EIGHT, labels={"eks.amazonaws.com/nodegroup": "eks-pool-1"})
BY_KARPENTER = node("n", EIGHT, labels={"karpenter.sh/nodepool": "burst"})
AT_ZERO = KarpenterNodePool(
    metadata=ObjectMeta(name="burst"),
    spec=KarpenterPoolSpec(
        limits={GPU: "12"}, template=NodePoolTemplate(metadata=ObjectMeta(labels={"pool": "gpu", "tier": "gold"}))
    ),
)
BURST = KarpenterNodePool(metadata=ObjectMeta(name="burst"), spec=KarpenterPoolSpec(limits={GPU: "12"}))

BY_CLAIMS = ResourceSlice(
    spec=ResourceSliceSpec(driver="gpu.nvidia.com", node_name="m", devices=(Device(name="0"), Device(name="1")))
)

CASES: Mapping[str, tuple[Index, list[tuple[BookFault, Mapping[str, int], list[str]]]]] = {
    "they agree": (index_of(queue("a", "4"), queue("b", "4")), []),
    "more than there is": (
        index_of(queue("a", "8"), queue("b", "4")),
        [(BookFault.UNBACKED, {"nominal": 12, "maximum": 8}, ["5", "3"])],
    ),
    "the autoscaler adds the rest": (index_of(queue("a", "24"), nodes=(IN_GROUP,), config_maps=(STATUS,)), []),
    "more than the autoscaler may add": (
        index_of(queue("a", "25"), nodes=(IN_GROUP,), config_maps=(STATUS,)),
        [(BookFault.UNBACKED, {"nominal": 25, "minimum": 8, "maximum": 24}, ["24"])],
    ),
    "more than Karpenter's limit": (
        index_of(queue("a", "13"), nodes=(BY_KARPENTER,), karpenter_node_pools=(BURST,)),
        [(BookFault.UNBACKED, {"maximum": 12}, ["12"])],
    ),
    "Karpenter makes the nodes when they are needed": (
        index_of(queue("a", "12"), nodes=(), karpenter_node_pools=(AT_ZERO,)),
        [],
    ),
    "Karpenter makes fewer": (
        index_of(queue("a", "13"), nodes=(), karpenter_node_pools=(AT_ZERO,)),
        [(BookFault.UNBACKED, {"capacity": 0, "maximum": 12}, ["12"])],
    ),
    "a node is cordoned": (
        index_of(queue("a", "16"), nodes=(node("n", EIGHT), node("m", EIGHT, cordoned=True))),
        [(BookFault.SHORT_NOW, {"nominal": 16, "healthy": 16, "schedulable": 8}, [])],
    ),
    "a device is broken": (
        index_of(queue("a", "8"), nodes=(node("n", EIGHT, {GPU: "7"}),)),
        [(BookFault.SHORT_NOW, {"capacity": 8, "allocatable": 7}, [])],
    ),
    "no node has the labels": (
        index_of(queue("a", "4"), nodes=(node("n", EIGHT, labels={"pool": "other"}),)),
        [(BookFault.NO_NODES, {"nominal": 4}, ["0"]), (BookFault.UNCOVERED, {"devices": 8, "nodes": 1}, [])],
    ),
    "devices that claims hand out": (
        index_of(queue("a", "8"), nodes=(node("n", EIGHT), node("m", {})), resource_slices=(BY_CLAIMS,)),
        [],
    ),
    "no such flavor": (
        index_of(of_flavor("a", "gone", "4"), queue("b", "8")),
        [(BookFault.NO_FLAVOR, {"nominal": 4}, [])],
    ),
    "two flavors of the same nodes": (
        index_of(queue("a", "6"), of_flavor("b", "same", "6"), flavors=(flavor("gpu"), flavor("same"))),
        [(BookFault.TWICE, {"nominal": 12, "capacity": 8}, ["4", "4"])],
    ),
    "two flavors share their nodes in parts that fit": (
        index_of(queue("a", "4"), of_flavor("b", "same", "4"), flavors=(flavor("gpu"), flavor("same"))),
        [],
    ),
    "one of three flavors has nodes of its own": (
        index_of(
            of_flavor("a", "all", "9"),
            of_flavor("b", "gold", "8"),
            of_flavor("c", "iron", "0"),
            nodes=(node("g", EIGHT, labels={"tier": "gold"}), node("i", EIGHT, labels={"tier": "iron"})),
            flavors=(flavor("all"), flavor("gold", tier="gold"), flavor("iron", tier="iron")),
        ),
        [(BookFault.TWICE, {"nominal": 17, "capacity": 16}, ["8"])],
    ),
    "a size instead of a number": (
        index_of(queue("a", "16Gi")),
        [(BookFault.WRONG_UNIT, {"quota": 16 << 30, "meant": 16}, ["16"])],
    ),
    "the same, as the server may write it": (
        index_of(queue("a", str(16 << 30))),
        [(BookFault.WRONG_UNIT, {"meant": 16}, ["16"])],
    ),
    "a fleet that has so many": (
        index_of(queue("a", str(16 << 10)), nodes=tuple(node(f"n{at}", {GPU: "2048"}) for at in range(8))),
        [],
    ),
    "thousands, as Kubernetes writes them": (
        index_of(queue("a", "2k", cpu="64k")),
        [
            (BookFault.WRONG_UNIT, {"quota": 64_000_000, "meant": 64_000}, ["64000m"]),
            (BookFault.UNBACKED, {"nominal": 2000, "maximum": 8}, ["8"]),
        ],
    ),
    "thousandths of devices": (index_of(queue("a", "8000m")), [(BookFault.WRONG_UNIT, {"meant": 8}, ["8"])]),
    "milli-CPU as cores": (
        index_of(queue("a", "8", cpu="64000")),
        [(BookFault.WRONG_UNIT, {"quota": 64_000_000, "meant": 64_000}, ["64000m"])],
    ),
    "nobody lends": (
        index_of(queue("a", "4", borrow="4"), queue("b", "4", lend="0")),
        [(BookFault.BORROWING, {"borrowingLimit": 4, "lendableByOthers": 0}, ["0"])],
    ),
    "only a cohort lends, and that keeps its own from cohorts above": (
        index_of(queue("a", "4", borrow="4"), cohorts=(cohort("all", "4", above="top", lend="0"),)),
        [],
    ),
    "a queue of another cohort lends, and that cohort nothing": (
        index_of(
            queue("a", "4", borrow="4"),
            queue("b", "4", cohort="far"),
            cohorts=(cohort("all", "0", above="top"), cohort("far", "0", above="top", lend="0")),
        ),
        [(BookFault.BORROWING, {"borrowingLimit": 4, "lendableByOthers": 0}, ["0"])],
    ),
    "borrowing from oneself": (
        index_of(queue("a", "8", borrow="4")),
        [(BookFault.BORROWING, {"lendableByOthers": 0}, ["0"])],
    ),
}


@pytest.mark.parametrize(("index", "expected"), CASES.values(), ids=CASES)
def test_what_does_not_add_up_is_found_with_its_numbers_and_its_mend(
    index: Index, expected: list[tuple[BookFault, Mapping[str, int], list[str]]]
) -> None:
    found = list(findings(index))

    assert [each.fault for each in found] == [fault for fault, _, _ in expected]
    for each, (_, numbers, after) in zip(found, expected, strict=True):
        assert {key: each.evidence[key] for key in numbers} == numbers
        assert [edit.after for edit in each.edits] == after


def test_every_finding_has_a_row() -> None:
    assert {fault for _, expected in CASES.values() for fault, _, _ in expected} == set(BookFault)


def test_saturation_says_that_its_quota_is_there_twice() -> None:
    cases = {name: CASES[name][0] for name in ("two flavors of the same nodes", "they agree")}
    told = {name: saturated(Snapshot(sources=(index.source,))).notes for name, index in cases.items()}

    assert told["they agree"] == ()
    (note,) = told["two flavors of the same nodes"]
    assert note.startswith("12 nvidia.com/gpu are guaranteed in the flavors gpu and same, whose nodes are the same")


MODEL = "nvidia.com/gpu.product"
MIG = "nvidia.com/mig-1g.10gb"
COVERED = {
    "its node has a flavor: no labels that take it out of that": (
        node("mig", {MIG: "7", GPU: "1"}, labels={"pool": "mig", MODEL: "A100"}),
        "declare quota for nvidia.com/gpu in flavor sliced too",
    ),
    "of the model of a flavor's nodes": (
        node("odd", EIGHT, labels={"pool": "none", MODEL: "H200"}),
        "give them the labels of flavor gpu, or declare a flavor for them",
    ),
    "of another model": (
        node("odd", EIGHT, labels={"pool": "none", MODEL: "L4"}),
        "declare a flavor for them, and quota for nvidia.com/gpu in it",
    ),
    "of a model that nobody tells": (
        node("odd", EIGHT, labels={"pool": "none"}),
        "declare a flavor for them; or, where they are devices of the same model, give them its labels (gpu)",
    ),
}


@pytest.mark.parametrize(("odd", "mend"), COVERED.values(), ids=COVERED)
def test_devices_are_brought_into_a_queue_without_taking_their_node_out_of_its_flavor(odd: Node, mend: str) -> None:
    sliced = ResourceFlavor(metadata=ObjectMeta(name="sliced"), spec=FlavorSpec(node_labels={"pool": "mig"}))
    slices = node("slices", {MIG: "7"}, labels={"pool": "mig"})
    index = index_of(
        queue("a", "8"),
        of_flavor("b", "sliced", "7", MIG),
        nodes=(node("n", EIGHT, labels={MODEL: "H200"}), slices, odd),
        flavors=(flavor("gpu"), sliced),
    )

    assert [each.mend for each in findings(index)] == [mend]


def test_a_command_changes_what_was_looked_at_and_names_are_quoted() -> None:
    (found,) = findings(index_of(queue("a; rm -rf x", "9")))
    words = shlex.split(patch_command(found.edits[0]))
    patch = json.loads(words[-1])

    assert words[:4] == ["kubectl", "patch", "clusterqueue/a; rm -rf x", "--type=json"]
    assert [step["op"] for step in patch] == ["test", "test", "replace"]
    assert patch[-1] == {
        "op": "replace",
        "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota",
        "value": "8",
    }


def test_a_flavor_with_a_quota_in_the_wrong_unit_is_lent_as_before() -> None:
    assert lending_changes(index_of(queue("a", "10"), queue("b", "4")), {})
    assert lending_changes(index_of(queue("a", "10"), queue("b", "4Ki")), {}) == ()


@pytest.mark.parametrize("kind", ["nodes", "resourceflavors", "cohorts"])
def test_of_what_was_not_seen_nothing_is_said_to_be_missing(kind: str) -> None:
    seen = index_of(queue("a", "10Ki", borrow="4"), queue("b", "10"), nodes=())
    assert {each.fault for each in findings(seen)} > {BookFault.WRONG_UNIT}
    source = msgspec.structs.replace(seen.source, gaps=(Gap(what=kind, reason="forbidden"),))
    assert {each.fault for each in findings(Index(source))} == {BookFault.WRONG_UNIT}


@pytest.mark.parametrize(("limits", "after"), [({GPU: "12"}, "12"), ({}, None)])
def test_what_an_autoscaler_makes_when_it_is_needed_is_lent(limits: dict[str, str], after: str | None) -> None:
    pool = msgspec.structs.replace(AT_ZERO, spec=msgspec.structs.replace(AT_ZERO.spec, limits=limits))
    index = index_of(queue("a", "16"), nodes=(), karpenter_node_pools=(pool,))

    assert [each.after for each in lending_changes(index, {})] == ([after] if after else [])


@given(
    st.lists(st.tuples(st.integers(0, 20), st.one_of(st.none(), st.integers(0, 20))), min_size=1, max_size=5),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_lending_follows_capacity_never_takes_a_guarantee_and_comes_back(
    quotas: list[tuple[int, int | None]], capacity: int, lost: int
) -> None:
    offered = max(0, capacity - lost)
    machine = node("n", {GPU: str(capacity)}, {GPU: str(offered)})
    names = [f"q{at}" for at in range(len(quotas))]

    def queues(limits: Mapping[str, str | None]) -> list[ClusterQueue]:
        return [queue(name, str(nominal), lend=limits[name]) for name, (nominal, _) in zip(names, quotas, strict=True)]

    written = {name: None if limit is None else str(limit) for name, (_, limit) in zip(names, quotas, strict=True)}
    before = index_of(*queues(written), nodes=(machine,))
    changes = lending_changes(before, {})
    earlier = {each.queue: {(each.flavor, each.resource): each.original} for each in changes}
    after = index_of(*queues(written | {each.queue: each.after for each in changes}), nodes=(machine,))

    def totals(index: Index) -> tuple[int, int]:
        books = flavor_books(index, {"gpu": DeviceBounds(0, capacity)})
        return sum(book.nominal for book in books), sum(book.lendable for book in books)

    (nominal, lendable), (nominal_after, lendable_after) = totals(before), totals(after)
    assert nominal_after == nominal
    short = max(0, nominal - offered)
    assert lendable_after == max(0, lendable - short)
    assert all(int(each.after or 0) >= 0 for each in changes)
    assert lending_changes(after, earlier) == ()
    restored = {each.queue: each.after for each in undo_changes(after, earlier)}
    assert {name: restored.get(name, limit) for name, limit in written.items()} == written
    whole = index_of(*queues(written | {each.queue: each.after for each in changes}), nodes=(node("n", {GPU: "200"}),))
    assert {each.queue: each.after for each in lending_changes(whole, earlier)} == {
        each.queue: each.before for each in changes
    }


def test_what_nobody_saw_of_nodes_is_no_number() -> None:
    seen = index_of(queue("a", "8"), flavors=(flavor("gpu"),))
    source = msgspec.structs.replace(seen.source, gaps=(Gap(what="nodes", reason="forbidden"),))
    known, unknown = (flavor_books(Index(each))[0] for each in (seen.source, source))
    assert (known.known, unknown.known) == (True, False)
    assert flavor_book_document(known)["capacity"] is not None
    assert flavor_book_document(unknown)["capacity"] is None
    assert unknown.nominal == 8
    columns = {each.title: each for each in books_listing(BooksAnswer((unknown,), ())).columns}
    assert (columns["HEALTHY"].of(unknown), columns["NOMINAL"].of(unknown)) == (None, 8)
