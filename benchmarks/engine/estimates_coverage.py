"""Asked, answered, and how often the answer held: coverage, width, and a peer that needs no simulation."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from allotment.simulation.estimate.calibration import Calibration, Forecast
from allotment.simulation.estimate.interval import Interval, central_interval

COVERAGE = 0.8
DAY = 86_400
HORIZON = 30 * DAY
# Recent waits of the queue that the peer takes its quantiles from.
RECENT = 50
MINUTE = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """A question that was asked: when, what was answered, and when the job really started.

    Attributes:
        queue: where the job waited.
        burst: number of the time without a break in which some job of the queue waited; starts within one burst are
            not independent of each other.
        simulated: the uncorrected interval of the simulation.
        middle: the median simulated wait.
        recent: the peer's uncorrected interval, the same quantiles of the queue's recent waits.
    """

    queue: str
    burst: int
    asked: float
    simulated: Interval
    middle: float
    recent: Interval
    started: float

    @property
    def wait(self) -> float:
        return self.started - self.asked

    def forecast(self, *, peer: bool) -> Forecast:
        if not peer:
            return Forecast(self.simulated, self.middle, self.queue)
        return Forecast(self.recent, math.sqrt((1 + self.recent.low) * (1 + self.recent.high)) - 1, self.queue)


def of_recent(waits: Sequence[float]) -> Interval:
    """The peer: jobs will wait as long as the last ones did. Knowing none, it says that anything may happen."""
    return central_interval(waits[-RECENT:], COVERAGE) if waits else Interval(0.0, HORIZON)


def corrected(answer: Answer, lessons: Iterable[Answer], *, peer: bool = False) -> Interval:
    """The interval shown when the question was asked, by what earlier questions had taught by then."""
    calibration = Calibration(COVERAGE, longest=HORIZON)
    for each in lessons:
        forecast = each.forecast(peer=peer)
        if each.started <= answer.asked:
            calibration.observe(forecast, each.wait)
        else:
            calibration.observe_waiting(forecast, answer.asked - each.asked)
    return calibration.correct(answer.forecast(peer=peer))


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer beside the truth."""

    answer: Answer
    interval: Interval

    @property
    def covered(self) -> bool:
        """An interval that ends at the horizon says "then or later"."""
        return self.interval.covers(min(self.answer.wait, HORIZON))

    @property
    def score(self) -> float:
        """Interval score on the logarithm of the wait: width, and ten times what it missed by; less is better."""
        low, high = (math.log1p(max(0.0, end)) for end in (self.interval.low, min(self.interval.high, HORIZON)))
        wait = math.log1p(max(0.0, self.answer.wait))
        return high - low + 2 / (1 - COVERAGE) * max(0.0, low - wait, wait - high)


def summary(judged: Sequence[Judged]) -> str:
    """Coverage with its standard error, median width, median ratio of the ends, share of open ends, score."""
    share = statistics.mean(each.covered for each in judged)
    bursts = len({(each.answer.queue, each.answer.burst) for each in judged})
    error = f"{100 * standard_error(judged):4.1f}" if bursts > 1 else "   ?"
    width = statistics.median(min(each.interval.high, HORIZON) - each.interval.low for each in judged) / 3600
    ratio = statistics.median((each.interval.high + MINUTE) / (each.interval.low + MINUTE) for each in judged)
    open_ended = statistics.mean(each.interval.high >= HORIZON for each in judged)
    score = statistics.mean(each.score for each in judged)
    return f"{100 * share:5.1f} % ±{error}  {width:6.1f} h  x{ratio:7.1f}  {100 * open_ended:3.0f} %  {score:5.2f}"


def standard_error(judged: Sequence[Judged]) -> float:
    """Of the coverage, counting a burst as one observation."""
    share = statistics.mean(each.covered for each in judged)
    off: dict[tuple[str, int], float] = {}
    for each in judged:
        burst = (each.answer.queue, each.answer.burst)
        off[burst] = off.get(burst, 0.0) + each.covered - share
    return math.sqrt(sum(value * value for value in off.values())) / len(judged)


@dataclass(frozen=True, slots=True)
class Table:
    """Evaluated answers, three ways to make an interval of each."""

    simulated: list[Judged]
    shown: list[Judged]
    peer: list[Judged]

    HEADER = (
        f"{'':16s} starts bursts   as simulated   corrected        width  high/low   open  score   bias"
        "     recent waits     width  high/low   open  score"
    )

    def only(self, queue: str) -> Table:
        return Table(
            *(
                [each for each in judged if each.answer.queue == queue]
                for judged in (self.simulated, self.shown, self.peer)
            )
        )

    @property
    def coverage(self) -> float:
        return statistics.mean(each.covered for each in self.shown)

    @property
    def score(self) -> float:
        return statistics.mean(each.score for each in self.shown)

    @property
    def peer_score(self) -> float:
        return statistics.mean(each.score for each in self.peer)

    def line(self, title: str) -> str:
        bursts = len({(each.answer.queue, each.answer.burst) for each in self.shown})
        if not self.shown:
            return f"{title:16s} {0:6d}"
        raw = statistics.mean(each.covered for each in self.simulated)
        bias = statistics.mean(
            math.log((min(each.answer.middle, HORIZON) + MINUTE) / (each.answer.wait + MINUTE)) for each in self.shown
        )
        return (
            f"{title:16s} {len(self.shown):6d} {bursts:6d}        {100 * raw:5.1f} %   {summary(self.shown)}"
            f"   x{math.exp(bias):.2f}     {summary(self.peer)}"
        )


def judge(evaluated: Iterable[tuple[Answer, Sequence[Answer]]]) -> Table:
    """Each answer with what had been asked before it."""
    table = Table([], [], [])
    for answer, lessons in evaluated:
        table.simulated.append(Judged(answer, answer.simulated))
        table.shown.append(Judged(answer, corrected(answer, lessons)))
        table.peer.append(Judged(answer, corrected(answer, lessons, peer=True)))
    return table
