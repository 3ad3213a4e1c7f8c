"""A StrictFIFO queue: the first in line cannot be admitted, and nobody may pass it."""

from __future__ import annotations

from collections.abc import Iterator

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Deferred, Finding, Proposal
from allotment.diagnose.others import called, reference_above
from allotment.diagnose.releases import raised_quota, waits
from allotment.diagnose.rules.queue import overtaken
from allotment.diagnose.rules.queue.line import Blockade, blockade, observed_workload, raised_priority
from allotment.diagnose.rules.queue.queued import other_queues
from allotment.diagnose.shortage import device, fact
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind


def find(case: Case) -> Finding | None:
    """The head came first, or has no higher priority: the order of the queue alone holds the subject up."""
    block = blockade(case)
    if block is None or block.by_priority:
        return None
    return finding_of(case, block, "strict-fifo-head-blocks")


def by_priority(case: Case) -> Finding | None:
    """The head came later, and stands first for its priority; or others went first for theirs."""
    block = blockade(case)
    if block is None:
        return overtaken.find(case)
    return finding_of(case, block, "priority-below-others") if block.by_priority else None


def finding_of(case: Case, block: Blockade, cause: str) -> Finding:
    """What to say of a blocked queue, by either name."""
    head = observed_workload(case, block.head.name)
    name = block.head.name if head is None else called(case, head)
    resource, asks, free, nominal = _numbers(block)
    own = sum(dict(each.requests).get(resource, 0) * each.count for each in block.own.pod_sets)
    facts = {
        "cluster_queue": block.queue.name,
        "strategy": "StrictFIFO",
        "resource": resource,
        "requested": fact(resource, own),
        "free": free,
        "nominal": nominal,
    }
    if block.by_priority:
        facts |= {
            "ahead": name,
            "ahead_priority": block.head.priority,
            "ahead_requests": asks,
            "own_priority": block.own.priority,
        }
        order = f"{name} came later but has the priority {block.head.priority} above {block.own.priority}, "
    else:
        facts |= {"head": name, "head_requests": asks}
        order = f"{name} is the head of the line, "
    lacks = "can never be admitted" if block.lacks.never else "cannot be admitted now"
    evidence = [Evidence(reference_of(block.queue), "spec.queueingStrategy", "StrictFIFO", "nobody passes the head")]
    if head is not None:
        evidence.append(Evidence(reference_of(head), "spec.podSets", asks, "what the head asks for"))
    return Finding(
        cause,
        CauseVerdict.MISCONFIGURED if block.lacks.never and not block.by_priority else CauseVerdict.WAITING,
        f"it would fit ({fact(resource, own)} of {free} free {resource}), but the ClusterQueue {block.queue.name} is "
        f"StrictFIFO: {order}asks for {asks} {resource} and {lacks}",
        facts=facts,
        evidence=tuple(evidence),
        proposals=Deferred(_proposals(case, block, name)),
    )


def _numbers(block: Blockade) -> tuple[str, int | str, int | str, int | str]:
    """The resource that the head lacks: what it asks, what is free, what the queue has."""
    row = block.lacks.row
    short = [each for each in row.needs if each.short] if row is not None else []
    if not short:
        return "nvidia.com/gpu", "?", "?", "?"
    short.sort(key=lambda each: not device(each.resource))
    need = short[0]
    name = need.resource
    return name, fact(name, need.wanted), fact(name, need.quota.free), fact(name, need.quota.nominal)


def _proposals(case: Case, block: Blockade, name: str) -> Iterator[Proposal]:
    yield from raised_priority(case, block.head.priority, f"it sorts before {name} then")
    yield from other_queues(case, cost=1)
    if not block.lacks.never:
        yield from waits(
            case, block.lacks, f"{name} is admitted then, and this with or after it", also=block.own, cost=2
        )
    head = observed_workload(case, block.head.name)
    if head is not None:
        owner = reference_above(case, head)
        gone = ((reference_of(head), Patch(PatchOp.DELETE)),) if owner.kind != "Workload" else ()
        yield Proposal(
            RemedyKind.OTHER,
            Doer.TEAM_OWNER,
            f"delete {name}, which blocks the queue",
            owner,
            Patch(PatchOp.DELETE),
            effect=gone,
            cost=1,
        )
    yield Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"switch the ClusterQueue {block.queue.name} to BestEffortFIFO, so that what fits may pass",
        reference_of(block.queue),
        Patch(PatchOp.MERGE, {"spec": {"queueingStrategy": "BestEffortFIFO"}}),
    )
    yield from raised_quota(case, block.lacks, f"{name} and this fit then", also=block.own, cost=1)
