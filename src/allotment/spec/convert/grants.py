"""Grants, and what they come to: how much each placement has more, and how much less."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.requests.grant import DeclaredGrant, GrantedNamespace, GrantedVolume
from allotment.model.requests.terms import QuotaShare, TakenShare
from allotment.spec.declared import Declared
from allotment.spec.flavors import Flavors
from allotment.spec.identity import ids_of
from allotment.spec.schema.grant import GrantSpec, ShareSpec


@dataclass(frozen=True, slots=True)
class Amounts:
    """So much of everything in one cluster.

    Attributes:
        cpu: milli-CPU.
        memory: bytes.
        devices: by flavor.
    """

    cpu: int = 0
    memory: int = 0
    devices: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shift:
    """What grants give to a placement, and what they take of it."""

    given: Amounts
    taken: Amounts

    @property
    def cpu(self) -> int:
        """By how much its CPU rises; below 0: falls."""
        return self.given.cpu - self.taken.cpu

    @property
    def memory(self) -> int:
        """By how much its memory rises."""
        return self.given.memory - self.taken.memory

    def devices(self, flavor: str) -> int:
        """By how much its devices of a flavor rise."""
        return self.given.devices.get(flavor, 0) - self.taken.devices.get(flavor, 0)


NO_SHIFT: Final = Shift(Amounts(), Amounts())


def grants(declared: Declared, flavors: Mapping[str, Flavors]) -> tuple[DeclaredGrant, ...]:
    """The model's grants, by name; a flavor that cannot be told stays as it is written.

    Args:
        declared: every document.
        flavors: the flavors of every cluster, by its name.
    """
    ids = ids_of(declared)
    found = (_grant(entry.spec, flavors, ids) for entry in declared.grants)
    return tuple(sorted(found, key=lambda grant: grant.name))


def shifts(given: Iterable[DeclaredGrant]) -> Mapping[tuple[str, str], Shift]:
    """What all grants together come to, by team and cluster."""
    gains: dict[tuple[str, str], list[QuotaShare]] = defaultdict(list)
    losses: dict[tuple[str, str], list[QuotaShare]] = defaultdict(list)
    for grant in given:
        for share in grant.shares:
            gains[grant.team, share.cluster].append(share)
        for each in grant.taken:
            losses[each.team, each.share.cluster].append(each.share)
    places = {**gains, **losses}
    return {place: Shift(_sum(gains.get(place, ())), _sum(losses.get(place, ()))) for place in places}


def flavor_of(spec: ShareSpec, team: str, flavors: Mapping[str, Flavors], ids: Mapping[str, str]) -> str:
    """Name of the flavor that a share is of; the word that is written where nobody can tell.

    Args:
        spec: the share.
        team: name of the team whose quota it is.
        flavors: of every cluster, by its name.
        ids: of teams, by their names.
    """
    here = flavors.get(spec.cluster)
    found = None if here is None else here.meant(spec.flavor, ids.get(team, team))
    return spec.flavor if found is None else found.name


def _grant(spec: GrantSpec, flavors: Mapping[str, Flavors], ids: Mapping[str, str]) -> DeclaredGrant:
    def share(each: ShareSpec, team: str) -> QuotaShare:
        flavor = flavor_of(each, team, flavors, ids)
        return QuotaShare(each.cluster, flavor, each.devices, MilliCpu(each.cpu), Bytes(each.memory))

    return DeclaredGrant(
        name=spec.name,
        team=spec.team,
        since=spec.since,
        until=spec.until,
        shares=tuple(share(each, spec.team) for each in spec.gpus),
        taken=tuple(TakenShare(each.team, share(each, each.team)) for each in spec.taken_from),
        reason=spec.reason,
        namespaces=tuple(GrantedNamespace(each.name, each.clusters) for each in spec.namespaces),
        volumes=tuple(GrantedVolume(each.name, each.size, each.clusters) for each in spec.volumes),
    )


def _sum(shares: Iterable[QuotaShare]) -> Amounts:
    cpu = memory = 0
    devices: dict[str, int] = {}
    for share in shares:
        cpu, memory = cpu + share.cpu, memory + share.memory
        devices[share.flavor] = devices.get(share.flavor, 0) + share.devices
    return Amounts(cpu, memory, devices)
