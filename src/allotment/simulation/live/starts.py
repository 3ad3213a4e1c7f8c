"""When does what waits in a live cluster start? As many futures as a time budget allows, corrected by past starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allotment.scheduling.queueing.inputs import Workload
from allotment.scheduling.snapshot.queueing import QueueingView
from allotment.simulation.chance import Chance
from allotment.simulation.estimate.arrivals import PastArrival, ReplayedPast
from allotment.simulation.estimate.calibration import Calibration, Forecast
from allotment.simulation.estimate.forecast import (
    Arrivals,
    Question,
    RunningWorkload,
    Situation,
    StartEstimate,
    estimate_starts,
)
from allotment.simulation.estimate.interval import Interval
from allotment.simulation.live.expected import ENOUGH_ENDED, MovingPast
from allotment.simulation.live.lessons import spread_over_bursts, thinned
from allotment.simulation.live.seen import SeenCluster, SeenJob, pruned, trees

WAKEUP_DELAY: Final = 1_000
"""Milliseconds from an end to Kueue's next look at what did not fit."""
EVICTION_LATENCY: Final = 30_000
"""Milliseconds that pods are given to stop, unless they say otherwise."""
ENOUGH_STARTS: Final = 20
"""Past starts from which intervals are corrected."""
FEWEST_FUTURES: Final = 10
"""Futures below which no interval is told."""
_FEWEST_OF_A_LESSON: Final = 5
_WANTED_OF_A_LESSON: Final = 10
_MOST_OF_A_LESSON: Final = 20
_DEARER: Final = 1.5
"""A future of the past may cost more than one of the present: more may have waited then."""
_MOST_LESSONS: Final = 45
_SURELY_ENOUGH: Final = 28
"""Lessons that are asked at least: some teach nothing yet, for their workload still waits."""
_WAITING_TO_STARTED: Final = 3
_WAITED: Final = 2_000
"""Milliseconds up to which a start was at once: the API tells times in seconds."""
_REPLAYED: Final = 14 * 86_400_000
_MOST_REPLAYED: Final = 10_000
_FOR_LESSONS: Final = 0.7
"""Share of the budget that is kept for past starts."""


class StartBasis(StrEnum):
    """What an answer rests on."""

    HISTORY = "history"
    """Run times of what ended."""
    LIMITS = "limits"
    """Nothing has ended, but everything that is in the way has a limit to its run time."""
    AT_ONCE = "at-once"
    """It is admitted by the next cycle: no run time matters."""
    NONE = "none"
    """Too little has ended, and not everything has a limit."""
    NO_TIME = "no-time"
    """The budget was over before enough futures were made."""


@dataclass(frozen=True, slots=True)
class StartWishes:
    """How thoroughly starts are estimated. Times are milliseconds, the budget seconds.

    Attributes:
        coverage: share of starts that an interval is to hold.
        horizon: how far futures look.
        futures: the most that are made of one cohort tree.
        budget: of all of it, as `spent` counts it.
        replay: whether others go on to submit as they did.
    """

    coverage: float = 0.8
    horizon: int = 7 * 86_400_000
    futures: int = 100
    budget: float = 5.0
    replay: bool = True


@dataclass(frozen=True, slots=True)
class LiveStart:
    """When one workload starts, in milliseconds from now.

    Attributes:
        job: ``namespace/name`` of the workload.
        interval: as it is to be shown; None without a basis.
        simulated: before correction.
        median: half of the futures had it start before.
        later: share of the futures in which it did not start within the horizon.
        futures: how many there were.
        horizon: how far they looked.
    """

    job: str
    queue: str
    basis: StartBasis
    interval: Interval | None = None
    simulated: Interval | None = None
    median: float = 0.0
    later: float = 0.0
    futures: int = 0
    horizon: int = 0


@dataclass(frozen=True, slots=True)
class LiveStarts:
    """The answers, by workload; `learnt` = past starts that intervals were corrected by, 0 = they were not."""

    starts: Mapping[str, LiveStart]
    learnt: int


class StartEstimator:
    """Asks one cluster, each cohort tree by itself."""

    def __init__(self, seen: SeenCluster, wishes: StartWishes, chance: Chance, spent: Callable[[], float]) -> None:
        """Of what was seen.

        Args:
            seen: the moment and its past.
            wishes: how thoroughly.
            chance: source of randomness.
            spent: seconds since the beginning.
        """
        self._seen = seen
        self._wishes = wishes
        self._chance = chance
        self._spent = spent
        self._tree_of = trees(seen.view.state)
        self._in_tree: dict[frozenset[str], list[SeenJob]] = {}
        for job in seen.jobs:
            self._in_tree.setdefault(self._tree_of[job.workload.cluster_queue], []).append(job)
        self._cost: list[float] = []

    def ask(self, names: Sequence[str]) -> LiveStarts:
        """When workloads that wait at the moment start."""
        waiting = {each.name: each for each in self._seen.view.pending}
        asked: dict[frozenset[str], list[str]] = {}
        for name in names:
            asked.setdefault(self._tree_of[waiting[name].cluster_queue], []).append(name)
        past = MovingPast(self._seen)
        past.move_to(self._seen.view.now)
        found: dict[str, LiveStart] = {}
        used = self._spent()
        share = max(0.0, self._wishes.budget * (1 - _FOR_LESSONS) - used) / max(1, len(asked))
        for number, (tree, jobs) in enumerate(asked.items()):
            until = used + share * (number + 1)
            for each in self._present(tree, jobs, past, until):
                found[each.job] = each
        hopeful = [each for each in found.values() if each.interval is not None and each.interval.high > 0]
        calibration, learnt = self._learn(asked) if hopeful else (None, 0)
        if calibration is None or learnt < ENOUGH_STARTS:
            self._use_up(asked, past, found)
            return LiveStarts(found, 0)
        return LiveStarts({name: _corrected(each, calibration) for name, each in found.items()}, learnt)

    def _use_up(self, asked: Mapping[frozenset[str], list[str]], past: MovingPast, found: dict[str, LiveStart]) -> None:
        """What is left of the budget, past starts having taken none of it, is for trees whose share was too little."""
        short = {tree: jobs for tree, jobs in asked.items() if any(_lacked_time(found[each]) for each in jobs)}
        used = self._spent()
        share = (self._wishes.budget - used) / max(1, len(short))
        if share <= 0:
            return
        for number, (tree, jobs) in enumerate(short.items()):
            for each in self._present(tree, jobs, past, used + share * (number + 1)):
                found[each.job] = each

    def _present(
        self, tree: frozenset[str], jobs: Sequence[str], past: MovingPast, until: float
    ) -> Iterable[LiveStart]:
        view = self._seen.view
        queues = {each.name: each.cluster_queue for each in view.pending}
        situation = self.present(tree)
        running = situation.running
        basis = self.basis(past, running, situation.pending)
        if basis is StartBasis.NONE:
            question = Question(tuple(jobs), 0, self._wishes.coverage, 1)
            at_once = estimate_starts(situation, question, past.runtimes(running, view.now), self._chance)
            return [_at_once(each, queues[each.workload]) for each in at_once]
        begun = self._spent()
        horizon = self.horizon(tree, view.now)
        found = self._futures(situation, jobs, past, self._wishes.futures, until)
        made = found[0].futures if found else 0
        if made:
            self._cost.append((self._spent() - begun) / made)
        told = {each.workload: each for each in found}
        return [
            LiveStart(name, queues[name], StartBasis.NO_TIME, futures=made, horizon=horizon)
            if (each := told.get(name)) is None or (made < min(FEWEST_FUTURES, self._wishes.futures))
            else LiveStart(
                name, queues[name], basis, each.interval, each.interval, each.median, each.never, made, horizon
            )
            for name in jobs
        ]

    def _situation(
        self,
        tree: frozenset[str],
        view: QueueingView,
        running: tuple[RunningWorkload, ...],
        pending: tuple[Workload, ...],
        earlier: int | None = None,
    ) -> Situation:
        return Situation(
            pruned(view.state, tree),
            view.settings,
            view.now if earlier is None else earlier,
            running,
            pending,
            wakeup_delay=WAKEUP_DELAY,
            eviction_latency=EVICTION_LATENCY,
            favoured=view.favoured if earlier is None else frozenset(),
        )

    @property
    def seen(self) -> SeenCluster:
        """What was seen."""
        return self._seen

    @property
    def view(self) -> QueueingView:
        """The moment."""
        return self._seen.view

    @property
    def wishes(self) -> StartWishes:
        """How thoroughly."""
        return self._wishes

    def waiting_trees(self) -> tuple[frozenset[str], ...]:
        """Trees in which somebody waits."""
        return tuple(dict.fromkeys(self._tree_of[each.cluster_queue] for each in self._seen.view.pending))

    def present(self, tree: frozenset[str], view: QueueingView | None = None) -> Situation:
        """The moment of one tree; or another view of the same moment."""
        view = view or self._seen.view
        running = tuple(
            RunningWorkload(each.workload, each.pod_sets, each.reserved_at, each.evicted)
            for each in view.running
            if each.workload.cluster_queue in tree
        )
        pending = tuple(each for each in view.pending if each.cluster_queue in tree)
        return self._situation(tree, view, running, pending)

    def basis(self, past: MovingPast, running: Sequence[RunningWorkload], pending: Sequence[Workload]) -> StartBasis:
        """What run times of a tree can be drawn from."""
        if past.known >= ENOUGH_ENDED:
            return StartBasis.HISTORY
        limited = past.limited(each.workload.name for each in running) and past.limited(each.name for each in pending)
        return StartBasis.LIMITS if limited else StartBasis.NONE

    def _futures(
        self, situation: Situation, jobs: Sequence[str], past: MovingPast, most: int, until: float
    ) -> tuple[StartEstimate, ...]:
        now = situation.now
        tree = frozenset(each.name for each in situation.state.cluster_queues)
        return estimate_starts(
            situation,
            Question(tuple(jobs), self.horizon(tree, now), self._wishes.coverage, most),
            past.runtimes(situation.running, now),
            self._chance,
            self.arrivals(tree, now),
            lambda: self._spent() < until,
        )

    def _replayed(self, tree: frozenset[str], now: int) -> tuple[int, list[PastArrival]]:
        since = max(self._seen.since, now - _REPLAYED)
        jobs = self._in_tree.get(tree, ())
        return since, [PastArrival(job.workload, job.submitted) for job in jobs if since <= job.submitted <= now]

    def arrivals(self, tree: frozenset[str], now: int) -> Arrivals | None:
        """What others submit to a tree from a moment on; None = nothing."""
        since, past = self._replayed(tree, now)
        if not self._wishes.replay or not past or since >= now:
            return None
        known = [self._seen.begun[name] for name in tree if self._seen.begun.get(name)]
        return ReplayedPast(past, since, now, min([since, *known]))

    def horizon(self, tree: frozenset[str], now: int) -> int:
        """As far as asked, or until others have submitted as much as one future plays."""
        since, past = self._replayed(tree, now)
        if not self._wishes.replay or len(past) < 2:
            return self._wishes.horizon
        return min(self._wishes.horizon, max(1, (now - since) * _MOST_REPLAYED // len(past)))

    def _learn(self, asked: Mapping[frozenset[str], object]) -> tuple[Calibration, int]:
        """What past starts teach, and how many did."""
        calibration = Calibration(self._wishes.coverage, enough=ENOUGH_STARTS, longest=self._wishes.horizon)
        lessons = self._affordable(self._lessons(asked))
        past = MovingPast(self._seen)
        now = self._seen.view.now
        learnt = 0
        for number, job in enumerate(lessons):
            left = self._wishes.budget - self._spent()
            forecast = self._lesson(job, past, self._spent() + left / (len(lessons) - number))
            if forecast is None:
                continue
            if job.reserved:
                calibration.observe(forecast, job.reserved - job.submitted)
                learnt += 1
            else:
                calibration.observe_waiting(forecast, now - job.submitted)
                learnt += now - job.submitted > forecast.interval.high
        return calibration, learnt

    def _lessons(self, asked: Mapping[frozenset[str], object]) -> list[SeenJob]:
        """Workloads that had to wait, of many bursts, those of the asked trees before all others; by submission."""
        seen = self._seen
        waited = [
            job
            for job in seen.jobs
            if job.submitted >= seen.since and (job.reserved or seen.view.now) - job.submitted > _WAITED
        ]
        started = [job for job in waited if job.reserved]
        own = [job for job in started if self._tree_of[job.workload.cluster_queue] in asked]
        others = [job for job in started if self._tree_of[job.workload.cluster_queue] not in asked]
        chosen = spread_over_bursts(own, self._tree_of, _MOST_LESSONS)
        chosen += spread_over_bursts(others, self._tree_of, _MOST_LESSONS - len(chosen))
        first = min((job.submitted for job in chosen), default=seen.view.now)
        # Those that wait still belong to what was submitted since: without them all waits would look shorter.
        waiting = [job for job in waited if not job.reserved and job.submitted >= first]
        return sorted(
            [*chosen, *thinned(waiting, len(chosen) // _WAITING_TO_STARTED)],
            key=lambda job: (job.submitted, job.workload.uid),
        )

    def _affordable(self, lessons: list[SeenJob]) -> list[SeenJob]:
        """As many of them as the budget is enough for, evenly; none where it is enough for too few."""
        if len(lessons) < ENOUGH_STARTS or not self._cost:
            return []
        each = max(_DEARER * sum(self._cost) / len(self._cost), 1e-6)
        total = (self._wishes.budget - self._spent()) / each
        number = int(total / _WANTED_OF_A_LESSON)
        if number < _SURELY_ENOUGH:
            number = min(_SURELY_ENOUGH, int(total / _FEWEST_OF_A_LESSON))
        return thinned(lessons, number) if number >= ENOUGH_STARTS else []

    def _lesson(self, job: SeenJob, past: MovingPast, until: float) -> Forecast | None:
        """What would have been said of a workload when it came, with what was known then."""
        now = job.submitted
        past.move_to(now)
        if past.known < ENOUGH_ENDED:
            return None
        tree = self._tree_of[job.workload.cluster_queue]
        here = self._in_tree[tree]
        running = tuple(
            RunningWorkload(each.workload, each.pod_sets, each.reserved) for each in here if each.runs_at(now)
        )
        pending = tuple(each.workload for each in here if each.waits_at(now))
        situation = self._situation(tree, self._seen.view, running, pending, now)
        found = self._futures(situation, (job.name,), past, _MOST_OF_A_LESSON, until)
        if not found or found[0].futures < _FEWEST_OF_A_LESSON:
            return None
        return Forecast(found[0].interval, found[0].median, job.workload.cluster_queue)


def _at_once(found: StartEstimate, queue: str) -> LiveStart:
    if found.never:
        return LiveStart(found.workload, queue, StartBasis.NONE)
    now = Interval(0.0, 0.0)
    return LiveStart(found.workload, queue, StartBasis.AT_ONCE, now, now, futures=1)


def _lacked_time(start: LiveStart) -> bool:
    return start.basis is StartBasis.NO_TIME


def _corrected(start: LiveStart, calibration: Calibration) -> LiveStart:
    if start.interval is None or start.interval.high <= 0:
        return start
    shown = calibration.correct(Forecast(start.interval, start.median, start.queue))
    return LiveStart(
        start.job,
        start.queue,
        start.basis,
        shown,
        start.simulated,
        start.median,
        start.later,
        start.futures,
        start.horizon,
    )
