"""A LocalQueue to be made where the one that is named is not there: to which ClusterQueue, and who says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.diagnose.quota_book import PODS, QuotaBook
from allotment.diagnose.rules.queue.queued import admits_namespace, usable
from allotment.diagnose.rules.scheduler.rooms import listed
from allotment.diagnose.shortage import book_of
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.labels import TEAM
from allotment.model.observed.base import Reference, condition
from allotment.model.observed.queueing import ClusterQueue
from allotment.scheduling.queueing.inputs import FlavorQuotas
from allotment.scheduling.snapshot.pods import asked_for, request_pairs
from allotment.scheduling.snapshot.queues import held

_NEWEST: Final = "kueue.x-k8s.io/v1beta2"
_MOST: Final = 3
"""LocalQueues that are proposed."""
_NEVER: Final = 2
"""Rank of a ClusterQueue that cannot ever serve it."""


def new_local_queues(case: Case) -> Iterator[Proposal]:
    """The LocalQueue as it was named, to the ClusterQueue that the namespace uses already, or else its team does.

    Where neither is known, only who runs the platform knows which it is to be: all are named that admit the namespace
    and have quota of what is asked.
    """
    there = [each for each in case.index.objects.local_queues if each.namespace == case.namespace]
    used = sorted({each.spec.cluster_queue for each in there if usable(case, each)})
    for position, name in enumerate(used[:_MOST]):
        yield _made(case, name, Doer.TEAM_OWNER, cost=position)
    if there:
        return
    if case.namespace_object is None or not case.seen_everywhere("clusterqueues"):
        yield _asked_for(case, ": which ClusterQueues admit this namespace was not seen")
    elif case.index.cluster_queues:
        yield from _of_the_platform(case)


def _of_the_platform(case: Case) -> Iterator[Proposal]:
    admitting = [name for name, each in sorted(case.index.cluster_queues.items()) if _admits(case, each)]
    ranks = {name: _rank(case, name) for name in admitting}
    serving = sorted((name for name in admitting if ranks[name] < _NEVER), key=lambda name: ranks[name])
    of_team = [name for name in admitting if name in _of_team(case)]
    if not of_team and not serving:
        yield _asked_for(case, ": no ClusterQueue that admits this namespace has quota of what it asks")
    for position, name in enumerate((of_team or serving)[:_MOST]):
        others = [] if of_team else sorted(each for each in serving if each != name)
        if of_team:
            said = ", as the team's other namespaces do"
        elif len(admitting) == 1:
            said = ", the only ClusterQueue that admits this namespace"
        else:
            said = f"; {listed(others)} would admit it too: the platform team chooses" if others else ""
        yield _made(case, name, Doer.PLATFORM, said, position)


def _asked_for(case: Case, said: str) -> Proposal:
    """That one is needed, where no ClusterQueue can be named."""
    where = Reference(api_version=_version(case), kind="LocalQueue", namespace=case.namespace, name=case.queue_name)
    what = f"create a LocalQueue {case.queue_name} in {case.namespace}{said}"
    return Proposal(RemedyKind.OTHER, Doer.PLATFORM, what, where, Patch(PatchOp.SIGNAL, {"queue": case.queue_name}))


def _made(case: Case, behind: str, who: Doer, said: str = "", cost: int = 0) -> Proposal:
    body = {
        "apiVersion": _version(case),
        "kind": "LocalQueue",
        "metadata": {"name": case.queue_name, "namespace": case.namespace},
        "spec": {"clusterQueue": behind},
    }
    return Proposal(
        RemedyKind.OTHER,
        who,
        f"create a LocalQueue {case.queue_name} in {case.namespace} that points to {behind}{said}",
        Reference(api_version=_version(case), kind="LocalQueue", namespace=case.namespace, name=case.queue_name),
        Patch(PatchOp.CREATE, body),
        cost=cost,
    )


def _version(case: Case) -> str:
    listed = (*case.index.objects.local_queues, *case.index.objects.cluster_queues)
    return next((each.api_version for each in listed if each.api_version), _NEWEST)


def _admits(case: Case, queue: ClusterQueue) -> bool:
    active = condition(queue.status.conditions, "Active")
    going = not held(queue.spec.stop_policy) and not queue.metadata.deletion_timestamp
    return going and (active is None or active.true) and admits_namespace(case, queue, case.namespace)


def _of_team(case: Case) -> set[str]:
    """ClusterQueues of the team that the namespace belongs to: labelled so, or used by its other namespaces."""
    own = case.namespace_object
    team = "" if own is None else own.metadata.labels.get(TEAM, "")
    if not team:
        return set()
    spaces = {name for name, each in case.index.namespaces.items() if each.metadata.labels.get(TEAM) == team}
    used = {each.spec.cluster_queue for each in case.index.objects.local_queues if each.namespace in spaces}
    queues = case.index.cluster_queues
    return used | {name for name, each in queues.items() if each.metadata.labels.get(TEAM) == team}


def _rank(case: Case, name: str) -> int:
    """Whether a ClusterQueue has quota for all of it now (0), or could have some day (1)."""
    book = book_of(case.twins)
    asked: dict[str, int] = {}
    for part in case.to_come:
        for resource, amount in request_pairs(asked_for(part.template.spec)):
            asked[resource] = asked.get(resource, 0) + amount * part.count
    groups = book.queues[name].resource_groups if name in book.queues else ()
    covered = {resource for group in groups for resource in group.covered_resources}
    if any(amount > 0 and resource not in covered for resource, amount in asked.items() if resource != PODS):
        return _NEVER
    wanted = [{each: asked[each] for each in group.covered_resources if asked.get(each)} for group in groups]
    for rank, ever in enumerate((False, True)):
        if all(_has(book, name, group.flavors, each, ever=ever) for group, each in zip(groups, wanted, strict=True)):
            return rank
    return _NEVER


def _has(book: QuotaBook, queue: str, flavors: Iterable[FlavorQuotas], asked: dict[str, int], *, ever: bool) -> bool:
    """Whether one of the flavors has all of it."""
    found = ({(each.flavor, name): amount for name, amount in asked.items()} for each in flavors)
    return any(book.could_ever_fit(queue, each) if ever else book.fits(queue, each) for each in found)
