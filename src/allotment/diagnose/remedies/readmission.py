"""What the API server and Kueue's webhooks say of work that a remedy changes or makes anew.

What stands was let in once; what is made anew is looked at again, with the old one gone.
"""

from __future__ import annotations

from typing import Final

import msgspec

from allotment.diagnose.case import Case, pods_of_work, reference_of
from allotment.diagnose.rules.policy.amounts import written
from allotment.diagnose.rules.policy.defaults import admitted
from allotment.diagnose.rules.policy.limits import breaches
from allotment.diagnose.rules.policy.quota_use import excesses
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.observed.base import Object
from allotment.model.observed.index import Index, kind_of
from allotment.model.observed.pods import Pod
from allotment.model.observed.snapshot import Objects, Submission
from allotment.model.observed.work import Job, Replicas

_LEAST: Final = "kueue.x-k8s.io/job-min-parallelism"
_INVALID: Final = " is invalid: "
_EQUAL: Final = "kueue.x-k8s.io/job-completions-equal-parallelism"


def refused(case: Case, objects: Objects, before: Object | None, now: Object | None, *, anew: bool) -> Case | None:
    """The case of what is refused, as that of something that was submitted; None where it is taken.

    Args:
        case: before the remedy.
        objects: with it.
        before: the object as it stands; None if it does not.
        now: the object as it is to be.
        anew: whether it is deleted and created.
    """
    if not isinstance(now, Pod | Job | Replicas):
        return None
    message = _of_containers(before, now) or _of_admission(case, objects, before, now, anew=anew)
    return _submitted(case, objects, now, message) if message else None


def _of_admission(case: Case, objects: Objects, before: Object | None, now: Pod | Job | Replicas, *, anew: bool) -> str:
    match now:
        case Pod():
            return _of_pod(_submitted(case, objects, now, ""), now) if anew else ""
        case Job():
            return _of_job(now)
        case Replicas():
            return _of_stateful_set(before, now) if isinstance(before, Replicas) and not anew else ""


def _submitted(case: Case, objects: Objects, now: Pod | Job | Replicas, message: str) -> Case:
    pods = tuple(each for each in objects.pods if each is not now)
    source = msgspec.structs.replace(case.source, objects=msgspec.structs.replace(objects, pods=pods), order=())
    about = reference_of(now)
    sent = Submission(
        subject=about,
        pod=now if isinstance(now, Pod) else None,
        job=now if isinstance(now, Job) else None,
        replicas=now if isinstance(now, Replicas) else None,
        code=422 if _INVALID in message else 403,
        message=message,
    )
    snapshot = msgspec.structs.replace(case.snapshot, sources=(source,), submissions=(sent,))
    return Case(snapshot, source, about, None, sent, index=Index(source, case.index))


def _of_containers(before: Object | None, now: Pod | Job | Replicas) -> str:
    """By the API server: a patch that names a container in the wrong list makes one without an image."""
    known = _images(before) if isinstance(before, Pod | Job | Replicas) else {}
    bare = [name for name, image in _images(now).items() if not image and name not in known]
    return (
        f'"{now.name}"{_INVALID}containers: the image of {bare[0][1]} is missing' if before is not None and bare else ""
    )


def _images(work: Pod | Job | Replicas) -> dict[tuple[str, str], str]:
    """Images by list and name."""
    specs = [part.template.spec for part in pods_of_work(work)]
    return {
        (listed, each.name): each.image
        for spec in specs
        for listed, containers in (("containers", spec.containers), ("initContainers", spec.init_containers))
        for each in containers
    }


def _of_pod(case: Case, pod: Pod) -> str:
    """By LimitRanges and ResourceQuotas of the namespace, in the words of the API server."""
    start = f'pods "{pod.name}" is forbidden: '
    for each in breaches(case, pod.spec):
        return f"{start}{each.bound} {each.resource} usage per {each.type}"
    for over in excesses(case, admitted(case.index, case.namespace, pod.spec), 1):
        asked, used, hard = (
            f"{over.resource}={written(over.resource, each)}" for each in (over.needed, over.used, over.hard)
        )
        return f"{start}exceeded quota: {over.quota.name}, requested: {asked}, used: {used}, limited: {hard}"
    return ""


def _of_job(job: Job) -> str:
    """By Kueue's webhook for Jobs, which looks at every change."""
    if not job.metadata.labels.get(KUEUE_QUEUE):
        return ""
    at_once = 1 if job.spec.parallelism is None else job.spec.parallelism
    least = job.metadata.annotations.get(_LEAST)
    if least is not None and not (least.isdecimal() and 0 < int(least) < at_once):
        return _denied("vjob.kb.io", f"{_LEAST} is {least}: should be between 0 and {at_once - 1}")
    equal = job.metadata.annotations.get(_EQUAL, "").lower() in {"true", "t", "1"}
    if equal and (job.spec.completion_mode != "Indexed" or job.spec.completions != at_once):
        return _denied("vjob.kb.io", f"{_EQUAL} asks for as many completions as parallelism, Indexed")
    return ""


def _of_stateful_set(before: Replicas, now: Replicas) -> str:
    """By Kueue's webhook for StatefulSets: to none and from none, and nothing else."""
    if kind_of(now) != "StatefulSet" or not now.metadata.labels.get(KUEUE_QUEUE):
        return ""
    counts = [1 if each.spec.replicas is None else each.spec.replicas for each in (before, now)]
    return _denied("vstatefulset.kb.io", "spec.replicas: field is immutable") if resized(*counts) else ""


def resized(before: int, now: int) -> bool:
    """Whether that is a change which a StatefulSet in a queue does not take."""
    return before != now and 0 not in {before, now}


def _denied(webhook: str, why: str) -> str:
    return f'admission webhook "{webhook}" denied the request: {why}'
