"""What others' objects may say to a team: names that it can read elsewhere, and words of the API; nothing else.

An allow-list: whatever else such an object says has a name of ours, the same wherever one of them says it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec

from allotment.model.decoding import converted
from allotment.model.devices import DEVICE_RESOURCES
from allotment.model.observed.base import Object
from allotment.model.observed.snapshot import Objects
from allotment.observe.shared_marks import SharedMarks
from allotment.observe.standing_in import StandIns, is_stand_in
from allotment.observe.vocabulary import is_amount, is_known

_PLAIN: Final = frozenset({"", "cpu", "memory", "pods", "storage", "ephemeral-storage", *DEVICE_RESOURCES})
_PAGES: Final = "hugepages-"
_LISTED: Final = """
Active Admitted Always Any Available Block BestEffortFIFO Bound Borrow BorrowingOverPreemption DeactivationTarget
Deactivated Evicted False Failed Finished Hold HoldAndDrain LowerOrNewerEqualPriority LowerPriority MayStopSearch
Never NoAdmissionFairSharing None OnFailure Pending PodsReady Preempt PreemptLowerPriority Preempted
PreemptionOverBorrowing QuotaReserved ReadOnlyMany ReadWriteMany ReadWriteOnce ReadWriteOncePod Released Requeued
Running StrictFIFO Succeeded True TryNextFlavor Unknown UsageBasedAdmissionFairSharing In NotIn Exists DoesNotExist
Gt Lt
"""
_OF_THE_API: Final = frozenset(_LISTED.split())
"""Values that the API itself lists."""
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")
_OURS: Final = re.compile(r"allotment-hidden|p|[cpr]\d+")
_KINDS: Final = frozenset({"apiVersion", "kind", "metadata"})
_KEYED: Final = frozenset({"requests", "overhead", "flavors", "resourceUsage", "capacity"})

_Object = TypeVar("_Object", bound=Object)


class ReadableNames:
    """Which names a team can read."""

    def __init__(self, names: Iterable[str], shared: StandIns, own: StandIns) -> None:
        """Of them.

        Args:
            names: all that it can read.
            shared: what stands for names of what is everybody's.
            own: what is to stand for all else.
        """
        self._names = frozenset(names)
        self._shared = shared
        self._own = own

    def narrowed(self, each: _Object) -> _Object:
        """Another's object, or one of nobody's, that says no more."""
        raw = self._narrowed(msgspec.to_builtins(each), "")
        return converted(raw, type(each), strict=False)

    def of(self, text: str) -> str:
        """A name as the team may read it."""
        known = self._shared.known(text)
        if known is not None:
            return known
        if text in self._names or _is_public(text):
            return text
        return self._own.of(text)

    def _narrowed(self, value: Any, key: str) -> Any:
        if isinstance(value, str):
            return self.of(value)
        if isinstance(value, dict):
            if key in _KEYED:
                return {self.of(name): self._narrowed(each, "") for name, each in value.items()}
            return {name: each if name in _KINDS else self._narrowed(each, name) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._narrowed(each, "") for each in value]
        return value


def _is_public(text: str) -> bool:
    if text in _PLAIN or text in _OF_THE_API or is_amount(text) or is_stand_in(text):
        return True
    if _MOMENT.fullmatch(text) or _OURS.fullmatch(text) or text.startswith(_PAGES):
        return True
    # Reasons are written in humps; a name of an object has no capitals.
    return text[0].isupper() and is_known(text)


def shared_names(objects: Objects, marks: SharedMarks, kinds: Iterable[str]) -> Iterator[str]:
    """Names that stand in what is everybody's.

    Args:
        objects: of a source.
        marks: which labels are left.
        kinds: fields of what is everybody's.
    """
    for field in kinds:
        yield from (each.metadata.name for each in getattr(objects, field))
    for node in objects.nodes:
        yield from (word for pair in marks.narrowed(node.metadata).labels.items() for word in pair)
        yield from (*node.status.allocatable, *node.status.capacity)
    for topology in objects.topologies:
        yield from (level.node_label for level in topology.spec.levels)
    for slice_ in objects.resource_slices:
        yield from (slice_.spec.driver, slice_.spec.pool.name, *(each.name for each in slice_.spec.devices))
    for class_ in objects.device_classes:
        yield class_.spec.extended_resource_name


def own_names(split: Mapping[str, Iterable[Any]]) -> Iterator[str]:
    """Names of resources and classes that stand in a team's own objects.

    Args:
        split: the team's own objects, by field.
    """
    for pod in split["pods"]:
        for each in (*pod.spec.containers, *pod.spec.init_containers):
            yield from (*each.resources.requests, *each.resources.limits)
    for workload in split["workloads"]:
        for pod_set in workload.spec.pod_sets:
            for each in (*pod_set.template.spec.containers, *pod_set.template.spec.init_containers):
                yield from (*each.resources.requests, *each.resources.limits)
    for claim in split["volume_claims"]:
        yield claim.spec.storage_class_name or ""


def queue_names(queues: Iterable[Any]) -> Iterator[str]:
    """What a team's own ClusterQueues name: flavors, resources and checks."""
    for queue in queues:
        yield queue.metadata.name
        for group in queue.spec.resource_groups:
            yield from (*group.covered_resources, *(each.name for each in group.flavors))
        yield from queue.spec.admission_checks
        strategy = queue.spec.admission_checks_strategy
        yield from () if strategy is None else (each.name for each in strategy.admission_checks)
