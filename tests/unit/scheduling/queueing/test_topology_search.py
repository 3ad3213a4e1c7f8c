"""Placement search: profiles, levels, slices, leader and workers."""

from random import Random

import pytest

from allotment.scheduling.queueing.domains.capacity import TopologyCapacity
from allotment.scheduling.queueing.domains.forest import HOSTNAME, Forest
from allotment.scheduling.queueing.inputs import Node, PodSet, ResourceFlavor, Topology
from allotment.scheduling.queueing.records import PodSetRecord, TopologyAssignment
from allotment.scheduling.queueing.topology.counts import Counts, PodKind
from allotment.scheduling.queueing.topology.search import LeafCounts, Search, SearchParameters, Shortage

RACK, HOST = 0, 1


def forest(racks: dict[str, list[int]]) -> Forest:
    """Racks with the number of pods each of their nodes takes; nodes are named n0, n1, …"""
    nodes: list[Node] = []
    for rack, sizes in racks.items():
        before = len(nodes)
        for _ in sizes:
            name = f"n{len(nodes)}"
            nodes.append(Node(name, (("rack", rack), (HOSTNAME, name)), (("pods", sizes[len(nodes) - before]),)))
    built = Forest(ResourceFlavor("f", topology="t"), Topology("t", ("rack", HOSTNAME)), tuple(nodes))
    for leaf, size in enumerate(size for sizes in racks.values() for size in sizes):
        built.leaves[leaf].pods = built.leaves[leaf].led_pods = size
    return built


def capacity_of(built: Forest) -> TopologyCapacity:
    capacity = TopologyCapacity(pods_resource=0)
    capacity.add_flavor(0, built, {"pods": 0}, {})
    return capacity


def counted(built: Forest, request: SearchParameters, capacity: TopologyCapacity) -> Counts:
    kind = PodKind([(0, 1)], [""] * len(built.leaves), request.slice_level, request.slice_size, empty=False)
    return Counts(built, capacity, 0, kind)


def placed(result: LeafCounts | Shortage) -> dict[str, int] | tuple[int, int]:
    if isinstance(result, Shortage):
        return result.fit, result.wanted
    return {f"n{leaf}": count for leaf, count in result.workers}


RACKS = {"a": [4, 2], "b": [3, 3, 3], "c": [1]}

CASES = {
    "required host: the smallest sufficient": (
        SearchParameters(3, HOST, slice_level=HOST, required=True),
        False,
        {"n2": 3},
    ),
    "required host: too large": (SearchParameters(5, HOST, slice_level=HOST, required=True), False, (4, 5)),
    "required rack: best fit inside": (
        SearchParameters(6, RACK, slice_level=HOST, required=True),
        False,
        {"n0": 4, "n1": 2},
    ),
    "preferred host falls back to a rack": (
        SearchParameters(8, HOST, slice_level=HOST),
        False,
        {"n2": 3, "n3": 3, "n4": 2},
    ),
    "preferred spreads over racks at last": (
        SearchParameters(12, HOST, slice_level=HOST),
        False,
        {"n0": 4, "n1": 2, "n2": 3, "n3": 3},
    ),
    "unconstrained takes the least free host": (
        SearchParameters(1, HOST, slice_level=HOST, unconstrained=True),
        True,
        {"n5": 1},
    ),
    "unconstrained fills small hosts first": (
        SearchParameters(5, HOST, slice_level=HOST, unconstrained=True),
        True,
        {"n5": 1, "n1": 2, "n2": 2},
    ),
    "slices of two stay on a host": (
        SearchParameters(6, RACK, slice_level=HOST, slice_size=2, required=True),
        False,
        {"n0": 4, "n1": 2},
    ),
    "slices that fit nowhere": (
        SearchParameters(8, RACK, slice_level=HOST, slice_size=4, required=True),
        False,
        (1, 2),
    ),
    "nothing fits": (SearchParameters(99, HOST, slice_level=HOST), False, (16, 99)),
}


@pytest.mark.parametrize(("request_", "least_free", "expected"), CASES.values(), ids=CASES)
def test_placement(request_: SearchParameters, least_free: bool, expected: object) -> None:
    built = forest(RACKS)
    counts = counted(built, request_, capacity_of(built))
    for _ in range(2):  # a search leaves the counts as they were
        assert placed(Search(counts.by_level, request_, least_free=least_free).run()) == expected


def test_kept_counts_equal_fresh_ones() -> None:
    """Whatever is charged, undone and assumed between two questions."""
    rng = Random(5)
    built = forest(RACKS)
    capacity = capacity_of(built)
    request = SearchParameters(2, RACK, slice_level=RACK, slice_size=2)
    kept = counted(built, request, capacity)
    record = PodSetRecord(PodSet("main", 1, ()), [], 0)
    for _ in range(40):
        mark = capacity.checkpoint() if rng.random() < 0.5 else None
        for _ in range(rng.choice((0, 1, 3, 400))):
            capacity.add(TopologyAssignment(0, [rng.randrange(6)], [1]), record)
        if mark is not None and rng.random() < 0.8:
            capacity.rollback(mark)
        elif mark is not None:
            kept.refresh({})
            capacity.rollback(mark)
        assumed = {rng.randrange(6): {0: rng.randint(1, 3)}} if rng.random() < 0.5 else {}
        fresh = counted(built, request, capacity)
        fresh.refresh(assumed)
        kept.refresh(assumed)
        assert numbers(kept) == numbers(fresh)


def numbers(counts: Counts) -> list[tuple[int, int]]:
    return [(domain.pods, domain.slices) for domains in counts.by_level for domain in domains]


def test_the_leader_goes_where_the_workers_still_fit() -> None:
    """The roomy node could lead too, but then one worker would be left over."""
    built = forest({"a": [6, 0]})
    built.leaves[0].led_pods = 5
    built.leaves[0].leaders = built.leaves[1].leaders = 1
    result = Search(built.by_level, SearchParameters(6, RACK, led=True, slice_level=HOST), least_free=False).run()
    assert isinstance(result, LeafCounts)
    assert (result.workers, result.leaders) == ([(0, 6)], [(1, 1)])


def test_no_leader_capable_domain() -> None:
    built = forest({"a": [6]})
    result = Search(built.by_level, SearchParameters(2, RACK, led=True, slice_level=HOST), least_free=False).run()
    assert placed(result) == (0, 2)
