"""Use case: what would apply change in a cluster?

Read what is ours (one list per kind), compare here, and send only what looks different to the server as a dry run.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from allotment.model import labels
from allotment.model.manifest import Manifest, Manifests, ObjectKey, key_of
from allotment.operations.ports import Body, FieldConflictError, KubePort, RefusedError
from allotment.plan import leaving, order, uncounted
from allotment.plan.additions import removal, without
from allotment.plan.changes import Plan
from allotment.plan.difference import value_at
from allotment.plan.settle import Accepted, Circumstances, Disputed, Refused, Verdict, plan
from allotment.plan.survey import Different, Survey, is_being_deleted, merged, survey
from allotment.plan.uncounted import Holding, InUse

WORKERS: Final = 8
"""Requests under way at once, by default."""

FEW: Final = 24
"""Up to so many objects that we miss are asked for by name; for more, one list of what is not ours is cheaper."""

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """How to plan.

    Attributes:
        platform: the platform's name, which is the value of the inventory label.
        today: decides whether data of leaving teams must still be kept.
        force: take contested fields over.
        check_creations: let the server try creations too (where the namespace exists already).
        workers: requests under way at once.
        allow_uncounted: take steps, too, that make running work drop out of Kueue's accounts.
    """

    platform: str
    today: dt.date
    force: bool = False
    check_creations: bool = False
    workers: int = WORKERS
    allow_uncounted: bool = False


def plan_for_empty(desired: Manifests, settings: PlanSettings) -> Plan:
    """The plan for a cluster that is not there yet: everything is created."""
    found = survey(desired, (), settings.platform)
    return plan(desired, found, settings.platform, Circumstances(settings.today, forced=settings.force))


def make_plan(desired: Manifests, kube: KubePort, settings: PlanSettings) -> Plan:
    """The plan for a live cluster; changes nothing.

    Raises:
        UnreachableError: the server does not answer.
        NotSignedInError: no valid credentials.
        RefusedError: we may not read what we manage.
    """
    by_kind = _by_kind(desired, kube)
    unserved = frozenset(kind for kind in by_kind if not kube.serves(*kind))
    found = _surveyed(by_kind, kube, settings)
    spaces = _emptied(desired, found)
    around = Circumstances(
        today=settings.today,
        forced=settings.force,
        verdicts=_verdicts(kube, desired, found, unserved, settings),
        unserved=unserved,
        running=_running(kube, spaces, settings.workers),
        claims=_claims(kube, found, settings.workers),
        ways_in=tuple(body for space in spaces for body in ways_in(kube, space)),
        in_use=_in_use(kube, found),
        allow_uncounted=settings.allow_uncounted,
    )
    return plan(desired, found, settings.platform, around)


def look_around(desired: Manifests, kube: KubePort, settings: PlanSettings) -> Survey:
    """What stands in a cluster under the names that are declared, and what else is ours."""
    return _surveyed(_by_kind(desired, kube), kube, settings)


def _surveyed(by_kind: Mapping[tuple[str, str], Sequence[Manifest]], kube: KubePort, settings: PlanSettings) -> Survey:
    return merged(
        side_by_side(lambda item: _survey_kind(kube, item[0], item[1], settings), by_kind.items(), settings.workers)
    )


def side_by_side(
    do: Callable[[_In], _Out], items: Iterable[_In], workers: int, *, on_interrupt: Callable[[], None] = lambda: None
) -> list[_Out]:
    """Apply a function to every item with bounded concurrency, results in the order of the items.

    A keyboard interrupt starts no further item, tells those under way by `on_interrupt`, and is raised once they ended.
    """
    waiting = list(items)
    if len(waiting) <= 1 or workers <= 1:
        return [do(item) for item in waiting]
    with ThreadPoolExecutor(max_workers=min(workers, len(waiting)), thread_name_prefix="allotment") as pool:
        try:
            return list(pool.map(do, waiting))
        except KeyboardInterrupt:
            on_interrupt()
            raise


def _by_kind(desired: Manifests, kube: KubePort) -> dict[tuple[str, str], list[Manifest]]:
    """Desired objects by (apiVersion, kind), and every other kind that may hold objects of ours."""
    groups: dict[tuple[str, str], list[Manifest]] = {}
    for manifest in desired:
        groups.setdefault((manifest.api_version, manifest.key.kind), []).append(manifest)
    known = {(manifest.key.group, manifest.key.kind) for manifest in desired}
    for group, kind in order.kinds():
        if (group, kind) in known:
            continue
        versions = (f"{group}/{version}" if group else version for version in order.VERSIONS[group])
        served = next((version for version in versions if kube.serves(version, kind)), None)
        if served is not None:
            groups[served, kind] = []
    return groups


def _survey_kind(kube: KubePort, kind: tuple[str, str], desired: Sequence[Manifest], settings: PlanSettings) -> Survey:
    platform = settings.platform
    ours = survey(desired, kube.list(*kind, labels=f"{labels.PLATFORM}={platform}"), platform)
    if not ours.absent:
        return ours
    missing = {manifest.key for manifest in ours.absent}
    if len(missing) <= FEW:
        others = (body for key in missing if (body := kube.get(kind[0], key)) is not None)
    else:
        listed = kube.list(*kind, labels=f"{labels.PLATFORM}!={platform}")
        others = (body for body in listed if key_of(body) in missing)
    rest = survey(ours.absent, others, platform)
    return merged((_without_absent(ours), rest))


def _without_absent(found: Survey) -> Survey:
    return replace(found, absent=())


def _verdicts(
    kube: KubePort, desired: Manifests, found: Survey, unserved: frozenset[tuple[str, str]], settings: PlanSettings
) -> Mapping[ObjectKey, Verdict]:
    judged = side_by_side(lambda each: _verdict(kube, each, settings), found.different, settings.workers)
    verdicts = {each.manifest.key: verdict for each, verdict in zip(found.different, judged, strict=True)}
    if settings.check_creations:
        absent = {manifest.key for manifest in found.absent}
        spaces = {manifest.key.name for manifest in desired if manifest.key.kind == "Namespace"}
        fresh = {key.name for key in absent if key.kind == "Namespace"} & spaces
        doubtful = [
            manifest
            for manifest in found.absent
            if manifest.key.namespace not in fresh and (manifest.api_version, manifest.key.kind) not in unserved
        ]
        answers = side_by_side(lambda manifest: _tried(kube, manifest, settings), doubtful, settings.workers)
        verdicts |= {manifest.key: verdict for manifest, verdict in zip(doubtful, answers, strict=True)}
    return verdicts


def _tried(kube: KubePort, manifest: Manifest, settings: PlanSettings) -> Verdict:
    try:
        answer = kube.apply(manifest.body, dry_run=True, force=settings.force)
    except FieldConflictError as error:
        return Disputed(tuple((conflict.manager, conflict.field) for conflict in error.conflicts))
    except RefusedError as error:
        return Refused(error.reason, error.message)
    return Accepted(answer.body, answer.warnings)


def _verdict(kube: KubePort, different: Different, settings: PlanSettings) -> Verdict:
    verdict = _tried(kube, different.manifest, settings)
    if not isinstance(verdict, Accepted):
        return verdict
    # What our last apply set and this one does not goes by itself.
    left = [path for path in different.added if value_at(verdict.body, path) == value_at(different.live, path)]
    if not left:
        return verdict
    manifest, live = different.manifest, different.live
    try:
        # Whatever the version: a controller that wrote a status since the list has changed nothing that is asked here.
        emptied = kube.merge_patch(manifest.api_version, manifest.key, removal(live, left), dry_run=True).body
    except RefusedError as error:
        return Refused(error.reason, error.message)
    # What comes back by itself is a default, and nobody's.
    added = tuple(path for path in left if value_at(emptied, path) != value_at(live, path))
    return Accepted(without(verdict.body, added), verdict.warnings, added)


def _emptied(desired: Manifests, found: Survey) -> list[str]:
    """Namespaces of leaving teams that are there."""
    absent = {manifest.key for manifest in found.absent}
    spaces = {
        manifest.key.name
        for manifest in desired.objects
        if manifest.key.kind == "Namespace" and leaving.is_leaving(manifest.body) and manifest.key not in absent
    }
    return sorted(
        spaces
        | {
            body["metadata"]["name"]
            for body in found.surplus
            if body["kind"] == "Namespace" and not is_being_deleted(body)
        }
    )


def _running(kube: KubePort, spaces: Sequence[str], workers: int) -> Mapping[str, Mapping[str, int]]:
    """Workloads in the namespaces of leaving teams."""
    counts = side_by_side(lambda name: Counter(body["kind"] for body in workloads(kube, name)), spaces, workers)
    return dict(zip(spaces, counts, strict=True))


def _claims(kube: KubePort, found: Survey, workers: int) -> Mapping[str, tuple[Body, ...] | None]:
    """Claims in the namespaces that are no longer declared, whoever made them."""
    gone = [body["metadata"]["name"] for body in found.surplus if body["kind"] == "Namespace"]

    def listed(namespace: str) -> tuple[Body, ...] | None:
        try:
            return tuple(kube.list("v1", "PersistentVolumeClaim", namespace=namespace))
        except RefusedError:
            # A warning that cannot be complete is no reason to plan nothing.
            return None

    return dict(zip(gone, side_by_side(listed, gone, workers), strict=True))


def _in_use(kube: KubePort, found: Survey) -> InUse:
    queues = [
        (different.live, different.manifest.body)
        for different in found.different
        if different.manifest.key.kind == "ClusterQueue"
    ]
    flavors = [body["apiVersion"] for body in found.surplus if body["kind"] == "ResourceFlavor"]
    going = [body["metadata"]["name"] for body in found.surplus if body["kind"] == "ClusterQueue"]
    return work_in_use(kube, queues, going, flavors)


def work_in_use(
    kube: KubePort, queues: Sequence[tuple[Body, Body]], going: Iterable[str], flavors: Sequence[str]
) -> InUse:
    """What Kueue's workloads hold, asked for only where a step may take it out of the accounts.

    Args:
        kube: the cluster.
        queues: ClusterQueues that may change, (live, declared).
        going: names of ClusterQueues that are deleted.
        flavors: versions of the ResourceFlavors that are deleted.
    """
    concerned = [live["apiVersion"] for live, after in queues if uncounted.gives_up(live, after)] + [*flavors]
    if not concerned:
        return InUse()
    return uncounted.in_use(queues, going, _held(kube, concerned[0], [live for live, _ in queues]))


def _held(kube: KubePort, kueue_api: str, queues: Sequence[Body]) -> Sequence[Holding]:
    try:
        return tuple(uncounted.holdings(kube.list(kueue_api, "Workload")))
    except RefusedError:
        # Who may not read the teams' work is told at least how much of it there is.
        return [holding for queue in queues for holding in uncounted.reserved(queue)]


@dataclass(frozen=True, slots=True)
class WorkLook:
    """Running work that its queue does not count.

    Attributes:
        uncounted: ClusterQueues, each with the work in words.
        unknown: why nothing was seen, if so.
    """

    uncounted: tuple[tuple[ObjectKey, str], ...]
    unknown: str = ""


def look_at_work(kube: KubePort, desired: Manifests) -> WorkLook:
    """Work in flavors that its queue is not declared to count: Kueue has lost it, or would by the next apply."""
    queues = {manifest.key.name: manifest for manifest in desired if manifest.key.kind == "ClusterQueue"}
    if not queues:
        return WorkLook(())
    api_version = next(iter(queues.values())).api_version
    try:
        held = uncounted.holdings(kube.list(api_version, "Workload"))
        lost = uncounted.uncounted((manifest.body for manifest in queues.values()), held)
    except RefusedError as error:
        return WorkLook((), f"running work was not compared with what its queues count: {error.message}")
    by_queue: dict[str, list[Holding]] = {}
    for one in lost:
        by_queue.setdefault(one.queue, []).append(one)
    return WorkLook(tuple((queues[name].key, uncounted.told(found)) for name, found in sorted(by_queue.items())))


def workloads(kube: KubePort, namespace: str) -> Iterator[Body]:
    """Everything that runs or makes pods in a namespace, makers first."""
    for api_version, kind in (*leaving.CONTROLLERS, leaving.PODS):
        yield from kube.list(api_version, kind, namespace=namespace)


def ways_in(kube: KubePort, namespace: str) -> Iterator[Body]:
    """The metadata of everything that lets somebody into a namespace, bindings first."""
    for api_version, kind in leaving.ACCESS:
        fields = leaving.TOKENS if kind == "Secret" else ""
        found = kube.list_metadata(api_version, kind, namespace=namespace, fields=fields)
        yield from (body for body in found if leaving.is_way_in(body))
