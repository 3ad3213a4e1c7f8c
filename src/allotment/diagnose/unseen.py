"""What could not be read and bears on an answer: a short line a kind, sorted, so that two runs say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from allotment.diagnose.case import Case
from allotment.model.observed.pods import PodSpec
from allotment.model.observed.snapshot import Gap, Source
from allotment.observe.recent_events import LEFT_OUT
from allotment.observe.seen import seen_everywhere, seen_in

WORK: Final = ("cronjobs", "daemonsets", "deployments", "jobs", "pods", "replicasets", "statefulsets", "workloads")
"""Kinds that wait, or stand above what waits."""
_ALWAYS: Final = ("events", "limitranges", "resourcequotas")
_ROOM: Final = ("nodes", "pods")
_QUEUE: Final = (
    "admissionchecks",
    "clusterqueues",
    "cohorts",
    "localqueues",
    "resourceflavors",
    "the order of those that wait",
    "workloadpriorityclasses",
    "workloads",
)
_VOLUMES: Final = ("persistentvolumeclaims", "persistentvolumes", "storageclasses")
_CLAIMS: Final = ("deviceclasses", "resourceclaims", "resourceclaimtemplates", "resourceslices")
_REFUSED: Final = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
_EVERYONES: Final = frozenset({"localqueues", "pods", "resourceclaims", "workloads"})
"""Kinds of which those of other namespaces bear on an answer too: they hold what is missing."""
_HIDING: Final = frozenset({"forbidden", "failed", "hidden"})


class _Unseen(dict[tuple[str, frozenset[str]], tuple[str, ...]]):
    """What has been found out, by namespace and kinds: many answers rest on the same."""


def unseen_by(case: Case) -> tuple[str, ...]:
    """What could not be read of what the subject's answer rests on."""
    if not case.source.gaps:
        return ()
    kept, asked = case.index.beside.once(_Unseen, _Unseen), (case.namespace, frozenset(_bearing(case)))
    if asked not in kept:
        kept[asked] = unseen_in(case.source, *asked)
    return kept[asked]


def places_unseen(case: Case) -> bool:
    """Whether Kueue places the pods of its ClusterQueue within a topology that was not seen."""
    queue, unlevelled = case.cluster_queue, case.twins.queueing.unlevelled
    if queue is None or not unlevelled:
        return False
    return any(each.name in unlevelled for group in queue.spec.resource_groups for each in group.flavors)


def quotas_seen(case: Case) -> bool:
    """Whether all was seen that says what a queue may have: its flavors, and the cohorts above it."""
    queue = case.cluster_queue
    in_cohort = queue is not None and bool(queue.spec.cohort_name)
    return case.seen("resourceflavors") and (not in_cohort or case.seen("cohorts"))


def unseen_in(source: Source, namespace: str, plurals: Iterable[str]) -> tuple[str, ...]:
    """What of these kinds could not be read.

    Args:
        source: that was read.
        namespace: that is asked about; empty for all.
        plurals: kinds.
    """
    return tuple(line for plural in sorted(set(plurals)) for line in _line(source, namespace, plural))


def _line(source: Source, namespace: str, plural: str) -> Iterator[str]:
    if plural == "events" and any(_cut_here(gap, namespace) for gap in source.gaps):
        yield "events: the oldest of the namespace"
        return
    reasons = [gap.reason for gap in source.gaps if gap.what == plural and gap.reason in _HIDING]
    if not reasons or seen_everywhere(source, plural):
        return
    here = (namespace,) if namespace else source.namespaces
    if not (any(seen_in(source, plural, each) for each in here) or (not here and reasons == ["hidden"])):
        yield f"{plural}: {reasons[0]}"
    elif not namespace or plural in _EVERYONES:
        yield f"{plural} of other namespaces: {reasons[0]}"


def _cut_here(gap: Gap, namespace: str) -> bool:
    return gap.what == "events" and gap.namespace == namespace and gap.detail.endswith(LEFT_OUT)


def _bearing(case: Case) -> Iterator[str]:
    yield from (*_ALWAYS, *_ROOM)
    # Once Kueue has let it in, no number of its queue keeps it.
    workload = case.workload
    if case.queue_name and not (workload is not None and workload.says("Admitted")):
        yield from _QUEUE
        if any(each.spec.topology_name for each in case.index.objects.flavors):
            yield "topologies"
    if case.submission is not None and case.subject is None:
        yield from _REFUSED
    specs = [pod.spec for pod in case.waiting_pods] or [part.template.spec for part in case.to_come]
    for spec in specs[:1]:
        yield from _by_spec(spec)


def _by_spec(spec: PodSpec) -> Iterator[str]:
    if any(each.persistent_volume_claim is not None or each.ephemeral is not None for each in spec.volumes):
        yield from _VOLUMES
    if spec.resource_claims:
        yield from _CLAIMS
    if spec.priority_class_name:
        yield "priorityclasses"
    if spec.runtime_class_name:
        yield "runtimeclasses"
