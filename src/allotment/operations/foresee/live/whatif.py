"""Use case: what would a change of a live cluster do? Who gets quota now and runs, who waits longer, who less.

Changes of quota are made of the queues, those of nodes of what was observed: with both the twins are asked anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from allotment.diagnose.once_admitted import OnceAdmitted
from allotment.errors import InputError, NotFoundError, UsageError, shown
from allotment.model.explanation import ContributingCause
from allotment.model.moments import milliseconds
from allotment.model.observed.base import Reference
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.observe.anonymous import is_hidden
from allotment.operations.ask.resting import NO_QUEUES, demand, queueless
from allotment.operations.foresee.live.node_effects import NodeEffects, node_effects
from allotment.operations.foresee.live.queue_futures import QueueFutures, queue_futures
from allotment.operations.foresee.live.when import matched, subject_of
from allotment.ports.clock import Clock
from allotment.scenarios.changes import JobFile, WrittenChange, parse_change
from allotment.scheduling.snapshot.queueing import QueueingView, queueing_view
from allotment.simulation.changes import UsePolicy
from allotment.simulation.difference import ChangedSetting
from allotment.simulation.live.changing import (
    LiveChange,
    LiveDifference,
    changed_view,
    compare_views,
    settings_between,
)
from allotment.simulation.live.nodes import ChangedNodes, is_node_change, with_node_change
from allotment.simulation.live.seen import Chronicle
from allotment.simulation.live.starts import StartEstimator, StartWishes

_MOST_ASKED: Final = 256
"""Workloads of which it is asked whether they run with the quota that they get."""
_QUEUES: Final = "which ClusterQueues there are"
_NODES: Final = "which nodes there are"
_NOT_FAIR: Final = "without fair sharing a weight changes nothing; add --change policy:fair-sharing"


@dataclass(frozen=True, slots=True)
class LiveWhatIfRequest:
    """What is asked.

    Attributes:
        changes: as they were written; made in order, all at once.
        namespace: whose work is told of; empty = everybody's.
        wishes: how thoroughly.
        seed: of chance.
        everybody: whether those are rows, too, for whom nothing changes.
    """

    changes: tuple[str, ...]
    namespace: str = ""
    wishes: StartWishes = field(default_factory=StartWishes)
    seed: int = 0
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class ChangedStart:
    """What the changes make of one that waits.

    Attributes:
        hidden: another team's, of which only the queue is told.
        starts: whether it runs at once with the quota that it gets then; None where nodes were not seen, or nothing
            was asked.
        then: what keeps it from running once it has its quota.
        started: whether it runs at once without the changes; None where no change is one of nodes, nodes were not
            seen, or it gets no quota without them.
    """

    subject: Reference
    change: LiveChange
    hidden: bool = False
    starts: bool | None = None
    then: ContributingCause | None = None
    started: bool | None = None


@dataclass(frozen=True, slots=True)
class LiveWhatIf:
    """The answer.

    Attributes:
        observed_at: RFC 3339.
        rows: those for whom something changes, the largest change first; where it is asked for, the others behind them.
        unchanged: how many wait for whom nothing changes.
        queues: each in which somebody waits or loses quota, with both futures summed.
        preempted: what loses its quota at once; of other teams only that it is theirs.
        settings: what was changed, where it is a quota or a weight.
        found: what the twins say.
        notes: what is at work and not modelled, or was not seen.
        nodes: what changes of nodes do; None where there are none.
    """

    observed_at: str
    request: LiveWhatIfRequest
    rows: tuple[ChangedStart, ...]
    unchanged: int
    queues: tuple[QueueFutures, ...]
    preempted: tuple[Reference, ...]
    settings: tuple[ChangedSetting, ...]
    found: LiveDifference
    notes: tuple[str, ...]
    nodes: NodeEffects | None = None


@dataclass(frozen=True, slots=True)
class _Budget:
    """Patience of so many seconds, as long as the answer is wanted."""

    spent: Callable[[], float]
    seconds: float
    wanted: Callable[[], bool]

    @property
    def left(self) -> float:
        return 1 - self.spent() / self.seconds if self.seconds > 0 else 0.0

    def __call__(self) -> bool:
        return self.left > 0 and self.wanted()


def what_if_live(
    snapshot: Snapshot,
    request: LiveWhatIfRequest,
    clock: Clock,
    recorded: Iterable[Snapshot] = (),
    wanted: Callable[[], bool] = lambda: True,
) -> LiveWhatIf:
    """Try changes on a moment.

    Args:
        snapshot: the moment.
        request: what is asked.
        clock: says when the budget is over.
        recorded: snapshots of the same cluster before that moment, in the order of their times.
        wanted: False once nobody waits for the answer any more; no further future is made then.

    Raises:
        UsageError: a change cannot be read, or not be made of a moment; the snapshot holds several clusters.
        NotFoundError: a change names what is not in the cluster.
        InputError: a name that a change brings is taken; or there are no queues, and quota is to be changed.
        ForbiddenError: no queues could be read, or no nodes where only these are changed.
    """
    written = [parse_change(text) for text in request.changes]
    source = _source(snapshot, written)
    chronicle = _told(snapshot, recorded)
    index = Index(source)
    now = snapshot.taken_at or source.observed_at
    seen = chronicle.told(index, now)
    nodes = _changed_nodes(index, written)
    later = _later(index, nodes)
    after, settings = _changed(_on_nodes(seen.view, later, now), written)
    began = clock.now()

    def spent() -> float:
        return (clock.now() - began).total_seconds()

    def chance_of(key: object) -> random.Random:
        return random.Random(f"{request.seed}/{key}")  # noqa: S311 (a simulation, not a secret)

    estimator = StartEstimator(seen, request.wishes, chance_of("asked"), spent)
    found = compare_views(estimator, after, chance_of, _Budget(spent, request.wishes.budget, wanted))
    then = OnceAdmitted(_with(snapshot, later), later, after)
    effects, ran = None, {}
    if nodes.acted:
        once = OnceAdmitted(snapshot, index, seen.view)
        effects = node_effects(index, later, nodes, (once.placement, then.placement), request.namespace)
        ran = _beyond_quota(once, index, [each.job for each in found.jobs if each.starts_before])
    getting = any(each.starts_after and not each.starts_before for each in found.jobs)
    keys = [each.job for each in found.jobs if each.starts_after] if getting or nodes.acted else []
    rows, unchanged = _rows(index, found, request, _Sides(ran, _beyond_quota(then, later, keys)))
    return LiveWhatIf(
        snapshot.taken_at,
        request,
        rows,
        unchanged,
        queue_futures(found, {each.workload.name: each.workload.cluster_queue for each in seen.view.running}),
        tuple(subject_of(index, index.workloads[name]) for name in found.preempted),
        settings,
        found,
        seen.view.unmodelled if not queueless(source) else (NO_QUEUES,),
        effects,
    )


def _source(snapshot: Snapshot, changes: Sequence[WrittenChange]) -> Source:
    """The one cluster that is asked; queues need not be there for changes of nodes alone."""
    of_nodes = all(is_node_change(each.change) for each in changes)
    demand(snapshot, *(["nodes"] if of_nodes else ["clusterqueues"]), for_what=_NODES if of_nodes else _QUEUES)
    if len(snapshot.sources) != 1:
        raise UsageError(
            f"the snapshot holds {len(snapshot.sources)} clusters",
            why="a change is made in one",
            fix="ask one of them with --context",
        )
    (source,) = snapshot.sources
    if queueless(source) and not of_nodes:
        raise InputError(
            NO_QUEUES,
            why="changes are tried on ClusterQueues, and what waits in them",
            fix="ask a cluster with Kueue, or a scenario's file with --file",
        )
    return source


def _changed_nodes(index: Index, changes: Sequence[WrittenChange]) -> ChangedNodes:
    """The objects after all changes of nodes, in their order."""
    nodes = ChangedNodes(index.objects)
    for written in changes:
        if is_node_change(written.change) and not isinstance(written.change, JobFile):
            with _said_of(written):
                nodes = with_node_change(nodes, written.change)
    return nodes


def _later(index: Index, nodes: ChangedNodes) -> Index:
    """The source after them; the very same where there are none."""
    if not nodes.acted:
        return index
    return Index(msgspec.structs.replace(index.source, objects=nodes.objects), index)


def _with(snapshot: Snapshot, index: Index) -> Snapshot:
    changed: Snapshot = msgspec.structs.replace(snapshot, sources=(index.source,))
    return changed


def _on_nodes(view: QueueingView, later: Index, now: str) -> QueueingView:
    """The queues as they are, on other nodes: those count for flavors with a topology alone."""
    if later.before is None or not any(each.topology for each in view.state.flavors):
        return view
    nodes = queueing_view(later.source, now, later).state.nodes
    return replace(view, state=replace(view.state, nodes=nodes))


def _told(snapshot: Snapshot, recorded: Iterable[Snapshot]) -> Chronicle:
    chronicle = Chronicle()
    for earlier in recorded:
        if milliseconds(earlier.taken_at) < milliseconds(snapshot.taken_at):
            for each, source in matched([chronicle], snapshot, earlier):
                each.take(Index(source), earlier.taken_at or _when(source))
    return chronicle


def _when(source: Source) -> str:
    return source.observed_at


def _changed(view: QueueingView, changes: Sequence[WrittenChange]) -> tuple[QueueingView, tuple[ChangedSetting, ...]]:
    """The moment with all changes, and what they were about."""
    settings: list[ChangedSetting] = []
    for written in changes:
        change = written.change
        with _said_of(written):
            if isinstance(change, JobFile):
                raise UsageError(
                    "jobs of a file are not added to a live cluster", fix="ask a scenario's file with --file"
                )
            if is_node_change(change):
                continue
            before, view = view, changed_view(view, change)
            if not isinstance(change, UsePolicy):
                about = settings_between(before, view, change)
                settings += [] if about is None else [about]
    weighed = view.settings.fair_sharing
    return view, tuple(
        each
        if weighed or not each.what.startswith("weight ")
        else ChangedSetting(each.what, each.before, each.after, _NOT_FAIR)
        for each in settings
    )


@contextmanager
def _said_of(written: WrittenChange) -> Iterator[None]:
    """Whatever is wrong with a change is said with the words it was written in."""
    try:
        yield
    except (NotFoundError, InputError, UsageError) as error:
        raise type(error)(f"{shown(written)}: {error.what}", why=error.why, fix=error.fix) from error


@dataclass(frozen=True, slots=True)
class _Beyond:
    """What comes of one that gets quota: see `ChangedStart`."""

    starts: bool | None = None
    then: ContributingCause | None = None


@dataclass(frozen=True, slots=True)
class _Sides:
    """The same by Workload: without the changes, where it matters, and with them."""

    before: Mapping[str, _Beyond]
    after: Mapping[str, _Beyond]


def _beyond_quota(once: OnceAdmitted, index: Index, keys: Sequence[str]) -> dict[str, _Beyond]:
    """Whether those that get quota run: by Workload, in the order in which they get it."""
    beyond: dict[str, _Beyond] = {}
    for key in keys[:_MOST_ASKED]:
        then = once.obstacle(index.workloads[key])
        beyond[key] = _Beyond(then is None if once.nodes_seen or then is not None else None, then)
    return beyond


def _rows(
    index: Index, found: LiveDifference, request: LiveWhatIfRequest, sides: _Sides
) -> tuple[tuple[ChangedStart, ...], int]:
    rows: list[ChangedStart] = []
    unchanged = 0
    for each in found.jobs:
        workload = index.workloads[each.job]
        if request.namespace not in {"", workload.namespace}:
            continue
        was = sides.before.get(each.job, _Beyond())
        then = sides.after.get(each.job, _Beyond())
        if each.starts_before and was.starts is None:
            then = _Beyond()
        if not _differs(each) and was.starts == then.starts:
            unchanged += 1
            if not request.everybody:
                continue
        hidden = is_hidden(workload.metadata)
        about = subject_of(index, workload)
        rows.append(ChangedStart(about, each, hidden, then.starts, None if hidden else then.then, was.starts))
    rows.sort(key=_largest_first)
    return tuple(rows), unchanged


def _largest_first(row: ChangedStart) -> tuple[bool, bool, float]:
    change = row.change
    moved = _differs(change) or row.started != row.starts
    return not moved, change.starts_before == change.starts_after, -abs(change.change or 0.0)


def _differs(each: LiveChange) -> bool:
    return each.starts_before != each.starts_after or bool(each.change) or each.before != each.after
