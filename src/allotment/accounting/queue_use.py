"""ClusterQueues as they stand: quota, use, what is borrowed and lent, who waits.

Use is summed from the admissions of workloads, as Kueue counts it: finished work holds nothing. Kueue ties no loan to a
lender. What is borrowed in a cohort counts as lent by the quota of cohorts first, then by the queues in proportion to
what they may lend and do not use, by the largest remainder: so lent and borrowed sum to the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from allotment.accounting.book_checks import root_of
from allotment.accounting.books import WrittenQuota, quota_lines
from allotment.accounting.capacity import largest_remainder
from allotment.accounting.lines import held_back, lines_of
from allotment.model.observed.index import Index
from allotment.model.observed.queueing import Workload
from allotment.scheduling.snapshot.quantities import units

UseKey = tuple[str, str, str]
"""ClusterQueue, flavor and resource."""


@dataclass(frozen=True, slots=True)
class QueueLoan:
    """So much of a flavor that one queue uses and another is guaranteed.

    Attributes:
        lender: a queue's name, or ``cohort/NAME``.
    """

    borrower: str
    lender: str
    amount: int


@dataclass(frozen=True, slots=True)
class QueueUse:
    """One quota of a ClusterQueue; amounts as the twins count the resource.

    Attributes:
        limit: nominal quota and the most that can be borrowed beside it.
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
    books = _CohortBooks(index, list(quota_lines(index)), used_quota(index.objects.workloads))
    own: dict[str, list[WrittenQuota]] = {}
    for line in books.lines:
        if line.kind == "ClusterQueue":
            own.setdefault(line.name, []).append(line)
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
                uses=tuple(books.use(line) for line in own.get(queue.name, ())),
            )
        )
    return tuple(sorted(found, key=lambda each: (each.cohort, each.name)))


def unused_guarantees(index: Index) -> dict[UseKey, int]:
    """What each queue could have at once of what it is guaranteed: unused, and lent to nobody.

    Work that asks for no more is refused by no quota, whatever is written in its status.
    """
    used = used_quota(index.objects.workloads)
    lines = list(quota_lines(index))
    roots = {line.cohort: root_of(index, line.cohort) for line in lines if line.cohort}
    trees: Counter[tuple[str, str, str]] = Counter()
    for line in lines:
        if line.cohort:
            taken = used.get((line.name, line.flavor, line.resource), 0) if line.kind == "ClusterQueue" else 0
            trees[roots[line.cohort], line.flavor, line.resource] += line.nominal - taken
    found: dict[UseKey, int] = {}
    for line in lines:
        if line.kind == "ClusterQueue" and not line.stopped:
            key = (line.name, line.flavor, line.resource)
            own = line.nominal - used.get(key, 0)
            tree = trees[roots[line.cohort], line.flavor, line.resource] if line.cohort else own
            found[key] = max(0, min(own, tree))
    return found


def used_quota(workloads: Iterable[Workload]) -> dict[UseKey, int]:
    """What workloads that hold quota use."""
    used: dict[UseKey, int] = {}
    for workload in workloads:
        admission = workload.status.admission
        if admission is None or not workload.holds_quota or workload.says("Finished"):
            continue
        for assigned in admission.pod_set_assignments:
            for resource, amount in assigned.resource_usage.items():
                key = (admission.cluster_queue, assigned.flavors.get(resource, ""), resource)
                used[key] = used.get(key, 0) + units(resource, amount)
    return used


class _CohortBooks:
    """Quota of all queues by cohort tree, flavor and resource, with who lends what to whom."""

    def __init__(self, index: Index, lines: list[WrittenQuota], used: Mapping[UseKey, int]) -> None:
        self.lines = lines
        self._index = index
        self._used = used
        roots = {line.cohort: root_of(index, line.cohort) for line in lines if line.cohort}
        self._key = {id(line): (roots.get(line.cohort, ""), line.flavor, line.resource) for line in lines}
        groups: dict[tuple[str, str, str], list[WrittenQuota]] = {}
        for line in lines:
            if line.cohort:
                groups.setdefault(self._key[id(line)], []).append(line)
        self._lendable = {key: sum(line.lendable for line in members) for key, members in groups.items()}
        self._lent: Counter[UseKey] = Counter()
        self._loans: dict[UseKey, list[QueueLoan]] = {}
        for (_, flavor, resource), members in groups.items():
            for loan in _loans_among(members, used):
                self._lent[loan.lender, flavor, resource] += loan.amount
                self._loans.setdefault((loan.borrower, flavor, resource), []).append(loan)

    def use(self, line: WrittenQuota) -> QueueUse:
        """How one quota of a queue stands."""
        key = (line.name, line.flavor, line.resource)
        amount = self._used.get(key, 0)
        return QueueUse(
            cluster=self._index.source.name,
            queue=line.name,
            cohort=line.cohort,
            flavor=line.flavor,
            resource=line.resource,
            nominal=line.nominal,
            limit=line.nominal + self._borrowable(line),
            used=amount,
            told=_told(self._index, line),
            borrowed=max(0, amount - line.nominal) if line.cohort else 0,
            lent=self._lent[key],
            lenders=tuple(self._loans.get(key, ())),
        )

    def _borrowable(self, line: WrittenQuota) -> int:
        """The most that it can borrow: what others of its cohort tree may lend, within its own limit."""
        if not line.cohort:
            return 0
        others = self._lendable[self._key[id(line)]] - line.lendable
        return others if line.borrowing is None else min(others, line.borrowing)


def _told(index: Index, line: WrittenQuota) -> int | None:
    status = index.cluster_queues[line.name].status
    for flavor in status.flavors_reservation:
        for resource in flavor.resources:
            if (flavor.name, resource.name) == (line.flavor, line.resource):
                return units(resource.name, resource.total)
    return None


def _loans_among(members: Sequence[WrittenQuota], used: Mapping[UseKey, int]) -> list[QueueLoan]:
    owed: dict[str, int] = {}
    spare: dict[str, int] = {}
    shared: dict[str, int] = {}
    for line in members:
        amount = used.get((line.name, line.flavor, line.resource), 0) if line.kind == "ClusterQueue" else 0
        if line.kind == "Cohort":
            # Beside the queues' names: a cohort may be called as a queue is.
            name = f"cohort/{line.name}"
            shared[name] = shared.get(name, 0) + line.lendable
        elif amount > line.nominal:
            owed[line.name] = amount - line.nominal
        else:
            spare[line.name] = min(line.lendable, line.nominal - amount)
    total = sum(owed.values())
    given = _given(shared, min(total, sum(shared.values())))
    left = total - sum(given.values())
    # Work that was admitted before a quota was lowered can hold more than anybody lends.
    given |= _given(spare, min(left, sum(spare.values())))
    loans: list[QueueLoan] = []
    lent = sum(given.values())
    for lender, amount in given.items():
        shares = largest_remainder(amount, {name: Fraction(each) for name, each in owed.items()}) if lent else {}
        loans += [QueueLoan(borrower, lender, share) for borrower, share in shares.items() if share]
    return loans


def _given(room: Mapping[str, int], amount: int) -> dict[str, int]:
    return largest_remainder(amount, {name: Fraction(each) for name, each in room.items()}) if amount else {}
