"""What would become of a job if a cluster got it now: its objects are added to what was read, and both twins are asked.

The words are those of `allot why`, for it is asked about the job as if it were there. Nothing is told that could not be
seen: where something on which the answer rests may not be read, or the cluster does not answer, that is said instead.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import msgspec

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.explaining import explain
from allotment.diagnose.gangs import one_by_one
from allotment.diagnose.others import named_above
from allotment.diagnose.queued_pods import pods_case
from allotment.diagnose.remedies.derived import rederived
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.unseen import places_unseen, quotas_seen
from allotment.errors import InputError, NotSignedInError, UnreachableError
from allotment.jobs.kubernetes.rendering import RenderedWork
from allotment.model.explanation import Confidence, Explanation
from allotment.model.moments import rfc3339
from allotment.model.observed.base import Object
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Objects, Snapshot, Source
from allotment.model.observed.work import CronJob, Work
from allotment.observe.gathering import Gathered
from allotment.operations.ask.cluster_reader import ClusterReader
from allotment.operations.ask.observing import read_kind, served_kinds, where_else
from allotment.operations.ask.sparing import BEYOND
from allotment.operations.run.kubernetes.secrets_there import lacking_secrets
from allotment.ports.backends import ForeseenStart, JobToStart
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort
from allotment.scheduling.snapshot.attempts import AttemptOutcome
from allotment.simulation.live.seen import Chronicle
from allotment.simulation.live.starts import StartEstimator, StartWishes

_HELD: Final = 10.0
"""Seconds for which what was read is believed, unless the server itself has made or ended something since: a file of
many jobs does not read it for each."""
_EVENTS: Final = "events"
"""There are most of them, and none is about what is not there yet."""
_NOT_KEPT: Final = frozenset({"none", "unknown"})
"""Causes of what no rule keeps from running."""
_MOST_NAMED: Final = 10
"""Works of others that are named; of more there is their number."""
_MOST_SAID: Final = 1000
"""Characters of a cause that are told: it may name all who hold something."""
_WISHES: Final = StartWishes(budget=1.0)
"""How thoroughly a start is estimated: seconds, for somebody waits for the answer."""
_ROOM: Final = ("nodes", "pods", "clusterqueues", "workloads")
"""Kinds that have to be read everywhere before it can be said that something starts."""
_SCHEDULED: Final = "it runs by the clock: when each run starts is not foreseen"
_UNREAD: Final = "what it becomes there does not say itself which pods it has"
_NO_NODES: Final = "no node was seen: whether an autoscaler makes some is not known here"
_ELSEWHERE: Final = "MultiKueue gives it to another cluster, whose nodes and queues were not read"


class ForeseenThere:
    """The starts of jobs in one cluster, which is read when it is asked about."""

    def __init__(
        self,
        kube: KubePort,
        clock: Clock,
        rendered: Callable[[JobToStart], RenderedWork],
        ours: Callable[[], Mapping[str, str]],
        acts: Callable[[], int] = lambda: 0,
    ) -> None:
        """Nothing is read yet.

        Args:
            kube: the cluster, as the server's user reads it.
            clock: time.
            rendered: what would be made of a job.
            ours: ids of jobs, by the uids of what was made for them.
            acts: how often the server has made or ended something there.
        """
        self._kube = kube
        self._clock = clock
        self._rendered = rendered
        self._ours = ours
        self._acts = acts
        self._read: tuple[tuple[str, int], dt.datetime, Source] | None = None

    def foreseen(self, order: JobToStart) -> ForeseenStart:
        """What would become of a job that could be made."""
        try:
            work = self._rendered(order)
            namespace = str(work.main["metadata"].get("namespace") or "")
            source = self._source(namespace)
        except (UnreachableError, NotSignedInError) as error:
            return ForeseenStart(untold=error.line)
        began = self._clock.now()

        def spent() -> float:
            return (self._clock.now() - began).total_seconds()

        try:
            start = foreseen_start(source, work, self._ours(), spent)
        except (*BEYOND, InputError):
            return ForeseenStart(untold="something in the cluster has a value that nothing can be reckoned from")
        lacking = lacking_secrets(self._kube, namespace, order.job.program.secrets) if start.now else ()
        # It is let in all the same, whoever has to make room.
        return replace(start, now=False, waits_for="; ".join(lacking)) if lacking else start

    def _source(self, namespace: str) -> Source:
        now, read, of = self._clock.now(), self._read, (namespace, self._acts())
        if read is None or read[0] != of or not 0 <= (now - read[1]).total_seconds() <= _HELD:
            # One alone is kept: of a large cluster each takes much memory.
            read = self._read = of, now, self._observed(namespace, now)
        return read[2]

    def _observed(self, namespace: str, now: dt.datetime) -> Source:
        reader = ClusterReader(self._kube, where_else(self._kube, (namespace,)))
        kinds = (each for each in served_kinds(self._kube) if each.kind.plural != _EVENTS)
        reader.side_by_side(partial(read_kind, reader), kinds)
        reader.check_heard()
        narrowed = reader.namespaces if reader.narrowed else ()
        return Source(observed_at=rfc3339(now), objects=reader.objects, gaps=reader.gaps, namespaces=narrowed)


def foreseen_start(
    source: Source, work: RenderedWork, ours: Mapping[str, str], spent: Callable[[], float]
) -> ForeseenStart:
    """What would become of a job.

    Args:
        source: the cluster at a moment.
        work: what would be made of the job.
        ours: ids of jobs, by the uids of what was made for them.
        spent: seconds since it was asked.
    """
    case = _supposed(source, work)
    if case is None or not case.to_come:
        return ForeseenStart(untold=_UNREAD)
    if isinstance(case.subject, CronJob):
        return ForeseenStart(untold=_SCHEDULED)
    told = explain(case, with_remedies=False)
    if told.cause not in _NOT_KEPT:
        return _kept(case, told, spent)
    untold = _untold(case)
    if untold:
        return ForeseenStart(untold=untold)
    waits = _still_refused(case)
    if waits:
        return ForeseenStart(now=False, waits_for=waits)
    mine: dict[str, None] = {}
    others: dict[str, None] = {}
    for each in _losers(pods_case(case) or case):
        own = next((ours[uid] for uid in _makers(case.index, each) if uid in ours), "")
        if own:
            mine[own] = None
        else:
            above = named_above(case, each)
            others[f"{above.kind.lower()}/{above.name} in {above.namespace}"] = None
    named = tuple(others)[:_MOST_NAMED]
    return ForeseenStart(True, tuple(mine), others=named, more_others=len(others) - len(named))


def _kept(case: Case, told: Explanation, spent: Callable[[], float]) -> ForeseenStart:
    said = told.summary if len(told.summary) <= _MOST_SAID else f"{told.summary[:_MOST_SAID]}…"
    if told.confidence is not Confidence.SURE:
        return ForeseenStart(untold=f"it may have to wait: {said}")
    if told.start is not None and told.start.never:
        return ForeseenStart(now=False, waits_for=f"as things are it could never start: {said}", never=True)
    within = None if _untold(case) else _expected(case, spent)
    return ForeseenStart(now=False, waits_for=said, within=within)


def _expected(case: Case, spent: Callable[[], float]) -> tuple[int, int] | None:
    """From when to when what waits for quota likely starts, in milliseconds from now; None without a basis."""
    workload = case.workload
    if workload is None or case.twins.attempt(workload.key).outcome is not AttemptOutcome.REFUSED:
        return None
    cluster = Chronicle().told(case.index, case.snapshot.taken_at)
    chance = random.Random(0)  # noqa: S311 (a simulation, not a secret)
    start = StartEstimator(cluster, _WISHES, chance, spent).ask([workload.key]).starts.get(workload.key)
    if start is None or start.interval is None or not start.interval.high < start.horizon:
        return None
    return round(start.interval.low), round(start.interval.high)


def _supposed(source: Source, work: RenderedWork) -> Case | None:
    """The case of the job as if it were there; None where it is of a kind that is not read."""
    gathered = Gathered()
    gathered.take_any([work.main, *work.beside])
    made = gathered.objects()
    fields = {name: (*getattr(source.objects, name), *getattr(made, name)) for name in Objects.__struct_fields__}
    added = msgspec.structs.replace(source, objects=Objects(**fields), order=())
    works: tuple[Work, ...] = (*made.jobs, *made.owners, *made.replicas, *made.cron_jobs)
    if not works:
        return None
    main = works[0]
    objects = _dated(rederived(Index(added), main, anew=True), source.observed_at)
    source = msgspec.structs.replace(added, objects=objects)
    index = Index(source)
    subject = next((each for each in index.all_work() if _is_same(each, main)), main)
    snapshot = Snapshot(taken_at=source.observed_at, sources=(source,))
    case = Case(snapshot, source, reference_of(subject), subject, index=index)
    case.supposed = case.brief = True
    return case


def _is_same(each: Work, main: Work) -> bool:
    return type(each) is type(main) and (each.namespace, each.name) == (main.namespace, main.name)


def _dated(objects: Objects, now: str) -> Objects:
    """What would be made is as old as the moment: it stands behind all who queued before."""
    dated = tuple(
        each
        if each.metadata.creation_timestamp
        else msgspec.structs.replace(each, metadata=msgspec.structs.replace(each.metadata, creation_timestamp=now))
        for each in objects.workloads
    )
    return msgspec.structs.replace(objects, workloads=dated)


def _untold(case: Case) -> str:
    """Why nobody can say that it starts; empty where it can be said."""
    if case.elsewhere:
        return _ELSEWHERE
    unread = [kind for kind in _ROOM if not case.seen_everywhere(kind)]
    if not unread and not quotas_seen(case):
        unread = ["cohorts or resourceflavors"]
    if not unread and places_unseen(case):
        unread = ["topologies"]
    if unread:
        gaps = [each for each in case.source.gaps if each.what in unread]
        why = "may not be read" if all(each.reason == "forbidden" for each in gaps) and gaps else "could not be read"
        where = " in the whole cluster" if why == "may not be read" else ""
        return f"{' and '.join(unread)} {why}{where}: what is free is not known"
    return "" if case.index.nodes else _NO_NODES


def _still_refused(case: Case) -> str:
    """What a twin says where no rule knows what keeps it; empty where it starts."""
    workload = case.workload
    if workload is not None and not workload.holds_quota and case.local_queue is not None:
        attempt = case.twins.attempt(workload.key)
        if attempt.outcome is AttemptOutcome.REFUSED:
            return attempt.refusal.text if attempt.refusal is not None else "its queue does not let it in yet"
    refused = placing(case).first_refused() if placing(case).pods else None
    if refused is None or (one_by_one(case) and refused.placed):
        return ""
    return f"no node takes it: {refused.answer.message}"


def _losers(case: Case) -> Iterator[Object]:
    """Workloads that Kueue would preempt for it, and pods that the scheduler would."""
    workload = case.workload
    ended: list[str] = []
    if workload is not None and not workload.holds_quota and case.local_queue is not None:
        for victim in case.twins.attempt(workload.key).victims:
            found = case.index.workloads.get(victim.workload)
            if found is not None:
                yield found
                owners = found.metadata.owner_references
                ended += (pod.key for owner in owners for pod in case.index.pods_under(owner.uid))
    # The scheduler comes after Kueue: what that has ended has left its node by then.
    for key in placing(case).victims(ended):
        pod = case.index.pods.get(key)
        if pod is not None:
            yield pod


def _makers(index: Index, each: Object) -> Iterator[str]:
    """Uids of what made an object, and of what stands above that."""
    for reference in each.metadata.owner_references:
        yield reference.uid
        owner = index.owner(reference, each.metadata)
        if owner is not None:
            yield from (above.metadata.uid for above in index.chain(owner.metadata))
    yield from (above.metadata.uid for above in index.chain(each.metadata))
