"""Namespaces that would change hands: with them would go another team's work, its secrets and its data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from allotment.model import labels
from allotment.plan.changes import Action, Blocked, team_of
from allotment.plan.fields import Path, owners_of
from allotment.plan.survey import Different
from allotment.plan.syncing import is_declared_by

_TENANT: Final[Path] = ("f:metadata", "f:labels", f"f:{labels.TENANT}")


def handed_over(found: Iterable[Different]) -> Iterator[Blocked]:
    """Namespaces that the directory gives to a team and that were applied as another team's."""
    for different in found:
        manifest, before = different.manifest, team_of(different.live)
        if manifest.key.kind == "Namespace" and before not in ("", manifest.team) and _was_declared(different):
            yield Blocked(
                manifest.key,
                Action.UPDATE,
                f"{manifest.key} is one of team {before}, and would go to team {manifest.team}",
                f"with it would go what team {before} has there: its work, its secrets, its data",
                f"name another namespace; or take this one out of the directory first, and apply, which deletes it "
                f"with all that is in it, before team {manifest.team} names it",
            )


def _was_declared(different: Different) -> bool:
    """Whether the label was applied; one that somebody wrote over ours is drift, and put right."""
    return any(is_declared_by(owner) for owner in owners_of(different.live, _TENANT))
