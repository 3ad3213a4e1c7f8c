"""What goes: deletions, the drains before them, and what stays all the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from allotment.model import labels
from allotment.model.manifest import Body, Manifests, ObjectKey, key_of
from allotment.plan import order
from allotment.plan.adoption.record import is_adopted
from allotment.plan.belongings import belongings, claim_of
from allotment.plan.changes import Action, Blocked, Change, Delete, Drain, PlanWarning, WarningCode, seen, team_of
from allotment.plan.circumstances import Circumstances
from allotment.plan.foreign import to_be_given_back
from allotment.plan.handover import perhaps_renamed
from allotment.plan.leaving import Keeping, is_leaving, keeping
from allotment.plan.losing_count import counted
from allotment.plan.order import Stage
from allotment.plan.survey import Survey, is_being_deleted, spaces_given_back, spaces_going
from allotment.plan.uncounted import Holding


class Departures:
    """Deletions, and the drains before them."""

    def __init__(self, desired: Manifests, live: Survey, around: Circumstances, closed: Collection[str]) -> None:
        self._around = around
        self._absent = live.absent
        self._surplus = [body for body in live.surplus if not is_being_deleted(body)]
        self._vanishing = [body for body in live.surplus if is_being_deleted(body)]
        spaces = [manifest.body for manifest in desired if manifest.key.kind == "Namespace"]
        gone = spaces_going(live)
        self._kept: dict[str, Keeping] = {
            kept.namespace: kept for kept in (keeping(body, around.today) for body in [*spaces, *gone]) if kept
        }
        self._gone = {body["metadata"]["name"] for body in gone}
        self._doomed = self._gone - self._kept.keys()
        self._staying = {team_of(body) for body in spaces if not is_leaving(body)}
        # Nothing is ended in a namespace that is not ours, whatever the directory says of its team.
        emptied = [body for body in spaces if is_leaving(body) and body["metadata"]["name"] not in closed]
        self._teams = {body["metadata"]["name"]: team_of(body) for body in (*gone, *emptied)}
        leaving = set(self._teams.values()) - self._staying
        back = spaces_given_back(live)
        self._back = {body["metadata"]["name"] for body in back}
        self._returning = {team_of(body): key_of(body) for body in back if team_of(body) not in {"", *self._staying}}
        self._closing = {item.key for item in desired if item.key.kind == "ClusterQueue" and item.team in leaving}

    def changes(self) -> Iterator[Change]:
        """The steps, in no order."""
        yield from (to_be_given_back(body) for body in self._surplus if self._was_others(body))
        going = (body for body in self._surplus if not self._stays(body) and not self._was_others(body))
        departing = [_deletion(body) for body in going]
        planned = {change.key for change in departing}
        # Owners' own roles and tokens carry no inventory, and would outlive the team.
        departing += [_deletion(body) for body in self._around.ways_in if key_of(body) not in planned]
        steps = [self._waiting(self._counted(change)[0]) for change in departing]
        deletions = [step for step in steps if isinstance(step, Delete)]
        yield from steps
        yield from self._kept_namespaces()
        for namespace, team in self._teams.items():
            running = self._around.running.get(namespace, {})
            concerned = any(change.key.namespace == namespace or (team and change.team == team) for change in deletions)
            if running or concerned:
                counts = tuple(sorted(running.items()))
                yield Drain(namespace, team, counts, again=False)
                yield Drain(namespace, team, (), again=True)

    def _counted(self, change: Delete) -> tuple[Change, list[PlanWarning]]:
        return counted(change, self._kept_in_use(change.key), allowed=self._around.allow_uncounted)

    def _waiting(self, change: Change) -> Change:
        """What a team has besides a namespace that is to be given back: work there may still run by it."""
        space = self._returning.get(change.team) if isinstance(change, Delete) and not change.key.namespace else None
        if space is None or change.key.kind == "Namespace":
            return change
        what, why = f"{change.key} waits until {space} is given back", f"work of {space.name} may count on it"
        return Blocked(change.key, Action.DELETE, what, why, "solve that first", following=str(space))

    def _kept_in_use(self, key: ObjectKey) -> tuple[Holding, ...]:
        return self._around.in_use.kept_by(key.name) if key.kind == "ResourceFlavor" else ()

    def overtake(self, warning: PlanWarning) -> bool:
        """Whether it says that what runs stays where a team leaves: its work is ended, and the drain says so."""
        return warning.code is WarningCode.QUOTA_BELOW_USE and (
            warning.key.namespace in self._teams or warning.key in self._closing
        )

    def warnings(self) -> Iterator[PlanWarning]:
        """What the reader should know of them."""
        for body in self._vanishing:
            yield PlanWarning(
                WarningCode.BEING_DELETED, key_of(body), "is being deleted already and waits for its finalizers"
            )
        for namespace in sorted(self._doomed):
            lost = belongings(self._around.claims.get(namespace, ()), self._around.running.get(namespace, {}))
            message = f"goes with everything in it: {lost.told}; no date to keep data until is set or it has passed"
            team = self._teams[namespace]
            if team in self._staying:
                message += f". Team {team} stays, but nothing moves to another namespace of it"
            else:
                message += perhaps_renamed(team, self._absent)
            yield PlanWarning(WarningCode.DATA_DELETED, ObjectKey("", "Namespace", "", namespace), message)
        for body in self._surplus:
            key = key_of(body)
            if key.kind == "ResourceFlavor":
                yield from self._counted(_deletion(body))[1]
            elsewhere = key.namespace not in self._gone | self._back
            if key.kind == "PersistentVolumeClaim" and elsewhere and not self._stays(body):
                yield PlanWarning(WarningCode.DATA_DELETED, key, f"goes with its data: {claim_of(body).size}")

    def _stays(self, body: Body) -> bool:
        """While data are kept, claims stay; and if the namespace should go, it stays with its guardrails."""
        key = key_of(body)
        if key.kind == "Namespace":
            return key.name in self._kept
        if key.namespace not in self._kept:
            return False
        if key.kind == "PersistentVolumeClaim":
            return True
        return order.stage(key) is Stage.GUARDRAIL and key.namespace in self._gone

    def _was_others(self, body: Body) -> bool:
        """Whether it was taken over: whose it was may still count on it, unless its team leaves with all its work.

        A namespace of that sort is always somebody's: no team of ours was its first.
        """
        if body["kind"] == "Namespace":
            return is_adopted(body)
        team = team_of(body)
        return is_adopted(body) and not body["metadata"].get("namespace") and team not in self._teams.values()

    def _kept_namespaces(self) -> Iterator[Blocked]:
        for body in self._surplus:
            key = key_of(body)
            kept = self._kept.get(key.name)
            if key.kind == "Namespace" and kept is not None:
                yield Blocked(
                    key,
                    Action.DELETE,
                    f"{key} is not deleted yet",
                    kept.why,
                    f"wait, or change the annotation {labels.KEEP_DATA_UNTIL} if the data may go now",
                )


def _deletion(body: Mapping[str, Any]) -> Delete:
    return Delete(key_of(body), body["apiVersion"], seen(body), team_of(body))
