"""What waits and could not run even if nobody else were there: the cause is what the scheduler would say then.

Of queued work the scheduler is asked only once Kueue has let it in; what no node can hold is known before. So its pods
are put on an emptied fleet, in every flavor that the queue might give it; only where all of them refuse, and for a
reason that somebody must mend, is that the cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Final

import msgspec

from allotment.diagnose.case import Case
from allotment.diagnose.emptied import HopelessFor, emptied
from allotment.diagnose.finding import CauseEntry, Finding
from allotment.diagnose.gangs import in_turns
from allotment.diagnose.never import fleet_of, hopeless
from allotment.diagnose.rules.policy.amounts import amount, written
from allotment.diagnose.rules.policy.quota_use import use_of
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.table import CAUSES
from allotment.diagnose.shortage import shortage_of
from allotment.model.explanation import CauseVerdict, Confidence, Layer, PatchOp
from allotment.model.observed.base import Condition
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Node
from allotment.model.observed.pods import Pod, PodTemplate
from allotment.model.observed.queueing import AdmissionOf, PodSetAssigned, Workload, WorkloadStatus
from allotment.model.observed.snapshot import Objects, Source
from allotment.model.observed.work import CronJob, DaemonSet, Job, Owner, Replicas, Work

_GANG: Final = "gang-partially-placed"
_LAYERS: Final = frozenset({Layer.QUEUE, Layer.QUOTA, Layer.SCHEDULER})
_Given = dict[str, dict[str, str]]
"""Flavors by resource, for each PodSet."""


_Shape = tuple[str, str, bytes]
"""Namespace, queue and pods: many wait that ask for the same."""


class _GivenBefore(dict[_Shape, "_Given | None"]):
    """What has been found out, by shape."""


class _HopelessBefore(dict[_Shape, HopelessFor | None]):
    """Who refuses them for ever, by shape."""


def impossible(case: Case, entry: CauseEntry, finding: Finding) -> tuple[CauseEntry, Finding] | None:
    """The cause for which the subject can never run, where its own says that it waits for others.

    Args:
        case: the subject.
        entry: the dominant cause.
        finding: of it.
    """
    if finding.verdict is not CauseVerdict.WAITING or finding.never or entry.layer not in _LAYERS:
        return None
    given = _refused(case)
    mended = None if given is None else _mended(case, given, finding)
    return _together(case, entry, finding) if mended is None else mended


def _mended(case: Case, given: _Given, finding: Finding) -> tuple[CauseEntry, Finding] | None:
    """The cause that somebody must mend with nobody else there, if the scheduler then has one.

    What is broken is expected to be repaired: that is no never, and no waiting for others either.
    """
    alone = _alone(case, given)
    if alone is None:
        return None
    for each in CAUSES:
        found = each.find(alone)
        if found is not None and found.confidence is Confidence.SURE:
            if found.verdict is CauseVerdict.WAITING:
                return None
            said, never = found.summary + _beside(case, alone, found), found.verdict is CauseVerdict.MISCONFIGURED
            return each, replace(found, summary=said, never=never, flavors=finding.flavors)
    return None


def _together(case: Case, entry: CauseEntry, finding: Finding) -> tuple[CauseEntry, Finding] | None:
    """The same of what finds room pod by pod, and not with all its pods at once; of a trial that is asked apart."""
    by = None if case.supposed else _hopeless(case)
    if by is None:
        return None
    own = case.workload
    queued = own is not None and not own.holds_quota
    given = {each.name: dict(each.flavors) for each in fleet_of(case).given(own.key)} if own and queued else {}
    found = _mended(case, given, finding)
    if found is not None and found[1].cause == _GANG:
        return found
    said = f"{finding.summary}; even with nobody else there {without_others(case, by)}"
    kept = tuple(each for each in finding.proposals if each.patch is None or each.patch.op is not PatchOp.WAIT)
    return entry, replace(finding, verdict=CauseVerdict.MISCONFIGURED, never=True, summary=said, proposals=kept)


def _hopeless(case: Case) -> HopelessFor | None:
    """Who refuses it with nobody else there, all its pods at once; found out once for all that wait alike."""
    workload = case.workload
    if workload is None or workload.holds_quota:
        return hopeless(case)
    known, shape = case.index.beside.once(_HopelessBefore, _HopelessBefore), _shape_of(case, workload)
    if shape not in known:
        known[shape] = hopeless(case)
    return known[shape]


def _shape_of(case: Case, workload: Workload) -> _Shape:
    made = case.beside.once(_Encoded, lambda: _Encoded(msgspec.json.encode(workload.spec.pod_sets)))
    return case.namespace, case.queue_name, made


class _Encoded(bytes):
    """PodSets of a case, by which equal ones are known."""


def without_others(case: Case, by: HopelessFor) -> str:
    """What an emptied fleet says, a clause."""
    pods = sum(each.count for each in case.to_come)
    them = f"its {pods:,} pods do not find room together" if pods > 1 else "it finds no room"
    return {"nodes": f"{them} on the nodes that it would get", "quota": "its queue refuses it"}[by.by]


def _beside(case: Case, alone: Case, found: Finding) -> str:
    """What else a node has that was named: pods that stand on every node keep it."""
    name, device = found.facts.get("largest_node"), placing(alone).device
    keeps = _held(emptied(case.index).objects).get(str(name), {}).get(device)
    return f" beside the {written(device, keeps)} that pods of a DaemonSet hold there" if keeps else ""


def _refused(case: Case) -> _Given | None:
    """The flavors in which nodes refuse the subject, the first of those that it may get; None where one will do."""
    if not case.seen("nodes") or not case.index.nodes:
        return None
    workload = case.workload
    if workload is None or workload.holds_quota:
        refused = placing(case).refused if case.waiting_pods else None
        if refused is None:
            return None
        return {} if fleet_of(case).nodes_refuse(case.namespace, [(PodTemplate(spec=refused.pod.spec), 1)]) else None
    kept = case.index.beside.once(_GivenBefore, _GivenBefore)
    shape = _shape_of(case, workload)
    if shape not in kept:
        kept[shape] = _of_workload(case, workload)
    return kept[shape]


def _of_workload(case: Case, workload: Workload) -> _Given | None:
    """One pod of each PodSet is enough: that many do not fit together is looked at after that."""
    if len(workload.spec.pod_sets) == 1 and not in_turns(case) and _hopeless(case) is None:
        return None  # where all of them find room, the first does
    first: _Given | None = None
    for given in _may_get(case, workload):
        flavors = {name: dict.fromkeys(each.values()) for name, each in given.items()}
        if not fleet_of(case).refused_however(workload, flavors, dict.fromkeys(given, 1)):
            return None
        first = given if first is None else first
    return first


def _may_get(case: Case, workload: Workload) -> Iterator[_Given]:
    """What Kueue would give it alone, and every other flavor of the group that is short."""
    alone = {each.name: dict(each.flavors) for each in fleet_of(case).given(workload.key)}
    if not alone:
        return
    yield alone
    lacks = shortage_of(case)
    if lacks is None or lacks.pod_set.name not in alone:
        return
    for row in lacks.usable:
        if not row.beyond:
            own = {need.resource: row.flavor for need in row.needs}
            yield {**alone, lacks.pod_set.name: {**alone[lacks.pod_set.name], **own}}


def _alone(case: Case, given: _Given) -> Case | None:
    """The subject with nobody else there, past its queue; of all work only what is above and below it."""
    own, subject = case.workload, case.subject
    if subject is None:
        return None
    bare = _bare(case.index)
    queued = own is not None and not own.holds_quota
    admitted = _admitted(case, own, given) if own is not None and queued else None
    objects = msgspec.structs.replace(
        bare.objects,
        pods=() if queued else case.waiting_pods,
        workloads=() if admitted is None else (admitted,),
        **_work_of(case),
    )
    source = msgspec.structs.replace(case.source, objects=objects, order=())
    snapshot = msgspec.structs.replace(case.snapshot, sources=(source,), submissions=())
    about = admitted if subject is own and admitted is not None else subject
    found = Case(snapshot, source, case.reference, about, index=Index(source, bare))
    found.supposed, found.brief = True, case.brief
    return found


class _Bare:
    """A source with nobody on it, and of its nodes what is left to others; made once."""

    def __init__(self, index: Index) -> None:
        objects = emptied(index).objects
        held = _held(objects)
        nodes = tuple(_less(node, held.get(node.name, {})) for node in objects.nodes)
        none = dict.fromkeys(("pods", "workloads", *_FIELD_OF.values()), ())
        self.index = Index(Source(objects=msgspec.structs.replace(objects, nodes=nodes, **none)))


def _bare(index: Index) -> Index:
    kept = index.beside.once(_Bare, lambda: _Bare(index))
    return kept.index


_FIELD_OF: Final[dict[type[Work], str]] = {
    Job: "jobs",
    CronJob: "cron_jobs",
    Replicas: "replicas",
    DaemonSet: "daemon_sets",
    Owner: "owners",
}
"""Where work of a kind stands among objects."""
_MOST_BELOW: Final = 256


def _work_of(case: Case) -> dict[str, tuple[Work, ...]]:
    """What stands above the subject and below it, not what else is below those above."""
    waiting = [] if case.work is None else [case.work]
    found = {id(each): each for one in waiting for each in (one, *case.index.chain(one.metadata))}
    while waiting and len(found) < _MOST_BELOW:
        below = case.index.work_under.get(waiting.pop().metadata.uid, [])[:_MOST_BELOW]
        waiting += [each for each in below if id(each) not in found]
        found |= {id(each): each for each in below}
    return {
        field: tuple(each for each in found.values() if isinstance(each, kind)) for kind, field in _FIELD_OF.items()
    }


def _held(objects: Objects) -> dict[str, dict[str, Fraction]]:
    """What the pods that stand on every node ask for, by node."""
    found: dict[str, dict[str, Fraction]] = {}
    for pod in objects.pods:
        on = found.setdefault(pod.spec.node_name, {"pods": Fraction(0)})
        on["pods"] += 1
        for resource, value in _asked(pod).items():
            on[resource] = on.get(resource, Fraction(0)) + value
    return found


def _asked(pod: Pod) -> dict[str, Fraction]:
    start = "requests."
    return {name.removeprefix(start): value for name, value in use_of(pod.spec).items() if name.startswith(start)}


def _less(node: Node, held: dict[str, Fraction]) -> Node:
    """A node with what is left of it for others."""
    whole = node.status.allocatable
    left = {
        name: written(name, max(Fraction(0), amount(whole[name]) - value))
        for name, value in held.items()
        if name in whole
    }
    status = msgspec.structs.replace(node.status, allocatable={**whole, **left})
    return msgspec.structs.replace(node, status=status)


def _admitted(case: Case, workload: Workload, given: _Given) -> Workload:
    counts = {each.name: each.count for each in workload.spec.pod_sets}
    queue = case.local_queue.spec.cluster_queue if case.local_queue is not None else ""
    assigned = tuple(
        PodSetAssigned(name=name, count=counts.get(name, 1), flavors=flavors) for name, flavors in given.items()
    )
    said = tuple(Condition(type=each, status="True") for each in ("QuotaReserved", "Admitted"))
    status = WorkloadStatus(admission=AdmissionOf(cluster_queue=queue, pod_set_assignments=assigned), conditions=said)
    return msgspec.structs.replace(workload, status=status)
