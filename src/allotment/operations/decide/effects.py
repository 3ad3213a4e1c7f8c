"""Use case: what would granting a request do to everybody who waits? Tried on the twins before anybody decides.

The same futures are played with the quotas as they stand and with those of the grant, so that what differs is the
grant's doing. It is tried as if it began at once, and as far as it lasts: what starts later starts without it.
"""

from __future__ import annotations

import functools
import math
import random
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from allotment.errors import NotFoundError, UsageError
from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.grammar import count
from allotment.model.moments import milliseconds
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.model.platform import Platform
from allotment.model.requests.request import Effect
from allotment.model.requests.terms import QuotaShare, Terms
from allotment.operations.ask.resting import unread
from allotment.operations.ask.sparing import spared
from allotment.operations.decide.taking import TeamNames, source_of
from allotment.operations.foresee.live.when import subject_of
from allotment.render.isolation import has_own_queue
from allotment.scheduling.snapshot.queueing import QueueingView
from allotment.simulation.chance import Chance
from allotment.simulation.changes import GrantQuota, QuotaPlace, Term
from allotment.simulation.estimate.forecast import Future
from allotment.simulation.estimate.interval import quantile
from allotment.simulation.live.changing import (
    FutureReach,
    LiveChange,
    SteadyRuntimes,
    changed_view,
    compare_views,
    looked_ahead,
)
from allotment.simulation.live.expected import MovingPast
from allotment.simulation.live.seen import Chronicle, trees
from allotment.simulation.live.starts import StartBasis, StartEstimator, StartWishes

_WISHES: Final = StartWishes(futures=25)
_MOST_INSTANTS: Final = 6_000
"""Instants that are played of a cluster's futures where work waits in few queues: some four seconds of a processor. As
many futures as fit are played."""
_FEW: Final = 8
"""Queues in which work waits. In an instant the first of each is looked at, so of more queues fewer instants are
played."""
_MOST_WORSE: Final = 30
_MOST_BETTER: Final = 10
"""Effects that are told one by one; of the rest, sums."""
_SOON: Final = 600_000
"""Milliseconds after a cluster was read, until which what begins does so at once."""
_MS: Final = 1000
_HOURS: Final = 3
"""Hours up to which a span is told in minutes."""
_RESTS_ON: Final = ("clusterqueues", "workloads")
_WITHOUT_TIMES: Final = (
    "too little has ended there to foresee when work starts: only what starts at once, or no longer does, is told"
)
_TOO_MUCH: Final = "too much waits there to foresee when: only what starts at once, or no longer does, is told"
_LESS_FAR: Final = "too much waits there to look further than the next {span}: what starts later is not told"
_LATER: Final = "the grant begins later: told is what it would do if it began now"


@dataclass(frozen=True, slots=True)
class _Granting:
    """What is tried.

    Attributes:
        team: who is to get it.
        seed: of chance.
    """

    platform: Platform
    terms: Terms
    team: str
    seed: int

    def chance_of(self, key: Hashable) -> Chance:
        """The same key, the same chance."""
        return random.Random(f"{self.seed}/{key}")  # noqa: S311 (a simulation, not a secret)

    @property
    def wishes(self) -> StartWishes:
        """How thoroughly, and how far."""
        lasts = self.terms.lasts
        return _WISHES if lasts is None else replace(_WISHES, horizon=max(1, min(_WISHES.horizon, lasts)))

    @property
    def moves(self) -> Iterator[tuple[str, QuotaShare, int]]:
        """By team, what it gets (1) or does without (-1)."""
        yield from ((self.team, share, 1) for share in self.terms.shares)
        yield from ((each.team, each.share, -1) for each in self.terms.taken)


def effects_of(
    platform: Platform, snapshots: Sequence[Snapshot], terms: Terms, team: str, seed: int
) -> tuple[tuple[Effect, ...], str]:
    """What granting terms would do to all work that waits, and to what runs and would be displaced.

    Args:
        platform: as declared, without the grant.
        snapshots: the clusters as they were read last, in any number of snapshots.
        terms: what would be granted.
        team: who would get it; its name.
        seed: of chance: the same seed, the same answer.

    Returns:
        The effects on those for whom something changes while the grant lasts, a week at most, worst first: of work that
        would be displaced, `before` is 0 and `after` says when it would run again. Where there are too many, what is
        left over is summed by team. And why some are not known, in sentences; empty where all are.
    """
    granting = _Granting(platform, terms, team, seed)
    effects: list[Effect] = []
    unknown: dict[str, None] = {}
    for name in sorted({share.cluster for _, share, _ in granting.moves}):
        found, left = _in_cluster(granting, name, snapshots)
        effects += found
        unknown |= dict.fromkeys(f"{name}: {each}" for each in left)
    if any(terms.since > milliseconds(each.taken_at) + _SOON for each in snapshots):
        unknown[_LATER] = None
    return _listed(effects), "; ".join(unknown)


def _in_cluster(granting: _Granting, name: str, snapshots: Sequence[Snapshot]) -> tuple[list[Effect], list[str]]:
    """The effects in one cluster, and what is not known of them."""
    cluster = granting.platform.cluster(name)
    source = None if cluster is None else source_of(cluster, snapshots)
    if cluster is None or source is None:
        return [], ["what waits there has not been read"]
    gap = next((each for plural in _RESTS_ON if (each := unread(source, plural)) is not None), None)
    if gap is not None:
        return [], [f"{gap.what} could not be read"]
    alone = Snapshot(taken_at=source.observed_at, sources=(source,))
    (found, told), left = spared(alone, lambda each: _tried(granting, cluster, each.sources[0]))
    return found, [*told, *left]


def _tried(granting: _Granting, cluster: Cluster, source: Source) -> tuple[list[Effect], list[str]]:
    index = Index(source)
    seen = Chronicle().told(index, source.observed_at)
    after, told = _granted(seen.view, granting, cluster)
    told += seen.view.unmodelled
    estimator = StartEstimator(seen, granting.wishes, granting.chance_of("asked"), lambda: 0.0)
    found = compare_views(estimator, after, granting.chance_of, _Instants.of(after))
    again, looked = _again(estimator, after, found.preempted, granting)
    looked = min((each for each in (found.looked, looked) if each is not None), default=None)
    if found.basis is StartBasis.NONE:
        told.append(_WITHOUT_TIMES)
    elif found.basis is StartBasis.NO_TIME or not all(again.values()):
        told.append(_TOO_MUCH)
    elif looked is not None:
        told.append(_LESS_FAR.format(span=_span(looked)))
    waits = {each.job: _waits(each) for each in found.jobs}
    for key, each in again.items():
        waits[key] = 0, _seconds(quantile(sorted(each), 0.5)) if each else None
    teams = TeamNames(granting.platform, index)
    effects = [
        Effect(teams.of(index.workloads[key].namespace), subject_of(index, index.workloads[key]).name, before, then)
        for key, (before, then) in waits.items()
        if before != then
    ]
    return effects, told


def _waits(change: LiveChange) -> tuple[int | None, int | None]:
    """Seconds before and after; where there is no basis to say, whether it starts at once is all that is told."""
    if change.before is None or change.after is None:
        return (0 if change.starts_before else None), (0 if change.starts_after else None)
    return _seconds(change.before), _seconds(change.after)


def _seconds(wait: float) -> int | None:
    return None if wait == math.inf else round(wait / _MS)


def _again(
    estimator: StartEstimator, after: QueueingView, names: Iterable[str], granting: _Granting
) -> tuple[Mapping[str, Sequence[float]], int | None]:
    """Of work that is displaced at once, milliseconds until it runs again, a number for each of the same futures.

    And milliseconds that these looked ahead, where that was less than is wished.
    """
    tree_of = trees(after.state)
    trees_of = {each.workload.name: tree_of[each.workload.cluster_queue] for each in after.running}
    displaced: dict[frozenset[str], list[str]] = {}
    for name in names:
        displaced.setdefault(trees_of[name], []).append(name)
    found: dict[str, list[float]] = {}
    reaches: list[FutureReach] = []
    for tree, here in displaced.items():
        reaches.append(FutureReach(after.now, after.now + estimator.horizon(tree, after.now)))
        found |= _restarts(estimator, after, (tree, reaches[-1]), here, granting)
    return found, looked_ahead(reaches)


def _restarts(
    estimator: StartEstimator,
    after: QueueingView,
    where: tuple[frozenset[str], FutureReach],
    names: Sequence[str],
    granting: _Granting,
) -> dict[str, list[float]]:
    (tree, reach), now, patience = where, after.now, _Instants.of(after)
    situation = estimator.present(tree, after)
    past = MovingPast(estimator.seen)
    past.move_to(now)
    waits: dict[str, list[float]] = {name: [] for name in names}
    if estimator.basis(past, situation.running, situation.pending) is StartBasis.NONE:
        return waits
    model, arrivals = past.runtimes(situation.running, now), estimator.arrivals(tree, now)
    for number in range(estimator.wishes.futures):
        keyed = functools.partial(_keyed, granting, number)
        runtimes = SteadyRuntimes(model(), past.batch_of, keyed)
        begin = functools.partial(Future, situation, runtimes, keyed("arrivals"), arrivals)
        starts = reach.starts(begin, names, patience)
        if starts is None:
            break
        for name, each in waits.items():
            each.append(starts.get(name, math.inf) - now)
    return waits


def _span(ms: int) -> str:
    minutes = max(1, round(ms / 60_000))
    return count(minutes, "minute") if minutes < _HOURS * 60 else count(round(minutes / 60), "hour")


class _Instants:
    """Patience for so many instants of a moment's futures: the same on every machine, as a time would not be."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._played = 0

    @classmethod
    def of(cls, view: QueueingView) -> Self:
        """As there is for the futures of a moment."""
        waiting = len({each.cluster_queue for each in view.pending})
        return cls(_MOST_INSTANTS * _FEW // max(_FEW, waiting))

    @property
    def left(self) -> float:
        return 1 - self._played / self._most if self._most else 0.0

    def __call__(self) -> bool:
        self._played += 1
        return self._played <= self._most


def _keyed(granting: _Granting, number: int, key: Hashable) -> Chance:
    """The chance of a future, as `compare_views` has it."""
    return granting.chance_of((number, key))


# The moment with the grant


def _granted(view: QueueingView, granting: _Granting, cluster: Cluster) -> tuple[QueueingView, list[str]]:
    """The moment with the quotas of the grant, and what of it could not be made."""
    moved = Counter[QuotaPlace]()
    told: list[str] = []
    for name, share, sign in granting.moves:
        if share.cluster == cluster.name:
            for place, amount in _places(granting.platform, cluster, name, share):
                moved[place] += sign * amount
    for place, more in moved.items():
        if more:
            try:
                view = changed_view(view, GrantQuota(place, more, Term()))
            except (NotFoundError, UsageError) as error:
                told.append(f"the queues are not as they are declared, and the grant is tried in part: {error.line}")
    return view, told


def _places(platform: Platform, cluster: Cluster, team: str, share: QuotaShare) -> Iterator[tuple[QuotaPlace, int]]:
    """What a share is in a team's queue, in the engine's units."""
    whose = platform.team(team)
    usual = team if whose is None else whose.queue if has_own_queue(whose, cluster) else labels.SHARED_QUEUE
    queue = cluster.queue_name(usual)
    flavor = next((each for each in cluster.flavors if each.name == share.flavor), None)
    if flavor is not None and flavor.accelerator is not None:
        resource = platform.accelerators[flavor.accelerator].resource_name
        yield QuotaPlace(queue, share.flavor, resource), share.devices
    yield QuotaPlace(queue, cluster.cpu_flavor, "cpu"), share.cpu
    yield QuotaPlace(queue, cluster.cpu_flavor, "memory"), share.memory


# The list


def _listed(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """Worst first; those that are too many are summed by team, those that wait longer apart from the others."""
    ordered = sorted(effects, key=lambda each: (-_harm(each), each.team, each.work))
    worse = [each for each in ordered if _harm(each) > 0]
    better = [each for each in ordered if _harm(each) < 0]
    first = len(better) - min(len(better), _MOST_BETTER)
    return (
        *worse[:_MOST_WORSE],
        *_by_team(worse[_MOST_WORSE:]),
        *_by_team(better[:first]),
        *better[first:],
    )


def _harm(effect: Effect) -> float:
    """Seconds that it waits longer; infinite where it no longer starts, or would not have."""
    before, after = (math.inf if each is None else each for each in (effect.before, effect.after))
    return 0.0 if before == after else after - before


def _by_team(effects: Iterable[Effect]) -> list[Effect]:
    sums: dict[str, list[Effect]] = {}
    for each in effects:
        sums.setdefault(each.team, []).append(each)
    return [
        Effect(team, "", _sum(each.before for each in them), _sum(each.after for each in them))
        for team, them in sorted(sums.items())
    ]


def _sum(waits: Iterable[int | None]) -> int | None:
    """None where one is not known."""
    total = 0
    for each in waits:
        if each is None:
            return None
        total += each
    return total
