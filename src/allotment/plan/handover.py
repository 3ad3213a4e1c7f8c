"""Namespaces that would change hands: with them would go another team's work, its secrets and its data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Manifest, ObjectKey
from allotment.plan.changes import Action, Blocked, Change, Delete, Drain, team_of
from allotment.plan.fields import Path, owners_of
from allotment.plan.survey import Different
from allotment.plan.syncing import is_declared_by

_TENANT: Final[Path] = ("f:metadata", "f:labels", f"f:{labels.TENANT}")


@dataclass(frozen=True, slots=True)
class Handover:
    """A namespace that the directory gives to a team and that was applied as another team's.

    Attributes:
        before: id of the team that has it.
        after: id of the team that the directory names for it.
        before_is_gone: whether the directory has the first team no more: mostly it only has another name now.
    """

    key: ObjectKey
    before: str
    after: str
    before_is_gone: bool

    @property
    def blocked(self) -> Blocked:
        """The step that is not taken."""
        return Blocked(
            self.key,
            Action.UPDATE,
            f"{self.key} is one of team {self.before}, and would go to team {self.after}",
            f"with it would go what team {self.before} has there: its work, its secrets, its data",
            self._renamed if self.before_is_gone else self._stays,
        )

    @property
    def _renamed(self) -> str:
        return (
            f"if team {self.after} is team {self.before} under another name, write `id: {self.before}` in its "
            f"document, as `allot team rename` does: all stays where it is; if it is another team, name another "
            f"namespace for it, bring team {self.before} back, and let it leave with `allot team remove`, which keeps "
            f"its data"
        )

    @property
    def _stays(self) -> str:
        return (
            f"name another namespace for team {self.after}; what it is to have of team {self.before}'s is copied there"
        )

    def holds(self, change: Change) -> bool:
        """Whether a step has to wait until it is clear whose the namespace is.

        A queue that goes, or that comes beside it, counts the same guarantee never or twice; and a team that only has
        another name must not lose what else it has.
        """
        if isinstance(change, Blocked):
            # Of what is refused in it, nothing is to be deleted by hand.
            return change.key.namespace == self.key.name
        if isinstance(change, Delete | Drain):
            return self.before_is_gone and change.team == self.before
        of_cluster = not change.key.namespace and change.key.kind != "Namespace"
        return of_cluster and change.manifest.team in (self.before, self.after)


def handovers(found: Iterable[Different], desired: Iterable[Manifest]) -> tuple[Handover, ...]:
    """All of a cluster.

    Args:
        found: what differs from the directory.
        desired: all that the directory has in the cluster.
    """
    teams = {manifest.team for manifest in desired}
    return tuple(_handovers(found, teams))


def _handovers(found: Iterable[Different], teams: Collection[str | None]) -> Iterator[Handover]:
    for different in found:
        key, before, after = different.manifest.key, team_of(different.live), different.manifest.team
        if key.kind == "Namespace" and after and before not in ("", after) and _was_declared(different):
            yield Handover(key, before, after, before not in teams)


def waiting(change: Change, found: Iterable[Handover]) -> Change:
    """The step, or what holds it up."""
    held_by = next((handover for handover in found if handover.holds(change)), None)
    if held_by is None:
        return change
    what = f"{change.key} waits until it is clear whose {held_by.key} is"
    why = f"team {held_by.after} and team {held_by.before} may be one"
    return Blocked(change.key, change.action, what, why, "solve that first", following=str(held_by.key))


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


def _was_declared(different: Different) -> bool:
    """Whether the label was applied; one that somebody wrote over ours is drift, and put right."""
    return any(is_declared_by(owner) for owner in owners_of(different.live, _TENANT))
