"""How work is changed, whatever its kind: the patch of its pods in the form that the kind takes."""

from __future__ import annotations

from typing import Any

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.owned import changed_metadata, changed_templates, labelled_templates
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.observed.base import Object, Reference
from allotment.model.observed.index import kind_of
from allotment.model.observed.pods import Container, Pod, PodSpec
from allotment.model.observed.queueing import Workload
from allotment.model.observed.work import CronJob, DaemonSet, Job, Owner, Replicas

Effect = tuple[tuple[Reference, Patch], ...]
"""Changes that follow from an act, for trying only."""


def amended(
    case: Case, spec: dict[str, Any], metadata: dict[str, Any] | None = None, *, pod_set: str = ""
) -> tuple[Reference, Patch]:
    """What to patch so that the subject's pods change.

    Args:
        case: the subject, or what was refused.
        spec: the part of a pod's spec that changes, as a strategic merge patch.
        metadata: the part of the work's own metadata that changes.
        pod_set: whose pods are to change, where several are made; empty = those that wait.
    """
    work = worked_on(case)
    target = case.reference if work is None else reference_of(work)
    named = {"metadata": metadata} if metadata else {}
    refused = case.subject is None
    match work:
        case CronJob():
            body = {"jobTemplate": {"spec": {"template": {"spec": spec}}}}
            return target, Patch(PatchOp.RESUBMIT if refused else PatchOp.STRATEGIC, {**named, "spec": body})
        case Replicas() | DaemonSet():
            body = {"template": {"spec": spec}}
            return target, Patch(PatchOp.RESUBMIT if refused else PatchOp.STRATEGIC, {**named, "spec": body})
        case Owner():
            steps = changed_templates(case, work, spec, pod_set)
            own = changed_metadata(work, metadata) if metadata else []
            if steps is None or own is None:
                return target, Patch(PatchOp.SIGNAL, {**named, "podSpec": spec})
            return target, Patch(PatchOp.RESUBMIT, [*own, *steps])
        case Job():
            return target, Patch(PatchOp.RESUBMIT, {**named, "spec": {"template": {"spec": spec}}})
        case _:
            return target, Patch(PatchOp.RESUBMIT, {**named, "spec": spec})


def template_of(case: Case) -> tuple[Reference, str]:
    """Where the spec of the subject's pods can be read: an object, and the path in it.

    Where a kind of another controller keeps its templates is known if it was read; a pod or the Workload has the same.
    """
    work = worked_on(case)
    match work:
        case CronJob():
            return reference_of(work), "spec.jobTemplate.spec.template.spec"
        case Job() | Replicas() | DaemonSet():
            return reference_of(work), "spec.template.spec"
        case Owner() if work.groups and work.groups[0].path:
            path = work.groups[0].path.removeprefix("/").replace("/", ".")
            return reference_of(work), f"{path}.spec"
        case Owner() if case.waiting_pods:
            return reference_of(case.waiting_pods[0]), "spec"
        case Owner() if case.workload is not None:
            return reference_of(case.workload), "spec.podSets[0].template.spec"
        case Owner():
            return reference_of(work), "the template of its pods:"
        case _:
            return case.reference if work is None else reference_of(work), "spec"


def labelled_pods(case: Case, labels: dict[str, str]) -> tuple[Reference, Patch]:
    """What to patch so that the subject's pods carry labels."""
    return _described_pods(case, {"labels": labels})


def annotated_pods(case: Case, annotations: dict[str, str | None]) -> tuple[Reference, Patch]:
    """What to patch so that the subject's pods carry annotations, or lose those that are to be none."""
    return _described_pods(case, {"annotations": annotations})


def _described_pods(case: Case, change: dict[str, Any]) -> tuple[Reference, Patch]:
    target, patch = amended(case, {})
    metadata = {"metadata": change}
    match worked_on(case):
        case CronJob():
            body: dict[str, Any] = {"spec": {"jobTemplate": {"spec": {"template": metadata}}}}
        case Job() | Replicas() | DaemonSet():
            body = {"spec": {"template": metadata}}
        case Owner() as owner:
            steps = labelled_templates(owner, change)
            return target, Patch(PatchOp.SIGNAL, {"podSpec": {}}) if steps is None else Patch(PatchOp.RESUBMIT, steps)
        case _:
            body = metadata
    return target, Patch(patch.op, body)


def labelled_runs(cron: CronJob, labels: dict[str, str]) -> tuple[Reference, Patch]:
    """What to patch so that the Jobs of a CronJob carry labels."""
    return reference_of(cron), Patch(PatchOp.MERGE, {"spec": {"jobTemplate": {"metadata": {"labels": labels}}}})


def worked_on(case: Case) -> Object | None:
    """What is changed: what was asked about, what manages the pod that was, or what was sent.

    A Job that a controller of its own kind made is changed there, and a ReplicaSet in its Deployment; a run of a
    CronJob by itself, for the next run comes too late.
    """
    subject = case.subject
    if isinstance(subject, Workload | Pod):
        above = case.work
        if above is None:
            return subject if isinstance(subject, Pod) else None
    elif subject is not None:
        above = subject
    else:
        return case.submission.manifest if case.submission else None
    chain = [each for each in case.index.chain(above.metadata) if not isinstance(each, CronJob)]
    return chain[-1] if chain else above


def containers_patch(containers: dict[str, dict[str, Any]], key: str = "containers") -> dict[str, Any]:
    """A patch of containers by name."""
    return {key: [{"name": name, **change} for name, change in containers.items()]}


def patch_by_name(case: Case, containers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The same, each in the list that it stands in: containers, or initContainers."""
    body: dict[str, Any] = {}
    for name, change in containers.items():
        places = (container_of(part.template.spec, name) for part in case.to_come)
        key = next((key for found, key in places if found is not None), "containers")
        body.setdefault(key, []).append({"name": name, **change})
    return body


def container_of(spec: PodSpec, name: str) -> tuple[Container | None, str]:
    """A container by name, and the list of the spec that it stands in."""
    for key, listed in (("containers", spec.containers), ("initContainers", spec.init_containers)):
        for each in listed:
            if each.name == name:
                return each, key
    return None, "containers"


def runs(pods: tuple[Pod, ...]) -> Effect:
    """That pods which have their node do their work, once what kept them is mended."""
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": None,
        "initContainerStatuses": None,
    }
    return tuple(
        (reference_of(pod), Patch(PatchOp.MERGE, {"metadata": {"deletionTimestamp": None}, "status": status}))
        for pod in pods
    )


def mended_on(
    case: Case, node: str, what: str, signal: dict[str, str], kind: RemedyKind = RemedyKind.REPAIR_NODE
) -> Proposal:
    """Something done by hand on a node, after which the subject's pods there do their work.

    Args:
        case: the subject.
        node: its name.
        what: in words.
        signal: what is to be done something about.
        kind: of the remedy.
    """
    target = Reference(api_version="v1", kind="Node", name=node)
    return Proposal(kind, Doer.PLATFORM, what, target, Patch(PatchOp.SIGNAL, signal), effect=runs(case.starting_pods))


def sent_again(case: Case) -> Effect:
    """That what was refused is sent again; nothing where it was not refused."""
    return ((case.reference, Patch(PatchOp.RESUBMIT, {})),) if case.subject is None else ()


def scaled(work: Replicas, replicas: int) -> Patch:
    """A service with so many replicas; a StatefulSet in a queue is not resized where it stands, so it is made anew."""
    fixed = work.kind == "StatefulSet" and KUEUE_QUEUE in work.metadata.labels
    return Patch(PatchOp.RESUBMIT if fixed else PatchOp.MERGE, {"spec": {"replicas": replicas}})


def submitted_in(case: Case, namespace: str, kind: RemedyKind, summary: str, cost: int) -> Proposal:
    """The subject sent again, in another namespace."""
    target = Reference(
        api_version=case.reference.api_version,
        kind=case.reference.kind,
        namespace=namespace,
        name=case.reference.name,
    )
    return Proposal(kind, Doer.USER, summary, target, moved(case, namespace), cost=cost)


def moved(case: Case, namespace: str) -> Patch:
    """What was sent, sent to another namespace, in a queue that is there."""
    there = sorted(each.name for each in case.index.objects.local_queues if each.namespace == namespace)
    metadata: dict[str, object] = {"namespace": namespace}
    if case.queue_name and case.queue_name not in there and there:
        metadata["labels"] = {KUEUE_QUEUE: there[0]}
    return Patch(PatchOp.RESUBMIT, {"metadata": metadata})


def changed_pods(kind: RemedyKind, summary: str, case: Case, spec: dict[str, Any], cost: int = 0) -> Proposal:
    """A proposal by which the asker changes the subject's pods."""
    target, patch = amended(case, spec)
    return Proposal(kind, Doer.USER, summary, target, patch, effect=_next_run(case), cost=cost)


def _next_run(case: Case) -> Effect:
    """That the run of a CronJob which is stuck is over: what is changed only concerns the next."""
    if not isinstance(case.subject, CronJob):
        return ()
    runs_of = case.index.work_under.get(case.subject.metadata.uid, ())
    return tuple((reference_of(each), Patch(PatchOp.DELETE)) for each in (*case.pods, *runs_of))


def described(each: Object) -> str:
    """Kind and name."""
    return f"{kind_of(each)} {each.name}"
