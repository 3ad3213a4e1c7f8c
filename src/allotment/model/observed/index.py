"""One source, looked up by what answers ask for: who owns what, what lies where; each index made when asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, Generic, TypeVar

from allotment.model.observed.base import Object, ObjectMeta, OwnerReference
from allotment.model.observed.namespaced import (
    ConfigMap,
    Event,
    LimitRange,
    Namespace,
    PersistentVolume,
    ResourceQuota,
    ServiceAccount,
    StorageClass,
    VolumeClaim,
)
from allotment.model.observed.nodes import Node, ResourceClaim, ResourceClaimTemplate
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import (
    AdmissionCheck,
    ClusterQueue,
    Cohort,
    LocalQueue,
    PriorityClass,
    ResourceFlavor,
    Workload,
)
from allotment.model.observed.snapshot import Source
from allotment.model.observed.work import Work

Named = TypeVar("Named", bound=Object)
Listed = TypeVar("Listed")
Value = TypeVar("Value")
Key = TypeVar("Key")
Made = TypeVar("Made")
_WORK: Final = ("jobs", "cron_jobs", "replicas", "daemon_sets", "owners")
_HIGHEST: Final = 16
"""Owners above an object that are followed: more is a ring, or nobody's doing."""


def _made_of(*fields: str) -> Callable[[Callable[[Index], Value]], cached_property[Value]]:
    """A lookup, made once; taken over from the index before where it is made of the very same objects.

    Args:
        fields: of Objects, all that it reads.
    """

    def taken(make: Callable[[Index], Value]) -> cached_property[Value]:
        def lookup(index: Index) -> Value:
            if index.before is not None and index.same(*fields):
                found: Value = getattr(index.before, make.__name__)
                return found
            return make(index)

        lookup.__doc__ = make.__doc__
        return cached_property(lookup)

    return taken


class _KeptUnder(cached_property[dict[Key, list[Listed]]]):
    """A lookup of one kind by what an object of it is kept under, made once.

    Where there is an index before, it is made of that: only what is kept under the same as something that differs is
    looked at again.
    """

    def __init__(self, field: str, keys_of: Callable[[Listed], Iterable[Key]]) -> None:
        """Of a field of Objects."""
        super().__init__(self._made)
        self._field = field
        self._keys_of = keys_of

    def _made(self, index: Index) -> dict[Key, list[Listed]]:
        now: Sequence[Listed] = getattr(index.objects, self._field)
        if index.before is None or self.attrname is None:
            return _grouped((key, each) for each in now for key in self._keys_of(each))
        before: dict[Key, list[Listed]] = getattr(index.before, self.attrname)
        other = differing(now, getattr(index.before.objects, self._field))
        if not other:
            return before
        touched = {key for each in other for key in self._keys_of(each)}
        again = {id(each) for key in touched for each in before.get(key, ())} | {id(each) for each in other}
        pairs = ((key, each) for each in now if id(each) in again for key in self._keys_of(each) if key in touched)
        return {key: found for key, found in before.items() if key not in touched} | _grouped(pairs)


def differing(now: Sequence[Listed], then: Sequence[Listed]) -> list[Listed]:
    """What is in one of two lists alone, the very objects compared."""
    if now is then:
        return []
    before, after = set(map(id, then)), set(map(id, now))
    gone = [each for each in then if id(each) not in after]
    return gone + [each for each in now if id(each) not in before]


class Owned(Generic[Named]):
    """Objects by the uid of an owner that they name and can have; whether they can is asked when they are looked up."""

    __slots__ = ("_can_be", "_found", "_naming")

    def __init__(self, naming: Mapping[str, list[Named]], can_be: Callable[[Named, str], bool]) -> None:
        """Of objects by the uids that they name, and whether an owner of that uid can be an object's."""
        self._naming = naming
        self._can_be = can_be
        self._found: dict[str, list[Named]] = {}

    def get(self, uid: str, default: Sequence[Named] = ()) -> Sequence[Named]:
        """Those of an owner; the default if it has none."""
        if uid not in self._found:
            self._found[uid] = [each for each in self._naming.get(uid, ()) if self._can_be(each, uid)]
        return self._found[uid] or default

    def __contains__(self, uid: str) -> bool:
        """Whether an owner has any."""
        return bool(self.get(uid))


class Beside(dict[type, object]):
    """What others have made of something, by its type: made when first asked for, and gone when that is gone."""

    def once(self, kind: type[Made], make: Callable[[], Made]) -> Made:
        """What there is of a type, made if there is none yet."""
        found = self.get(kind)
        if not isinstance(found, kind):
            found = self[kind] = make()
        return found


class Index:
    """Lookups over one source. Nothing here decides anything."""

    def __init__(self, source: Source, before: Index | None = None) -> None:
        """Of a source.

        Args:
            source: what was observed.
            before: of the source that this one was made of by changing a little: what did not change is taken over.
        """
        self.source = source
        self.objects = source.objects
        self.before = before
        self.beside = Beside()
        """What others have made of this source."""

    def same(self, *fields: str) -> bool:
        """Whether these fields of Objects hold the very same as in the index before."""
        before = self.before
        return before is not None and all(
            getattr(self.objects, each) is getattr(before.objects, each) for each in fields
        )

    @_made_of("nodes")
    def nodes(self) -> dict[str, Node]:
        """Nodes by name."""
        return _by_name(self.objects.nodes)

    @_made_of("nodes")
    def node_labels(self) -> dict[str, frozenset[str]]:
        """The values that nodes have of each label."""
        pairs = {pair for node in self.objects.nodes for pair in node.metadata.labels.items()}
        return {key: frozenset(values) for key, values in _grouped(pairs).items()}

    @_made_of("namespaces")
    def namespaces(self) -> dict[str, Namespace]:
        """Namespaces by name."""
        return _by_name(self.objects.namespaces)

    @_made_of("pods")
    def pods(self) -> dict[str, Pod]:
        """Pods by namespace/name."""
        return _by_key(self.objects.pods)

    @_made_of("pods")
    def pods_on(self) -> dict[str, list[Pod]]:
        """Pods that hold something, by the node they are bound to."""
        return _grouped((pod.spec.node_name, pod) for pod in self.objects.pods if pod.bound)

    living_in: _KeptUnder[str, Pod] = _KeptUnder("pods", lambda pod: () if pod.ended else (pod.metadata.namespace,))
    """Pods that are not over, by namespace."""

    @_made_of("quotas")
    def quotas_in(self) -> dict[str, list[ResourceQuota]]:
        """ResourceQuotas by namespace."""
        return _grouped((each.namespace, each) for each in self.objects.quotas)

    @_made_of("limit_ranges")
    def limit_ranges_in(self) -> dict[str, list[LimitRange]]:
        """LimitRanges by namespace."""
        return _grouped((each.namespace, each) for each in self.objects.limit_ranges)

    @_made_of("service_accounts")
    def service_accounts_in(self) -> dict[str, list[ServiceAccount]]:
        """Service accounts by namespace."""
        return _grouped((each.namespace, each) for each in self.objects.service_accounts)

    @_made_of("pods")
    def pods_by_uid(self) -> dict[str, Pod]:
        """Pods by uid."""
        return {each.metadata.uid: each for each in self.objects.pods if each.metadata.uid}

    @cached_property
    def pods_of(self) -> Owned[Pod]:
        """Pods by the uid of their controller."""
        return Owned(self._pods_naming, self._is_controlled)

    def _is_controlled(self, pod: Pod, uid: str) -> bool:
        owner = pod.metadata.controller
        return owner is not None and owner.uid == uid and self.may_own(owner, pod.metadata)

    _pods_naming: _KeptUnder[str, Pod] = _KeptUnder("pods", lambda pod: _uids_of(pod.metadata.controller))
    """Pods by the uid of the controller that they name."""

    @_made_of(*_WORK)
    def work(self) -> dict[str, Work]:
        """Everything that may stand above a pod, by uid."""
        return {each.metadata.uid: each for each in self.all_work()}

    @_made_of(*_WORK)
    def work_by_name(self) -> dict[tuple[str, str, str], Work]:
        """The same by kind, namespace and name."""
        return {(kind_of(each), each.namespace, each.name): each for each in self.all_work()}

    @_made_of(*_WORK)
    def work_under(self) -> dict[str, list[Work]]:
        """The same by the uid of their controller."""
        return _grouped(
            (owner.uid, each)
            for each in self.all_work()
            if (owner := each.metadata.controller) and self.may_own(owner, each.metadata)
        )

    def all_work(self) -> Iterator[Work]:
        """Everything that may stand above a pod."""
        yield from self.objects.jobs
        yield from self.objects.cron_jobs
        yield from self.objects.replicas
        yield from self.objects.daemon_sets
        yield from self.objects.owners

    @_made_of("workloads")
    def workloads(self) -> dict[str, Workload]:
        """Workloads by namespace/name."""
        return _by_key(self.objects.workloads)

    @cached_property
    def workloads_of(self) -> Owned[Workload]:
        """Workloads by the uid of any of their owners."""
        return Owned(self._workloads_naming, self._is_owned)

    def _is_owned(self, workload: Workload, uid: str) -> bool:
        return any(owner.uid == uid for owner in self.owners_of(workload.metadata))

    _workloads_naming: _KeptUnder[str, Workload] = _KeptUnder(
        "workloads", lambda each: _uids_of(*each.metadata.owner_references)
    )
    """Workloads by the uids of the owners that they name."""

    @_made_of("cluster_queues")
    def cluster_queues(self) -> dict[str, ClusterQueue]:
        """ClusterQueues by name."""
        return _by_name(self.objects.cluster_queues)

    @_made_of("local_queues")
    def local_queues(self) -> dict[str, LocalQueue]:
        """LocalQueues by namespace/name."""
        return _by_key(self.objects.local_queues)

    @_made_of("cohorts")
    def cohorts(self) -> dict[str, Cohort]:
        """Cohorts by name."""
        return _by_name(self.objects.cohorts)

    @_made_of("flavors")
    def flavors(self) -> dict[str, ResourceFlavor]:
        """ResourceFlavors by name."""
        return _by_name(self.objects.flavors)

    @_made_of("admission_checks")
    def admission_checks(self) -> dict[str, AdmissionCheck]:
        """AdmissionChecks by name."""
        return _by_name(self.objects.admission_checks)

    @_made_of("priority_classes")
    def priority_classes(self) -> dict[str, PriorityClass]:
        """PriorityClasses by name."""
        return _by_name(self.objects.priority_classes)

    @_made_of("workload_priority_classes")
    def workload_priority_classes(self) -> dict[str, PriorityClass]:
        """WorkloadPriorityClasses by name."""
        return _by_name(self.objects.workload_priority_classes)

    @_made_of("volume_claims")
    def volume_claims(self) -> dict[str, VolumeClaim]:
        """PersistentVolumeClaims by namespace/name."""
        return _by_key(self.objects.volume_claims)

    @_made_of("resource_claims")
    def resource_claims(self) -> dict[str, ResourceClaim]:
        """ResourceClaims by namespace/name."""
        return _by_key(self.objects.resource_claims)

    @_made_of("resource_claims")
    def resource_claims_of(self) -> dict[str, list[ResourceClaim]]:
        """ResourceClaims by the uid of any of their owners."""
        return _grouped(
            (by.uid, each) for each in self.objects.resource_claims for by in each.metadata.owner_references
        )

    @_made_of("resource_claim_templates")
    def resource_claim_templates(self) -> dict[str, ResourceClaimTemplate]:
        """ResourceClaimTemplates by namespace/name."""
        return _by_key(self.objects.resource_claim_templates)

    @_made_of("volumes")
    def volumes(self) -> dict[str, PersistentVolume]:
        """PersistentVolumes by name."""
        return _by_name(self.objects.volumes)

    @_made_of("storage_classes")
    def storage_classes(self) -> dict[str, StorageClass]:
        """StorageClasses by name."""
        return _by_name(self.objects.storage_classes)

    @_made_of("config_maps")
    def config_maps(self) -> dict[str, ConfigMap]:
        """The few ConfigMaps that are read, by namespace/name."""
        return _by_key(self.objects.config_maps)

    _events: _KeptUnder[tuple[str, str, str], Event] = _KeptUnder("events", lambda event: (_named(event),))
    """Events by kind, namespace and name of what they are about."""

    def events_of(self, kind: str, meta: ObjectMeta) -> list[Event]:
        """Events of an object, oldest first; those of an earlier object of the same name are left out."""
        found = self._events.get((kind, meta.namespace, meta.name), [])
        same = [each for each in found if not each.involved_object.uid or each.involved_object.uid == meta.uid]
        return sorted(same, key=lambda event: event.at)

    def may_own(self, reference: OwnerReference, meta: ObjectMeta) -> bool:
        """Whether what an object says of an owner can be: of what was not seen, nothing speaks against it.

        Anybody may write anybody's uid into an object of their own. The garbage collector follows it only within the
        namespace, or to an owner that has none, and only where kind and name are those of the uid.
        """
        named = self.work.get(reference.uid) or self.pods_by_uid.get(reference.uid)
        if named is None:
            return True
        near = named.metadata.namespace in {"", meta.namespace}
        return near and named.metadata.name == reference.name and named.kind in {"", reference.kind}

    def owners_of(self, meta: ObjectMeta) -> list[OwnerReference]:
        """The owners that an object names and can have."""
        return [each for each in meta.owner_references if self.may_own(each, meta)]

    def owner(self, reference: OwnerReference | None, meta: ObjectMeta) -> Work | None:
        """The work that an owner reference of an object names, if it was seen and can be its owner."""
        if reference is None or not self.may_own(reference, meta):
            return None
        return self.work.get(reference.uid)

    def chain(self, meta: ObjectMeta) -> list[Work]:
        """The work above an object, nearest first, as far as it was seen."""
        found: list[Work] = []
        above = self._above(meta)
        while above is not None and above not in found and len(found) < _HIGHEST:
            found.append(above)
            above = self._above(above.metadata)
        return found

    def _above(self, meta: ObjectMeta) -> Work | None:
        """The work right above an object, or above the pod that made it: a leader makes the set of its workers."""
        reference = meta.controller
        found = self.owner(reference, meta)
        if found is not None or reference is None or reference.kind != "Pod" or not self.may_own(reference, meta):
            return found
        pod = self.pods_by_uid.get(reference.uid)
        return None if pod is None else self.owner(pod.metadata.controller, pod.metadata)

    def top(self, pod: Pod) -> Work | Pod:
        """What stands at the top above a pod: what a person submitted."""
        chain = self.chain(pod.metadata)
        return chain[-1] if chain else pod

    def pods_under(self, uid: str) -> list[Pod]:
        """All pods below an object, whatever lies between: also a pod that leads others."""
        found: list[Pod] = []
        seen: set[str] = set()
        waiting = [uid]
        while waiting:
            below = waiting.pop()
            if below in seen:
                continue
            seen.add(below)
            pods = self.pods_of.get(below, ())
            found += pods
            waiting += [each.metadata.uid for above in (below, *_uids(pods)) for each in self.work_under.get(above, ())]
        return found


def kind_of(each: Object) -> str:
    """Kind of an object; structs of one kind alone need not carry it."""
    return each.kind or type(each).__name__


def _named(event: Event) -> tuple[str, str, str]:
    about = event.involved_object
    return about.kind, about.namespace, about.name


def _uids_of(*owners: OwnerReference | None) -> Iterable[str]:
    return dict.fromkeys([each.uid for each in owners if each is not None])


def _uids(pods: Iterable[Pod]) -> Iterator[str]:
    return (each.metadata.uid for each in pods)


def _by_name(objects: Sequence[Named]) -> dict[str, Named]:
    return {each.metadata.name: each for each in objects}


def _by_key(objects: Sequence[Named]) -> dict[str, Named]:
    return {each.key: each for each in objects}


def _grouped(pairs: Iterable[tuple[Key, Value]]) -> dict[Key, list[Value]]:
    found: dict[Key, list[Value]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return dict(found)
