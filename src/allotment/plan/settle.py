"""Second look: the survey, with the server's verdicts on what looked different, becomes the plan."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from allotment.model import labels
from allotment.model.manifest import Manifest, Manifests, ObjectKey, key_of
from allotment.plan import order
from allotment.plan.adoption.record import is_adopted
from allotment.plan.belongings import belongings, claim_of
from allotment.plan.caution import cautions
from allotment.plan.changes import (
    Action,
    Blocked,
    Change,
    Conflict,
    Contested,
    Create,
    Delete,
    Drain,
    Plan,
    PlanWarning,
    Update,
    WarningCode,
    seen,
    team_of,
)
from allotment.plan.difference import ABSENT, FieldChange, difference, value_at
from allotment.plan.fields import Owner, Path, leaves, owners_of, ownership_of, text, union
from allotment.plan.foreign import foreign, resting_on, to_be_given_back
from allotment.plan.foreseen import foreseen
from allotment.plan.handover import handed_over, perhaps_renamed
from allotment.plan.leaving import Keeping, is_leaving, keeping
from allotment.plan.order import Stage
from allotment.plan.survey import Body, Different, Survey, is_being_deleted
from allotment.plan.syncing import resistance
from allotment.plan.uncounted import Holding, InUse, told


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


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a plan depends on besides the objects.

    Attributes:
        today: decides whether data must still be kept.
        forced: contested fields are taken over.
        verdicts: of the dry runs, by object; every different object has one.
        unserved: (apiVersion, kind) pairs that the server does not know.
        running: workloads by namespace, for the namespaces of leaving teams: counts by kind.
        claims: in namespaces that would be deleted; None where they may not be listed.
        in_use: what Kueue's workloads hold, where a step might take it out of the accounts.
        allow_uncounted: such steps are taken all the same.
        ways_in: everything that lets somebody into those namespaces, whoever made it: metadata.
    """

    today: dt.date
    forced: bool = False
    verdicts: Mapping[ObjectKey, Verdict] = field(default_factory=dict)
    unserved: frozenset[tuple[str, str]] = frozenset()
    running: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    claims: Mapping[str, tuple[Body, ...] | None] = field(default_factory=dict)
    in_use: InUse = field(default_factory=InUse)
    allow_uncounted: bool = False
    ways_in: tuple[Body, ...] = ()


def plan(desired: Manifests, live: Survey, platform: str, around: Circumstances) -> Plan:
    """The plan for one cluster. Pure: the same arguments give the same plan."""
    kept = {step.key: step for step in handed_over(live.different, desired)}
    closed = {key.name for key in (*_out_of_reach(live), *kept) if key.kind == "Namespace"}
    warnings: list[PlanWarning] = []
    changes: list[Change] = [*_blocked(live), *kept.values(), *_creations(live.absent, around)]
    unchanged = live.unchanged
    for different in live.different:
        if different.manifest.key in kept:
            continue
        change, said = _judged(different, around.verdicts[different.manifest.key], forced=around.forced)
        if change is not None and change.key.kind == "ClusterQueue":
            change, more = _counted(change, around.in_use.lost_by(different.live, different.manifest.body), around)
            said += more
        warnings += said
        if change is None:
            unchanged += 1
        else:
            changes.append(change)
    changes = resting_on(
        (manifest.key for manifest, _ in live.foreign), (_closed(change, closed) for change in changes)
    )
    departures = _Departures(desired, live, around)
    warnings = [warning for warning in warnings if not departures.overtake(warning)]
    warnings += departures.warnings()
    warnings += (PlanWarning(WarningCode.DISGUISED, key_of(body), _DISGUISED) for body in live.disguised)
    changes += departures.changes()
    warnings += resistance(changes, (*(different.live for different in live.different), *live.surplus))
    return Plan(
        platform=platform,
        cluster=desired.cluster,
        digest=digest_of(desired),
        changes=tuple(sorted(changes, key=position)),
        unchanged=unchanged,
        warnings=tuple(sorted(warnings, key=lambda warning: (warning.key, warning.code, warning.message))),
        forced=around.forced,
    )


_DISGUISED: Final = (
    "carries the platform's labels, but a controller made it and nobody applied it: it is not the platform's, and is "
    "left alone; take these labels off it, and out of the template that it comes from"
)


def digest_of(desired: Manifests) -> str:
    """SHA-256 of all desired objects, in hexadecimal."""
    digest = hashlib.sha256()
    for manifest in desired:
        digest.update(json.dumps(manifest.body, sort_keys=True, separators=(",", ":")).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def position(change: Change) -> tuple[int, int, ObjectKey]:
    """Where a step stands: (phase, rank within the phase, object). Steps equal in the first two run side by side."""
    place = order.place(change.key)
    if isinstance(change, Drain):
        return (3 if change.again else 1), 0, change.key
    if isinstance(change, Delete):
        falls_last = order.RANKS[place].stage in {Stage.FOUNDATION, Stage.GUARDRAIL}
        return (4 if falls_last else 2), -place, change.key
    return 0, place, change.key


def _out_of_reach(live: Survey) -> Iterator[ObjectKey]:
    yield from (manifest.key for manifest, _ in live.foreign)
    yield from (manifest.key for manifest in live.leaving)


def _blocked(live: Survey) -> Iterator[Blocked]:
    yield from foreign(live)
    for manifest in live.leaving:
        yield Blocked(
            manifest.key,
            Action.CREATE,
            f"{manifest.key} is being deleted",
            "it waits for its finalizers or for what it contains",
            "wait until it is gone, and plan again",
        )


def _creations(absent: Iterable[Manifest], around: Circumstances) -> Iterator[Change]:
    for manifest in absent:
        verdict = around.verdicts.get(manifest.key)
        if (manifest.api_version, manifest.key.kind) in around.unserved:
            yield Blocked(
                manifest.key,
                Action.CREATE,
                f"the cluster does not know the kind {manifest.key.kind} in {manifest.api_version}",
                "its custom resource definition is not installed, or in another version",
                _install(manifest.key.group),
            )
        elif isinstance(verdict, Refused):
            yield _refused(manifest, Action.CREATE, verdict)
        else:
            yield Create(manifest)


def _install(group: str) -> str:
    if group.endswith("kueue.x-k8s.io"):
        return "install Kueue, or set the cluster's kueue version to the one installed"
    return f"install what serves {group}"


def _judged(different: Different, verdict: Verdict, *, forced: bool) -> tuple[Change | None, list[PlanWarning]]:
    manifest, live = different.manifest, different.live
    if isinstance(verdict, Untried):
        change = foreseen(different, forced=forced)
        return change, list(cautions(live, manifest.body)) if isinstance(change, Update) else []
    if isinstance(verdict, Refused):
        return _refused(manifest, Action.UPDATE, verdict), []
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


def _refused(manifest: Manifest, wanted: Action, verdict: Refused) -> Blocked:
    fix = "change the platform directory so that the server accepts it"
    if wanted is Action.UPDATE:
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


def _counted(change: Change, lost: tuple[Holding, ...], around: Circumstances) -> tuple[Change, list[PlanWarning]]:
    """The step, or what blocks it: running work would drop out of Kueue's accounts."""
    if not lost or isinstance(change, Blocked):
        return change, []
    what = f"{change.key} would no longer count what runs: {told(lost)}"
    if around.allow_uncounted:
        message = f"no longer counts what runs: {told(lost)}; the same devices can be promised again until it has ended"
        return change, [PlanWarning(WarningCode.UNCOUNTED, change.key, message)]
    return Blocked(change.key, change.action, what, _UNCOUNTED_WHY, _UNCOUNTED_FIX), []


_UNCOUNTED_WHY: Final = (
    "Kueue does not stop that work and counts it nowhere any more: nobody can reclaim it, and under another flavor the "
    "same devices would be promised again"
)
_UNCOUNTED_FIX: Final = (
    "wait until it has ended, or end it; to move nodes to another flavor, declare the new pool beside the old one, and "
    "take the old one away once nothing runs there; --allow-uncounted does it all the same"
)


def _given_up(different: Different, after: Body) -> tuple[FieldChange, ...]:
    """Fields that we owned and would own no more, though another owner keeps their value."""
    kept = set(leaves(ownership_of(after).ours))
    lost: list[Path] = [path for path in leaves(different.ownership.ours) if path not in kept]
    values = [(path, value_at(different.live, path)) for path in lost]
    return tuple(FieldChange(path, value, value) for path, value in values if value is not ABSENT)


def _closed(change: Change, closed: set[str]) -> Change:
    """What would go into a namespace that is out of reach is blocked with it."""
    if change.key.namespace not in closed or isinstance(change, Blocked):
        return change
    return Blocked(
        change.key,
        change.action,
        f"{change.key} lies in a namespace that is not ours to change",
        f"the namespace {change.key.namespace} is blocked",
        "solve that first",
        following=str(ObjectKey("", "Namespace", "", change.key.namespace)),
    )


class _Departures:
    """Deletions, and the drains before them."""

    def __init__(self, desired: Manifests, live: Survey, around: Circumstances) -> None:
        self._around = around
        self._absent = live.absent
        self._surplus = [body for body in live.surplus if not is_being_deleted(body)]
        self._vanishing = [body for body in live.surplus if is_being_deleted(body)]
        spaces = [manifest.body for manifest in desired if manifest.key.kind == "Namespace"]
        gone = [body for body in self._surplus if body["kind"] == "Namespace"]
        self._kept: dict[str, Keeping] = {
            kept.namespace: kept for kept in (keeping(body, around.today) for body in [*spaces, *gone]) if kept
        }
        self._gone = {body["metadata"]["name"] for body in gone}
        self._doomed = self._gone - self._kept.keys()
        self._staying = {team_of(body) for body in spaces if not is_leaving(body)}
        self._teams = {body["metadata"]["name"]: team_of(body) for body in gone} | {
            body["metadata"]["name"]: team_of(body) for body in spaces if is_leaving(body)
        }
        leaving = set(self._teams.values()) - self._staying
        self._closing = {item.key for item in desired if item.key.kind == "ClusterQueue" and item.team in leaving}

    def changes(self) -> Iterator[Change]:
        yield from (to_be_given_back(body) for body in self._surplus if self._was_others(body))
        going = (body for body in self._surplus if not self._stays(body) and not self._was_others(body))
        departing = [_deletion(body) for body in going]
        planned = {change.key for change in departing}
        # Owners' own roles and tokens carry no inventory, and would outlive the team.
        departing += [_deletion(body) for body in self._around.ways_in if key_of(body) not in planned]
        steps = [_counted(change, self._kept_in_use(change.key), self._around)[0] for change in departing]
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

    def _kept_in_use(self, key: ObjectKey) -> tuple[Holding, ...]:
        return self._around.in_use.kept_by(key.name) if key.kind == "ResourceFlavor" else ()

    def overtake(self, warning: PlanWarning) -> bool:
        """Whether it says that what runs stays where a team leaves: its work is ended, and the drain says so."""
        return warning.code is WarningCode.QUOTA_BELOW_USE and (
            warning.key.namespace in self._teams or warning.key in self._closing
        )

    def warnings(self) -> Iterator[PlanWarning]:
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
                yield from _counted(_deletion(body), self._kept_in_use(key), self._around)[1]
            if key.kind == "PersistentVolumeClaim" and key.namespace not in self._gone and not self._stays(body):
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
        """Whether it was taken over, and goes though its team does not: whose it was may still count on it."""
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
