"""Where devices come from: what is proposed never exceeds the hardware, and leaves nobody below what he holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allotment.errors import CapacityError, InputError, NotFoundError
from allotment.model.observed.snapshot import Gap
from allotment.model.platform import Platform
from allotment.model.quantity import MIB, Bytes, MilliCpu
from allotment.model.requests.terms import QuotaShare, TakenShare
from allotment.model.team import Offboarding
from allotment.operations.decide.taking import WantedDevices, devices_held, fitted, propose_shares, propose_taken
from tests.by_day import by_day
from tests.unit.builders import (
    GIB,
    allowance,
    cluster,
    cohort,
    cpu_flavor,
    flavor,
    node_pool,
    placement,
    platform,
    quota,
    team,
)
from tests.unit.simulation.live.cluster import queue, snapshot, work

NODE = (96 * 1000, 1024 * GIB)
Guaranteed = Mapping[str, Mapping[str, int]]
"""By team and flavor."""


def declared(teams: Guaranteed, *, nodes: Mapping[str, int] | None = None, cpu: int = 1000) -> Platform:
    """A cluster `train` with pools of eight devices; each team is guaranteed `cpu` milli-CPU and as many MiB."""
    pools = nodes or {"a100": 2}
    kinds = {name: name.partition("-")[0] for name in pools}
    where = cluster(
        "train",
        node_pools=[
            node_pool(f"{name}-pool", accelerator=kinds[name], flavor=name, max_nodes=number)
            for name, number in pools.items()
        ],
        flavors=[
            *(flavor(name, accelerator=kinds[name], capacity=8 * number) for name, number in pools.items()),
            cpu_flavor(),
        ],
    )
    return platform(
        clusters=[where],
        teams=[
            team(
                name,
                placements=[placement("train", cpu=allowance(cpu), memory=allowance(cpu * MIB), accelerators=devices)],
            )
            for name, devices in teams.items()
        ],
    )


def wanted(devices: int, accelerator: str = "a100") -> WantedDevices:
    return WantedDevices(accelerator, devices)


def told(shares: tuple[QuotaShare, ...]) -> dict[str, int]:
    return {each.flavor: each.devices for each in shares}


def lost(taken: tuple[TakenShare, ...]) -> dict[str, int]:
    return {each.team: each.share.devices for each in taken}


CASES: dict[str, tuple[Platform, int, dict[str, int], dict[str, int], dict[str, int]]] = {
    "nobody has to do without": (declared({"nlp": {"a100": 4}, "cv": {"a100": 4}}), 8, {}, {"a100": 8}, {}),
    "of one who uses less of it": (
        declared({"nlp": {"a100": 0}, "cv": {"a100": 8}, "ads": {"a100": 8}}),
        4,
        {"cv": 4, "ads": 2},
        {"a100": 4},
        {"ads": 4},
    ),
    "of two, no further than what they hold": (
        declared({"nlp": {"a100": 0}, "cv": {"a100": 8}, "ads": {"a100": 8}}),
        9,
        {"cv": 4, "ads": 2},
        {"a100": 9},
        {"ads": 6, "cv": 3},
    ),
    "a share of the guarantee counts, not a number": (
        declared({"nlp": {"a100": 0}, "cv": {"a100": 12}, "ads": {"a100": 4}}),
        1,
        {"cv": 6, "ads": 1},
        {"a100": 1},
        {"ads": 1},
    ),
    "what is borrowed is nobody's to give": (
        declared({"nlp": {"a100": 0}, "cv": {"a100": 8}, "ads": {"a100": 8}}),
        8,
        {"cv": 12, "ads": 0},
        {"a100": 8},
        {"ads": 8},
    ),
    "what the team prefers, though another has more": (
        declared({"nlp": {"a100-spot": 2, "a100": 0}, "cv": {"a100": 1}}, nodes={"a100": 4, "a100-spot": 1}),
        6,
        {},
        {"a100-spot": 6},
        {},
    ),
    "all in one place before two": (
        declared({"nlp": {"a100-spot": 2, "a100": 0}, "cv": {"a100": 1}}, nodes={"a100": 4, "a100-spot": 1}),
        7,
        {},
        {"a100": 7},
        {},
    ),
    "two places before anybody does without": (
        declared({"nlp": {"a100-spot": 2, "a100": 0}, "cv": {"a100": 4}}, nodes={"a100": 1, "a100-spot": 1}),
        9,
        {},
        {"a100-spot": 6, "a100": 3},
        {},
    ),
    "one place in which others do without before several": (
        declared({"nlp": {"a100-spot": 6, "a100": 4}, "cv": {"a100": 12}}, nodes={"a100": 2, "a100-spot": 1}),
        3,
        {"cv": 4},
        {"a100": 3},
        {"cv": 3},
    ),
    "several where no place is enough": (
        declared({"nlp": {"a100-spot": 6, "a100": 4}, "cv": {"a100": 12}}, nodes={"a100": 2, "a100-spot": 1}),
        6,
        {"cv": 7},
        {"a100-spot": 2, "a100": 4},
        {"cv": 4},
    ),
    "what its queue does not offer is not proposed": (
        declared({"nlp": {"a100": 6}, "cv": {"a100": 2}}, nodes={"a100": 1, "a100-spot": 4}),
        2,
        {},
        {"a100": 2},
        {"cv": 2},
    ),
}


@pytest.mark.parametrize(("platform_", "devices", "held", "shares", "taken"), CASES.values(), ids=CASES.keys())
def test_where_devices_come_from(
    platform_: Platform, devices: int, held: dict[str, int], shares: dict[str, int], taken: dict[str, int]
) -> None:
    known = {"train": {(name, "a100"): number for name, number in held.items()}}
    proposed = propose_shares(platform_, "nlp", wanted(devices), known)
    assert told(proposed) == shares
    assert lost(propose_taken(platform_, proposed, "nlp", known)) == taken


def test_cpu_and_memory_are_those_of_so_much_of_a_node() -> None:
    found = propose_shares(declared({"nlp": {"a100": 0}}), "nlp", wanted(3), {})
    assert [(each.cpu, each.memory) for each in found] == [(3 * NODE[0] // 8, 3 * NODE[1] // 8)]


def test_they_are_no_more_than_the_cluster_has_left() -> None:
    full = declared({"nlp": {"a100": 4}, "cv": {"a100": 4}}, cpu=90_000)
    (found,) = propose_shares(full, "nlp", wanted(8), {})
    assert found.cpu == 2 * 96_000 - 2 * 90_000
    assert propose_taken(full, [found], "nlp", {}) == ()


def test_they_come_along_with_the_devices_that_others_do_without() -> None:
    """All of CPU is promised: four of eight devices bring half of their team's CPU."""
    full = declared({"nlp": {"a100": 8}, "cv": {"a100": 8}}, cpu=96_000)
    known: dict[str, dict[tuple[str, str], int]] = {"train": {}}
    (found,) = propose_shares(full, "nlp", wanted(4), known)
    assert found.cpu == 48_000
    (taken,) = propose_taken(full, [found], "nlp", known)
    assert (taken.team, taken.share.devices, taken.share.cpu) == ("cv", 4, 48_000)
    assert taken.share.memory == 0  # there is enough of it


def test_more_cpu_than_there_is_says_how_much_there_is() -> None:
    full = declared({"nlp": {"a100": 8}, "cv": {"a100": 8}}, cpu=96_000)
    much = QuotaShare("train", "a100", 4, MilliCpu(50_000), Bytes(0))
    with pytest.raises(CapacityError, match="50 CPU of train cannot be granted: 48 could be"):
        propose_taken(full, [much], "nlp", {"train": {}})
    (less,) = fitted(full, [much], "nlp", {"train": {}})
    assert (less.devices, less.cpu) == (4, 48_000)
    assert propose_taken(full, [less], "nlp", {"train": {}})


def test_a_cohorts_own_quota_is_promised_too() -> None:
    lent = cluster(
        "dev",
        node_pools=[node_pool(flavor="a100-spot", max_nodes=1)],
        flavors=[flavor(capacity=8), cpu_flavor()],
        cohorts=[cohort(quota=quota(accelerators={"a100-spot": 4}))],
    )
    with pytest.raises(CapacityError, match="1 a100 cannot be guaranteed to nlp: 0 could be"):
        propose_shares(platform(clusters=[lent]), "nlp", wanted(1), {"dev": {}})


def test_a_team_that_leaves_is_guaranteed_nothing_any_more() -> None:
    found = declared({"nlp": {"a100": 0}, "cv": {"a100": 16}})
    gone = replace(found.teams[1], offboarding=Offboarding(dt.date(2030, 1, 1)))
    leaving = replace(found, teams=(found.teams[0], gone))
    assert told(propose_shares(leaving, "nlp", wanted(16), {})) == {"a100": 16}


def test_of_a_cluster_that_was_not_read_nobody_does_without() -> None:
    full = declared({"nlp": {"a100": 4}, "cv": {"a100": 10}})
    with pytest.raises(CapacityError) as caught:
        propose_shares(full, "nlp", wanted(3), {})
    assert "2 could be" in caught.value.what
    assert "train could not be read" in caught.value.why
    with pytest.raises(CapacityError, match="3 a100 of train cannot be granted: 2 could be"):
        propose_taken(full, [QuotaShare("train", "a100", 3, MilliCpu(0), Bytes(0))], "nlp", {})


@pytest.mark.parametrize(
    ("whose", "ask", "error", "says"),
    [
        ("nobody", wanted(1), NotFoundError, "no team nobody"),
        (
            "nlp",
            wanted(1, "h100"),
            NotFoundError,
            "no queue of nlp there offers h100\nfix: ask for one of a100; a quota of 0",
        ),
        ("nlp", WantedDevices("a100", 1, ("prod",)), InputError, "nlp has no queue in prod"),
    ],
)
def test_what_cannot_be_meant_is_said(whose: str, ask: WantedDevices, error: type[Exception], says: str) -> None:
    with pytest.raises(error) as caught:
        propose_shares(declared({"nlp": {"a100": 1}}), whose, ask, {})
    assert says in str(caught.value)


def test_what_is_held_is_the_quota_that_work_of_a_teams_namespaces_has() -> None:
    read = snapshot(
        *queue("nlp", 8),
        work("one", 2, came=50, got=50, where="nlp"),
        work("two", 3, came=50, got=50, where="nlp"),
        work("over", 4, came=50, got=50, ended=10, where="nlp"),
        work("waits", 4, came=50, where="nlp"),
    )
    named = platform(clusters=[cluster("test")], teams=[team("nlp", placements=[placement("test")])])
    assert devices_held(named, [read]) == {"test": {("nlp", "a100"): 5}}
    assert devices_held(platform(), [read]) == {}
    (source,) = read.sources
    partly = msgspec.structs.replace(source, gaps=(Gap(what="workloads", namespace="cv", reason="forbidden"),))
    assert devices_held(named, [msgspec.structs.replace(read, sources=(partly,))]) == {}


@st.composite
def scarce(draw: st.DrawFn) -> tuple[Platform, dict[str, dict[tuple[str, str], int]]]:
    """Any valid platform of up to four teams on two flavors, and what they hold."""
    pools = {"a100": draw(st.integers(1, 3)), "a100-spot": draw(st.integers(1, 3))}
    names = ["nlp", *draw(st.lists(st.sampled_from(["cv", "ads", "ops"]), unique=True, max_size=3))]
    left = {name: 8 * number for name, number in pools.items()}
    teams: dict[str, dict[str, int]] = {}
    for name in names:
        teams[name] = {}
        for kind in draw(st.lists(st.sampled_from(sorted(pools)), unique=True, min_size=name == "nlp")):
            teams[name][kind] = draw(st.integers(0, left[kind]))
            left[kind] -= teams[name][kind]
    most = sum(pools.values()) * 96_000 // len(names)
    found = declared(teams, nodes=pools, cpu=draw(st.sampled_from([1000, most // 2, most])))
    held = {(name, kind): draw(st.integers(0, 30)) for name, kinds in teams.items() for kind in kinds}
    return found, {"train": held}


@given(scarce(), st.integers(1, 60))
@settings(max_examples=by_day(300), deadline=None)
def test_whatever_is_proposed_exists_and_nobody_loses_what_he_uses(
    given_: tuple[Platform, dict[str, dict[tuple[str, str], int]]], devices: int
) -> None:
    found, held = given_
    (where,) = found.clusters
    try:
        shares = propose_shares(found, "nlp", wanted(devices), held)
    except CapacityError as error:
        could = int(error.what.rpartition(": ")[2].split()[0])
        assert could < devices
        if could:
            assert sum(each.devices for each in propose_shares(found, "nlp", wanted(could), held)) == could
        return
    taken = propose_taken(found, shares, "nlp", held)

    assert sum(each.devices for each in shares) == devices
    assert len({each.flavor for each in shares}) == len(shares)
    for kind in (each for each in where.flavors if each.accelerator):
        promised = {each.name: each.placements[0].quota.of(kind.name) for each in found.teams}
        more = sum(each.devices for each in shares if each.flavor == kind.name)
        less = {each.team: each.share.devices for each in taken if each.share.flavor == kind.name}
        assert sum(promised.values()) + more - sum(less.values()) <= kind.capacity
        assert sum(less.values()) == max(0, sum(promised.values()) + more - kind.capacity)
        for name, number in less.items():
            assert name != "nlp"
            assert 0 < number <= promised[name] - held["train"][name, kind.name]
    for amount, whole in (("cpu", where.cpu), ("memory", where.memory)):
        total = sum(getattr(each.placements[0], amount).nominal for each in found.teams)
        total += sum(getattr(each, amount) for each in shares) - sum(getattr(each.share, amount) for each in taken)
        assert total <= whole
    for each in found.teams:
        gone = sum(some.share.cpu for some in taken if some.team == each.name)
        assert gone <= each.placements[0].cpu.nominal


@given(scarce())
@settings(max_examples=by_day(100), deadline=None)
def test_nothing_is_taken_where_there_is_enough(
    given_: tuple[Platform, dict[str, dict[tuple[str, str], int]]],
) -> None:
    found, held = given_
    (where,) = found.clusters
    promised = sum(each.placements[0].quota.of("a100") for each in found.teams)
    left = where.flavor("a100").capacity - promised
    assume(left > 0)
    assert propose_taken(found, [QuotaShare("train", "a100", left, MilliCpu(0), Bytes(0))], "nlp", held) == ()
