"""Use case: a snapshot as the members of one team may see it, with whom they may believe of their own work."""

from __future__ import annotations

from allotment.accounting.belonging import OwnerLookup
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.observe.view import seen_by


def viewed(snapshot: Snapshot, team: str, namespaces: frozenset[str]) -> Snapshot:
    """What is left of a snapshot for a team.

    Args:
        snapshot: as somebody saw it who may see more.
        team: whose.
        namespaces: the team's.
    """
    signed = {each.name: _signed(each, namespaces) for each in snapshot.sources}
    return seen_by(snapshot, team, namespaces, signed)


def _signed(source: Source, namespaces: frozenset[str]) -> frozenset[str]:
    owners = OwnerLookup(Index(source))
    return frozenset(each for each in namespaces if owners.signed(each))
