"""The server's verdict on one object, and the step that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from allotment.model import labels
from allotment.model.manifest import Body, Manifest
from allotment.plan.caution import cautions
from allotment.plan.changes import Action, Blocked, Change, Conflict, Contested, PlanWarning, Update, WarningCode, seen
from allotment.plan.difference import ABSENT, FieldChange, difference, value_at
from allotment.plan.fields import Owner, Path, leaves, owners_of, ownership_of, text, union
from allotment.plan.foreseen import foreseen
from allotment.plan.survey import Different


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server would take it.

    Attributes:
        body: the object as it would be, without what others added where it is ours whole.
        added: what others added, and would have to give up.
    """

    body: Body
    warnings: tuple[str, ...]
    added: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Disputed:
    """The server says that fields belong to others: (manager, field) pairs."""

    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The server would refuse it, in its own words."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Untried:
    """We may not ask for a dry run."""


Verdict = Accepted | Disputed | Refused | Untried
"""Outcome of a server-side dry run."""


def judged(different: Different, verdict: Verdict, *, forced: bool) -> tuple[Change | None, list[PlanWarning]]:
    """The step for an object that looked different, or None if it is as declared; and what should be said of it."""
    manifest, live = different.manifest, different.live
    if isinstance(verdict, Untried):
        change = foreseen(different, forced=forced)
        return change, list(cautions(live, manifest.body)) if isinstance(change, Update) else []
    if isinstance(verdict, Refused):
        return refused(manifest, Action.UPDATE, verdict), []
    if isinstance(verdict, Disputed):
        contested = [_contested(different, manager, name) for manager, name in verdict.fields]
        contested += [_added(live, path) for path in different.added if not _is_ours(live, path)]
        return Conflict(manifest, seen(live), tuple(contested)), []
    if verdict.added and not forced:
        return Conflict(manifest, seen(live), tuple(_added(live, path) for path in verdict.added)), []
    after = ownership_of(verdict.body)
    changed = difference(live, verdict.body, union(different.ownership.shape, after.shape))
    fields = tuple(_attributed(change, live) for change in changed) or _given_up(different, verdict.body)
    said = [PlanWarning(WarningCode.SERVER, manifest.key, message) for message in verdict.warnings]
    if not fields:
        return None, said
    return Update(manifest, seen(live), fields), [*cautions(live, verdict.body), *said]


def refused(manifest: Manifest, wanted: Action, verdict: Refused) -> Blocked:
    """The step that the server would not take."""
    fix = "change the platform directory so that the server accepts it"
    if f".{labels.DOMAIN}'" in verdict.message:
        fix = "a policy of ours refuses it: do what it says, or apply with the account of a platform engineer"
    elif wanted is Action.UPDATE and manifest.key.kind != "Namespace":
        fix += "; what cannot be changed in place has to be deleted by hand first"
    return Blocked(manifest.key, wanted, f"the server refuses {manifest.key}", verdict.message, fix)


def _contested(different: Different, manager: str, name: str) -> Contested:
    for path in leaves(different.ownership.shape):
        if text(path) == name:
            since = next((owner.time for owner in owners_of(different.live, path) if owner.manager == manager), "")
            live, desired = value_at(different.live, path), value_at(different.manifest.body, path)
            return Contested(name, manager, since, live, desired)
    return Contested(name, manager, "", ABSENT, ABSENT)


def _added(live: Body, path: Path) -> Contested:
    """A field that is there beside what we declare."""
    owner = _latest(live, path)
    name, since = (owner.manager, owner.time) if owner else ("somebody", "")
    return Contested(text(path), name, since, value_at(live, path), ABSENT)


def _is_ours(live: Body, path: Path) -> bool:
    """Whether our own apply set the field; the next one takes it back."""
    return any(owner.manager == labels.FIELD_MANAGER for owner in owners_of(live, path))


def _latest(live: Body, path: Path) -> Owner | None:
    """The other manager who wrote a field last."""
    others = (owner for owner in owners_of(live, path) if owner.manager != labels.FIELD_MANAGER)
    return max(others, key=lambda owner: owner.time, default=None)


def _attributed(change: FieldChange, live: Body) -> FieldChange:
    """The change with the other manager who set the present value."""
    owner = _latest(live, change.path)
    return change if owner is None else replace(change, by=owner.manager, since=owner.time)


def _given_up(different: Different, after: Body) -> tuple[FieldChange, ...]:
    """Fields that we owned and would own no more, though another owner keeps their value."""
    kept = set(leaves(ownership_of(after).ours))
    lost: list[Path] = [path for path in leaves(different.ownership.ours) if path not in kept]
    values = [(path, value_at(different.live, path)) for path in lost]
    return tuple(FieldChange(path, value, value) for path, value in values if value is not ABSENT)
