"""Quota would be there, and the pods cannot be placed as close together as they ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.releases import waits
from allotment.diagnose.rules.queue.queued import other_queues
from allotment.diagnose.rules.quota.finding_of import quota_finding
from allotment.diagnose.rules.quota.refused import QuotaCause, refused_as
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.queueing import TopologyAsk
from allotment.model.observed.work import Job
from allotment.model.spelling import nearest
from allotment.scheduling.snapshot.attempts import AttemptOutcome, Settlement

_REQUIRED: Final = "kueue.x-k8s.io/podset-required-topology"
_PREFERRED: Final = "kueue.x-k8s.io/podset-preferred-topology"
_UNCONSTRAINED: Final = "kueue.x-k8s.io/podset-unconstrained-topology"
_MOST: Final = 3
"""Levels that are proposed in place of one that there is not."""
_TRIES: Final = 16
"""Sizes of a gang that are tried."""


def find(case: Case) -> Finding | None:
    """A topology request that no domain can meet: never, or not while others run."""
    found = refused_as(case, QuotaCause.TOPOLOGY)
    workload = case.workload
    if found is None or workload is None:
        return None
    never = _never(case, workload.key)
    ask = next((each.topology_request for each in workload.spec.pod_sets if each.topology_request), None)
    level = _level(ask)
    said = found.said or "no flavor of the queue has the Topology that it asks for"
    finding = quota_finding(
        case,
        found,
        CauseVerdict.MISCONFIGURED if never else CauseVerdict.WAITING,
        (
            f"its pods must lie in one {level}, and {said}"
            if level
            else f"it says nothing of how close its pods lie: {said}"
        )
        + (", even in an empty cluster" if never else ""),
        {"level": level, "pods": found.lacks.pod_set.count, "message": said},
        (
            *_looser(case, level),
            *_fewer(case, workload.key),
            *other_queues(case, cost=2),
            *(() if never else waits(case, found.lacks, cost=3)),
        ),
    )
    asked = Evidence(reference_of(workload), "spec.podSets[].topologyRequest", level, "how close the pods must be")
    return replace(finding, never=never, evidence=(asked, *finding.evidence))


def _level(ask: TopologyAsk | None) -> str:
    if ask is None:
        return ""
    return ask.required or ask.preferred or ask.pod_set_slice_required_topology or ""


def _never(case: Case, key: str) -> bool:
    """Whether it is refused by a cluster in which nothing else is queued or runs under a queue."""
    view = case.twins.queueing
    alone = replace(view, running=(), pending=tuple(each for each in view.pending if each.name == key))
    return Settlement(alone).of(key).outcome is not AttemptOutcome.STARTS


def _looser(case: Case, level: str) -> Iterator[Proposal]:
    """Preferred in place of required, or a wider level of the same topology."""
    work = case.top
    if work is None:
        return
    target = reference_of(work)
    if not level:
        yield Proposal(
            RemedyKind.OTHER,
            Doer.USER,
            f"say that its pods may lie anywhere ({_UNCONSTRAINED}=true)",
            target,
            Patch(PatchOp.RESUBMIT, {"spec": {"template": {"metadata": {"annotations": {_UNCONSTRAINED: "true"}}}}}),
        )
        return
    field = {"metadata": {"annotations": {_REQUIRED: None, _PREFERRED: level}}}
    yield Proposal(
        RemedyKind.REDUCE_REQUEST,
        Doer.USER,
        f"prefer one {level} and do not require it",
        target,
        Patch(PatchOp.RESUBMIT, {"spec": {"template": field}}),
    )
    known = {each.node_label for one in case.index.objects.topologies for each in one.spec.levels}
    for other in _other_levels(case, level):
        yield Proposal(
            RemedyKind.REDUCE_REQUEST if level in known else RemedyKind.OTHER,
            Doer.USER,
            f"require one {other} in place of one {level}",
            target,
            Patch(PatchOp.RESUBMIT, {"spec": {"template": {"metadata": {"annotations": {_REQUIRED: other}}}}}),
            cost=1,
        )


def _other_levels(case: Case, level: str) -> list[str]:
    """The next wider level of its topology; in place of one that no topology has, those that there are."""
    topologies = [[each.node_label for each in one.spec.levels] for one in case.index.objects.topologies]
    for levels in topologies:
        if level in levels:
            return levels[: levels.index(level)][-1:]
    known = list(dict.fromkeys(each for levels in topologies for each in levels))
    meant = nearest(level, known)
    return [each for each in dict.fromkeys([meant, *known]) if each][:_MOST]


def _fewer(case: Case, key: str) -> Iterator[Proposal]:
    """As many pods as lie close enough together now."""
    work, view = case.top, case.twins.queueing
    mine = next((each for each in view.pending if each.name == key), None)
    if not isinstance(work, Job) or mine is None or len(mine.pod_sets) != 1 or case.brief:
        return
    part = mine.pod_sets[0]
    for count in range(part.count - 1, max(0, part.count - 1 - _TRIES), -1):
        smaller = replace(mine, pod_sets=(replace(part, count=count),))
        changed = replace(view, pending=tuple(smaller if each is mine else each for each in view.pending))
        if Settlement(changed).of(key).outcome is AttemptOutcome.STARTS:
            body = {"parallelism": count}
            what = f"submit it with {count} pods in place of {part.count}"
            if work.spec.completion_mode == "Indexed" and work.spec.completions == work.spec.parallelism:
                body["completions"] = count
                what += f" (parallelism and completions {count})"
            what += ": so many lie close enough together"
            patch = Patch(PatchOp.RESUBMIT, {"spec": body})
            yield Proposal(RemedyKind.SPLIT_GANG, Doer.USER, what, reference_of(work), patch, cost=1)
            return
