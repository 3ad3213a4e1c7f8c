"""What-if on a live cluster: the moment as it would be after a change, and the same futures before and after."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from allotment.errors import UsageError
from allotment.scheduling.queueing.inputs import ClusterState
from allotment.scheduling.snapshot.attempts import AttemptOutcome, Settlements
from allotment.scheduling.snapshot.queueing import QueueingView
from allotment.scheduling.snapshot.standing import OutOfQueue
from allotment.simulation.chance import Chance
from allotment.simulation.changes import (
    AddNode,
    DropNode,
    GrantQuota,
    Hold,
    MoreJobs,
    Resume,
    ScenarioChange,
    TakeAway,
    Term,
    UsePolicy,
    changed,
    setting,
)
from allotment.simulation.difference import ChangedSetting
from allotment.simulation.estimate.forecast import Future
from allotment.simulation.estimate.interval import quantile
from allotment.simulation.estimate.runtimes import Runtimes
from allotment.simulation.live.expected import MovingPast
from allotment.simulation.live.starts import StartBasis, StartEstimator
from allotment.simulation.policies import with_policies
from allotment.simulation.present import state_at
from allotment.simulation.scenario import Assumptions, Scenario

_FOR_GOOD: Final = Term()
_FEW_FUTURES: Final = 4
"""Futures for which patience is to be enough: where it is not, they look less far."""


def changed_view(view: QueueingView, change: ScenarioChange | UsePolicy) -> QueueingView:
    """The moment with a change of its queues, made for good and in force at once.

    Nodes are changed in what was observed: see `live.nodes`.

    Raises:
        NotFoundError: what it names is not in the cluster.
        InputError: a name that it brings is taken.
        UsageError: it cannot be made of a moment, or not of this one.
    """
    scenario = Scenario("live", "snapshot", view.state, view.settings, Assumptions(1), ())
    if isinstance(change, UsePolicy):
        after = with_policies(scenario, (change.policy,))
        return replace(view, state=after.state, settings=after.settings)
    _check(change)
    state = state_at(changed(scenario, change), 0)
    if isinstance(change, Resume):
        return _resumed(replace(view, state=state), change.queue)
    return replace(view, state=state)


def _check(change: ScenarioChange) -> None:
    if isinstance(change, GrantQuota | Hold | Resume) and change.term != _FOR_GOOD:
        raise UsageError(
            "a term cannot be given here",
            why="a change of a live cluster is tried as if it were made now, for good",
            fix="leave from and until out, or ask a scenario's file with --file",
        )
    if isinstance(change, TakeAway | AddNode | DropNode):
        raise UsageError("nodes are changed where they were observed, not in a view of queues")
    if isinstance(change, MoreJobs):
        raise UsageError("jobs are not added to a live cluster", fix="ask a scenario's file with --file")


def _resumed(view: QueueingView, queue: str) -> QueueingView:
    """Those that waited only for the queue to go on are tried."""
    gone = {
        name for name, why in view.absent.items() if why.reason is OutOfQueue.QUEUE_STOPPED and why.about == (queue,)
    }
    return replace(view, absent={name: why for name, why in view.absent.items() if name not in gone})


def setting_of(view: QueueingView, change: ScenarioChange) -> tuple[str, str]:
    """What quota or weight a change is about, and what it is in this moment; both empty for other kinds."""
    scenario = Scenario("live", "snapshot", view.state, view.settings, Assumptions(1), ())
    return setting(scenario, change)


@dataclass(frozen=True, slots=True)
class LiveChange:
    """What a change makes of one waiting workload. Waits are milliseconds from now, medians over the futures.

    Attributes:
        job: ``namespace/name`` of the workload.
        starts_before, starts_after: whether the twin admits it at this moment.
        before, after: its wait; infinite = not within the horizon; None where there is no basis to say.
        change: the median of what a single future changes; None where it is not known, or it starts in one only.
    """

    job: str
    queue: str
    starts_before: bool
    starts_after: bool
    before: float | None = None
    after: float | None = None
    change: float | None = None


@dataclass(frozen=True, slots=True)
class LiveDifference:
    """The moment after a change against the moment before it.

    Attributes:
        jobs: all that wait, by queue and in its order.
        preempted: workloads that lose their quota at this moment, and did not before.
        futures: played of the tree of which fewest were.
        basis: of the waits.
        looked: milliseconds that they looked ahead, where patience did not reach as far as was wished; else None.
    """

    jobs: tuple[LiveChange, ...]
    preempted: tuple[str, ...]
    futures: int
    basis: StartBasis
    looked: int | None = None


class FuturePatience(Protocol):
    """For how long futures may be played."""

    @property
    def left(self) -> float:
        """Share of it that is left: 1 at first, 0 or less at last."""
        ...

    def __call__(self) -> bool:
        """Whether any is left; asked before each instant that is played."""
        ...


class FutureReach:
    """How far futures of a moment look: as far as is wished, or as the first one comes with its share of patience.

    Of a crowded cluster one future of a week may be more than there is patience for. A few of its next hours tell more
    than none.

    Attributes:
        looked: milliseconds that it reaches, where that is less than is wished; else None.
    """

    def __init__(self, now: int, until: int, of: int = 1) -> None:
        """None was played yet.

        Args:
            now: the moment.
            until: as far as is wished.
            of: moments that share the patience.
        """
        self._now = now
        self._share = 1 / (of * _FEW_FUTURES)
        self._tried = False
        self._until = until
        self.looked: int | None = None

    def starts(
        self, begin: Callable[[], Future], asked: Iterable[str], patience: FuturePatience
    ) -> Mapping[str, int] | None:
        """When workloads start in a future, as far as this reaches; None where patience does not."""
        least, future = patience.left - self._share, begin()
        if self._tried:
            found = future.starts(asked, self._until, patience)
            return None if future.cut else found
        found = future.starts(asked, self._until, lambda: patience.left > least and patience())
        self._tried = True
        if future.cut:
            if future.known_until <= self._now or not patience():
                return None
            self._until, self.looked = future.known_until, future.known_until - self._now
        return found


def looked_ahead(reaches: Iterable[FutureReach]) -> int | None:
    """The least that any reaches of those that reach less far than is wished, in milliseconds; None without one."""
    return min((each.looked for each in reaches if each.looked is not None), default=None)


ChanceOf = Callable[[Hashable], Chance]
"""Makes the chance that belongs to a key: the same key, the same chance."""


class SteadyRuntimes:
    """Run times of one future that do not depend on the order in which they are drawn."""

    def __init__(self, inner: Runtimes, batch_of: Callable[[str], Hashable], chance_of: ChanceOf) -> None:
        self._inner = inner
        self._batch_of = batch_of
        self._chance_of = chance_of

    def remaining(self, name: str, elapsed: int, chance: Chance) -> int:
        """How much longer a job runs that has run for `elapsed`; `chance` is not used."""
        del chance
        return self._inner.remaining(name, elapsed, self._chance_of(self._batch_of(name)))


def compare_views(
    estimator: StartEstimator,
    after: QueueingView,
    chance_of: ChanceOf,
    patience: FuturePatience,
) -> LiveDifference:
    """Who of those that wait starts when, before and after.

    Args:
        estimator: of the moment as it is.
        after: the moment with all changes.
        chance_of: source of randomness.
        patience: for how long futures are played.
    """
    before = estimator.view
    first = Settlements(before)
    # What a change leaves as it was is not settled again.
    second = first if after is before else Settlements(after, first)
    waits = _waits(estimator, after, chance_of, patience)
    jobs = []
    for each in before.pending:
        pairs = waits.found.get(each.name, ())
        jobs.append(
            LiveChange(
                each.name,
                each.cluster_queue,
                first.of(each.name).outcome is AttemptOutcome.STARTS,
                second.of(each.name).outcome is AttemptOutcome.STARTS,
                quantile(sorted(one for one, _ in pairs), 0.5) if pairs else None,
                quantile(sorted(two for _, two in pairs), 0.5) if pairs else None,
                _change(pairs),
            )
        )
    gone = [] if second is first else sorted(_preempted(second) - _preempted(first))
    return LiveDifference(tuple(jobs), tuple(gone), waits.futures, waits.basis, waits.looked)


def _change(pairs: Sequence[tuple[float, float]]) -> float | None:
    both = sorted(two - one for one, two in pairs if one < math.inf and two < math.inf)
    return quantile(both, 0.5) if both and 2 * len(both) > len(pairs) else None


def _preempted(settled: Settlements) -> frozenset[str]:
    """Who holds quota before the cycles of the moment and not after them."""
    return frozenset(
        each.workload.name
        for each in settled.view.running
        if settled.of(each.workload.name).outcome is not AttemptOutcome.RUNS
    )


@dataclass(frozen=True, slots=True)
class _Waits:
    """By workload, its wait before and after in each future that was played; the rest as `LiveDifference` has it."""

    found: Mapping[str, Sequence[tuple[float, float]]]
    futures: int
    basis: StartBasis
    looked: int | None = None


def _waits(estimator: StartEstimator, after: QueueingView, chance_of: ChanceOf, patience: FuturePatience) -> _Waits:
    past = MovingPast(estimator.seen)
    now = estimator.view.now
    past.move_to(now)
    found: dict[str, list[tuple[float, float]]] = {}
    basis = StartBasis.HISTORY
    concerned = [tree for tree in estimator.waiting_trees() if _differs(estimator.view, after, tree)]
    if not concerned:
        return _Waits({}, 0, basis)
    # Both sides of a pair have their share.
    reaches = {tree: FutureReach(now, now + estimator.horizon(tree, now), 2 * len(concerned)) for tree in concerned}
    for number in range(estimator.wishes.futures):
        for tree in concerned:
            one, two = estimator.present(tree), estimator.present(tree, after)
            basis = estimator.basis(past, one.running, one.pending)
            if basis is StartBasis.NONE:
                return _Waits({}, 0, basis)
            model = past.runtimes(one.running, now)
            names = tuple(each.name for each in one.pending)
            arrivals = estimator.arrivals(tree, now)
            pair = []
            for situation in (one, two):
                keyed = _keyed(chance_of, number)
                runtimes = SteadyRuntimes(model(), past.batch_of, keyed)
                begin = functools.partial(Future, situation, runtimes, keyed("arrivals"), arrivals)
                starts = reaches[tree].starts(begin, names, patience)
                if starts is None:
                    if not number:
                        return _Waits(found, 0, StartBasis.NO_TIME)
                    return _Waits(found, number, basis, looked_ahead(reaches.values()))
                pair.append(starts)
            for name in names:
                waits = (pair[0].get(name, math.inf) - now, pair[1].get(name, math.inf) - now)
                found.setdefault(name, []).append(waits)
    return _Waits(found, estimator.wishes.futures, basis, looked_ahead(reaches.values()))


def _keyed(chance_of: ChanceOf, number: int) -> ChanceOf:
    return lambda key: chance_of((number, key))


def _differs(before: QueueingView, after: QueueingView, tree: frozenset[str]) -> bool:
    """Whether a change bears on a tree at all."""
    if before.settings != after.settings or before.state.nodes != after.state.nodes:
        return True
    if before.state.cohorts != after.state.cohorts:
        return True
    return _queues(before.state, tree) != _queues(after.state, tree)


def _queues(state: ClusterState, tree: frozenset[str]) -> tuple[object, ...]:
    return tuple(each for each in state.cluster_queues if each.name in tree)


def settings_between(
    before: QueueingView, after: QueueingView, change: ScenarioChange, note: str = ""
) -> ChangedSetting | None:
    """What quota or weight a change was about, before and after it; None for other kinds."""
    what, was = setting_of(before, change)
    return ChangedSetting(what, was, setting_of(after, change)[1], note) if what else None
