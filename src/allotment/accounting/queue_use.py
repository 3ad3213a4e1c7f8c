"""ClusterQueues as they stand: quota, use, what is borrowed and lent, who waits.

Use is summed from the admissions of workloads, as Kueue counts it: finished work holds nothing, nor do pods whose quota
is free again. Where workloads could not be read, it is what the queues say. Who lends whom is told by `cohort_trees`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from allotment.accounting.books import WrittenQuota, quota_lines
from allotment.accounting.cohort_trees import QUEUE, CohortTrees, QueueLoan, UseKey
from allotment.accounting.lines import held_back, lines_of
from allotment.model.observed.index import Index
from allotment.model.observed.queueing import Workload
from allotment.observe.seen import seen_everywhere
from allotment.scheduling.snapshot.quantities import units


@dataclass(frozen=True, slots=True)
class QueueUse:
    """One quota of a ClusterQueue; amounts as the twins count the resource.

    Attributes:
        limit: the most that it can use, what others of its cohorts may lend included.
        used: by workloads that hold quota.
        told: the same as the queue's status has it; None where it says nothing.
        borrowed: of `used`, what is above the nominal quota.
        lent: of the nominal quota, what others use.
        lenders: from whose unused quota it borrows.
    """

    cluster: str
    queue: str
    cohort: str
    flavor: str
    resource: str
    nominal: int
    limit: int
    used: int
    told: int | None
    borrowed: int
    lent: int
    lenders: tuple[QueueLoan, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueStanding:
    """A ClusterQueue.

    Attributes:
        stopped: its stop policy, where it is held.
        inactive: why it admits nothing, in Kueue's words; empty if it is active.
        pending: workloads that wait in it, as its status counts them.
        head: namespace/name of the first in line; empty if nobody waits.
        uses: by flavor and resource, as declared.
        held_back: workloads that wait before it, in LocalQueues that are stopped.
    """

    cluster: str
    name: str
    cohort: str
    stopped: str
    inactive: str
    pending: int
    head: str
    uses: tuple[QueueUse, ...]
    held_back: int = 0


def queue_standings(index: Index) -> tuple[QueueStanding, ...]:
    """All ClusterQueues of a source, by cohort and name."""
    lines = list(quota_lines(index))
    used = quota_in_use(index)
    trees = CohortTrees(index, lines, used)
    uses: dict[str, list[QueueUse]] = {}
    for use in _uses(index, lines, used, trees):
        uses.setdefault(use.queue, []).append(use)
    waiting, held = lines_of(index), held_back(index)
    found = []
    for queue in index.objects.cluster_queues:
        active = next((each for each in queue.status.conditions if each.type == "Active"), None)
        line_up = waiting.get(queue.name, [])
        found.append(
            QueueStanding(
                cluster=index.source.name,
                name=queue.name,
                cohort=queue.spec.cohort_name,
                stopped="" if queue.spec.stop_policy == "None" else queue.spec.stop_policy,
                inactive=active.message if active is not None and not active.true else "",
                pending=len(line_up),
                head=line_up[0] if line_up else "",
                held_back=held.get(queue.name, 0),
                uses=tuple(uses.get(queue.name, ())),
            )
        )
    return tuple(sorted(found, key=lambda each: (each.cohort, each.name)))


def _uses(
    index: Index, lines: Iterable[WrittenQuota], used: Mapping[UseKey, int], trees: CohortTrees
) -> Iterator[QueueUse]:
    loans = trees.loans()
    taken = {pair: _by_borrower(found) for pair, found in loans.items()}
    lent = Counter[UseKey]()
    for (flavor, resource), found in loans.items():
        for loan in found:
            lent[loan.lender, flavor, resource] += loan.amount
    for line in lines:
        if line.kind == QUEUE:
            key = (line.name, line.flavor, line.resource)
            amount = used.get(key, 0)
            yield QueueUse(
                cluster=index.source.name,
                queue=line.name,
                cohort=line.cohort,
                flavor=line.flavor,
                resource=line.resource,
                nominal=line.nominal,
                limit=trees.most(line),
                used=amount,
                told=_told(index, line),
                borrowed=max(0, amount - line.nominal) if line.cohort else 0,
                lent=lent[key],
                lenders=tuple(taken.get((line.flavor, line.resource), {}).get(line.name, ())),
            )


def _by_borrower(loans: Iterable[QueueLoan]) -> dict[str, list[QueueLoan]]:
    found: dict[str, list[QueueLoan]] = {}
    for loan in loans:
        found.setdefault(loan.borrower, []).append(loan)
    return found


def unused_guarantees(index: Index) -> dict[UseKey, int]:
    """What each queue could have at once of what it is guaranteed: unused, and lent to nobody.

    Work that asks for no more is refused by no quota, whatever is written in its status.
    """
    used = quota_in_use(index)
    lines = list(quota_lines(index))
    trees = CohortTrees(index, lines, used)
    found: dict[UseKey, int] = {}
    for line in lines:
        if line.kind == QUEUE and not line.stopped:
            key = (line.name, line.flavor, line.resource)
            found[key] = max(0, min(line.nominal - used.get(key, 0), trees.left(line)))
    return found


def quota_in_use(index: Index) -> dict[UseKey, int]:
    """What workloads that hold quota use; where not all could be read, at least what the queues say."""
    used = used_quota(index.objects.workloads)
    if not seen_everywhere(index.source, "workloads"):
        for queue in index.objects.cluster_queues:
            for flavor in queue.status.flavors_reservation:
                for one in flavor.resources:
                    key = (queue.name, flavor.name, one.name)
                    used[key] = max(used.get(key, 0), units(one.name, one.total))
    return used


def used_quota(workloads: Iterable[Workload]) -> dict[UseKey, int]:
    """What workloads that hold quota use."""
    used = Counter[UseKey]()
    for workload in workloads:
        for flavor, resource, amount in held_quota(workload):
            queue = workload.status.admission.cluster_queue if workload.status.admission is not None else ""
            used[queue, flavor, resource] += amount
    return used


def held_quota(workload: Workload) -> Iterator[tuple[str, str, int]]:
    """Flavor, resource and amount of the quota that a workload holds, a line for each PodSet and resource."""
    admission = workload.status.admission
    if admission is None or not workload.holds_quota or workload.says("Finished"):
        return
    counts = {each.name: each.count for each in workload.spec.pod_sets}
    returned = {each.name: each.count for each in workload.status.reclaimable_pods}
    for given in admission.pod_set_assignments:
        total = counts.get(given.name, 0)
        pods = total if given.count is None else given.count
        # Quota of pods that are over comes back before the work ends.
        left = min(pods, total - returned[given.name]) if returned.get(given.name) else pods
        for resource, written in given.resource_usage.items():
            amount = units(resource, written)
            if left < pods:
                amount = amount // pods * max(left, 0)
            yield given.flavors.get(resource, ""), resource, amount


def _told(index: Index, line: WrittenQuota) -> int | None:
    status = index.cluster_queues[line.name].status
    for flavor in status.flavors_reservation:
        for resource in flavor.resources:
            if (flavor.name, resource.name) == (line.flavor, line.resource):
                return units(resource.name, resource.total)
    return None
