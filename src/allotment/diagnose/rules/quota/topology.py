"""Quota would be there, and the pods cannot be placed as close together as they ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from allotment.diagnose.amending import amended, annotated_pods
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.never import fleet_of
from allotment.diagnose.releases import may_end, waiting_for, waits
from allotment.diagnose.rules.queue.queued import other_queues
from allotment.diagnose.rules.quota.finding_of import quota_finding
from allotment.diagnose.rules.quota.refused import QuotaCause, refused_as
from allotment.diagnose.rules.quota.uncordoning import uncordoned
from allotment.diagnose.rules.scheduler.smaller import asking_less
from allotment.diagnose.shortage import device
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.queueing import TopologyAsk
from allotment.model.observed.work import Job
from allotment.model.spelling import nearest
from allotment.scheduling.queueing.inputs import Workload
from allotment.scheduling.snapshot.attempts import AttemptOutcome, Settlement
from allotment.scheduling.snapshot.queueing import QuotaHolder

_REQUIRED: Final = "kueue.x-k8s.io/podset-required-topology"
_PREFERRED: Final = "kueue.x-k8s.io/podset-preferred-topology"
_UNCONSTRAINED: Final = "kueue.x-k8s.io/podset-unconstrained-topology"
_SLICE: Final = "kueue.x-k8s.io/podset-slice-required-topology"
_SLICE_SIZE: Final = "kueue.x-k8s.io/podset-slice-size"
_MOST: Final = 3
"""Levels that are proposed in place of one that there is not; nodes that are named."""
_TRIES: Final = 16
"""Sizes of a gang that are tried."""
_MOST_HOLDERS: Final = 8
"""Of those who hold nodes of a topology, those whose end is tried: each takes a settlement."""


def find(case: Case) -> Finding | None:
    """A topology request that no domain can meet: never, or not while others run."""
    found = refused_as(case, QuotaCause.TOPOLOGY)
    workload = case.workload
    if found is None or workload is None:
        return None
    never = fleet_of(case).queues_refuse(workload.key)
    ask = next((each.topology_request for each in workload.spec.pod_sets if each.topology_request), None)
    level = _level(ask)
    said = found.said or "no flavor of the queue has the Topology that it asks for"
    finding = quota_finding(
        case,
        found,
        CauseVerdict.MISCONFIGURED if never else CauseVerdict.WAITING,
        f"{_asked(ask)} {said}" + (_ever(said) if never else _away(case)),
        {"level": level, "pods": found.lacks.pod_set.count, "message": said},
        (
            *_looser(case, ask),
            *_fewer(case, workload.key, _size(ask)),
            *(_less(case, workload.key) if never else ()),
            *other_queues(case, cost=2),
            *(() if never else (tuple(waits(case, found.lacks, cost=3)) or _room_comes(case, workload.key))),
            *(() if never else uncordoned(case, workload.key)),
        ),
    )
    asked = Evidence(reference_of(workload), "spec.podSets[].topologyRequest", level, "how close the pods must be")
    return replace(finding, never=never, evidence=(asked, *finding.evidence))


def _ever(said: str) -> str:
    """That others are not in the way, where it is room that there is too little of."""
    return ", even in an empty cluster" if " fit " in said else ""


def _level(ask: TopologyAsk | None) -> str:
    if ask is None:
        return ""
    return ask.required or ask.pod_set_slice_required_topology or ask.preferred or ""


def _size(ask: TopologyAsk | None) -> int:
    """Pods that must lie together, where not all of them must."""
    if ask is None or ask.required or not ask.pod_set_slice_required_topology:
        return 0
    return ask.pod_set_slice_size or 0


def _asked(ask: TopologyAsk | None) -> str:
    """How close its pods must be, in words, up to what is said of it."""
    level, size = _level(ask), _size(ask)
    if ask is None or not level:
        return "it says nothing of how close its pods lie:"
    if size:
        return f"every {size} of its pods must lie in one {level}, and"
    return f"its pods {'must' if ask.required else 'had best'} lie in one {level}, and"


def _away(case: Case) -> str:
    """Nodes that take no pods for the time being, in words."""
    away = [each.name for each in case.index.nodes.values() if each.spec.unschedulable or not each.ready]
    if not away:
        return ""
    more = f" and {len(away) - _MOST} more" if len(away) > _MOST else ""
    return f"; {', '.join(away[:_MOST])}{more} {'is' if len(away) == 1 else 'are'} cordoned or not ready"


def _looser(case: Case, ask: TopologyAsk | None) -> Iterator[Proposal]:
    """Preferred in place of required, or a wider level of the same topology."""
    level = _level(ask)
    if case.top is None:
        return
    if _size(ask):
        yield from _smaller_slices(case, ask)
        return
    if not level:
        yield Proposal(
            RemedyKind.OTHER,
            Doer.USER,
            f"say that its pods may lie anywhere ({_UNCONSTRAINED}=true)",
            *annotated_pods(case, {_UNCONSTRAINED: "true"}),
        )
        return
    yield Proposal(
        RemedyKind.REDUCE_REQUEST,
        Doer.USER,
        f"prefer one {level} and do not require it",
        *annotated_pods(case, {_REQUIRED: None, _PREFERRED: level}),
    )
    yield Proposal(
        RemedyKind.REDUCE_REQUEST,
        Doer.USER,
        f"do not ask how close its pods lie (drop the annotation {_REQUIRED if ask and ask.required else _PREFERRED})",
        *annotated_pods(case, {_REQUIRED: None, _PREFERRED: None}),
        cost=2,
    )
    known = {each.node_label for one in case.index.objects.topologies for each in one.spec.levels}
    for other in _other_levels(case, level):
        yield Proposal(
            RemedyKind.REDUCE_REQUEST if level in known else RemedyKind.OTHER,
            Doer.USER,
            f"require one {other} in place of one {level}",
            *annotated_pods(case, {_REQUIRED: other}),
            cost=1,
        )


def _smaller_slices(case: Case, ask: TopologyAsk | None) -> Iterator[Proposal]:
    """Fewer pods that must lie together: the largest divisor of them that is smaller; or a wider level."""
    size, level = _size(ask), _level(ask)
    for less in (each for each in range(size - 1, 0, -1) if size % each == 0):
        what = (
            f"require that every {less} of its pods lie in one {level}"
            if less > 1
            else "let each of its pods lie alone"
        )
        what += f" ({_SLICE_SIZE} {size} → {less})"
        yield Proposal(RemedyKind.REDUCE_REQUEST, Doer.USER, what, *annotated_pods(case, {_SLICE_SIZE: str(less)}))
    for other in _other_levels(case, level):
        what = f"require that every {size} of its pods lie in one {other} in place of one {level}"
        yield Proposal(RemedyKind.REDUCE_REQUEST, Doer.USER, what, *annotated_pods(case, {_SLICE: other}), cost=1)


def _less(case: Case, key: str) -> Iterator[Proposal]:
    """Fewer devices for each pod, where no node has as many."""
    view = case.twins.queueing
    mine = next((each for each in view.pending if each.name == key), None)
    if mine is None or len(mine.pod_sets) != 1 or case.brief or not case.to_come:
        return
    part = mine.pod_sets[0]
    name, most = next(((name, amount) for name, amount in part.requests if device(name)), ("", 0))
    for amount in range(most - 1, max(0, most - 1 - _TRIES), -1):
        asks = tuple((each, amount if each == name else has) for each, has in part.requests)
        if not _starts(case, replace(mine, pod_sets=(replace(part, requests=asks),))):
            continue
        change = asking_less(case.to_come[0].template.spec, {name: most - amount})
        if change is not None:
            target, patch = amended(case, change)
            what = f"ask for {amount} {name} in place of {most} for each pod"
            yield Proposal(RemedyKind.REDUCE_REQUEST, Doer.USER, what, target, patch, cost=1)
        return


def _room_comes(case: Case, key: str) -> Iterator[Proposal]:
    """Wait for those whose end leaves room close enough together: one of them, or as few as will do."""
    if case.brief:
        return
    view = case.twins.queueing
    flavors = {each.name for each in view.state.flavors if each.topology}
    largest = sorted(view.running, key=lambda each: -sum(part.count for part in each.pod_sets))
    held = [each for each in largest if _lies_in(each, flavors) and may_end(case, each)][:_MOST_HOLDERS]
    if not held or not _starts_without(case, key, held):
        return
    chosen = next(([each] for each in held if _starts_without(case, key, [each])), held)
    for each in tuple(chosen) if len(chosen) > 1 else ():
        rest = [other for other in chosen if other is not each]
        chosen = rest if _starts_without(case, key, rest) else chosen
    found = [case.index.workloads.get(each.workload.name) for each in chosen]
    seen = [each for each in found if each is not None]
    if len(seen) == len(chosen):
        yield waiting_for(case, seen)


def _lies_in(holder: QuotaHolder, flavors: set[str]) -> bool:
    return any(flavor in flavors for part in holder.pod_sets for _, flavor in part.flavors)


def _starts_without(case: Case, key: str, ended: list[QuotaHolder]) -> bool:
    view = case.twins.queueing
    running = tuple(each for each in view.running if each not in ended)
    return Settlement(replace(view, running=running)).of(key).outcome is AttemptOutcome.STARTS


def _starts(case: Case, changed: Workload) -> bool:
    """Whether the subject starts as it would be then."""
    view = case.twins.queueing
    pending = tuple(changed if each.name == changed.name else each for each in view.pending)
    return Settlement(replace(view, pending=pending)).of(changed.name).outcome is AttemptOutcome.STARTS


def _other_levels(case: Case, level: str) -> list[str]:
    """The next wider level of its topology; in place of one that no topology has, those that there are."""
    topologies = [[each.node_label for each in one.spec.levels] for one in case.index.objects.topologies]
    for levels in topologies:
        if level in levels:
            return levels[: levels.index(level)][-1:]
    known = list(dict.fromkeys(each for levels in topologies for each in levels))
    meant = nearest(level, known)
    return [each for each in dict.fromkeys([meant, *known]) if each][:_MOST]


def _fewer(case: Case, key: str, slice_size: int) -> Iterator[Proposal]:
    """As many pods as lie close enough together now, in whole slices where there are some."""
    work, view = case.top, case.twins.queueing
    mine = next((each for each in view.pending if each.name == key), None)
    if not isinstance(work, Job) or mine is None or len(mine.pod_sets) != 1 or case.brief:
        return
    part = mine.pod_sets[0]
    step = slice_size or 1
    for count in range(part.count - step, max(0, part.count - step * (1 + _TRIES)), -step):
        if _starts(case, replace(mine, pod_sets=(replace(part, count=count),))):
            body = {"parallelism": count}
            what = f"submit it with {count} pods in place of {part.count}"
            if work.spec.completion_mode == "Indexed" and work.spec.completions == work.spec.parallelism:
                body["completions"] = count
                what += f" (parallelism and completions {count})"
            what += ": so many lie close enough together"
            patch = Patch(PatchOp.RESUBMIT, {"spec": body})
            yield Proposal(RemedyKind.SPLIT_GANG, Doer.USER, what, reference_of(work), patch, cost=1)
            return
