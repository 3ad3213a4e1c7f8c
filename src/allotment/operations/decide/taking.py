"""Where the devices of a request come from: pools that nobody was promised, else guarantees that others do not use.

The checks of a platform directory refuse guarantees beyond the hardware (`spec.checks.books`); what is proposed here
passes them. Nobody is left with fewer devices than he holds now, and of a cluster that was not read nothing is known to
be unused. What was granted already counts as a guarantee, as it does in the directory.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from allotment.accounting.belonging import OwnerLookup
from allotment.accounting.queue_use import held_quota
from allotment.errors import CapacityError, InputError, NotFoundError
from allotment.model.cluster import Cluster, Flavor, QueueLayout
from allotment.model.devices import is_device
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import MACHINE, Snapshot, Source
from allotment.model.platform import Platform
from allotment.model.quantity import MIB, Bytes, MilliCpu, format_bytes, format_cpu
from allotment.model.quota import Quota
from allotment.model.requests.terms import QuotaShare, TakenShare
from allotment.model.team import Placement, Team
from allotment.observe.seen import seen_everywhere

DevicesHeld = Mapping[str, Mapping[tuple[str, str], int]]
"""By cluster that was read, the devices that hold quota there, by team and flavor."""


def source_of(cluster: Cluster, snapshots: Iterable[Snapshot]) -> Source | None:
    """What was read of a cluster; None where it was not, or it did not answer."""
    names = {cluster.name, cluster.context}
    sources = (each for snapshot in snapshots for each in snapshot.sources)
    return next((each for each in sources if each.name in names and each.kind != MACHINE and not each.unreached), None)


class TeamNames:
    """Whose a namespace of a cluster is: by the directory, else by its labels, else it is called by its own name."""

    def __init__(self, platform: Platform, index: Index) -> None:
        self._declared = {name: team.name for team in platform.teams for name in team.namespaces}
        self._labelled = OwnerLookup(index, {team.id: team.name for team in platform.teams})

    def of(self, namespace: str) -> str:
        """The team."""
        return self._declared.get(namespace) or self._labelled.team_of(namespace) or namespace


def devices_held(platform: Platform, snapshots: Iterable[Snapshot]) -> DevicesHeld:
    """The devices that teams hold quota for; clusters in which not all workloads could be read are left out."""
    every = tuple(snapshots)
    found: dict[str, Mapping[tuple[str, str], int]] = {}
    for cluster in platform.clusters:
        source = source_of(cluster, every)
        if source is not None and seen_everywhere(source, "workloads"):
            found[cluster.name] = _held(TeamNames(platform, Index(source)), source)
    return found


def _held(teams: TeamNames, source: Source) -> Mapping[tuple[str, str], int]:
    held = Counter[tuple[str, str]]()
    for workload in source.objects.workloads:
        for flavor, resource, amount in held_quota(workload):
            if is_device(resource):
                held[teams.of(workload.namespace), flavor] += amount
    return held


@dataclass(frozen=True, slots=True)
class _Compute:
    """CPU in milli-CPU and memory in bytes."""

    cpu: int
    memory: int

    def plus(self, other: _Compute) -> _Compute:
        """Both together."""
        return _Compute(self.cpu + other.cpu, self.memory + other.memory)

    def less(self, other: _Compute) -> _Compute:
        """What is left without the other; nothing of what that has more."""
        return _Compute(max(0, self.cpu - other.cpu), max(0, self.memory - other.memory))

    def at_most(self, other: _Compute) -> _Compute:
        """No more of either than the other has."""
        return _Compute(min(self.cpu, other.cpu), min(self.memory, other.memory))


# Shares


@dataclass(frozen=True, slots=True)
class WantedDevices:
    """What somebody asks for.

    Attributes:
        accelerator: class, or the name of a flavor.
        devices: at least 1.
        clusters: any of these will do, the first ones rather; those that the team is in if empty.
    """

    accelerator: str
    devices: int
    clusters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _OfferedFlavor:
    """Where devices may be guaranteed.

    Attributes:
        left: that nobody is guaranteed.
        donors: others who are.
    """

    cluster: Cluster
    flavor: Flavor
    left: int
    donors: _Donors


def propose_shares(platform: Platform, team: str, wanted: WantedDevices, held: DevicesHeld) -> tuple[QuotaShare, ...]:
    """The clusters and flavors in which devices are guaranteed, with the CPU and memory of so much of a node.

    Only flavors are proposed that the team's queues offer: the directory refuses others. What nobody is guaranteed is
    given first, and all of it in one place before it is given in several. CPU and memory are less than a node's part
    where the cluster has less to give.

    Args:
        platform: as declared, with what was granted already.
        team: its name.
        wanted: what is asked for.
        held: what is used of the guarantees, see `devices_held`.

    Raises:
        InputError: the team is not in one of the clusters.
        NotFoundError: there is no such team, or none of its queues there offers such an accelerator.
        CapacityError: so many could not be guaranteed; it says how many could.
    """
    whose = platform.team(team)
    if whose is None:
        raise NotFoundError(f"there is no team {team}")
    places = _places(platform, whose, wanted, held)
    if wanted.devices > sum(each.left + each.donors.unused for each in places):
        raise _too_many(team, wanted, places, held)
    parts = (_part(place, devices) for place, devices in _spread(places, wanted.devices))
    return fitted(platform, sorted(parts, key=lambda each: (each.cluster, each.flavor)), team, held)


def fitted(platform: Platform, shares: Iterable[QuotaShare], team: str, held: DevicesHeld) -> tuple[QuotaShare, ...]:
    """Shares with no more CPU and memory than their clusters have left, or others can do without beside their devices.

    Args:
        platform: as declared, with what was granted already.
        shares: of clusters that there are.
        team: its name.
        held: what is used of the guarantees, see `devices_held`.
    """
    found = []
    left: dict[str, _Compute] = {}
    for share in shares:
        cluster = _cluster(platform, share)
        room = left.setdefault(cluster.name, _compute_left(platform, cluster))
        donors = _Donors(platform, cluster, share.flavor, team, held)
        along = [donor.beside(number) for donor, number in donors.giving(share.devices - donors.left)]
        some = _Compute(share.cpu, share.memory).at_most(functools.reduce(_Compute.plus, along, room))
        left[cluster.name] = room.less(some)
        found.append(replace(share, cpu=MilliCpu(some.cpu), memory=Bytes(some.memory)))
    return tuple(found)


def _cluster(platform: Platform, share: QuotaShare) -> Cluster:
    found = platform.cluster(share.cluster)
    if found is None:
        raise NotFoundError(f"there is no cluster {share.cluster}")
    return found


def _places(platform: Platform, team: Team, wanted: WantedDevices, held: DevicesHeld) -> list[_OfferedFlavor]:
    """Flavors that the team's queues offer, by cluster and in the order in which the team prefers them."""
    found: list[_OfferedFlavor] = []
    offered: set[str] = set()
    for name in wanted.clusters or tuple(each.cluster for each in team.placements):
        cluster, placement = platform.cluster(name), team.placement_in(name)
        if cluster is None or placement is None:
            there = ", ".join(each.cluster for each in team.placements)
            raise InputError(
                f"{team.name} has no queue in {name}, so that nothing can be guaranteed to it there",
                fix=f"name one of {there}, or have the team placed there first" if there else "have the team placed",
            )
        flavors = [cluster.flavor(each.flavor) for each in placement.accelerators]
        offered.update(each.accelerator or "" for each in flavors)
        for flavor in flavors:
            if wanted.accelerator in (flavor.accelerator, flavor.name):
                donors = _Donors(platform, cluster, flavor.name, team.name, held)
                found.append(_OfferedFlavor(cluster, flavor, donors.left, donors))
    if not found:
        more = "a quota of 0 among the accelerators of the team's placement makes its queue offer one"
        raise NotFoundError(
            f"no queue of {team.name} there offers {wanted.accelerator}",
            fix=f"ask for one of {', '.join(sorted(offered))}; {more}"
            if offered
            else f"ask for another cluster; {more}",
        )
    return found


def _spread(places: Sequence[_OfferedFlavor], devices: int) -> Iterator[tuple[_OfferedFlavor, int]]:
    """How many devices are given where: in one place, else in several, without anybody doing without if that can be."""
    left = [each.left for each in places]
    unused = [each.donors.unused for each in places]
    for room in (left, [one + other for one, other in zip(left, unused, strict=True)]):
        alone = next((place for place, most in zip(places, room, strict=True) if most >= devices), None)
        if alone is not None:
            yield alone, devices
            return
        if sum(room) >= devices:
            break
    given = [0] * len(places)
    for room in (left, unused):
        for number, most in enumerate(room):
            given[number] += min(most, devices - sum(given))
    yield from ((place, number) for place, number in zip(places, given, strict=True) if number)


def _part(place: _OfferedFlavor, devices: int) -> QuotaShare:
    """Devices with as much of a node: of the largest of the flavor's pools; memory in whole MiB."""
    pools = [each for each in place.cluster.node_pools if each.flavor == place.flavor.name]
    pool = max(pools, key=lambda each: each.max_nodes * each.accelerators_per_node)
    cpu = devices * pool.cpu // pool.accelerators_per_node
    memory = devices * pool.memory // pool.accelerators_per_node // MIB * MIB
    return QuotaShare(place.cluster.name, place.flavor.name, devices, MilliCpu(cpu), Bytes(memory))


def _too_many(team: str, wanted: WantedDevices, places: Sequence[_OfferedFlavor], held: DevicesHeld) -> CapacityError:
    left, unused = sum(each.left for each in places), sum(each.donors.unused for each in places)
    unread = sorted({each.cluster.name for each in places} - held.keys())
    why = f"{left} are guaranteed to nobody, and {unused} to teams that do not use them now"
    why += (
        f"; what is used in {', '.join(unread)} could not be read, and nobody there is to do without" if unread else ""
    )
    return CapacityError(
        f"{wanted.devices} {wanted.accelerator} cannot be guaranteed to {team}: {left + unused} could be",
        why=why,
        fix=f"ask for {left + unused} or fewer" if left + unused else "ask for another accelerator or cluster, or wait",
    )


# What others do without


@dataclass(frozen=True, slots=True)
class _Donor:
    """A team that is guaranteed devices of a flavor.

    Attributes:
        unused: of them; what may be taken.
    """

    team: str
    placement: Placement
    guaranteed: int
    unused: int

    def beside(self, devices: int) -> _Compute:
        """What the team is guaranteed beside so many of its devices."""
        every = sum(each.devices.nominal for each in self.placement.accelerators)
        cpu, memory = self.placement.cpu.nominal, self.placement.memory.nominal
        return _Compute(cpu * devices // every, memory * devices // every)


class _Donors:
    """Who is guaranteed devices of one flavor of a cluster, those first that use least of it."""

    def __init__(self, platform: Platform, cluster: Cluster, flavor: str, team: str, held: DevicesHeld) -> None:
        used = held.get(cluster.name)
        self.left = cluster.flavor(flavor).capacity - sum(each.of(flavor) for each in _quotas(platform, cluster))
        found = []
        for other, placement in _placements(platform, cluster):
            guaranteed = placement.quota.of(flavor)
            # What was granted to somebody is nobody else's to take, as the directory has it, too.
            own = guaranteed - _granted(platform, cluster.name, flavor, other.name)
            unused = 0 if used is None else min(own, guaranteed - used.get((other.name, flavor), 0))
            if other.name != team and unused > 0:
                found.append(_Donor(other.name, placement, guaranteed, unused))
        self._ordered = sorted(
            found, key=lambda each: (-Fraction(each.unused, each.guaranteed), -each.unused, each.team)
        )

    @property
    def unused(self) -> int:
        """All that could be taken."""
        return sum(each.unused for each in self._ordered)

    def giving(self, devices: int) -> list[tuple[_Donor, int]]:
        """Who gives how many of so many, or of as many as there are."""
        given: list[tuple[_Donor, int]] = []
        for each in self._ordered:
            number = min(each.unused, devices - sum(some for _, some in given))
            if number > 0:
                given.append((each, number))
        return given


def _granted(platform: Platform, cluster: str, flavor: str, team: str) -> int:
    shares = (each for grant in platform.grants if grant.team == team for each in grant.shares)
    return sum(each.devices for each in shares if (each.cluster, each.flavor) == (cluster, flavor))


def _placements(platform: Platform, cluster: Cluster) -> Iterator[tuple[Team, Placement]]:
    """Of teams that run work: one that leaves is guaranteed nothing any more."""
    return ((team, placement) for team, placement in platform.teams_in(cluster.name) if team.offboarding is None)


def _quotas(platform: Platform, cluster: Cluster) -> Iterator[Quota]:
    """Everything that is guaranteed in a cluster, as the checks of the directory count it."""
    yield from (placement.quota for _, placement in _placements(platform, cluster))
    if cluster.queue_layout is QueueLayout.PER_TEAM:
        yield from (cohort.quota for cohort in cluster.cohorts)


def _compute_left(platform: Platform, cluster: Cluster) -> _Compute:
    """CPU and memory of a cluster that nobody is guaranteed."""
    quotas = list(_quotas(platform, cluster))
    return _Compute(
        cluster.cpu - sum(each.cpu.nominal for each in quotas),
        cluster.memory - sum(each.memory.nominal for each in quotas),
    )


def propose_taken(
    platform: Platform, shares: Iterable[QuotaShare], team: str, held: DevicesHeld
) -> tuple[TakenShare, ...]:
    """Of whom to take what shares are more than the hardware has left; nothing where it has enough.

    Of those that use least of their guarantee first, never below what they hold. CPU and memory go with the devices
    where they are needed, at most the part that belongs to these.

    Args:
        platform: as declared, with what was granted already.
        shares: that a team is to get.
        team: its name.
        held: what is used of the guarantees, see `devices_held`.

    Raises:
        NotFoundError: there is no such cluster.
        CapacityError: not enough could be taken; it says how much could be granted. Of CPU and memory it never is with
            shares that were proposed, or `fitted`.
    """
    taken: list[TakenShare] = []
    by_cluster: dict[str, list[QuotaShare]] = {}
    for share in shares:
        by_cluster.setdefault(share.cluster, []).append(share)
    for here in by_cluster.values():
        cluster = _cluster(platform, here[0])
        given = [(share, *each) for share in here for each in _giving(platform, cluster, share, team, held)]
        asked = _Compute(sum(each.cpu for each in here), sum(each.memory for each in here))
        taken += _with_compute(cluster, given, asked, _compute_left(platform, cluster))
    return tuple(sorted(taken, key=lambda each: (each.team, each.share.cluster, each.share.flavor)))


def _giving(
    platform: Platform, cluster: Cluster, share: QuotaShare, team: str, held: DevicesHeld
) -> list[tuple[_Donor, int]]:
    """Who gives how many of a share's devices."""
    donors = _Donors(platform, cluster, share.flavor, team, held)
    given = donors.giving(share.devices - donors.left)
    could = donors.left + sum(number for _, number in given)
    if could < share.devices:
        raise _short(f"{share.devices} {share.flavor}", cluster, str(could), read=cluster.name in held)
    return given


def _with_compute(
    cluster: Cluster, given: Iterable[tuple[QuotaShare, _Donor, int]], asked: _Compute, left: _Compute
) -> Iterator[TakenShare]:
    """What each gives: its devices, and of CPU and memory what the cluster lacks."""
    lacking = asked.less(left)
    for share, donor, devices in given:
        some = donor.beside(devices).at_most(lacking)
        lacking = lacking.less(some)
        amounts = MilliCpu(some.cpu), Bytes(some.memory)
        yield TakenShare(donor.team, QuotaShare(share.cluster, share.flavor, devices, *amounts))
    if lacking.cpu:
        could = format_cpu(MilliCpu(asked.cpu - lacking.cpu))
        raise _short(f"{format_cpu(MilliCpu(asked.cpu))} CPU", cluster, could, read=True)
    if lacking.memory:
        could = format_bytes(Bytes(asked.memory - lacking.memory))
        raise _short(f"{format_bytes(Bytes(asked.memory))} memory", cluster, could, read=True)


def _short(asked: str, cluster: Cluster, could: str, *, read: bool) -> CapacityError:
    unread = f"what is used in {cluster.name} could not be read, and nobody there is to do without"
    return CapacityError(
        f"{asked} of {cluster.name} cannot be granted: {could} could be",
        why="others are guaranteed the rest, and use it or need it beside what they use" if read else unread,
        fix=f"grant {could} or less there, or share in other flavors or clusters",
    )
