"""What a command that makes work anew asks before: the work may have started since the answer, and is then let be."""

from __future__ import annotations

import shlex
from typing import Final

from allotment.diagnose.case import Case, pod_ready, pods_at_once
from allotment.diagnose.owned import suspension
from allotment.model.observed.base import Reference
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Job, Owner

_READY: Final = '{.status.conditions[?(@.type=="Ready")].status}'

_READY_OF: Final = {
    "JobSet": "{.status.replicatedJobsStatus[*].ready}",
    "LeaderWorkerSet": "{.status.readyReplicas}",
    "RayCluster": "{.status.readyWorkerReplicas}",
}
"""Where kinds of other controllers say how many of their parts are ready."""


def guard_of(case: Case, target: Reference, named: str) -> str:
    """A test of a shell that fails once the work has started; empty for kinds of which that cannot be asked.

    Args:
        case: the subject.
        target: what is to be made anew.
        named: the same in kubectl's words.
    """
    pod = case.index.pods.get(f"{target.namespace}/{target.name}") if target.kind == "Pod" else None
    work = case.index.work_by_name.get((target.kind, target.namespace, target.name))
    if pod is not None:
        return _of_pod(pod, named)
    if isinstance(work, Owner) and work.suspend:
        return _suspended(named, f".spec.{suspension(work)}")
    if isinstance(work, Owner) and work.kind in _READY_OF and not case.running_pods:
        return f'case "{_asked(named, _READY_OF[work.kind])}" in *[1-9]*) false ;; esac'
    return _of_job(work, named) if isinstance(work, Job) else ""


def _of_pod(pod: Pod, named: str) -> str:
    if not pod.spec.node_name:
        return f'[ -z "{_asked(named, "{.spec.nodeName}")}" ]'
    return "" if pod_ready(pod) or pod.ended else f'[ "{_asked(named, _READY)}" != True ]'


def _of_job(job: Job, named: str) -> str:
    if job.spec.suspend:
        return _suspended(named, ".spec.suspend")
    wanted = pods_at_once(job.spec)
    if any(each.true for each in job.status.conditions) or job.status.ready >= wanted:
        return ""
    asked = _asked(named, "{.status.ready} {.status.completionTime}")
    return f"case \"{asked}\" in '{wanted} ' | *Z) false ;; esac"


def _suspended(named: str, field: str) -> str:
    return f'[ "{_asked(named, "{" + field + "}")}" = true ]'


def _asked(named: str, path: str) -> str:
    return f"$(kubectl get {named} -o {shlex.quote(f'jsonpath={path}')})"
