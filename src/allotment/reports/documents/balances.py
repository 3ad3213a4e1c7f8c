"""How far teams are with their month and their grants, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allotment.model.moments import written
from allotment.model.requests.balance import GrantPace, TeamBalance


def balance_document(balance: TeamBalance) -> Mapping[str, Any]:
    """A team's month. Money is in millionths of the platform's currency; what is not known is null, and never 0."""
    return {
        "kind": "TeamBalance",
        "team": balance.team,
        "from": written(balance.start),
        "until": written(balance.end),
        "budget": balance.budget,
        "jobs": balance.jobs,
        "granted": balance.granted,
        "grantedSoFar": balance.granted_so_far,
        "left": balance.left,
        "grants": [_pace(each) for each in balance.grants],
    }


def _pace(pace: GrantPace) -> Mapping[str, Any]:
    return {
        "id": pace.id,
        "gpus": pace.devices,
        "from": written(pace.since),
        "until": None if pace.until is None else written(pace.until),
        "givenGpuSeconds": pace.given,
        "usedGpuSeconds": pace.used,
    }
