"""Teams, and the levels of isolation, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.model.quota import Allowance
from allotment.model.team import Placement, Team
from allotment.operations.directory.isolation import Advice, Level


def teams_document(teams: Sequence[Team]) -> Mapping[str, Any]:
    """Teams, as `allot team list` has them."""
    return {"kind": "TeamList", "items": [{"kind": "Team", **team_document(each, "")} for each in teams]}


def team_document(team: Team, cluster: str) -> Mapping[str, Any]:
    """A team as JSON; amounts in milli-CPU, bytes, devices."""
    return {
        "name": team.name,
        "id": team.id,
        "displayName": team.display_name,
        "namespaces": team.namespaces,
        "isolation": team.isolation.value,
        "costCenter": team.cost_center,
        "environments": [each.value for each in team.environments],
        "projects": [project.name for project in team.projects],
        "priorities": team.priorities,
        "groups": {
            "owners": team.groups.owners,
            "members": team.groups.members,
            "viewers": team.groups.viewers,
            "exec": team.groups.exec,
        },
        "contacts": [{"kind": each.kind, "address": each.address} for each in team.contacts],
        "placements": [_placement_document(placement) for placement in placements_of(team, cluster)],
        "keepDataUntil": None if team.offboarding is None else team.offboarding.keep_data_until,
    }


def placements_of(team: Team, cluster: str) -> Sequence[Placement]:
    """Where a team is; with a cluster only there."""
    return [placement for placement in team.placements if not cluster or placement.cluster == cluster]


def _placement_document(placement: Placement) -> Mapping[str, Any]:
    return {
        "cluster": placement.cluster,
        "environment": placement.environment.value,
        "cohort": placement.cohort,
        "weight": placement.weight,
        "milliCPU": _allowance(placement.cpu),
        "memoryBytes": _allowance(placement.memory),
        "accelerators": [{"flavor": entry.flavor, **_allowance(entry.devices)} for entry in placement.accelerators],
    }


def _allowance(allowance: Allowance) -> Mapping[str, Any]:
    return {
        "nominal": allowance.nominal,
        "borrowingLimit": allowance.borrowing_limit,
        "lendingLimit": allowance.lending_limit,
    }


def level_document(row: Level, advice: Advice) -> Mapping[str, Any]:
    """A level of isolation as JSON, and whether it is the one advised."""
    return {
        "isolation": row.isolation.value,
        "boundary": row.boundary,
        "stillShared": row.shared,
        "cost": row.cost,
        "overhead": row.overhead,
        "rightWhen": row.right_when,
        "recommended": row is advice.level,
    }
