"""Use case: lending limits that follow healthy capacity, as one act that can be undone exactly.

What stood before is kept in an annotation on each ClusterQueue, beside what was written in its place. An annotation is
no proof: what it says is put back only where the present limit is the one that was written, and only as a limit that
the queue may have. Nothing is forced: a queue whose quota another manager applies is refused before anything is
written, and one that changed since it was read is refused by the server.
"""

from __future__ import annotations

import copy
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import msgspec

from allotment.accounting.book_checks import quotas_in_wrong_units
from allotment.accounting.books import WrittenQuota
from allotment.accounting.bounds import DeviceBounds
from allotment.accounting.lending import LendingChange, lending_changes, undo_changes
from allotment.errors import ConflictError, ForbiddenError, shown
from allotment.model.decoding import decoded_as
from allotment.model.devices import is_device
from allotment.model.labels import DOMAIN, FIELD_MANAGER
from allotment.model.manifest import Body, ObjectKey
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot
from allotment.model.quantity import parse_quantity
from allotment.observe.kinds import KUEUE
from allotment.operations.ask.resting import half_seen
from allotment.plan.fields import owners_of
from allotment.plan.syncing import tool_of
from allotment.ports.kube import KubePort, RefusedError

BEFORE: Final = f"{DOMAIN}/lending-before"
"""Annotation on a ClusterQueue: ``{"flavor resource": {"before": limit, "written": limit}}``; null is no limit."""

_RESTS_ON: Final = ("nodes", "resourceflavors", "clusterqueues", "cohorts")
_CONFLICT: Final = 409
_KIND: Final = "ClusterQueue"
_GROUP: Final = "kueue.x-k8s.io"
_QUOTA: Final = ("f:spec", "f:resourceGroups")


@dataclass(frozen=True, slots=True)
class KeptLimit:
    """A lending limit that was changed; None for no limit.

    Attributes:
        before: what stood before the first change.
        written: what the last change wrote.
    """

    before: str | None
    written: str | None


KeptLimits = Mapping[tuple[str, str], KeptLimit]
"""By flavor and resource."""


@dataclass(frozen=True, slots=True)
class QueueEdit:
    """One ClusterQueue with its changes, and the patch that makes them."""

    name: str
    api_version: str
    changes: tuple[LendingChange, ...]
    patch: Body


@dataclass(frozen=True, slots=True)
class LendingPlan:
    """All that one act changes.

    Attributes:
        undo: it puts the earlier limits back.
        declared: queues that `allot apply` brings back to the directory's limits.
        unclear: quotas in the wrong unit, whose flavors are left as they are.
    """

    edits: tuple[QueueEdit, ...]
    undo: bool
    declared: tuple[str, ...] = ()
    unclear: tuple[WrittenQuota, ...] = ()

    @property
    def changes(self) -> tuple[LendingChange, ...]:
        """All of them."""
        return tuple(change for edit in self.edits for change in edit.changes)


def plan_lending(
    kube: KubePort, snapshot: Snapshot, *, undo: bool, bounds: Mapping[str, DeviceBounds] | None = None
) -> LendingPlan:
    """What would be changed; nothing is written.

    Args:
        kube: the cluster that the snapshot is of.
        snapshot: its nodes and queues.
        undo: put back what stood before.
        bounds: by flavor, from a platform directory.

    Raises:
        ConflictError: somebody else applies a queue's quota; or what is kept of earlier limits cannot be believed.
        ForbiddenError: what is healthy could not be seen.
    """
    source = snapshot.sources[0]
    unseen = () if undo else half_seen(source, _RESTS_ON)
    if unseen:
        raise ForbiddenError(
            f"what is healthy is not known: {', '.join(unseen)}",
            why="what was not seen would be taken to be gone, and no longer be lent",
            fix="ask with an identity that may list them",
        )
    version = next((each for each in KUEUE if kube.serves(each, _KIND)), KUEUE[0])
    live = {body["metadata"]["name"]: body for body in kube.list(version, _KIND)}
    kept = {name: limits for name, body in live.items() if (limits := _kept(body)) is not None}
    if undo:
        for name, limits in kept.items():
            _refuse_changed(live[name], limits)
    # A limit that somebody has set since is his, and stands before the next change.
    ours = {
        name: {key: each for key, each in limits.items() if _stands(live[name], key, each)}
        for name, limits in kept.items()
    }
    earlier = {name: {key: each.before for key, each in limits.items()} for name, limits in ours.items()}
    index = Index(source)
    changes = undo_changes(index, earlier) if undo else lending_changes(index, earlier, bounds)
    by_queue: dict[str, list[LendingChange]] = {name: [] for name in earlier} if undo else {}
    for change in changes:
        if change.queue in live:
            by_queue.setdefault(change.queue, []).append(change)
    for name in by_queue:
        _refuse_foreign(live[name])
    edits = tuple(
        QueueEdit(name, version, tuple(each for each in found if each.before != each.after), patch)
        for name, found in sorted(by_queue.items())
        for patch in [_patch(live[name], found, ours.get(name, {}), undo=undo)]
    )
    declared = tuple(sorted(name for name in by_queue if _is_ours(live[name])))
    devices = tuple(each for each in quotas_in_wrong_units(index) if is_device(each.resource))
    return LendingPlan(edits, undo, declared, () if undo else devices)


def act_on_lending(kube: KubePort, plan: LendingPlan) -> None:
    """Make the changes, a queue at a time; what was changed before a refusal stays, and can be undone.

    Raises:
        ConflictError: a queue has changed since the plan was made.
        RefusedError: the server refuses.
    """
    for edit in plan.edits:
        try:
            kube.merge_patch(edit.api_version, ObjectKey(_GROUP, _KIND, "", edit.name), edit.patch)
        except RefusedError as error:
            if error.status != _CONFLICT:
                raise
            raise ConflictError(
                f"ClusterQueue {shown(edit.name)} has changed in the meantime",
                why="what was shown is not what would be changed",
                fix="run it again and look at the new changes",
            ) from error


def _kept(body: Body) -> KeptLimits | None:
    text = (body["metadata"].get("annotations") or {}).get(BEFORE)
    if not text:
        return None
    try:
        found = decoded_as(text, dict[str, KeptLimit])
    except (msgspec.DecodeError, RecursionError) as error:
        raise _unbelievable(body, f"it is not what was written there: {shown(error)}") from error
    kept: dict[tuple[str, str], KeptLimit] = {}
    nominal = {(flavor, quota["name"]): quota.get("nominalQuota", 0) for flavor, quota in _all_quotas(body)}
    for name, limit in found.items():
        flavor, _, resource = name.partition(" ")
        # A flavor that the queue has no more has no limit to put back.
        if (flavor, resource) in nominal:
            _check_limit(body, name, limit.before, str(nominal[flavor, resource]))
            _check_whole(body, name, resource, limit.before)
            kept[flavor, resource] = limit
    return kept


def _check_limit(body: Body, name: str, limit: str | None, nominal: str) -> None:
    if limit is None:
        return
    try:
        amount = parse_quantity(limit)
        most = parse_quantity(nominal)
    except ValueError as error:
        raise _unbelievable(body, f"of {shown(name)} it says: {shown(error)}") from None
    if not 0 <= amount <= most:
        raise _unbelievable(
            body, f"of {shown(name)} it says a limit of {shown(limit)}, and the nominal quota is {shown(nominal)}"
        )


def _check_whole(body: Body, name: str, resource: str, limit: str | None) -> None:
    """Devices, and all that bears a domain, are counted in whole ones: nobody has set another limit."""
    counted = "/" in resource or is_device(resource)
    if counted and limit is not None and parse_quantity(limit).denominator != 1:
        raise _unbelievable(body, f"of {shown(name)} it says a limit of {shown(limit)}, which is no whole number")


def _unbelievable(body: Body, why: str) -> ConflictError:
    name = str(body["metadata"]["name"])
    return ConflictError(
        f"the earlier lending limits that ClusterQueue {shown(name)} keeps in {BEFORE} are not to be trusted",
        why=why,
        fix=f"set its lending limits by hand, and take the annotation away: kubectl annotate clusterqueue "
        f"{shlex.quote(shown(name))} {BEFORE}-",
    )


def _refuse_changed(body: Body, kept: KeptLimits) -> None:
    """Refuse to put back what stood before where somebody has set another limit since."""
    for (flavor, resource), limit in kept.items():
        present = _present(body, (flavor, resource))
        if not _stands(body, (flavor, resource), limit):
            raise _unbelievable(
                body,
                f"the limit of {shown(resource)} in flavor {shown(flavor)} is {_told(present)}, and "
                f"{_told(limit.written)} was written: somebody has set it since",
            )


def _told(limit: str | None) -> str:
    return "none" if limit is None else shown(limit)


def _stands(body: Body, key: tuple[str, str], limit: KeptLimit) -> bool:
    """Whether the present limit is the one that was written, or that of before again."""
    present = _value(_present(body, key))
    return present in (_value(limit.written), _value(limit.before))


def _value(limit: str | None) -> Fraction | str | None:
    """A limit to compare: the server writes 1k where 1000 was sent."""
    try:
        return None if limit is None else parse_quantity(limit)
    except ValueError:
        return limit


def _patch(body: Body, changes: Sequence[LendingChange], kept: KeptLimits, *, undo: bool) -> Body:
    wanted = {(each.flavor, each.resource): each.after for each in changes}
    limits = {**kept, **{(each.flavor, each.resource): KeptLimit(each.original, each.after) for each in changes}}
    # Once all limits are as they were, nothing is left to undo.
    still = {key: each for key, each in limits.items() if wanted.get(key, _present(body, key)) != each.before}
    text = json.dumps(
        {
            f"{flavor} {resource}": {"before": each.before, "written": each.written}
            for (flavor, resource), each in sorted(still.items())
        }
    )
    return {
        "metadata": {
            "resourceVersion": body["metadata"]["resourceVersion"],
            "annotations": {BEFORE: None if undo or not still else text},
        },
        "spec": {"resourceGroups": _with_limits(body["spec"].get("resourceGroups") or [], wanted)},
    }


def _present(body: Body, key: tuple[str, str]) -> str | None:
    for flavor, quota in _all_quotas(body):
        if (flavor, quota.get("name")) == key:
            limit = quota.get("lendingLimit")
            return None if limit is None else str(limit)
    return None


def _all_quotas(body: Body) -> Iterable[tuple[str, dict[str, Any]]]:
    return _quotas(body["spec"].get("resourceGroups") or [])


def _with_limits(groups: Sequence[Any], wanted: Mapping[tuple[str, str], str | None]) -> list[Any]:
    changed = copy.deepcopy(list(groups))
    for flavor, quota in _quotas(changed):
        key = (flavor, quota["name"])
        if key in wanted:
            limit = wanted[key]
            if limit is None:
                quota.pop("lendingLimit", None)
            else:
                quota["lendingLimit"] = limit
    return changed


def _quotas(groups: Iterable[Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    for group in groups:
        for flavor in group.get("flavors") or ():
            for quota in flavor.get("resources") or ():
                yield flavor["name"], quota


def _is_ours(body: Body) -> bool:
    return any(owner.manager == FIELD_MANAGER and owner.operation == "Apply" for owner in owners_of(body, _QUOTA))


def _refuse_foreign(body: Body) -> None:
    """Refuse a queue that somebody else keeps as it is: the change would be undone, or would undo theirs."""
    name = shown(body["metadata"]["name"])
    others = sorted(
        {
            owner.manager
            for owner in owners_of(body, _QUOTA)
            if owner.operation == "Apply" and owner.manager != FIELD_MANAGER
        }
    )
    tool = tool_of(body)
    if others or tool:
        who = tool or ", ".join(map(shown, others))
        raise ConflictError(
            f"the quota of ClusterQueue {name} belongs to {who}",
            why=f"{who} applies it from a declaration, and would undo the change or be undone by it",
            fix="set the lending limits where that declaration is written",
        )
