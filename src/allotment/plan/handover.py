"""Namespaces that would change hands: with them would go another team's work, its secrets and its data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Manifest
from allotment.plan.changes import Action, Blocked, team_of
from allotment.plan.fields import Path, owners_of
from allotment.plan.survey import Different
from allotment.plan.syncing import is_declared_by

_TENANT: Final[Path] = ("f:metadata", "f:labels", f"f:{labels.TENANT}")


def handed_over(found: Iterable[Different], desired: Iterable[Manifest]) -> Iterator[Blocked]:
    """Namespaces that the directory gives to a team and that were applied as another team's.

    Args:
        found: what differs from the directory.
        desired: all that the directory has in the cluster.
    """
    teams = {manifest.team for manifest in desired}
    for different in found:
        manifest = different.manifest
        before, after = team_of(different.live), str(manifest.team)
        if manifest.key.kind == "Namespace" and before not in ("", after) and _was_declared(different):
            yield Blocked(
                manifest.key,
                Action.UPDATE,
                f"{manifest.key} is one of team {before}, and would go to team {after}",
                f"with it would go what team {before} has there: its work, its secrets, its data",
                _stays(before, after) if before in teams else _renamed(before, after),
            )


def perhaps_renamed(before: str, absent: Iterable[Manifest]) -> str:
    """A sentence for where a team's namespace goes while another team's is new: mostly somebody renamed it by hand."""
    new = sorted({manifest.team for manifest in absent if manifest.key.kind == "Namespace" and manifest.team})
    if not before or not new:
        return ""
    which = f"team {new[0]}" if len(new) == 1 else "one of the new teams"
    return (
        f". If {which} is team {before} under another name, write `id: {before}` in its document, as `allot team "
        "rename` does: then nothing goes"
    )


def _renamed(before: str, after: str) -> str:
    """What to do where the first team is gone from the directory: mostly it only has another name now."""
    return (
        f"if team {after} is team {before} under another name, write `id: {before}` in its document, as `allot team "
        f"rename` does: all stays where it is; if it is another team, name another namespace for it, bring "
        f"team {before} back, and let it leave with `allot team remove`, which keeps its data"
    )


def _stays(before: str, after: str) -> str:
    return f"name another namespace for team {after}; what it is to have of team {before}'s is copied there"


def _was_declared(different: Different) -> bool:
    """Whether the label was applied; one that somebody wrote over ours is drift, and put right."""
    return any(is_declared_by(owner) for owner in owners_of(different.live, _TENANT))
