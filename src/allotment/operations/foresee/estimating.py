"""When: expected starts of the jobs that wait at a moment of a scenario, as intervals."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allotment.errors import InputError, NotFoundError, at
from allotment.operations.foresee.opening import pick_line, read_line
from allotment.scenarios.lines import ScenarioLine
from allotment.scenarios.recorded import recorded_decisions
from allotment.scheduling.queueing.inputs import Workload
from allotment.scheduling.queueing.settling import Settled
from allotment.simulation.chance import Chance
from allotment.simulation.environment import Simulation
from allotment.simulation.estimate.arrivals import PastArrival, ReplayedPast
from allotment.simulation.estimate.batches import BatchRuntimes, Submitted, batches
from allotment.simulation.estimate.calibration import Calibration, Forecast
from allotment.simulation.estimate.forecast import Question, StartEstimate, estimate_starts
from allotment.simulation.estimate.interval import Interval
from allotment.simulation.estimate.runtimes import RuntimeHistory, RuntimeModel, Runtimes, around_estimate
from allotment.simulation.hopeless import refused_by_emptied, softened
from allotment.simulation.outcome import cap_met
from allotment.simulation.present import (
    DecisionLog,
    Ended,
    Present,
    WaitReason,
    declared_at,
    endless,
    first_starts,
    present_at,
    reasons,
)
from allotment.simulation.scenario import Scenario

DEFAULT_SPREAD: Final = 0.5
"""Of run times around their estimates where nothing is known: two thirds lie within a factor of 1.6."""
ENOUGH_ENDED: Final = 10
"""Ended jobs from which that spread is measured."""
ENOUGH_STARTS: Final = 20
"""Past starts from which an interval is corrected."""
MOST_REPLAYED: Final = 10_000
"""Submissions of others that one simulation plays: a past of seconds must not become a week of them."""
BATCH_GAP: Final = 600_000
"""Milliseconds between jobs of one sweep."""


class KnownRuntimes(StrEnum):
    """What is known of run times."""

    ESTIMATED = "estimated"
    """The file's run time of a job is its user's estimate."""
    HISTORY = "history"
    """Nothing but how long jobs like it ran that have ended."""


class Submissions(StrEnum):
    """What others submit from now on."""

    PAST = "past"
    """Stretches of the past again."""
    NONE = "none"
    """Nothing."""


@dataclass(frozen=True, slots=True)
class WhenRequest:
    """What is asked, in milliseconds.

    Attributes:
        jobs: names; empty asks for every pending job.
        at: the moment; None is when the last job was submitted.
        coverage: share of starts an interval is to hold.
        runs: simulations.
        horizon: how far they look.
        spread: standard deviation of the logarithm of run time over estimate; None measures it, or takes the default.
        learn: past starts to ask about as well, so that the interval can be corrected by how those came out.
    """

    jobs: tuple[str, ...] = ()
    at: int | None = None
    coverage: float = 0.8
    runs: int = 100
    seed: int = 0
    horizon: int = 7 * 86_400_000
    runtimes: KnownRuntimes = KnownRuntimes.ESTIMATED
    spread: float | None = None
    submissions: Submissions = Submissions.PAST
    learn: int = 0


@dataclass(frozen=True, slots=True)
class JobEstimate:
    """One pending job.

    Attributes:
        submitted: when, in the scenario's time.
        interval: from when to when it starts, counted from now; None if waiting alone can never help.
        estimate: as simulated, before correction.
    """

    job: str
    queue: str
    submitted: int
    reason: WaitReason | None
    estimate: StartEstimate | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class WhenReport:
    """The answer, and what it rests on.

    Attributes:
        now: the moment.
        runs: simulations of each moment that is asked about; 0 where waiting can help none of the jobs.
        recorded: the past is recorded in the file, not simulated.
        running: jobs that held quota.
        pending: jobs that waited.
        ended: jobs that were done.
        spread: of run times around estimates, that was used; None where estimates were not.
        measured: it was measured on the ended jobs.
        learnt: past starts the correction rests on; 0 = not corrected.
        horizon: how far the simulations looked; less than was asked where others submit more than can be replayed.
    """

    scenario: str
    now: int
    request: WhenRequest
    runs: int
    recorded: bool
    running: int
    pending: int
    ended: int
    spread: float | None
    measured: bool
    learnt: int
    horizon: int
    estimates: tuple[JobEstimate, ...]


Watch = Callable[[int, int], None]
"""Told how many simulations of how many have begun; the first time, before any has, 0 of what they will be."""


def estimate(
    lines: Iterable[ScenarioLine], wanted: str | None, request: WhenRequest, watch: Watch | None = None
) -> WhenReport:
    """Estimate when pending jobs of a scenario start.

    The past comes from the decisions recorded in the file, else from a simulation of it up to the moment. What the file
    says about later is not looked at.

    Args:
        lines: the scenario file.
        wanted: id of the scenario, where the file holds several.
        request: what is asked.
        watch: told how far it has come.

    Raises:
        InputError: the scenario or what is recorded in it is not of the format; a job does not wait; the past does
            not come to rest: jobs preempt each other for ever, or a cap of the scenario is met.
        NotFoundError: there is no such scenario or job.
    """
    line = pick_line(lines, wanted)
    scenario = read_line(line)
    with at(line.where):
        recorded = recorded_decisions(line.data, scenario)
    if not scenario.arrivals:
        raise InputError("the scenario has no jobs", fix="name a scenario with workloads")
    now = max(each.queued_at for each in scenario.arrivals) if request.at is None else request.at
    course = recorded or _simulated(scenario, now)
    estimator = _Estimator(scenario, course, request, measure=recorded is not None, watch=watch)
    return estimator.report(now, recorded=recorded is not None)


def _simulated(scenario: Scenario, until: int) -> DecisionLog:
    outcome = Simulation(scenario, messages=False).run(until)
    if outcome.ended is Settled.ENDLESS:
        raise endless()
    if cap := cap_met(outcome.ended):
        raise InputError(
            f"the simulation of the past stopped at scheduling cycle {outcome.cycles:,}, as {cap} says",
            why="what comes after it, up to the moment that is asked about, is not known",
            fix=f"raise {cap} in the scenario (0 is no cap), or name an earlier moment with --at",
        )
    return DecisionLog(outcome.decisions, outcome.moves)


class _Estimator:
    """Answers questions about a course, each with what was known at its moment."""

    def __init__(
        self, scenario: Scenario, course: DecisionLog, request: WhenRequest, *, measure: bool, watch: Watch | None
    ) -> None:
        self._scenario = scenario
        self._course = course
        self._request = request
        self._measure = measure
        self._chance = random.Random(request.seed)  # noqa: S311 (a simulation, not a secret)
        self._watch = watch
        self._begun = self._total = 0

    def report(self, now: int, *, recorded: bool) -> WhenReport:
        present = present_at(self._scenario, self._course, now)
        asked = self._asked(present)
        never = self._never(present, asked)
        why = {job: softened(reason) for job, reason in reasons(present.situation).items()} | never
        hopeful = tuple(job for job in asked if job not in never)
        lessons = self._lessons(now) if hopeful else []
        self._total = self._request.runs * (len(lessons) + bool(hopeful))
        if self._watch is not None:
            self._watch(0, self._total)
        calibration, seen = self._learn(now, lessons)
        estimates = {each.workload: each for each in self._ask(present, hopeful)}
        submitted = {each.workload.name: each for each in present.submitted}
        learnt = seen if seen >= ENOUGH_STARTS else 0
        spread = self._spread(present) if self._request.runtimes is KnownRuntimes.ESTIMATED else None
        rows = tuple(
            JobEstimate(
                job,
                submitted[job].workload.cluster_queue,
                submitted[job].queued_at,
                why.get(job),
                found := estimates.get(job),
                None
                if found is None
                else calibration.correct(_forecast(found, submitted[job].workload))
                if learnt
                else found.interval,
            )
            for job in asked
        )
        return WhenReport(
            scenario=self._scenario.id,
            now=now,
            request=self._request,
            runs=self._request.runs if hopeful else 0,
            recorded=recorded,
            running=len(present.situation.running),
            pending=len(present.situation.pending),
            ended=len(present.ended),
            spread=spread,
            measured=spread is not None and self._measures(present),
            learnt=learnt,
            horizon=self._horizon(present),
            estimates=rows,
        )

    def _asked(self, present: Present) -> tuple[str, ...]:
        pending = [workload.name for workload in present.situation.pending]
        known = {each.workload.name: each for each in self._scenario.arrivals}
        for job in self._request.jobs:
            if job not in known:
                raise NotFoundError(
                    f"there is no job {job!r} in the scenario", fix=f"those that wait are {_some(pending)}"
                )
            if job not in pending:
                later = known[job].queued_at > present.situation.now
                raise InputError(
                    f"job {job} does not wait at that moment",
                    why="it is submitted later" if later else "it runs, or has ended",
                    fix=f"those that wait are {_some(pending)}; --at names another moment",
                )
        return tuple(dict.fromkeys(self._request.jobs)) or tuple(pending)

    def _lessons(self, now: int) -> list[tuple[str, int, int | None]]:
        """Jobs that had to wait: name, when they were submitted, when they started if they have.

        As many that started as are to be learnt from, the last ones, and those submitted since that still wait: leaving
        them out would make all waits look shorter than they are.
        """
        if not self._request.learn:
            return []
        starts = first_starts(self._course)
        waited = [
            (each.workload.name, each.queued_at, starts.get(each.workload.name))
            for each in sorted(self._scenario.arrivals, key=lambda each: each.queued_at)
            if each.queued_at < now and starts.get(each.workload.name, now) > each.queued_at
        ]
        started = [place for place, (_, _, start) in enumerate(waited) if start is not None and start <= now]
        return waited[started[-self._request.learn] if len(started) >= self._request.learn else 0 :]

    def _learn(self, now: int, lessons: Sequence[tuple[str, int, int | None]]) -> tuple[Calibration, int]:
        """What the lessons teach, and how many taught something."""
        seen = 0
        calibration = Calibration(self._request.coverage, enough=ENOUGH_STARTS, longest=self._request.horizon)
        for job, moment, start in lessons:
            present = present_at(self._scenario, self._course, moment)
            (found,) = self._ask(present, (job,))
            forecast = _forecast(found, next(w for w in present.situation.pending if w.name == job))
            if start is not None and start <= now:
                calibration.observe(forecast, start - moment)
                seen += 1
            else:
                calibration.observe_waiting(forecast, now - moment)
                seen += now - moment > forecast.interval.high
        return calibration, seen

    def _ask(self, present: Present, jobs: tuple[str, ...]) -> tuple[StartEstimate, ...]:
        if not jobs:
            return ()
        request, now = self._request, present.situation.now
        arrivals = None
        if request.submissions is Submissions.PAST:
            past = [PastArrival(each.workload, each.queued_at) for each in present.submitted]
            arrivals = ReplayedPast(past, past[0].at, now)
        return estimate_starts(
            present.situation,
            Question(jobs, self._horizon(present), request.coverage, request.runs),
            self._counted(self._runtimes(present)),
            self._chance,
            arrivals,
        )

    def _horizon(self, present: Present) -> int:
        """As far as asked, or until others have submitted as much as one simulation plays."""
        if self._request.submissions is Submissions.NONE or len(present.submitted) < 2:
            return self._request.horizon
        span = present.situation.now - present.submitted[0].queued_at
        return min(self._request.horizon, max(1, span * MOST_REPLAYED // len(present.submitted)))

    def _never(self, present: Present, asked: Iterable[str]) -> dict[str, WaitReason]:
        wanted = set(asked)
        waiting = (workload for workload in present.situation.pending if workload.name in wanted)
        state = declared_at(self._scenario, present.situation.now)
        return refused_by_emptied(state, self._scenario.settings, waiting)

    def _counted(self, model: RuntimeModel) -> RuntimeModel:
        """A fresh future is drawn for every simulation: that is where progress is seen."""
        watch = self._watch
        if watch is None:
            return model

        def fresh() -> Runtimes:
            self._begun += 1
            watch(self._begun, self._total)
            return model()

        return fresh

    def _runtimes(self, present: Present) -> RuntimeModel:
        if self._request.runtimes is KnownRuntimes.HISTORY:
            return _from_history(present)
        estimates = {each.workload.name: each.runtime for each in self._scenario.arrivals}
        return functools.partial(_Estimated, estimates, self._spread(present))

    def _spread(self, present: Present) -> float:
        if self._request.spread is not None:
            return self._request.spread
        return measured_spread(present.ended) if self._measures(present) else DEFAULT_SPREAD

    def _measures(self, present: Present) -> bool:
        return self._request.spread is None and self._measure and len(present.ended) >= ENOUGH_ENDED


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "") if names else "none"


def _forecast(found: StartEstimate, workload: Workload) -> Forecast:
    return Forecast(found.interval, found.median, workload.cluster_queue)


def measured_spread(ended: Sequence[Ended]) -> float:
    """How far run times lay from their estimates: root mean square of the logarithm of their ratio."""
    logs = [math.log(each.runtime / max(each.arrival.runtime, 1)) for each in ended]
    return math.sqrt(sum(value * value for value in logs) / len(logs))


@dataclass(frozen=True, slots=True)
class _Estimated:
    """Run times around users' estimates."""

    estimates: Mapping[str, int]
    spread: float

    def remaining(self, name: str, elapsed: int, chance: Chance) -> int:
        """How much longer a job runs that has run for `elapsed`."""
        return around_estimate(self.estimates[name], elapsed, self.spread, chance)


def _from_history(present: Present) -> RuntimeModel:
    """Run times of ended jobs of the same sweep, else of the same queue and size, else of the queue, else of all."""
    numbers = batches(
        (Submitted(each.workload.name, each.queued_at, _kind(each.workload)) for each in present.submitted), BATCH_GAP
    )
    groups: dict[str, tuple[Hashable, ...]] = {
        each.workload.name: (
            ("batch", numbers[each.workload.name]),
            ("kind", *_kind(each.workload)),
            ("queue", each.workload.cluster_queue),
            "all",
        )
        for each in present.submitted
    }
    history = RuntimeHistory()
    for done in present.ended:
        history.finished(groups[done.arrival.workload.name], done.runtime)
    oldest: dict[Hashable, int] = {}
    for running in present.situation.running:
        batch = groups[running.workload.name][0]
        oldest[batch] = max(oldest.get(batch, 0), present.situation.now - running.since)
    return functools.partial(BatchRuntimes, history, groups, oldest)


def _kind(workload: Workload) -> tuple[Hashable, ...]:
    """What jobs share that are taken to run alike: their queue and what they ask for."""
    return (workload.cluster_queue, *((part.count, part.requests) for part in workload.pod_sets))
