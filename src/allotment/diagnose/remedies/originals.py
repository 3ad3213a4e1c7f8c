"""A Job as its author made it: what the Job controller and Kueue wrote into the one that stands, to be taken out.

A copy that keeps the marks of an earlier admission is refused by the API server (labels of the Job controller), placed
by an earlier decision (node selectors and tolerations of a flavor), or declared failed by Kueue as soon as it is
admitted (the annotation that names the earlier Workload).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from allotment.diagnose.case import Case
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.observed.pods import PodTemplate
from allotment.model.observed.work import Job

_OF_THE_JOB_CONTROLLER: Final = (
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "job-name",
    "batch.kubernetes.io/job-name",
)
_LABELS_OF_KUEUE: Final = (
    "kueue.x-k8s.io/podset",
    "kueue.x-k8s.io/cluster-queue-name",
    "kueue.x-k8s.io/local-queue-name",
)
_ANNOTATIONS_OF_KUEUE: Final = ("kueue.x-k8s.io/workload", "kueue.x-k8s.io/workload-slice-name")
"""What Kueue writes into a template when it admits; what asks for a topology is the author's."""
_GATE: Final = "kueue.x-k8s.io/topology"


def traces_in(case: Case, job: Job) -> dict[str, Any]:
    """A strategic patch that takes out what controllers wrote."""
    meta: dict[str, Any] = {"labels": dict.fromkeys(_OF_THE_JOB_CONTROLLER)}
    if job.metadata.labels.get(KUEUE_QUEUE):
        # Whether they stand there yet or not: Kueue may admit between the answer and the command.
        meta["labels"] |= dict.fromkeys(_LABELS_OF_KUEUE)
        meta["annotations"] = dict.fromkeys(_ANNOTATIONS_OF_KUEUE)
    template: dict[str, Any] = {"metadata": meta}
    spec = _of_flavors(case, job)
    if spec:
        template["spec"] = spec
    return {
        "metadata": {"resourceVersion": None, "uid": None, "creationTimestamp": None},
        "spec": {"selector": None, "template": template},
        "status": None,
    }


def _of_flavors(case: Case, job: Job) -> dict[str, Any]:
    """What the flavors of an admission put into the pods: the Workload holds the template as it was sent."""
    workload = next(iter(case.index.workloads_of.get(job.metadata.uid, ())), None)
    if workload is None or not workload.spec.pod_sets or not job.metadata.labels.get(KUEUE_QUEUE):
        return {}
    return _differences(job.spec.template, workload.spec.pod_sets[0].template)


def _differences(now: PodTemplate, sent: PodTemplate) -> dict[str, Any]:
    found: dict[str, Any] = {}
    selectors = set(now.spec.node_selector) - set(sent.spec.node_selector)
    if selectors:
        found["nodeSelector"] = dict.fromkeys(sorted(selectors))
    if any(each not in sent.spec.tolerations for each in now.spec.tolerations):
        # A list that a patch replaces as a whole.
        found["tolerations"] = msgspec.to_builtins(sent.spec.tolerations) or None
    if any(each.name == _GATE for each in now.spec.scheduling_gates):
        found["schedulingGates"] = [{"$patch": "delete", "name": _GATE}]
    return found
