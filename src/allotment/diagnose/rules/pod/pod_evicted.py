"""The kubelet evicted the pod: its node ran short, or it wrote more than it may."""

from __future__ import annotations

import re
from typing import Any, Final

from allotment.diagnose.amending import amended, changed_pods, container_of, containers_patch
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import over
from allotment.diagnose.rules.pod.containers import disrupted, newest_failed
from allotment.diagnose.rules.policy.amounts import amount, written
from allotment.errors import quoted_message, spelled
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference, condition
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Job

_SHORT: Final = re.compile(r"low on resource: (?P<resource>[\w.-]*\w)")
_USED: Final = re.compile(
    r"Container (?P<container>\S+) was using (?P<used>[0-9]\w*), request is \w+, has larger consumption of "
    r"(?P<resource>memory|ephemeral-storage)"
)
_OWN: Final = re.compile(
    r"(?:Container (?P<container>\S+) exceeded its local ephemeral storage limit|"
    r"ephemeral local storage usage exceeds the total limit of containers|"
    r"Usage of EmptyDir volume \"(?P<volume>[^\"]+)\" exceeds the limit) *\"?(?P<limit>[0-9][\w.]*)?"
)


def find(case: Case) -> Finding | None:
    """The newest pod was evicted or taken away, and none has come to run since."""
    pod = newest_failed(case)
    if pod is None or case.running_pods or case.starting_pods:
        return None
    if pod.status.reason != "Evicted":
        return _taken(case, pod) if disrupted(pod) and not case.waiting_pods else None
    if isinstance(case.work, Job) and over(case.work):
        return None
    target = reference_of(pod)
    used = _USED.search(pod.status.message)
    own, short = _OWN.search(pod.status.message), _SHORT.search(pod.status.message)
    resource = short["resource"] if short is not None else "ephemeral-storage" if own is not None else ""
    proposals = _larger(case, pod) if own is not None else _node(case, pod, resource)
    if used is not None:
        proposals = (*_asking_for_it(case, pod, used["container"], used["resource"], used["used"]), *proposals)
    return Finding(
        "pod-evicted",
        CauseVerdict.BROKEN if own is None and used is None else CauseVerdict.MISCONFIGURED,
        f"the pod {pod.name} was evicted from {pod.spec.node_name}: {quoted_message(pod.status.message)}",
        facts={
            "pod": pod.name,
            "node": pod.spec.node_name,
            "resource": resource or None,
            "message": pod.status.message,
            "reason": "Evicted",
        },
        evidence=(Evidence(target, "status.reason", "Evicted", pod.status.message),),
        # Another has been made since: whether it finds a place is another matter.
        confidence=Confidence.LIKELY if case.waiting_pods else Confidence.SURE,
        proposals=proposals,
    )


def _taken(case: Case, pod: Pod) -> Finding | None:
    """Somebody took the pod away: drained its node, or needed the room."""
    if isinstance(case.work, Job) and over(case.work):
        return None
    reason, said = disrupted(pod), condition(pod.status.conditions, "DisruptionTarget")
    target, patch = amended(case, {})
    words = "submit it again"
    if pod.metadata.controller is not None:
        words, patch = "wait: its controller makes another pod", Patch(PatchOp.WAIT, {"until": "another pod"})
    return Finding(
        "pod-evicted",
        CauseVerdict.WAITING if pod.metadata.controller is not None else CauseVerdict.BROKEN,
        f"the pod {pod.name} was taken from {pod.spec.node_name} ({spelled(reason)}): its program did nothing wrong",
        facts={"pod": pod.name, "node": pod.spec.node_name, "reason": reason},
        evidence=(
            Evidence(
                reference_of(pod), "status.conditions[DisruptionTarget].reason", reason, said.message if said else ""
            ),
        ),
        proposals=(Proposal(RemedyKind.OTHER, Doer.USER, words, target, patch),),
    )


def _asking_for_it(case: Case, pod: Pod, name: str, resource: str, used: str) -> tuple[Proposal, ...]:
    """As much as it used: a node is chosen by what pods ask for, and who uses more is the first to go."""
    container, listed = container_of(pod.spec, name)
    if container is None:
        return ()
    value = written(resource, amount(used))
    resources: dict[str, Any] = {"requests": {resource: value}}
    limit = container.resources.limits.get(resource)
    if limit is not None and amount(limit) < amount(used):
        resources["limits"] = {resource: value}
    body = containers_patch({name: {"resources": resources}}, listed)
    return (changed_pods(RemedyKind.FIX_LIMITS, f"ask for the {value} of {resource} that {name} uses", case, body),)


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
