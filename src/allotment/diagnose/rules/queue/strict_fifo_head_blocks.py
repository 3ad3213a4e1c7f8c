"""A StrictFIFO queue: the first in line cannot be admitted, and nobody may pass it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Deferred, Finding, Proposal
from allotment.diagnose.others import called, reference_above
from allotment.diagnose.releases import waits
from allotment.diagnose.rules.queue import overtaken
from allotment.diagnose.rules.queue.line import Blockade, blockade, observed_workload, raised_priority
from allotment.diagnose.rules.queue.queued import other_queues
from allotment.diagnose.rules.queue.raised_quota import raised_quota
from allotment.diagnose.shortage import ResourceNeed, device, fact
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
    short = _short(block)
    asked_for, own = _asked(block)
    facts: dict[str, Any] = {
        "cluster_queue": block.queue.name,
        "strategy": "StrictFIFO",
        "resource": asked_for,
        "requested": fact(asked_for, own),
    }
    asks = _lacking(block, short)
    would = "it would fit"
    if short is not None:
        free = fact(short.resource, short.quota.free)
        facts |= {"head_lacks": short.resource, "free": free, "nominal": fact(short.resource, short.quota.nominal)}
        if short.resource == asked_for:
            would += f" ({fact(asked_for, own)} of {free} free {asked_for})"
    if block.by_priority:
        facts |= {
            "ahead": name,
            "ahead_priority": block.head.priority,
            "ahead_requests": asks.rstrip(","),
            "own_priority": block.own.priority,
        }
        order = f"{name} came later but has the priority {block.head.priority} above {block.own.priority}, "
    else:
        facts |= {"head": name, "head_requests": asks.rstrip(",")}
        order = f"{name} is the head of the line, "
    lacks = "can never be admitted" if block.lacks.never else "cannot be admitted now"
    evidence = [Evidence(reference_of(block.queue), "spec.queueingStrategy", "StrictFIFO", "nobody passes the head")]
    if head is not None:
        evidence.append(Evidence(reference_of(head), "spec.podSets", asks.rstrip(","), "what the head asks for"))
    return Finding(
        cause,
        CauseVerdict.MISCONFIGURED if block.lacks.never else CauseVerdict.WAITING,
        f"{would}, but the ClusterQueue {block.queue.name} is StrictFIFO: {order}asks for {asks} and {lacks}",
        facts=facts,
        evidence=tuple(evidence),
        proposals=Deferred(_proposals(case, block, name)),
    )


def _short(block: Blockade) -> ResourceNeed | None:
    """What the head lacks: a device before others; None where no number says it."""
    row = block.lacks.row
    short = [each for each in row.needs if each.short] if row is not None else []
    return min(short, key=lambda each: not device(each.resource), default=None)


def _lacking(block: Blockade, short: ResourceNeed | None) -> str:
    """What the head asks for and does not get, in words."""
    if short is not None:
        return f"{fact(short.resource, short.wanted)} {short.resource}"
    if block.lacks.undeclared:
        return f"{', '.join(block.lacks.undeclared)}, of which the queue has no quota,"
    return "what no flavor of the queue gives it"


def _asked(block: Blockade) -> tuple[str, int]:
    """What the subject asks for, as one names it: its device, or else its CPU."""
    total: dict[str, int] = {}
    for each in block.own.pod_sets:
        for resource, amount in each.requests:
            total[resource] = total.get(resource, 0) + amount * each.count
    name = next((each for each in total if device(each) and total[each]), "cpu")
    return name, total.get(name, 0)


def _proposals(case: Case, block: Blockade, name: str) -> Iterator[Proposal]:
    yield from raised_priority(case, block.head.priority, f"it sorts before {name} then")
    yield from other_queues(case, cost=1)
    if not block.lacks.never:
        yield from waits(
            case, block.lacks, f"{name} is admitted then, and this with or after it", also=block.own, cost=2
        )
    head = observed_workload(case, block.head.name)
    if head is not None and block.lacks.never:
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
