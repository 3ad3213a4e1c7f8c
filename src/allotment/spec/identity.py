"""Names and ids of teams: documents write names, clusters carry ids."""

from __future__ import annotations

from collections.abc import Mapping

from allotment.spec.declared import Declared
from allotment.spec.schema.team import TeamSpec


def id_of(spec: TeamSpec) -> str:
    """What clusters know the team by."""
    return spec.id or spec.name


def ids_of(declared: Declared) -> Mapping[str, str]:
    """The id of each team by its name."""
    return {entry.spec.name: id_of(entry.spec) for entry in reversed(declared.teams)}
