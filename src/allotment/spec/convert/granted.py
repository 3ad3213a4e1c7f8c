"""Namespaces and volumes that teams were granted: before the checks they stand with their teams' own.

So whatever holds of a team's own namespaces and claims holds of these, and no check has to know of grants.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from allotment.model.requests.grant import DeclaredGrant
from allotment.model.team import Team
from allotment.spec import defaults
from allotment.spec.convert.teams import namespaces_of
from allotment.spec.declared import Declared, DeclaredDocument
from allotment.spec.schema.grant import GrantSpec
from allotment.spec.schema.team import ClaimSpec, TeamSpec


def with_granted(declared: Declared) -> Declared:
    """What is declared, with each team's granted namespaces and volumes among its own; not of those that leave.

    Data of a team that leaves are kept by its own namespaces: what it was granted besides ends.
    """
    found: dict[str, list[GrantSpec]] = {}
    for entry in declared.grants:
        if entry.spec.namespaces or entry.spec.volumes:
            found.setdefault(entry.spec.team, []).append(entry.spec)
    if not found:
        return declared
    return replace(declared, teams=tuple(_with(entry, found.get(entry.spec.name, ())) for entry in declared.teams))


def _with(entry: DeclaredDocument[TeamSpec], given: Iterable[GrantSpec]) -> DeclaredDocument[TeamSpec]:
    spec, grants = entry.spec, tuple(given)
    if not grants or spec.offboarding is not None:
        return entry
    own = namespaces_of(spec)
    claims = tuple(
        ClaimSpec(name=each.name, size=each.size, namespaces=own[:1]) for grant in grants for each in grant.volumes
    )
    storage = spec.storage
    total = storage.total
    if total is None:
        # As if there were no grants: what is given besides has to fit into the team's storage.
        total = max(defaults.STORAGE_TOTAL, sum(claim.size for claim in storage.claims))
    changed = spec.model_copy(
        update={
            "namespaces": (*own, *(each.name for grant in grants for each in grant.namespaces)),
            "storage": storage.model_copy(update={"claims": (*storage.claims, *claims), "total": total}),
        }
    )
    return replace(entry, spec=changed)


def only_where_granted(team: Team, granted: Iterable[DeclaredGrant]) -> Team:
    """A team whose granted namespaces and volumes are in the clusters that their grants name, and no others."""
    own = [each for each in granted if each.team == team.name]
    spaces = {each.name: each.clusters for grant in own for each in grant.namespaces if each.clusters}
    volumes = {each.name: each.clusters for grant in own for each in grant.volumes if each.clusters}
    if not (spaces or volumes):
        return team
    claims = tuple(replace(each, clusters=volumes.get(each.name, ())) for each in team.storage.claims)
    return replace(team, only_in=spaces, storage=replace(team.storage, claims=claims))
