"""Raising a quota: by as little as helps, and no further than there are nodes for what is to start then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.emptied import with_flavors
from allotment.diagnose.finding import Proposal
from allotment.diagnose.hardware import Backing, backing_of
from allotment.diagnose.machines import added_node
from allotment.diagnose.quota_book import Pair
from allotment.diagnose.releases import quota_path, wanted_with
from allotment.diagnose.rules.scheduler.placing import Placing, ToPlace, placing_of
from allotment.diagnose.shortage import FlavorRow, QuotaShortage, ResourceNeed
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.queueing import ClusterQueue
from allotment.scheduling.queueing.inputs import Workload

_MOST_NODES: Final = 16
"""Nodes that an answer says to add at most."""


def raised_quota(
    case: Case, lacks: QuotaShortage, then: str = "", *, also: Workload | None = None, cost: int = 1
) -> Iterator[Proposal]:
    """Raise the nominal quota of the flavor that is nearest, by as little as helps; `also` = who has to fit besides.

    As far as lets it start on nodes that are there now, or else no further than what healthy nodes of the flavor have.
    More nodes are needed with it only for what the work itself lacks there.
    """
    row = lacks.row
    queue = case.index.cluster_queues.get(lacks.workload.cluster_queue)
    if row is None or queue is None or row.obstacle or case.brief:
        return
    wanted = wanted_with(row, also)
    now, some_day = (_raises(queue, row, wanted, ever=ever) for ever in (False, True))
    work = (lacks.workload,) if also is None or also is lacks.workload else (lacks.workload, also)
    raises = next((each for each in (now, some_day) if each and not _unbacked(case, row, each)), None)
    if now and raises is not now and not _lacked(case, row, wanted, now, work):
        raises = now
    needed = raises or some_day or now
    lacked = [] if raises else _lacked(case, row, wanted, needed, () if some_day else work)
    patch = Patch(PatchOp.JSON, _steps(needed))
    if needed and not lacked:
        # Kueue counts no nodes: it admits then what the scheduler has no room for yet.
        wait = "its pods wait for nodes then" if needed == now and _lacked(case, row, wanted, now, work) else ""
        what = _raising(case, queue, row, needed, "; ".join(each for each in (then, wait) if each))
        yield Proposal(RemedyKind.RAISE_QUOTA, Doer.PLATFORM, what, reference_of(queue), patch, cost=cost)
    for backing, missing in lacked[:1]:
        count = -(-missing // backing.each) if backing.each else 0
        if backing.largest is not None and 0 < count <= _MOST_NODES:
            more = added_node(backing.largest, cost + 1, count)
            what = f"{more.summary}, and {_raising(case, queue, row, needed, then, count * backing.each)}"
            yield replace(more, summary=what, then=((reference_of(queue), patch),))


_Raise = tuple[ResourceNeed, str, int]
"""What is raised, where it stands, and to how much."""


def _raises(queue: ClusterQueue, row: FlavorRow, wanted: Mapping[Pair, int], *, ever: bool) -> list[_Raise]:
    """The quotas that are too small for it, now or ever, with what would do."""
    found = []
    for need in row.needs:
        path = quota_path(queue, row.flavor, need.resource)
        missing = wanted[row.flavor, need.resource] - (need.quota.most if ever else need.quota.left)
        if path is not None and missing > 0 and (ever or wanted[row.flavor, need.resource] > need.quota.free):
            found.append((need, path, need.quota.nominal + missing))
    return found


def _unbacked(case: Case, row: FlavorRow, raises: Iterable[_Raise]) -> list[tuple[Backing, int]]:
    """Devices of which more would be promised than there are, and how many would be."""
    found = []
    for need, _, amount in raises:
        backing = backing_of(case, row.flavor, need.resource)
        more = amount - need.quota.nominal
        if backing is not None and more > backing.room:
            found.append((backing, backing.promised + more))
    return found


def _lacked(
    case: Case, row: FlavorRow, wanted: Mapping[Pair, int], raises: Iterable[_Raise], beside: tuple[Workload, ...]
) -> list[tuple[Backing, int]]:
    """Devices that the nodes lack for what is wanted: beside all that was let in, or on empty nodes for no workload."""
    found = []
    for need, _, _ in raises:
        pair = (row.flavor, need.resource)
        backing = backing_of(case, *pair)
        if backing is None:
            continue
        alone = wanted[pair] - backing.healthy
        missing = _missing_now(case, pair, beside) if beside else alone
        if missing > 0:
            found.append((backing, missing))
    return found


def _steps(raises: Iterable[_Raise]) -> list[dict[str, str]]:
    return [
        {"op": "replace", "path": f"{path}/nominalQuota", "value": need.text(amount)} for need, path, amount in raises
    ]


def _raising(
    case: Case, queue: ClusterQueue, row: FlavorRow, raises: Iterable[_Raise], then: str, added: int = 0
) -> str:
    """The act in words, with what comes of it: also that more is promised than there is with so many devices more."""
    steps = ", ".join(
        f"{need.resource} {need.text(need.quota.nominal)} → {need.text(amount)}" for need, _, amount in raises
    )
    over = [
        f"flavor {row.flavor} is promised {promised} of {backing.healthy + added} then: allot books"
        for backing, promised in _unbacked(case, row, raises)[:1]
        if promised > backing.healthy + added
    ]
    said = "; ".join([*([then] if then else []), *over])
    where = f"the nominal quota of the ClusterQueue {queue.name} in flavor {row.flavor}"
    return f"raise {where}: {steps}{f' ({said})' if said else ''}"


def _missing_now(case: Case, pair: Pair, work: Iterable[Workload]) -> int:
    """Devices that work lacks on nodes, whatever its quota: 0 where all its pods find a place now."""
    pods = [(amount, pod) for each in work for amount, pod in _pods(case, pair, each)]
    refused = Placing(case, tuple(pod for _, pod in pods)).first_refused() if pods else None
    return 0 if refused is None else sum(amount for amount, _ in pods[refused.placed :])


def _pods(case: Case, pair: Pair, work: Workload) -> Iterator[tuple[int, ToPlace]]:
    """Its pods that ask for the resource, as the flavor lets them in, with how much each asks for."""
    flavor, resource = pair
    found = case.index.workloads.get(work.name)
    templates = {} if found is None else {each.name: each.template for each in found.spec.pod_sets}
    for part in work.pod_sets:
        amount = dict(part.requests).get(resource, 0)
        if amount > 0 and part.name in templates:
            names = [f"{work.name}-{part.name}-{number}" for number in range(part.min_count or part.count)]
            made = placing_of(case, names, with_flavors(case.index, templates[part.name], (flavor,)))
            yield from ((amount, pod) for pod in made.pods)
