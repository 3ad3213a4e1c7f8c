"""What hangs on a step that is not done: the plan blocks it at once, and apply skips it when a step fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from allotment.model.manifest import Manifest
from allotment.plan import order
from allotment.plan.changes import Action, Blocked, Change, Conflict, Create, Delete, Drain, Update
from allotment.plan.order import Stage, position


@dataclass(frozen=True, slots=True)
class Setback:
    """Why a step must not be taken.

    Attributes:
        root: the object whose own step is the reason, in words.
    """

    why: str
    root: str


@dataclass(slots=True)
class Setbacks:
    """What was not done so far, as far as later steps depend on it."""

    closed_namespaces: dict[str, str] = field(default_factory=dict)
    """Namespaces that are not there, or not ours: nothing goes in."""
    unguarded_namespaces: dict[str, Setback] = field(default_factory=dict)
    """Namespaces without one of their guardrails, or not marked as declared, and which it is: nobody gets in."""
    unguarded_cluster: str = ""
    """A guardrail of the whole cluster that is missing."""
    busy_namespaces: set[str] = field(default_factory=set)
    busy_teams: set[str] = field(default_factory=set)

    def note(self, change: Change) -> None:
        """A step was not done."""
        if isinstance(change, Drain):
            self.busy_namespaces.add(change.namespace)
            self.busy_teams.add(change.team)
        elif _leaves_a_gap(change):
            self._note_missing(change)
        elif change.key.kind == "Namespace" and not isinstance(change, Delete) and not _is_deletion(change):
            # It is not marked as declared, so the policies do not know whose it is.
            unmarked = Setback(f"{change.key} is not as declared", str(change.key))
            self.unguarded_namespaces.setdefault(change.key.name, unmarked)

    def _note_missing(self, change: Change) -> None:
        key = change.key
        if key.kind == "Namespace":
            self.closed_namespaces[key.name] = str(key)
        elif order.stage(key) is not Stage.GUARDRAIL:
            return
        elif key.namespace:
            missing = Setback(f"the guardrail {key} is missing", str(key))
            self.unguarded_namespaces.setdefault(key.namespace, missing)
        else:
            self.unguarded_cluster = self.unguarded_cluster or str(key)

    def hindrance(self, change: Change) -> Setback | None:
        """Why a step must not be taken; None if nothing speaks against it."""
        if isinstance(change, Delete):
            return self._deletion_hindrance(change)
        if isinstance(change, Create | Update | Conflict):
            return self._creation_hindrance(change)
        return None

    def _creation_hindrance(self, change: Create | Update | Conflict) -> Setback | None:
        namespace = change.key.namespace
        if namespace in self.closed_namespaces:
            root = self.closed_namespaces[namespace]
            return Setback(f"{root} could not be applied", root)
        is_access = order.stage(change.key) is Stage.ACCESS
        if _only_takes_away(change) or not (is_access or _lets_in(change.manifest)):
            return None
        found = self.unguarded_namespaces.get(namespace)
        if found is None and is_access and self.unguarded_cluster:
            found = Setback(f"the guardrail {self.unguarded_cluster} is missing", self.unguarded_cluster)
        return None if found is None else Setback(f"{found.why}, so no access is opened", found.root)

    def _deletion_hindrance(self, change: Delete) -> Setback | None:
        key = change.key
        space = key.name if key.kind == "Namespace" else key.namespace
        stage = order.stage(key)
        # Access may go while work still ends: that only keeps more from coming.
        if stage is not Stage.ACCESS and (
            space in self.busy_namespaces or (change.team and change.team in self.busy_teams)
        ):
            return Setback("workloads of the team are still there", "")
        if stage is Stage.GUARDRAIL and not space and self.unguarded_cluster:
            return Setback(f"{self.unguarded_cluster}, which may replace it, is missing", self.unguarded_cluster)
        return None


def foreseen_setbacks(changes: Iterable[Change]) -> Iterator[Change]:
    """The steps in their order, with those blocked that apply would have to skip because of others that are blocked.

    Conflicts count as blocked, for apply leaves them alone.
    """
    setbacks = Setbacks()
    # They count from the next rank on, as in apply.
    for _, group in groupby(sorted(changes, key=position), key=lambda change: position(change)[:2]):
        steps = [_waiting(change, setbacks.hindrance(change)) for change in group]
        for step in steps:
            if isinstance(step, Blocked | Conflict):
                setbacks.note(step)
        yield from steps


def _waiting(change: Change, hindrance: Setback | None) -> Change:
    if hindrance is None or isinstance(change, Blocked | Conflict):
        return change
    what = f"{change.key} waits for {hindrance.root}"
    return Blocked(change.key, change.action, what, hindrance.why, _SOLVE, following=hindrance.root)


_SOLVE: Final = "solve that first"


def _leaves_a_gap(change: Change) -> bool:
    """Whether something is missing in the cluster because this step was not done."""
    return isinstance(change, Create) or (isinstance(change, Blocked) and change.wanted is Action.CREATE)


def _is_deletion(change: Change) -> bool:
    return isinstance(change, Blocked) and change.wanted is Action.DELETE


def _only_takes_away(change: Change) -> bool:
    """Whether a step does nothing but take people's access: no reason holds that up."""
    return (
        isinstance(change, Update)
        and change.key.kind in {"ClusterRoleBinding", "RoleBinding"}
        and all(
            field.path == ("f:subjects",)
            and isinstance(field.old, list)
            and isinstance(field.new, list)
            and all(item in field.old for item in field.new)
            for field in change.fields
        )
    )


def _lets_in(manifest: Manifest) -> bool:
    """Whether it is a network policy that opens a namespace to others."""
    if manifest.key.kind != "NetworkPolicy":
        return False
    rules = (manifest.body.get("spec") or {}).get("ingress") or ()
    return any(
        not rule.get("from") or any("namespaceSelector" in peer or "ipBlock" in peer for peer in rule["from"])
        for rule in rules
    )
