"""The kubelet evicted the pod: its node ran short, or it wrote more than it may."""

from __future__ import annotations

import re
from typing import Any, Final

from allotment.diagnose.amending import amended, changed_pods, containers_patch
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import over
from allotment.diagnose.rules.pod.containers import newest_failed
from allotment.diagnose.rules.policy.amounts import amount, written
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Job

_SHORT: Final = re.compile(r"low on resource: (?P<resource>[\w.-]*\w)")
_OWN: Final = re.compile(
    r"(?:Container (?P<container>\S+) exceeded its local ephemeral storage limit|"
    r"ephemeral local storage usage exceeds the total limit of containers|"
    r"Usage of EmptyDir volume \"(?P<volume>[^\"]+)\" exceeds the limit) *\"?(?P<limit>[0-9][\w.]*)?"
)


def find(case: Case) -> Finding | None:
    """The newest pod was evicted, and none has come to run since."""
    pod = newest_failed(case)
    if pod is None or pod.status.reason != "Evicted" or case.running_pods or case.starting_pods:
        return None
    if isinstance(case.work, Job) and over(case.work):
        return None
    target = reference_of(pod)
    own, short = _OWN.search(pod.status.message), _SHORT.search(pod.status.message)
    resource = short["resource"] if short is not None else "ephemeral-storage" if own is not None else ""
    proposals = _larger(case, pod) if own is not None else _node(case, pod, resource)
    return Finding(
        "pod-evicted",
        CauseVerdict.MISCONFIGURED if own is not None else CauseVerdict.BROKEN,
        f"the pod {pod.name} was evicted from {pod.spec.node_name}: {quoted_message(pod.status.message)}",
        facts={
            "pod": pod.name,
            "node": pod.spec.node_name,
            "resource": resource or None,
            "message": pod.status.message,
            "reason": "Evicted",
        },
        evidence=(Evidence(target, "status.reason", "Evicted", pod.status.message),),
        proposals=proposals,
    )


def _larger(case: Case, pod: Pod) -> tuple[Proposal, ...]:
    changes: dict[str, dict[str, Any]] = {}
    said = []
    for each in pod.spec.containers:
        limit = each.resources.limits.get("ephemeral-storage")
        if limit is None:
            continue
        value = written("ephemeral-storage", amount(limit) * 2)
        resources: dict[str, Any] = {"limits": {"ephemeral-storage": value}}
        if "ephemeral-storage" in each.resources.requests:
            resources["requests"] = {"ephemeral-storage": value}
        changes[each.name] = {"resources": resources}
        said.append(f"{each.name} {value} instead of {limit}")
    if not changes:
        what = "write to a volume of its own, or raise the emptyDir's sizeLimit"
        target, _ = amended(case, {})
        return (Proposal(RemedyKind.FIX_LIMITS, Doer.USER, what, target, Patch(PatchOp.SIGNAL, {"pod": pod.name})),)
    what = f"give more ephemeral storage: {', '.join(said)}"
    return (changed_pods(RemedyKind.FIX_LIMITS, what, case, containers_patch(changes)),)


def _node(case: Case, pod: Pod, resource: str) -> tuple[Proposal, ...]:
    node = Reference(api_version="v1", kind="Node", name=pod.spec.node_name)
    mend = Proposal(
        RemedyKind.REPAIR_NODE,
        Doer.PLATFORM,
        f"free {resource or 'what is short'} on {pod.spec.node_name}",
        node,
        Patch(PatchOp.SIGNAL, {"resource": resource}),
    )
    if not isinstance(case.subject, Pod):
        return (mend,)
    target, patch = amended(case, {})
    return (Proposal(RemedyKind.OTHER, Doer.USER, "submit the pod again", target, patch), mend)
