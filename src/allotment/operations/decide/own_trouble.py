"""Which trouble of a cluster is that of a grant, or of a team's step: what is wrong with others' objects is theirs.

Else one object of one team that cannot be made would keep all grants of all teams in that cluster from being given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.operations.decide.room import ApplyCause
from allotment.plan.changes import Change, Delete, Drain
from allotment.render.manifests import render

CLAIM: Final = "PersistentVolumeClaim"


def concerned(platform: Platform, cluster: Cluster, cause: ApplyCause) -> Callable[[Change], bool]:
    """Whether a step matters to what a cluster is applied for: it is the platform's, or of these teams and this grant.

    Args:
        platform: as declared, and applied.
        cluster: to which it is applied.
        cause: that says whose it is; one that names no team is about all.
    """
    if not cause.teams:
        return lambda _: True
    owners = {each.key: each.team or "" for each in render(platform, cluster)}
    others = [each for each in platform.grants if each.name != cause.grant]
    ids = {each.name: each.id for each in platform.teams}
    spaces = {space.name for each in others for space in each.namespaces}
    claims = {(volume.name, ids.get(each.team, each.team)) for each in others for volume in each.volumes}

    def matters(change: Change) -> bool:
        key = change.key
        team = change.team if isinstance(change, Delete | Drain) else owners.get(key, "")
        if team and team not in cause.teams:
            return False
        space = key.name if key.kind == "Namespace" else key.namespace
        return space not in spaces and not (key.kind == CLAIM and (key.name, team) in claims)

    return matters
