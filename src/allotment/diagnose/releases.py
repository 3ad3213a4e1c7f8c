"""How quota comes free for what lacks it: who has to end, which number has to be raised, and to what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.growing import grows_from
from allotment.diagnose.in_vain import given_up, never_runs
from allotment.diagnose.others import called, listed, reference_above, work_above
from allotment.diagnose.quota_book import Pair, QuotaBook, held_by
from allotment.diagnose.rollouts import old_ready
from allotment.diagnose.shortage import FlavorRow, QuotaShortage, ResourceNeed, book_of
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.index import kind_of
from allotment.model.observed.queueing import ClusterQueue, Cohort
from allotment.model.observed.queueing import Workload as ObservedWorkload
from allotment.model.observed.work import Replicas, Work
from allotment.scheduling.queueing.inputs import Workload
from allotment.scheduling.queueing.quantity import render_amount
from allotment.scheduling.snapshot.quantities import units
from allotment.scheduling.snapshot.queueing import QuotaHolder

_MOST_ENDING: Final = 8
"""Workloads that an answer says to wait for; whoever waits for more waits for the queue as such."""
SERVICES: Final = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "LeaderWorkerSet", "RayService"})
"""Kinds whose pods run until somebody ends them."""


class _Releases(dict[tuple[str, frozenset[tuple[Pair, int]], str, str], tuple[QuotaHolder, ...]]):
    """Who has to end, by queue, what is wanted, whose work is to be preferred, and whose end is no help."""


class _Holders(dict[tuple[str, Pair], list[tuple[int, QuotaHolder]]]):
    """Who holds how much of a flavor's resource, in the tree of a queue, least first."""


def releasing(case: Case, queue: str, wanted: Mapping[Pair, int]) -> tuple[QuotaHolder, ...]:
    """The fewest workloads that have to end, own ones before others; none if that cannot be told."""
    index = case.index
    kept = index.beside.once(_Releases, _Releases)
    held = grows_from(case)
    key = (queue, frozenset(wanted.items()), case.namespace, "" if held is None else held.key)
    if key not in kept:
        kept[key] = _releasing(case, queue, wanted)
    return kept[key]


def _releasing(case: Case, queue: str, wanted: Mapping[Pair, int]) -> tuple[QuotaHolder, ...]:
    book = book_of(case.twins)
    if not book.could_ever_fit(queue, wanted) or book.fits(queue, wanted):
        return ()
    short = [pair for pair, amount in wanted.items() if not book.fits(queue, {pair: amount})]
    if not short:
        return ()
    pair = short[0]
    prefix = f"{case.namespace}/"
    held = grows_from(case)
    listed = [each for each in holders_of(case, queue, pair) if may_end(case, each[1])]
    listed = [each for each in listed if held is None or each[1].workload.name != held.key]
    own = [each for each in listed if each[1].workload.name.startswith(prefix)]
    beside = [each for each in listed if each[1].workload.cluster_queue == queue and each not in own]
    others = [each for each in listed if each[1].workload.cluster_queue != queue and each not in own]
    entry = book.entry(queue, *pair)
    missing = wanted[pair] - (entry.left if entry is not None else 0)
    for group in (own, beside, others):
        for amount, holder in group:
            if amount >= missing and book.fits(queue, wanted, without=(holder,)):
                return (holder,)
    order = [holder for group in (own, beside, others) for _, holder in reversed(group)]
    return _several(book, queue, wanted, order[: 4 * _MOST_ENDING])


def may_end(case: Case, holder: QuotaHolder) -> bool:
    """Whether it is no service: those run until somebody ends them."""
    found = case.index.workloads.get(holder.workload.name)
    above = None if found is None else work_above(case, found)
    return above is None or kind_of(above) not in SERVICES


def kept_by_itself(case: Case, queue: str, wanted: Mapping[Pair, int]) -> bool:
    """Whether its own pods hold what it waits for, and do not end: with all others gone it would wait as well."""
    top = service_of(case)
    if top is None:
        return False
    book = book_of(case.twins)
    held = [each for name in book.tree_of(queue) for each in book.holders.get(name, ())]
    others = []
    for holder in held:
        found = case.index.workloads.get(holder.workload.name)
        if found is None or work_above(case, found).metadata.uid != top.metadata.uid:
            others.append(holder)
    return len(others) < len(held) and not book.fits(queue, wanted, without=others)


def service_of(case: Case) -> Work | None:
    """The service that the subject is or belongs to; None for what ends, and in a rollout, which ends old pods."""
    top = case.top
    if top is None or kind_of(top) not in SERVICES:
        return None
    return None if isinstance(top, Replicas) and old_ready(case.index, top) else top


def _several(
    book: QuotaBook, queue: str, wanted: Mapping[Pair, int], order: list[QuotaHolder]
) -> tuple[QuotaHolder, ...]:
    chosen: list[QuotaHolder] = []
    for holder in order:
        chosen.append(holder)
        if book.fits(queue, wanted, without=chosen):
            break
    else:
        return ()
    for holder in tuple(chosen[:-1]):
        rest = [each for each in chosen if each is not holder]
        if book.fits(queue, wanted, without=rest):
            chosen = rest
    return tuple(chosen) if len(chosen) <= _MOST_ENDING else ()


def holders_of(case: Case, queue: str, pair: Pair) -> list[tuple[int, QuotaHolder]]:
    """Who holds how much of a flavor's resource in the tree of a queue, least first."""
    index = case.index
    kept = index.beside.once(_Holders, _Holders)
    book = book_of(case.twins)
    tree = book.tree_of(queue)
    key = (min(tree, default=queue), pair)
    if key not in kept:
        found = [
            (amount, holder)
            for name in sorted(tree)
            for holder in book.holders.get(name, ())
            if (amount := held_by(holder, book.queues).get(pair, 0)) > 0
        ]
        found.sort(key=lambda each: (each[0], each[1].workload.name))
        kept[key] = found
    return kept[key]


def waits(
    case: Case,
    lacks: QuotaShortage,
    then: str = "",
    *,
    also: Workload | None = None,
    first: QuotaHolder | None = None,
    cost: int = 2,
) -> Iterator[Proposal]:
    """Wait for those whose end lets it start.

    Args:
        case: the subject.
        lacks: what is missing: the subject's, or that of the head before it.
        then: what happens then, a clause.
        also: who has to fit besides.
        first: whose end is looked at first.
        cost: among the proposals of the asker.
    """
    for row in sorted(lacks.usable, key=lambda each: each.beyond):
        if row.beyond or case.brief:
            continue
        wanted = wanted_with(row, also)
        queue = lacks.workload.cluster_queue
        enough = first is not None and book_of(case.twins).fits(queue, wanted, without=(first,))
        ending = (first,) if first is not None and enough else releasing(case, queue, wanted)
        if ending:
            yield _without_those_in_vain(case, ending, row, then, cost)
            return


def _without_those_in_vain(
    case: Case, ending: tuple[QuotaHolder, ...], row: FlavorRow, then: str, cost: int
) -> Proposal:
    """Who never runs never ends: it has to be deleted, and only the others waited for."""
    held = [(each, case.index.workloads.get(each.workload.name)) for each in ending]
    vain = [found for _, found in held if found is not None and never_runs(case, found)]
    rest = tuple(each for each, found in held if found is None or found not in vain)
    if not vain:
        return _wait(case, ending, row, then, cost)
    if not rest:
        return given_up(case, vain, cost=cost)
    wait = _wait(case, rest, row, then, cost)
    proposal = given_up(case, vain, f"; and {wait.summary}", cost)
    waited = wait.target or reference_of(vain[0])
    return replace(proposal, then=(*proposal.then, (waited, Patch(PatchOp.WAIT))))


def wanted_with(row: FlavorRow, also: Workload | None) -> dict[Pair, int]:
    """What is asked of a flavor, with what somebody asks besides."""
    wanted = row.wanted
    if also is not None:
        for pod_set in also.pod_sets:
            for resource, amount in pod_set.requests:
                if (row.flavor, resource) in wanted:
                    wanted[row.flavor, resource] += amount * (pod_set.min_count or pod_set.count)
    return wanted


def waiting_for(case: Case, ending: Sequence[ObservedWorkload], cost: int = 3) -> Proposal:
    """Wait for the end of work that holds what is needed in another sense than quota."""
    verb = "ends" if len(ending) == 1 else "end"
    target = reference_above(case, ending[0])
    hidden = bool(case.snapshot.view) and target.namespace != case.namespace
    return Proposal(
        RemedyKind.WAIT_FOR_QUOTA,
        Doer.USER,
        f"wait until {_joined([called(case, each) for each in ending])} {verb}",
        None if hidden else target,
        Patch(PatchOp.WAIT, {"event": "completes", "workloads": len(ending)}),
        cost=cost,
    )


def _wait(case: Case, ending: tuple[QuotaHolder, ...], row: FlavorRow, then: str, cost: int) -> Proposal:
    names, targets = [], []
    held = {each.resource: 0 for each in row.needs if each.short}
    book = book_of(case.twins)
    for holder in ending:
        found = case.index.workloads.get(holder.workload.name)
        names.append(holder.workload.name if found is None else called(case, found))
        targets.append(None if found is None else reference_above(case, found))
        for (flavor, resource), amount in held_by(holder, book.queues).items():
            if flavor == row.flavor and resource in held:
                held[resource] += amount
    said = ", ".join(f"{render_amount(name, amount)} {name}" for name, amount in held.items())
    verb = "ends" if len(names) == 1 else "end"
    hidden = bool(case.snapshot.view) and targets[0] is not None and targets[0].namespace != case.namespace
    return Proposal(
        RemedyKind.WAIT_FOR_QUOTA,
        Doer.USER,
        f"wait until {_joined(names)} {verb} ({said}{f': {then}' if then else ''})",
        None if hidden else targets[0],
        Patch(PatchOp.WAIT, {"event": "completes", "workloads": len(names)}),
        cost=cost,
    )


def _joined(names: list[str]) -> str:
    unique = list(dict.fromkeys(names))
    if len(unique) == 1 and len(names) > 1:
        return f"{len(names)} of: {unique[0]}"
    return listed(unique)


def raised_borrowing(case: Case, lacks: QuotaShortage, *, cost: int = 0) -> Iterator[Proposal]:
    """Raise the queue's own borrowing limit by as little as helps."""
    row = lacks.row
    queue = case.index.cluster_queues.get(lacks.workload.cluster_queue)
    if row is None or queue is None or row.obstacle:
        return
    steps, said = [], []
    for need in row.needs:
        path, limit = quota_path(queue, row.flavor, need.resource), need.quota.borrowing_limit
        if not need.short or path is None or limit is None:
            continue
        higher = _useful(case, lacks, row, need, limit)
        steps.append({"op": "replace", "path": f"{path}/borrowingLimit", "value": need.text(higher)})
        said.append(f"{need.resource} {need.text(limit)} → {need.text(higher)}")
    if not steps:
        yield from _raised_above(case, lacks, queue, row, cost)
    if steps:
        yield Proposal(
            RemedyKind.RAISE_BORROWING_LIMIT,
            Doer.PLATFORM,
            f"raise the borrowing limit of the ClusterQueue {queue.name} in flavor {row.flavor}: {', '.join(said)}",
            reference_of(queue),
            Patch(PatchOp.JSON, steps),
            cost=cost,
        )


def _raised_above(
    case: Case, lacks: QuotaShortage, queue: ClusterQueue, row: FlavorRow, cost: int
) -> Iterator[Proposal]:
    """Raise the borrowing limit of a cohort above the queue, where it is that one which binds."""
    above, seen = queue.spec.cohort_name, set[str]()
    while above in case.index.cohorts and above not in seen:
        seen.add(above)
        cohort = case.index.cohorts[above]
        for need in row.needs:
            path = quota_path(cohort, row.flavor, need.resource)
            limit = _limit_at(cohort, row.flavor, need.resource)
            if not need.short or path is None or limit is None:
                continue
            higher = _useful(case, lacks, row, need, limit)
            yield Proposal(
                RemedyKind.RAISE_BORROWING_LIMIT,
                Doer.PLATFORM,
                f"raise the borrowing limit of the Cohort {cohort.name} in flavor {row.flavor}: {need.resource} "
                f"{need.text(limit)} → {need.text(higher)}",
                reference_of(cohort),
                Patch(PatchOp.JSON, [{"op": "replace", "path": f"{path}/borrowingLimit", "value": need.text(higher)}]),
                cost=cost,
            )
        above = cohort.spec.parent_name


def _useful(case: Case, lacks: QuotaShortage, row: FlavorRow, need: ResourceNeed, limit: int) -> int:
    """A borrowing limit with which it fits now; no more than others lend at most, which nobody can ever borrow."""
    higher = limit + need.wanted - need.quota.left
    entry = book_of(case.twins).without_borrowing_limits.entry(lacks.workload.cluster_queue, row.flavor, need.resource)
    lent = 0 if entry is None else entry.most - need.quota.most
    return min(higher, limit + lent) if lent > 0 else higher


def _limit_at(cohort: Cohort, flavor: str, resource: str) -> int | None:
    for group in cohort.spec.resource_groups:
        for each in group.flavors:
            for quota in each.resources:
                if each.name == flavor and quota.name == resource and quota.borrowing_limit is not None:
                    return units(resource, quota.borrowing_limit)
    return None


def quota_path(queue: ClusterQueue | Cohort, flavor: str, resource: str) -> str | None:
    """Where a quota stands in a ClusterQueue or Cohort, as a JSON pointer."""
    for group, part in enumerate(queue.spec.resource_groups):
        for number, each in enumerate(part.flavors):
            if each.name == flavor:
                for position, quota in enumerate(each.resources):
                    if quota.name == resource:
                        return f"/spec/resourceGroups/{group}/flavors/{number}/resources/{position}"
    return None


def borrowers(case: Case, queue: str, pair: Pair) -> Iterable[tuple[str, int]]:
    """Queues of the tree that use more of a flavor's resource than their own quota, the largest first."""
    book = book_of(case.twins)
    found = []
    for name in book.tree_of(queue) - {queue}:
        entry = book.entry(name, *pair)
        if entry is not None and entry.used > entry.nominal:
            found.append((name, entry.used - entry.nominal))
    return sorted(found, key=lambda each: (-each[1], each[0]))


def owner_of(case: Case, holder: QuotaHolder) -> Reference | None:
    """What a person submitted of a workload that holds quota."""
    found = case.index.workloads.get(holder.workload.name)
    return None if found is None else reference_above(case, found)
