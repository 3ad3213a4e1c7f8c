"""Lookups over a source that was made of another by a change say what they would say of it alone."""

from collections.abc import Callable

import msgspec
import pytest

from allotment.model.observed.base import ObjectMeta, OwnerReference, Reference
from allotment.model.observed.index import Index
from allotment.model.observed.namespaced import Event
from allotment.model.observed.pods import Pod, PodStatus
from allotment.model.observed.queueing import Workload
from allotment.model.observed.snapshot import Objects, Source
from allotment.model.observed.work import Job

_UIDS = ("one", "two", "gone")


def _meta(name: str, *owners: str, namespace: str = "a") -> ObjectMeta:
    named = tuple(OwnerReference(kind="Job", name=each, uid=each, controller=True) for each in owners)
    return ObjectMeta(name=name, namespace=namespace, uid=name, owner_references=named)


def _pod(name: str, owner: str, phase: str = "Running") -> Pod:
    return Pod(metadata=_meta(name, owner), status=PodStatus(phase=phase))


def _event(about: str, reason: str) -> Event:
    return Event(involved_object=Reference(kind="Pod", namespace="a", name=about), reason=reason)


BEFORE = Objects(
    jobs=(Job(kind="Job", metadata=_meta("one")), Job(kind="Job", metadata=_meta("two"))),
    pods=(_pod("p", "one"), _pod("q", "two"), _pod("r", "one"), _pod("s", "gone")),
    workloads=(
        Workload(metadata=_meta("v", "one")),
        Workload(metadata=_meta("w", "one", "two")),
        Workload(metadata=_meta("x", "two")),
    ),
    events=(_event("p", "Pulled"), _event("q", "Failed"), _event("p", "Started")),
)


def _pods(objects: Objects, *pods: Pod) -> Objects:
    return msgspec.structs.replace(objects, pods=pods)


CHANGES: dict[str, Callable[[Objects], Objects]] = {
    "nothing": lambda of: of,
    "a pod goes": lambda of: _pods(of, *of.pods[1:]),
    "the last pod of an owner goes": lambda of: _pods(of, *(each for each in of.pods if each.name != "q")),
    "a pod comes before the others": lambda of: _pods(of, _pod("t", "one"), *of.pods),
    "a pod ends in its place": lambda of: _pods(of, _pod("p", "one", "Failed"), *of.pods[1:]),
    "a pod changes hands": lambda of: _pods(of, of.pods[0], _pod("q", "one"), *of.pods[2:]),
    "an owner moves away": lambda of: msgspec.structs.replace(
        of, jobs=(Job(kind="Job", metadata=_meta("one", namespace="b")), of.jobs[1])
    ),
    "an owner is of another name": lambda of: msgspec.structs.replace(
        of, jobs=(Job(kind="Job", metadata=ObjectMeta(name="other", namespace="a", uid="gone")), *of.jobs)
    ),
    "a workload goes and comes": lambda of: msgspec.structs.replace(
        of, workloads=(of.workloads[0], of.workloads[2], Workload(metadata=_meta("w", "two")))
    ),
    "of two that share an owner one goes": lambda of: msgspec.structs.replace(of, workloads=of.workloads[:2]),
    "events go": lambda of: msgspec.structs.replace(of, events=of.events[1:]),
}


def _said(index: Index) -> list[object]:
    """Everything, in its order: that of the first pod is told."""
    return [
        [[each.name for each in index.pods_of.get(uid)] for uid in _UIDS],
        [uid in index.pods_of for uid in _UIDS],
        [[each.name for each in index.workloads_of.get(uid)] for uid in _UIDS],
        [(namespace, [each.name for each in index.living_in.get(namespace, ())]) for namespace in ("a", "b")],
        [[each.reason for each in index.events_of("Pod", pod.metadata)] for pod in index.objects.pods],
    ]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_source_is_looked_up_as_one_by_itself(change: Callable[[Objects], Objects]) -> None:
    before = Index(Source(objects=BEFORE))
    _said(before)
    changed = Source(objects=change(BEFORE))
    assert _said(Index(changed, before)) == _said(Index(changed))
