"""What the rules about queues share: whether the subject waits for quota at all, and what it could use instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from allotment.diagnose.amending import labelled_runs
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.reach import ended_badly
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.observed.base import Reference
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import CheckRule, ClusterQueue, LocalQueue
from allotment.model.observed.work import CronJob, Replicas, Work
from allotment.model.reading import KUEUE_GROUP
from allotment.scheduling.snapshot.queues import held
from allotment.scheduling.snapshot.standing import selects

_NO_KUEUE: Final = ("CronJob", "DaemonSet")
"""Kinds that never queue themselves: what they make does, or nothing."""


def kueue_absent(case: Case) -> bool:
    """Whether the cluster has no Kueue: a queue label says nothing to anybody there."""
    return KUEUE_GROUP in case.source.lacks


def waits_for_quota(case: Case) -> bool:
    """Whether the subject is to get quota from a queue and has none."""
    workload = case.workload
    if workload is not None:
        return not workload.holds_quota and not workload.says("Finished")
    if not case.queue_name or case.running_pods or case.starting_pods or ended_badly(case):
        return False
    return case.reference.kind not in _NO_KUEUE and may_be_kept(case)


def may_be_kept(case: Case) -> bool:
    """Whether Kueue may keep it back: pods that wait without a gate are none that it looks after."""
    return not case.waiting_pods or any(pod.spec.scheduling_gates for pod in case.waiting_pods)


def admits_namespace(case: Case, queue: ClusterQueue, namespace: str) -> bool:
    """Whether a ClusterQueue takes work of a namespace; one that was not seen is taken to fit."""
    found = case.index.namespaces.get(namespace)
    return found is None or selects(queue.spec.namespace_selector, found.metadata.labels)


def usable(case: Case, queue: LocalQueue) -> bool:
    """Whether work that enters by a LocalQueue can be admitted, as far as queues alone say."""
    behind = case.index.cluster_queues.get(queue.spec.cluster_queue)
    if behind is None or held(queue.spec.stop_policy) or held(behind.spec.stop_policy):
        return False
    return not behind.metadata.deletion_timestamp and admits_namespace(case, behind, queue.namespace)


def other_queues(case: Case, cost: int = 0) -> Iterator[Proposal]:
    """Other LocalQueues of the namespace that can admit: elsewhere, or anywhere where its own alone is held."""
    work, own = case.top, case.local_queue
    behind = "" if own is None or held(own.spec.stop_policy) else own.spec.cluster_queue
    if work is None or not work.metadata.uid:
        return
    for each in case.index.objects.local_queues:
        if each.namespace == case.namespace and each.spec.cluster_queue != behind and usable(case, each):
            yield queue_label(work, each.name, cost)


def queue_label(work: Work | Pod, name: str, cost: int = 0, then: str = "") -> Proposal:
    """Put the subject into another LocalQueue; `then` = what else is to be done, a clause."""
    labels = {KUEUE_QUEUE: name}
    target, body = reference_of(work), {"metadata": {"labels": labels}}
    patch = Patch(PatchOp.MERGE, body)
    if isinstance(work, CronJob):
        target, patch = labelled_runs(work, labels)
    elif isinstance(work, Replicas) and not work.metadata.labels.get(KUEUE_QUEUE):
        # It stands on the pods alone, whatever Kueue makes of the work above them.
        patch = Patch(PatchOp.MERGE, {"spec": {"template": body}})
    return Proposal(
        RemedyKind.FIX_QUEUE_NAME, Doer.USER, f"set the queue label to {name}{then}", target, patch, cost=cost
    )


def started_again(case: Case, target: Reference, who: Doer, what: str) -> Proposal:
    """Let a queue that somebody stopped go on."""
    patch = Patch(PatchOp.MERGE, {"spec": {"stopPolicy": "None"}})
    return Proposal(RemedyKind.RESUME_QUEUE, who, what, target, patch, effect=tuple(queued_again(case)))


def queued_again(case: Case) -> Iterator[tuple[Reference, Patch]]:
    """That Kueue queues what it had sent back, once what it was sent back for is over."""
    workload = case.workload
    sent_back = None if workload is None else workload.condition("Requeued")
    if workload is None or sent_back is None or sent_back.true:
        return
    conditions = [
        msgspec.to_builtins(each) | ({"status": "True"} if each is sent_back else {})
        for each in workload.status.conditions
    ]
    yield reference_of(workload), Patch(PatchOp.MERGE, {"status": {"conditions": conditions, "requeueState": None}})


def resubmission(case: Case) -> tuple[tuple[Reference, Patch], ...]:
    """The subject deleted and created again as it is, for what has to be done to others first."""
    work = case.top
    return () if work is None else ((reference_of(work), Patch(PatchOp.RESUBMIT, {})),)


def without_check(queue: ClusterQueue, *names: str) -> Patch:
    """The patch that takes AdmissionChecks out of a ClusterQueue, in either form."""
    steps: list[dict[str, str]] = []
    strategy = queue.spec.admission_checks_strategy
    rules: tuple[CheckRule, ...] = () if strategy is None else strategy.admission_checks
    if rules and all(rule.name in names for rule in rules):
        steps.append({"op": "remove", "path": "/spec/admissionChecksStrategy"})
    else:
        steps += [
            {"op": "remove", "path": f"/spec/admissionChecksStrategy/admissionChecks/{number}"}
            for number, rule in reversed(list(enumerate(rules)))
            if rule.name in names
        ]
    steps += [
        {"op": "remove", "path": f"/spec/admissionChecks/{number}"}
        for number, plain in reversed(list(enumerate(queue.spec.admission_checks)))
        if plain in names
    ]
    return Patch(PatchOp.JSON, steps)
