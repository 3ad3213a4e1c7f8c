"""Use case: does every cluster still hold what is declared, and if not, who changed what, and when?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, Final

from allotment.errors import AllotmentError
from allotment.model.cluster import Cluster
from allotment.model.manifest import Manifests, ObjectKey
from allotment.model.mark import Mark
from allotment.model.platform import Platform
from allotment.operations.change.identity import admitted, doubts, meant
from allotment.operations.change.living import Wanted, wanted_of
from allotment.operations.change.nodes import NodesLook, look_at_nodes
from allotment.operations.change.planning import PlanSettings, WorkLook, look_at_work, make_plan, side_by_side
from allotment.operations.change.refused import look_at_refusals
from allotment.operations.change.surroundings import look_around
from allotment.plan.changes import (
    UNKNOWN_SOURCE,
    Blocked,
    Change,
    Create,
    Delete,
    Plan,
    PlanSource,
    PlanWarning,
    Update,
    WarningCode,
)
from allotment.plan.in_use import only_warned
from allotment.plan.nodes import DeclaredNodes, declared_nodes
from allotment.plan.refused import Refusals
from allotment.plan.strangers.grounds import Grounds, grounds
from allotment.plan.strangers.stranger import Stranger, Surroundings, Unread
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort
from allotment.render.manifests import render


class DriftState(StrEnum):
    """How a cluster stands to its declaration."""

    IN_SYNC = "in-sync"
    DRIFTED = "drifted"
    UNREACHABLE = "unreachable"
    """Nothing is known: it does not answer, or does not let us read."""


class DriftKind(StrEnum):
    """How one object stands to its declaration."""

    CHANGED = "changed"
    MISSING = "missing"
    SURPLUS = "surplus"
    """It carries our inventory, but nothing declares it."""
    BLOCKED = "blocked"
    """It cannot be put right by apply."""
    NODES = "nodes"
    """Nodes are not as their pool declares; apply does not touch nodes."""
    UNCOUNTED = "uncounted"
    """Work runs that Kueue does not count; apply does not stop it."""
    FOREIGN = "foreign"
    """It is not ours, and undoes what is; a person has to remove it, or the directory to accept it."""
    KEPT = "kept"
    """The same, but an adoption left it to its owner on purpose, and nobody changed it since: no drift."""


@dataclass(frozen=True, slots=True)
class DriftedField:
    """A field with another value than declared.

    Attributes:
        field: path, as the API server writes it.
        live: value now, or `plan.difference.ABSENT`.
        declared: value declared, or `ABSENT`.
        by: who owns it now; empty if nobody does (it was removed) or only we do (the declaration changed).
        since: when they last wrote to the object, RFC 3339; empty if unknown.
    """

    field: str
    live: Any
    declared: Any
    by: str
    since: str


@dataclass(frozen=True, slots=True)
class DriftedObject:
    """An object that is not as declared.

    Attributes:
        following: object whose own block is the only reason, in words; empty if there is another.
        repair: the step of a plan that puts its fields right; None where no field differs.
    """

    key: ObjectKey
    kind: DriftKind
    fields: tuple[DriftedField, ...] = ()
    message: str = ""
    following: str = ""
    repair: Update | None = None


@dataclass(frozen=True, slots=True)
class ClusterDrift:
    """One cluster's state.

    Attributes:
        observed_at: when it was looked at, UTC.
        plan: what would repair it, contested fields taken over; None if unreachable.
        error: why nothing is known, if unreachable.
        notes: what could not be looked at, though the rest could, and where policies only warn.
        unread: kinds that we may not look at, where strangers may hide.
        refused: work that our policies keep controllers from making; no drift, but somebody should know.
    """

    cluster: str
    state: DriftState
    objects: tuple[DriftedObject, ...]
    observed_at: dt.datetime
    plan: Plan | None
    error: AllotmentError | None
    unread: tuple[Unread, ...] = ()
    notes: tuple[str, ...] = ()
    refused: tuple[Refusals, ...] = ()

    @property
    def differing(self) -> tuple[DriftedObject, ...]:
        """What differs from the declaration: all but what an adoption left."""
        return tuple(found for found in self.objects if found.kind is not DriftKind.KEPT)

    @property
    def beyond_apply(self) -> bool:
        """Whether something differs that no plan puts right."""
        return any(found.kind in {DriftKind.FOREIGN, DriftKind.NODES, DriftKind.UNCOUNTED} for found in self.objects)


@dataclass(frozen=True, slots=True)
class DriftReport:
    """All clusters, in the order asked."""

    platform: str
    clusters: tuple[ClusterDrift, ...]

    @property
    def in_sync(self) -> bool:
        """Whether every cluster is known to be as declared."""
        return all(cluster.state is DriftState.IN_SYNC for cluster in self.clusters)

    @property
    def degraded(self) -> tuple[str, ...]:
        """Clusters that nothing is known of."""
        return tuple(one.cluster for one in self.clusters if one.state is DriftState.UNREACHABLE)

    @property
    def exit_code(self) -> int:
        """0: all in sync; 9 or 4 …: the first unreachable cluster's error; 1: drift."""
        error = next((cluster.error for cluster in self.clusters if cluster.error is not None), None)
        if error is not None:
            return error.exit_code
        return 0 if self.in_sync else 1


@dataclass(frozen=True, slots=True)
class DriftTarget:
    """A cluster to look at; `connect` may raise, which makes that cluster unreachable and no other.

    Attributes:
        nodes: its declared pools; None to leave nodes out.
        grounds: what to judge strangers by; None: only our own objects are looked at.
        mark: the cluster's; None: it is not asked for.
        override: another mark that it may carry.
        wanted: what is wanted of the cluster given what lives in it; None: what is desired, as it stands.
        doubts: signs that it is another cluster, where it carries no mark.
    """

    desired: Manifests
    connect: Callable[[], KubePort]
    nodes: DeclaredNodes | None = None
    grounds: Grounds | None = None
    mark: Mark | None = None
    override: str = ""
    wanted: Callable[[KubePort], Wanted] | None = None
    doubts: Callable[[KubePort], tuple[PlanWarning, ...]] = lambda _kube: ()

    def seen_in(self, kube: KubePort) -> DriftTarget:
        """The target, as far as it depends on what lives in the cluster."""
        if self.wanted is None:
            return self
        manifests = self.wanted(kube).manifests
        declared = frozenset(manifest.key for manifest in manifests)
        around = None if self.grounds is None else replace(self.grounds, declared=declared)
        return replace(self, desired=manifests, grounds=around)


def drift_of(
    platform: Platform,
    clusters: Sequence[Cluster],
    connect: Callable[[Cluster], KubePort],
    clock: Clock,
    *,
    override: str = "",
    source: PlanSource = UNKNOWN_SOURCE,
) -> DriftReport:
    """Look at clusters of a platform; one that does not answer does not hide the others. Changes nothing.

    Args:
        platform: the declaration.
        clusters: which of its clusters.
        connect: makes the client of a cluster; may raise.
        clock: when it is looked at.
        override: another mark that a cluster may carry.
        source: what the declaration was read from; a repair is recorded with it.
    """
    today = clock.now().date()
    targets = [_target(platform, cluster, connect, today, override) for cluster in clusters]
    return find_drift(targets, PlanSettings(platform.name, today, source=source), clock)


def _target(
    platform: Platform, cluster: Cluster, connect: Callable[[Cluster], KubePort], today: dt.date, override: str
) -> DriftTarget:
    manifests = render(platform, cluster)
    return DriftTarget(
        manifests,
        partial(connect, cluster),
        declared_nodes(platform, cluster),
        grounds(platform, cluster, manifests, today),
        wanted=partial(wanted_of, platform, cluster),
        mark=Mark(platform.name, cluster.name),
        override=override,
        doubts=partial(doubts, wanted=meant(platform, cluster)),
    )


def find_drift(
    targets: Sequence[DriftTarget], settings: PlanSettings, clock: Clock, *, clusters_at_once: int = 4
) -> DriftReport:
    """Look at several clusters side by side. Changes nothing."""
    found = side_by_side(lambda target: _look(target, settings, clock), targets, clusters_at_once)
    return DriftReport(settings.platform, tuple(found))


def _look(target: DriftTarget, settings: PlanSettings, clock: Clock) -> ClusterDrift:
    name = target.desired.cluster
    try:
        kube = target.connect()
        taken = admitted(kube, target.mark, target.override) if target.mark is not None else frozenset()
        target = target.seen_in(kube)
        # Forced, so that the dry run shows every field that differs instead of the first owner's objection.
        plan = make_plan(target.desired, kube, replace(settings, force=True, taken=taken))
        plan = replace(plan, warnings=(*target.doubts(kube), *plan.warnings))
        around = _NOTHING if target.grounds is None else look_around(kube, target.grounds, settings.workers)
        nodes = NodesLook(()) if target.nodes is None else look_at_nodes(kube, target.nodes)
        work = look_at_work(kube, target.desired)
        refused = look_at_refusals(kube, clock.now())
    except AllotmentError as error:
        return ClusterDrift(name, DriftState.UNREACHABLE, (), clock.now(), None, error)
    objects = (
        *drifted_objects(plan.changes),
        *_foreign(around.strangers, plan),
        *_beyond(plan, nodes, work),
    )
    differs = any(found.kind is not DriftKind.KEPT for found in objects)
    state = DriftState.DRIFTED if differs or not plan.empty else DriftState.IN_SYNC
    lacking = [f"not allowed: {right}; compared here, not by the server" for right in plan.missing]
    doubted = [one.message for one in plan.doubts]
    cut = "not all events of failed creations were read" if refused.cut else ""
    notes = tuple(filter(None, (*doubted, nodes.unknown, work.unknown, only_warned(target.desired), cut, *lacking)))
    unread = (*around.unread, *((refused.unread,) if refused.unread is not None else ()))
    return ClusterDrift(name, state, objects, clock.now(), plan, None, unread, notes, refused.refusals)


_NOTHING: Final = Surroundings((), ())


def _foreign(strangers: Sequence[Stranger], plan: Plan) -> Iterator[DriftedObject]:
    told = {change.key for change in plan.changes}  # what a leaving team made for itself goes with it
    for stranger in strangers:
        if stranger.key not in told:
            kind = DriftKind.KEPT if stranger.kept else DriftKind.FOREIGN
            yield DriftedObject(stranger.key, kind, message=f"{stranger.what}: {stranger.why}; {stranger.next_step}")
    told |= {stranger.key for stranger in strangers}
    for warning in plan.warnings:
        if warning.code is WarningCode.DISGUISED and warning.key not in told:
            yield DriftedObject(warning.key, DriftKind.FOREIGN, message=warning.message)


def _beyond(plan: Plan, nodes: NodesLook, work: WorkLook) -> Iterator[DriftedObject]:
    """What differs, but is nothing that apply writes."""
    for finding in nodes.findings:
        yield DriftedObject(finding.key, DriftKind.NODES, message=f"{finding}. {finding.fix}")
    blocked = {change.key.name for change in plan.changes if isinstance(change, Blocked)}
    for queue, told in work.uncounted:
        # A queue that keeps its flavor because work holds it is told of already, and counts.
        if queue.name not in blocked:
            yield DriftedObject(queue, DriftKind.UNCOUNTED, message=f"does not count what runs: {told}")


def drifted_objects(changes: Sequence[Change]) -> tuple[DriftedObject, ...]:
    """The steps of a plan as what they say of the cluster."""
    return tuple(_drifted(changes))


def _drifted(changes: Sequence[Change]) -> Iterator[DriftedObject]:
    for change in changes:
        match change:
            case Create():
                yield DriftedObject(change.key, DriftKind.MISSING)
            case Update():
                fields = tuple(
                    DriftedField(item.field, item.old, item.new, item.by, item.since) for item in change.fields
                )
                yield DriftedObject(change.key, DriftKind.CHANGED, fields, repair=change)
            case Delete():
                yield DriftedObject(change.key, DriftKind.SURPLUS, message="nothing declares it any more")
            case Blocked():
                said = f"{change.what}: {change.why}"
                yield DriftedObject(change.key, DriftKind.BLOCKED, message=said, following=change.following)
            case _:
                pass
