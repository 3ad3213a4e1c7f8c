"""The work names no queue, in a namespace where work has to."""

from __future__ import annotations

from allotment.diagnose.amending import labelled_runs
from allotment.diagnose.case import Case, queued_labels, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import refused_run
from allotment.diagnose.rules.policy.admission_policies import Denial, audit_only, denial, label_rules
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.observed.base import Object, Reference
from allotment.model.observed.work import Job, Owner


def find(case: Case) -> Finding | None:
    """A policy refused it for that; or it stands suspended without a label, beside queues that would start it."""
    sent = case.submission.manifest if case.submission and case.subject is None else None
    work = case.top if case.top is not None else sent
    if work is None or KUEUE_QUEUE in queued_labels(work) or case.queue_name:
        return None
    queues = sorted(each.name for each in case.index.objects.local_queues if each.namespace == case.namespace)
    found = denial(case)
    if found is not None:
        if not any(rule.key == KUEUE_QUEUE for rule in label_rules(found)) and KUEUE_QUEUE not in found.why:
            return None
    elif case.subject is None or not (_suspended(work) and (queues or case.workload is not None)):
        return None
    target = case.reference if case.subject is None else reference_of(work)
    asked = f"; the policy {found.called} asks for it" if found is not None else ", and it stands suspended"
    if found is None and case.workload is not None:
        asked = ", and Kueue holds back what names no queue"
    who = "the" if refused_run(case) is None else "a run of the"
    there = f" (queues of the namespace: {', '.join(queues)})" if queues else ""
    return Finding(
        "queue-label-missing",
        CauseVerdict.MISCONFIGURED,
        f"{who} {target.kind} {target.name} has no label {KUEUE_QUEUE}{asked}{there}",
        facts={
            "missing_label": KUEUE_QUEUE,
            "namespace": case.namespace,
            "queues_in_namespace": queues,
            "suspended_by_user": found is None and case.workload is None,
        },
        evidence=_evidence(target, found),
        confidence=Confidence.SURE if found is None else found.refusal.sureness,
        proposals=(*_labelled(case, target, queues), *_unqueued(case, target, found)),
    )


def _suspended(work: Object) -> bool:
    return work.spec.suspend if isinstance(work, Job) else isinstance(work, Owner) and bool(work.suspend)


def _evidence(target: Reference, found: Denial | None) -> tuple[Evidence, ...]:
    field = "spec.jobTemplate.metadata.labels" if target.kind == "CronJob" and found is not None else "metadata.labels"
    label = Evidence(target, f"{field}[{KUEUE_QUEUE}]", None, "no queue is named")
    if found is None:
        return (label, Evidence(target, "spec.suspend", True, "nobody will start it"))
    return (label, Evidence(found.refusal.object, found.refusal.field, found.refusal.message))


def _labelled(case: Case, target: Reference, queues: list[str]) -> list[Proposal]:
    return [
        Proposal(
            RemedyKind.FIX_LABEL,
            Doer.USER,
            f"label {'it' if refused_run(case) is None else 'its runs'} {KUEUE_QUEUE}={queue}",
            *_labels(case, target, {KUEUE_QUEUE: queue}),
            cost=position,
        )
        for position, queue in enumerate(queues)
    ]


def _labels(case: Case, target: Reference, labels: dict[str, str]) -> tuple[Reference, Patch]:
    cron = refused_run(case)
    if cron is not None:
        return labelled_runs(cron, labels)
    return target, Patch(PatchOp.RESUBMIT if case.subject is None else PatchOp.MERGE, {"metadata": {"labels": labels}})


def _unqueued(case: Case, target: Reference, found: Denial | None) -> list[Proposal]:
    if found is None and case.workload is not None:
        # Kueue would suspend it again.
        return []
    if found is None:
        return [
            Proposal(
                RemedyKind.UNSUSPEND,
                Doer.USER,
                "set spec.suspend to false: it starts outside of the queue and of its quota",
                target,
                Patch(PatchOp.MERGE, {"spec": {"suspend": False}}),
                cost=8,
            )
        ]
    return list(audit_only(case, found))
