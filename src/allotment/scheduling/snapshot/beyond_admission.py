"""Which Workload a pod is counted in, and what holds devices that no admission covers.

Whose a pod is, the pod says: anybody may name an admitted object of the namespace as the owner of a pod that its
controller never made. What a queue let in is what it counted, and no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Final

from allotment.model.devices import is_device
from allotment.model.observed.base import ObjectMeta, OwnerReference
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod, PodSpec
from allotment.model.observed.queueing import Workload
from allotment.scheduling.snapshot.pods import AskedFor, asked_for, request_pairs
from allotment.scheduling.snapshot.quantities import units

_JOB_UID: Final = "kueue.x-k8s.io/job-uid"
_KINDS: Final = 1 << 14
"""Kinds of pods whose devices are kept."""


def devices_of(spec: PodSpec) -> dict[str, int]:
    """Units of devices that a pod asks for by their resource."""
    return dict(_devices(asked_for(spec)))


@lru_cache(maxsize=_KINDS)
def _devices(asked: AskedFor) -> tuple[tuple[str, int], ...]:
    return tuple((name, amount) for name, amount in request_pairs(asked) if amount and is_device(name))


def holding(index: Index, pods: Iterable[Pod]) -> list[Pod]:
    """Those that hold devices to stay: what is being deleted, or is on a node that is gone, has been replaced."""
    nodes = index.nodes
    return [
        pod
        for pod in pods
        if pod.bound
        and not pod.metadata.deletion_timestamp
        and (not nodes or pod.spec.node_name in nodes)
        and (pod.spec.resource_claims or devices_of(pod.spec))
    ]


def beyond(workload: Workload, pods: Iterable[Pod]) -> set[str]:
    """Which of the pods under a Workload (namespace/name) hold more than it was admitted for, the oldest left out.

    Args:
        workload: not finished.
        pods: all that `holding` finds under it.
    """
    ordered = sorted(pods, key=lambda pod: (pod.metadata.creation_timestamp, pod.name))
    if not workload.holds_quota:
        return {pod.key for pod in ordered}
    given, by_claims = admitted_devices(workload), _claims(workload)
    found: set[str] = set()
    for pod in ordered:
        asked = devices_of(pod.spec)
        if any(given[name] < units_ for name, units_ in asked.items()) or (pod.spec.resource_claims and not by_claims):
            found.add(pod.key)
        else:
            given.subtract(asked)
    return found


def admitted_devices(workload: Workload) -> Counter[str]:
    """Units of devices that a Workload holds: as its queue counted them, or, where more, as its pods ask for them.

    A queue that is told to leave a resource out of account counts none of it.
    """
    admission = workload.status.admission
    given = {} if admission is None else {each.name: each for each in admission.pod_set_assignments}
    returned = {each.name: each.count for each in workload.status.reclaimable_pods}
    found: Counter[str] = Counter()
    for part in workload.spec.pod_sets:
        assigned = given.get(part.name)
        count = part.count if assigned is None or assigned.count is None else assigned.count
        asked = {name: each * count for name, each in devices_of(part.template.spec).items()}
        counted: Mapping[str, int] = {}
        if assigned is not None:
            usage = assigned.resource_usage.items()
            counted = {name: units(name, amount) for name, amount in usage if is_device(name)}
        left = max(0, count - returned.get(part.name, 0))
        for name in {*asked, *counted}:
            most = max(asked.get(name, 0), counted.get(name, 0))
            found[name] += most * left // count if count > 0 else most
    return found


def _claims(workload: Workload) -> bool:
    """Whether any pod of it may have devices by claims, which are counted by other names."""
    return any(part.template.spec.resource_claims for part in workload.spec.pod_sets)


class WorkloadsOfPods:
    """Which Workload each pod of a source is counted in."""

    def __init__(self, index: Index) -> None:
        """Of a source."""
        self._index = index
        self._of_owners: dict[tuple[str, OwnerReference], Workload | None] = {}

    @cached_property
    def _workload_of(self) -> dict[str, Workload]:
        """Workloads by the uid of any object that they stand for; of a job that was scaled, the one that counts now."""
        found: dict[str, Workload] = {}
        for each in sorted(self._index.objects.workloads, key=_standing):
            uids = {owner.uid for owner in self._index.owners_of(each.metadata)}
            uids.add(self._labelled(each))
            for uid in uids - {""}:
                found[uid] = each
        return found

    def _labelled(self, workload: Workload) -> str:
        """The uid of the job that a label names, unless that job lies in another namespace."""
        uid = workload.metadata.labels.get(_JOB_UID, "")
        named = self._index.work.get(uid) or self._index.pods_by_uid.get(uid)
        return uid if named is None or named.namespace in {"", workload.namespace} else ""

    def of(self, pod: Pod) -> Workload | None:
        """The Workload that a pod is counted in, if there is one; none of what holds more than was admitted."""
        return None if pod.key in self._beyond else self._above(pod)

    def _above(self, pod: Pod) -> Workload | None:
        own, owner = self._workload_of.get(pod.metadata.uid), pod.metadata.controller
        if own is not None or owner is None:
            return own
        # What stands above a pod depends on its namespace and its owner alone, and most owners have several pods.
        asked = (pod.namespace, owner)
        if asked not in self._of_owners:
            chain = (pod, *self._index.chain(pod.metadata))
            found = next((one for each in chain if (one := self._workload_of.get(each.metadata.uid))), None)
            self._of_owners[asked] = found or self._of_unseen(chain[-1].metadata)
        return self._of_owners[asked]

    def _of_unseen(self, meta: ObjectMeta) -> Workload | None:
        """The Workload of what stands above and was not seen itself: a kind that may not be read."""
        above = meta.controller
        if above is None or not self._index.may_own(above, meta):
            return None
        found = self._workload_of.get(above.uid)
        return found if found is not None and found.namespace == meta.namespace else None

    @cached_property
    def _beyond(self) -> frozenset[str]:
        """Pods (namespace/name) under workloads that were not admitted for what they hold."""
        under: dict[str, tuple[Workload, list[Pod]]] = {}
        for pod in holding(self._index, self._index.objects.pods) if self._index.objects.workloads else ():
            workload = self._above(pod)
            if workload is not None and not workload.says("Finished"):
                under.setdefault(workload.key, (workload, []))[1].append(pod)
        return frozenset(key for workload, pods in under.values() for key in beyond(workload, pods))


def _standing(workload: Workload) -> tuple[bool, bool, str]:
    """Those that count more stand last."""
    return not workload.says("Finished"), workload.holds_quota, workload.metadata.creation_timestamp
