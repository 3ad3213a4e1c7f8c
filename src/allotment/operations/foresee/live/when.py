"""Use case: when does what waits in a cluster start? What the answer rests on is part of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from allotment.accounting.belonging import OwnerLookup
from allotment.accounting.lines import lines_of
from allotment.diagnose.case import reference_of
from allotment.diagnose.emptied import EmptiedFleet, HopelessFor
from allotment.diagnose.explaining import explain
from allotment.diagnose.on_server import members_of
from allotment.diagnose.subjects import find_case
from allotment.model.moments import milliseconds
from allotment.model.observed.base import Reference
from allotment.model.observed.index import Index
from allotment.model.observed.queueing import Workload
from allotment.model.observed.snapshot import MACHINE, Snapshot, Source
from allotment.observe.anonymous import is_hidden
from allotment.operations.ask.explaining import UNKNOWN
from allotment.operations.ask.resting import NO_QUEUES, demand, queueless
from allotment.ports.clock import Clock
from allotment.scheduling.snapshot.placement import is_waiting
from allotment.scheduling.snapshot.standing import NotQueued, OutOfQueue
from allotment.simulation.live.seen import Chronicle, SeenCluster
from allotment.simulation.live.starts import LiveStart, LiveStarts, StartEstimator, StartWishes

_SETTLED: Final = (OutOfQueue.FINISHED, OutOfQueue.AWAITS_CHECKS)
"""Of workloads that wait for no queue."""


@dataclass(frozen=True, slots=True)
class LiveWhenRequest:
    """What is asked.

    Attributes:
        jobs: ``KIND/NAME`` or names that are searched; none = all that wait.
        namespace: only there; empty = everywhere.
        wishes: how thoroughly.
        seed: of chance.
    """

    jobs: tuple[str, ...] = ()
    namespace: str = ""
    wishes: StartWishes = field(default_factory=StartWishes)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class WaitingStart:
    """One that was asked about. Exactly one of `start`, `never`, `kept` and `stands` is set.

    Attributes:
        subject: what a person submitted.
        queue: its ClusterQueue; empty where it reaches none.
        waited: milliseconds; None where its creation is not known.
        start: when it starts, or that there is no basis to say.
        never: why waiting alone can never help.
        kept: why no queue tries it at all.
        stands: how it stands, where it waits in no queue: it runs, is over, has its quota and no node; a sentence.
        source: the cluster's name.
    """

    subject: Reference
    queue: str
    waited: int | None
    start: LiveStart | None = None
    never: HopelessFor | None = None
    kept: NotQueued | None = None
    stands: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class LiveWhen:
    """The answer, and what it rests on.

    Attributes:
        observed_at: RFC 3339.
        ended: run times that are known.
        since: from when on the past is complete, in milliseconds since 1970; 0 where nothing has ended.
        learnt: past starts that intervals were corrected by; 0 = they were not.
        running: workloads with quota.
        pending: workloads that wait in queues, as their status counts them, and those whose queues could not be read.
        recorded: snapshots before this one that were read.
        seconds: that it took.
        pods: that wait for a node in no queue; of these nothing is said.
        placing: pods that wait for a node with quota from a queue; `allot why` tells of them.
        notes: what is at work and not modelled, or was not seen.
        machine: this machine was asked, whose server keeps what ended.
    """

    observed_at: str
    request: LiveWhenRequest
    rows: tuple[WaitingStart, ...]
    running: int
    pending: int
    ended: int
    since: int
    learnt: int
    recorded: int
    seconds: float
    pods: int
    placing: int
    notes: tuple[str, ...]
    machine: bool = False


def when_live(
    snapshot: Snapshot, request: LiveWhenRequest, clock: Clock, recorded: Iterable[Snapshot] = ()
) -> LiveWhen:
    """When what waits starts.

    Args:
        snapshot: the moment.
        request: what is asked.
        clock: says when the budget is over; it begins when the past has been read.
        recorded: snapshots of the same cluster before that moment, in the order of their times.

    Raises:
        NotFoundError: there is no such job.
        UsageError: a name is that of several.
        ForbiddenError: no workloads could be read.
    """
    demand(snapshot, "workloads", for_what="what waits in queues")
    asked = [_asked_about(snapshot, job, request.namespace) for job in request.jobs]
    wanted = frozenset(key for each in asked if not isinstance(each, WaitingStart) for key in each) if asked else None
    chronicles = [Chronicle() for _ in snapshot.sources]
    read = 0
    for earlier in recorded:
        if milliseconds(earlier.taken_at) >= milliseconds(snapshot.taken_at):
            continue
        read += 1
        for chronicle, source in matched(chronicles, snapshot, earlier):
            chronicle.take(Index(source), earlier.taken_at or source.observed_at)
    rows: list[WaitingStart] = [each for each in asked if isinstance(each, WaitingStart)]
    seen: list[SeenCluster] = []
    learnt = 0
    began = clock.now()

    def spent() -> float:
        return (clock.now() - began).total_seconds()

    for chronicle, source in zip(chronicles, snapshot.sources, strict=True):
        index = Index(source)
        cluster = chronicle.told(index, snapshot.taken_at or source.observed_at)
        seen.append(cluster)
        chosen = _chosen(cluster, index, request, wanted)
        found, answered = _answer(cluster, index, chosen, request, spent)
        rows += found
        learnt += answered.learnt
    looked = zip(seen, snapshot.sources, strict=True)
    unplaced = [queued for source in snapshot.sources for queued in _unplaced(source, request.namespace)]
    return LiveWhen(
        snapshot.taken_at,
        request,
        tuple(rows),
        running=sum(
            each.holds_quota and not each.says("Finished")
            for source in snapshot.sources
            for each in source.objects.workloads
        ),
        pending=sum(len(line) for source in snapshot.sources for line in lines_of(Index(source)).values())
        + sum(row.kept is not None and row.kept.reason is OutOfQueue.NOT_SEEN for row in rows),
        ended=sum(each.ended for each in seen),
        since=min((each.since for each in seen if each.ended), default=0),
        learnt=learnt,
        recorded=read,
        seconds=spent(),
        pods=sum(not queued for queued in unplaced),
        placing=sum(unplaced),
        notes=tuple(dict.fromkeys(note for each, source in looked for note in _notes(each, source))),
        machine=any(source.kind == MACHINE for source in snapshot.sources),
    )


def _notes(seen: SeenCluster, source: Source) -> tuple[str, ...]:
    """What is not modelled; of Kueue's version and settings nothing where there is nothing of Kueue."""
    if source.kind == MACHINE:
        return ()  # the engine is what decides there
    return (NO_QUEUES,) if queueless(source) else seen.view.unmodelled


def matched(
    chronicles: Sequence[Chronicle], snapshot: Snapshot, earlier: Snapshot
) -> Iterable[tuple[Chronicle, Source]]:
    """Sources of the same name; of one cluster alone, whatever it was called."""
    if len(snapshot.sources) == len(earlier.sources) == 1:
        return [(chronicles[0], earlier.sources[0])]
    by_name = {source.name: source for source in earlier.sources}
    pairs = zip(chronicles, snapshot.sources, strict=True)
    return [(each, by_name[source.name]) for each, source in pairs if source.name in by_name]


def _asked_about(snapshot: Snapshot, job: str, namespace: str) -> list[str] | WaitingStart:
    """Keys of the Workloads that a word means, of a sweep or a schedule those of its members; else how it stands."""
    case = find_case(snapshot, job, namespace)
    own = members_of(case)
    workloads = [each for member in own for each in [member.workload] if each is not None]
    waiting = [each.key for each in workloads if not (each.says("Finished") or each.holds_quota)]
    if waiting:
        return waiting
    found = explain(case, with_remedies=False)
    stands = found.summary
    if found.cause == UNKNOWN and workloads:
        # No rule knows more than its queue: nobody saw what it runs.
        stands = "it is done" if all(each.says("Finished") for each in workloads) else "it has its quota"
    return WaitingStart(case.reference, "", None, stands=stands, source=case.source.name)


def _chosen(
    cluster: SeenCluster, index: Index, request: LiveWhenRequest, wanted: frozenset[str] | None
) -> list[Workload]:
    """Workloads to answer for: those that wait in a queue, by its order, and those that no queue tries."""
    view = cluster.view
    kept = [name for name, why in view.absent.items() if why.reason not in _SETTLED]
    keys = dict.fromkeys([*(each.name for each in view.pending), *kept])
    chosen = []
    for key in keys:
        workload = index.workloads[key]
        if workload.holds_quota:
            # Of a queue that is not seen, or gone: it waits for nothing there.
            continue
        if (key not in wanted) if wanted is not None else (request.namespace not in {"", workload.namespace}):
            continue
        if wanted is not None or not is_hidden(workload.metadata):
            chosen.append(workload)
    return chosen


def _answer(
    cluster: SeenCluster,
    index: Index,
    chosen: Sequence[Workload],
    request: LiveWhenRequest,
    spent: Callable[[], float],
) -> tuple[list[WaitingStart], LiveStarts]:
    view = cluster.view
    keys = [each.key for each in chosen]
    never = EmptiedFleet(index, view).hopeless(keys)
    hopeful = [key for key in keys if key not in never and key not in view.absent]
    chance = random.Random(request.seed)  # noqa: S311 (a simulation, not a secret)
    answered = StartEstimator(cluster, request.wishes, chance, spent).ask(hopeful)
    queues = {each.name: each.cluster_queue for each in view.pending}
    rows = []
    for each in chosen:
        created = milliseconds(each.metadata.creation_timestamp)
        rows.append(
            WaitingStart(
                subject_of(index, each),
                queues.get(each.key, ""),
                # What says that it was made later than the snapshot says nothing of how long it waits.
                view.now - created if created and created <= view.now else None,
                answered.starts.get(each.key),
                never.get(each.key),
                view.absent.get(each.key) if each.key not in never else None,
                source=index.source.name,
            )
        )
    return rows, answered


def subject_of(index: Index, workload: Workload) -> Reference:
    """What a person submitted: the topmost owner that was seen, or as the Workload names it."""
    for owner in workload.metadata.owner_references:
        above = index.owner(owner, workload.metadata)
        if above is not None:
            chain = index.chain(above.metadata)
            return reference_of(chain[-1] if chain else above)
    controller = workload.metadata.controller
    if controller is not None:
        return Reference(
            api_version=controller.api_version,
            kind=controller.kind,
            namespace=workload.namespace,
            name=controller.name,
        )
    return reference_of(workload)


def _unplaced(source: Source, namespace: str) -> Iterator[bool]:
    """For each pod that the scheduler is to place and has not: whether a workload of a queue has quota for it.

    Of a pod of others that may not be named it is not known, and nothing is told.
    """
    waiting = [
        pod
        for pod in source.objects.pods
        if is_waiting(pod) and namespace in {"", pod.namespace} and not is_hidden(pod.metadata)
    ]
    owners = OwnerLookup(Index(source)) if waiting else None
    for pod in waiting:
        workload = owners.workload_of(pod) if owners is not None else None
        yield workload is not None and workload.holds_quota
