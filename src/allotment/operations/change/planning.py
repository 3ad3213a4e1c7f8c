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
from allotment.model.manifest import Body, Manifest, Manifests, ObjectKey, key_of
from allotment.model.policy import NAMESPACE_GATE
from allotment.operations.change.trying import Rights, Trial
from allotment.plan import default_storage, leaving, order, uncounted
from allotment.plan.changes import UNKNOWN_SOURCE, Plan, PlanSource
from allotment.plan.circumstances import Circumstances
from allotment.plan.disguised import set_apart, to_be_proven
from allotment.plan.proof import Gate, gate_of
from allotment.plan.settle import digest_of, plan
from allotment.plan.survey import Survey, merged, spaces_going, survey
from allotment.plan.uncounted import Holding, InUse
from allotment.plan.verdict import Verdict
from allotment.ports.kube import AccessRefusedError, KubePort, RefusedError

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
        taken: objects that are taken over although they are another platform's.
        source: what the declaration was read from; the plan remembers it.
        partial: kinds that we may not list are left out and named, where otherwise there is no plan.
    """

    platform: str
    today: dt.date
    force: bool = False
    check_creations: bool = False
    workers: int = WORKERS
    allow_uncounted: bool = False
    taken: frozenset[ObjectKey] = frozenset()
    source: PlanSource = UNKNOWN_SOURCE
    partial: bool = False


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
    rights = Rights(kube)
    looks = _looks(by_kind, kube, settings, rights)
    read = [kind for kind, look in zip(by_kind, looks, strict=True) if look is not None]
    found = merged(look for look in looks if look is not None)
    found = set_apart(found, desired, _gate(kube, desired, found))
    declared = replace(desired, objects=tuple(item for item in desired if (item.api_version, item.key.kind) in read))
    spaces = _emptied(declared, found)
    listing = _Listing(kube, rights, settings.partial)
    around = Circumstances(
        today=settings.today,
        forced=settings.force,
        verdicts=_verdicts(Trial(kube, rights, settings.force), declared, found, unserved, settings),
        unserved=unserved,
        running=_running(listing, spaces, settings.workers),
        claims=_claims(kube, found, settings.workers),
        ways_in=tuple(
            body for space in spaces for body in listing.of(leaving.ACCESS, space) if leaving.is_way_in(body)
        ),
        classless=_classless(kube, found),
        in_use=_in_use(kube, found),
        allow_uncounted=settings.allow_uncounted,
        bound=_bound(kube, found, settings.workers),
    )
    at = kube.endpoint()
    made = plan(declared, found, settings.platform, around)
    return replace(
        made,
        digest=made.digest if declared == desired else digest_of(desired),
        server=at.url,
        context=at.context,
        source=settings.source,
        missing=rights.missing,
    )


def look_around(desired: Manifests, kube: KubePort, settings: PlanSettings) -> Survey:
    """What stands in a cluster under the names that are declared, and what else is ours.

    Raises:
        RefusedError: we may not read a kind that is declared.
    """
    looks = _looks(_by_kind(desired, kube), kube, settings, Rights(kube))
    return merged(look for look in looks if look is not None)


def _gate(kube: KubePort, desired: Manifests, found: Survey) -> Gate | None:
    """What shows of undeclared namespaces that they are ours; None where the platform has no such policy."""
    gates = {
        manifest.key.kind: manifest
        for manifest in desired
        if manifest.key.name == NAMESPACE_GATE and manifest.key.kind in _GATES
    }
    if not gates:
        return None
    if not to_be_proven(found, desired.exempt):
        return Gate()
    try:
        policy, binding = (
            kube.get(manifest.api_version, manifest.key) if (manifest := gates.get(kind)) is not None else None
            for kind in _GATES
        )
    except AccessRefusedError:
        return Gate()  # Who may not read them is told so by the plan, and nothing is proven.
    return gate_of(policy, binding)


_GATES: Final = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


def _looks(
    by_kind: Mapping[tuple[str, str], Sequence[Manifest]], kube: KubePort, settings: PlanSettings, rights: Rights
) -> list[Survey | None]:
    """The surveys of all kinds, in their order."""
    return side_by_side(
        lambda item: _survey_kind(kube, item[0], item[1], settings, rights), by_kind.items(), settings.workers
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


def _survey_kind(
    kube: KubePort, kind: tuple[str, str], desired: Sequence[Manifest], settings: PlanSettings, rights: Rights
) -> Survey | None:
    """The survey of one kind; None if we may not read it and the plan may be partial."""
    try:
        return _surveyed(kube, kind, desired, settings)
    except AccessRefusedError:
        group = kind[0].rpartition("/")[0]
        # Whoever may not list is told of that alone: the right to get changes nothing by itself.
        lacking = any(rights.lack(verb, group, kind[1], unread=True) for verb in ("list", "get"))
        if settings.partial and lacking:
            return None
        raise


def _surveyed(kube: KubePort, kind: tuple[str, str], desired: Sequence[Manifest], settings: PlanSettings) -> Survey:
    platform = settings.platform
    ours = survey(desired, kube.list(*kind, labels=f"{labels.PLATFORM}={platform}"), platform, settings.taken)
    if not ours.absent:
        return ours
    missing = {manifest.key for manifest in ours.absent}
    if len(missing) <= FEW:
        others = (body for key in missing if (body := kube.get(kind[0], key)) is not None)
    else:
        listed = kube.list(*kind, labels=f"{labels.PLATFORM}!={platform}")
        others = (body for body in listed if key_of(body) in missing)
    rest = survey(ours.absent, others, platform, settings.taken)
    return merged((_without_absent(ours), rest))


def _without_absent(found: Survey) -> Survey:
    return replace(found, absent=())


def _verdicts(
    trial: Trial, desired: Manifests, found: Survey, unserved: frozenset[tuple[str, str]], settings: PlanSettings
) -> Mapping[ObjectKey, Verdict]:
    judged = side_by_side(trial.of_change, found.different, settings.workers)
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
        answers = side_by_side(trial.of_creation, doubtful, settings.workers)
        verdicts |= {manifest.key: verdict for manifest, verdict in zip(doubtful, answers, strict=True)}
    return verdicts


def _emptied(desired: Manifests, found: Survey) -> list[str]:
    """Namespaces of leaving teams that are there, and ours."""
    out = {manifest.key for manifest in (*found.absent, *found.leaving, *(manifest for manifest, _ in found.foreign))}
    spaces = {
        manifest.key.name
        for manifest in desired.objects
        if manifest.key.kind == "Namespace" and leaving.is_leaving(manifest.body) and manifest.key not in out
    }
    return sorted(spaces | {body["metadata"]["name"] for body in spaces_going(found)})


@dataclass(frozen=True, slots=True)
class _Listing:
    """Lists of what is in the namespaces of leaving teams; a partial plan does without what it may not see."""

    kube: KubePort
    rights: Rights
    partial: bool

    def of(self, types: Iterable[tuple[str, str]], namespace: str) -> Iterator[Body]:
        for api_version, kind in types:
            group = api_version.rpartition("/")[0]
            try:
                yield from _of_type(self.kube, api_version, kind, namespace)
            except AccessRefusedError:
                if not (self.partial and self.rights.lack("list", group, kind, namespace, unread=True)):
                    raise


def _of_type(kube: KubePort, api_version: str, kind: str, namespace: str) -> Iterator[Body]:
    if (api_version, kind) in leaving.ACCESS:
        fields = leaving.TOKENS if kind == "Secret" else ""
        return kube.list_metadata(api_version, kind, namespace=namespace, fields=fields)
    return kube.list(api_version, kind, namespace=namespace)


def _running(listing: _Listing, spaces: Sequence[str], workers: int) -> Mapping[str, Mapping[str, int]]:
    """Workloads in the namespaces of leaving teams."""
    types = (*leaving.CONTROLLERS, leaving.PODS)
    counts = side_by_side(lambda name: Counter(body["kind"] for body in listing.of(types, name)), spaces, workers)
    return dict(zip(spaces, counts, strict=True))


def _claims(kube: KubePort, found: Survey, workers: int) -> Mapping[str, tuple[Body, ...] | None]:
    """Claims in the namespaces that are no longer declared, whoever made them."""
    gone = [body["metadata"]["name"] for body in spaces_going(found)]

    def listed(namespace: str) -> tuple[Body, ...] | None:
        try:
            return tuple(kube.list("v1", "PersistentVolumeClaim", namespace=namespace))
        except RefusedError:
            # A warning that cannot be complete is no reason to plan nothing.
            return None

    return dict(zip(gone, side_by_side(listed, gone, workers), strict=True))


_RBAC: Final = "rbac.authorization.k8s.io/v1"


def _bound(kube: KubePort, found: Survey, workers: int) -> Mapping[str, tuple[Body, ...]]:
    """The RoleBindings of namespaces that are there and get one of ours, whoever made them."""
    coming = [manifest for manifest in found.absent if manifest.key.kind == "RoleBinding"]
    fresh = {manifest.key.name for manifest in found.absent if manifest.key.kind == "Namespace"}
    spaces = sorted({manifest.key.namespace for manifest in coming} - fresh)

    def listed(namespace: str) -> tuple[Body, ...] | None:
        try:
            return tuple(kube.list(_RBAC, "RoleBinding", namespace=namespace))
        except RefusedError:
            return None  # as of claims

    answers = zip(spaces, side_by_side(listed, spaces, workers), strict=True)
    return {space: bodies for space, bodies in answers if bodies is not None}


def _classless(kube: KubePort, found: Survey) -> tuple[Body, ...]:
    """Claims of the whole cluster that wait for a default class, asked for only where there may be one."""
    if not default_storage.may_become_default(found):
        return ()
    try:
        return tuple(body for body in kube.list("v1", "PersistentVolumeClaim") if default_storage.is_classless(body))
    except AccessRefusedError:
        return ()  # A kind that may not be listed is named by the plan.


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
        yield from _of_type(kube, api_version, kind, namespace)


def ways_in(kube: KubePort, namespace: str) -> Iterator[Body]:
    """The metadata of everything that lets somebody into a namespace, bindings first."""
    for api_version, kind in leaving.ACCESS:
        yield from (body for body in _of_type(kube, api_version, kind, namespace) if leaving.is_way_in(body))
