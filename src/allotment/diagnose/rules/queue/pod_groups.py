"""Pods that are queued as a group of their own: Kueue makes a Workload of it once all of them are there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count, islice
from typing import Any, Final

import msgspec

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.kept_back import replacement_missing
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.observed.base import Reference
from allotment.model.observed.pods import Pod

_NAME: Final = "kueue.x-k8s.io/pod-group-name"
_TOTAL: Final = "kueue.x-k8s.io/pod-group-total-count"
_FAST: Final = "kueue.x-k8s.io/pod-group-fast-admission"
_ROLE: Final = "kueue.x-k8s.io/role-hash"
_GATE: Final = "kueue.x-k8s.io/admission"
_MOST: Final = 8
"""Missing pods that a remedy makes one by one."""
_NUMBER: Final = re.compile(r"-?\d+$")


def find(case: Case) -> Finding | None:
    """A group that lost pods which are to be replaced, or one whose pods were never all made."""
    return replacement_missing(case) or _never_complete(case)


def _never_complete(case: Case) -> Finding | None:
    pod = next((each for each in case.waiting_pods if _in_group(each)), None)
    if pod is None or case.workload is not None or not case.seen("pods") or not case.seen("workloads"):
        return None
    name, told = pod.metadata.labels[_NAME], pod.metadata.annotations.get(_TOTAL, "")
    members = _members(case, name)
    if any(each.metadata.annotations.get(_TOTAL, "") != told for each in members):
        return None  # they contradict each other: no pod more would make a group of them
    if not told.isdecimal() or len(told) > len("999999") or len(members) >= int(told):
        return None
    total = int(told)
    here = [reference_of(each) for each in members]
    heard = (event for each in members for event in case.events(each) if event.reason == "ErrWorkloadCompose")
    return Finding(
        "pod-group-incomplete",
        CauseVerdict.MISCONFIGURED,
        f"the group of pods {name} has {len(members)} of its {total} pods: Kueue queues none of them before all are"
        " there",
        facts={"group": name, "pods": len(members), "expected": total},
        evidence=(
            Evidence(
                reference_of(pod), f"metadata.annotations[{_TOTAL}]", told, f"pods with the group's label: {len(here)}"
            ),
            *(
                Evidence(reference_of(pod), "events[ErrWorkloadCompose].message", event.message)
                for event in islice(heard, 1)
            ),
        ),
        proposals=(_made(case, pod, members, total),),
    )


def _in_group(pod: Pod) -> bool:
    """Whether Kueue keeps a pod until its group is complete; a group for fast admission starts before that."""
    kept = any(gate.name == _GATE for gate in pod.spec.scheduling_gates)
    return kept and bool(pod.metadata.labels.get(_NAME)) and pod.metadata.annotations.get(_FAST) != "true"


def _members(case: Case, name: str) -> list[Pod]:
    """Pods that Kueue counts: those that failed are to be replaced, those that succeeded are not."""
    return [
        each
        for each in case.index.objects.pods
        if each.namespace == case.namespace
        and each.metadata.labels.get(_NAME) == name
        and each.status.phase != "Failed"
        and not each.metadata.deletion_timestamp
    ]


def _made(case: Case, like: Pod, members: Sequence[Pod], total: int) -> Proposal:
    """The missing pods are made like the one that is asked about; then Kueue queues the group."""
    missing = total - len(members)
    names = list(islice(_free_names(case, like), min(missing, _MOST)))
    bodies = [_body(like, name) for name in names]
    targets = [_pod(case, name) for name in names]
    what = f"create the missing pod {names[0]}" if missing == 1 else f"create the {missing} missing pods"
    return Proposal(
        RemedyKind.OTHER,
        Doer.USER,
        f"{what} of the group {like.metadata.labels[_NAME]}, with the label and the annotations of the others",
        targets[0],
        Patch(PatchOp.CREATE, bodies[0]),
        first=tuple(
            (target, Patch(PatchOp.CREATE, body)) for target, body in zip(targets[1:], bodies[1:], strict=True)
        ),
        effect=(_queued(like, members, missing),),
    )


def _free_names(case: Case, like: Pod) -> Any:
    stem = _NUMBER.sub("", like.name) or like.name
    taken = {each.name for each in case.index.objects.pods if each.namespace == case.namespace}
    return (name for number in count() if (name := f"{stem}-{number}") not in taken)


def _pod(case: Case, name: str) -> Reference:
    return Reference(api_version="v1", kind="Pod", namespace=case.namespace, name=name)


def _template(like: Pod) -> dict[str, Any]:
    spec = msgspec.structs.replace(like.spec, scheduling_gates=(), node_name="")
    body: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(spec))
    return body


def _body(like: Pod, name: str) -> dict[str, Any]:
    marks = {key: value for key, value in like.metadata.annotations.items() if key != _ROLE}
    meta = {"name": name, "namespace": like.namespace, "labels": dict(like.metadata.labels), "annotations": marks}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": _template(like)}


def _queued(like: Pod, members: Sequence[Pod], missing: int) -> tuple[Reference, Patch]:
    """The Workload that Kueue makes of the group: pods of one shape are one set."""
    roles: dict[str, list[Pod]] = {}
    for each in members:
        roles.setdefault(each.metadata.annotations.get(_ROLE, ""), []).append(each)
    mine = like.metadata.annotations.get(_ROLE, "")
    name = like.metadata.labels[_NAME]
    sets = [
        {
            "name": role or "main",
            "count": len(pods) + (missing if role == mine else 0),
            "template": {"spec": _template(pods[0])},
        }
        for role, pods in roles.items()
    ]
    owners = [{"apiVersion": "v1", "kind": "Pod", "name": each.name, "uid": each.metadata.uid} for each in members]
    body = {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "Workload",
        "metadata": {"name": name, "namespace": like.namespace, "uid": f"group-{name}", "ownerReferences": owners},
        "spec": {
            "queueName": like.metadata.labels.get(KUEUE_QUEUE, ""),
            "priority": like.spec.priority or 0,
            "podSets": sets,
        },
    }
    target = Reference(api_version="kueue.x-k8s.io/v1beta2", kind="Workload", namespace=like.namespace, name=name)
    return target, Patch(PatchOp.CREATE, body)
