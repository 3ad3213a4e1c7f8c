"""Intervals of `allot when` on Philly, replayed as snapshots: do they hold what they promise?"""

from __future__ import annotations

import random
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from allotment.operations.foresee.live.when import LiveWhenRequest, when_live
from allotment.simulation.estimate.interval import Interval
from allotment.simulation.live.starts import StartBasis, StartWishes
from benchmarks.engine.estimates import DATA
from benchmarks.engine.estimates_coverage import Answer, Judged, standard_error
from benchmarks.engine.estimates_philly import FEWEST_JOBS, World, philly_jobs, world
from tests.corpus.estimates.philly_snapshots import DAY, Clock, ReplayedCluster
from tests.corpus.kueue.data import data_folder

pytestmark = pytest.mark.corpus

CLUSTERS = 4
QUESTIONS = 40
HORIZON = 30 * DAY


def worlds(data: Path, clusters: int) -> list[World]:
    """The smallest virtual clusters with enough jobs, as the scenario's version takes them."""
    known = sorted((each for each in philly_jobs(data).items() if len(each[1]) >= FEWEST_JOBS), key=lambda e: len(e[1]))
    return [World(name, jobs, *world(jobs)) for name, jobs in known[:clusters]]


def asked(cluster: ReplayedCluster, questions: int, budget: float, seed: int) -> Iterator[tuple[Judged, int, int]]:
    """Random jobs that had to wait, each asked about at its submission; with past starts learnt from, and futures."""
    chance = random.Random(seed)
    for here in cluster.worlds:
        waited = here.waited
        bursts = here.bursts()
        for number in sorted(chance.sample(waited[len(waited) // 4 :], questions)):
            job = here.jobs[number]
            wishes = StartWishes(horizon=1000 * HORIZON, budget=budget)
            request = LiveWhenRequest((f"workload/{job.name}",), here.name, wishes, seed)
            found = when_live(cluster.snapshot(job.submitted), request, Clock())
            (row,) = found.rows
            start = row.start
            assert start is not None
            assert start.basis is StartBasis.HISTORY, f"{here.name} {job.name}: {start.basis}"
            assert start.interval is not None
            assert start.simulated is not None
            raw = Interval(start.simulated.low / 1000, start.simulated.high / 1000)
            told = Interval(start.interval.low / 1000, start.interval.high / 1000)
            answer = Answer(
                here.name, bursts[number], job.submitted, raw, start.median / 1000, raw, here.starts[number]
            )
            # The API tells times in seconds, and so does the truth; an end may lie anywhere in its second.
            yield Judged(answer, Interval(told.low - 1, told.high + 1)), found.learnt, start.futures


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_four_of_five_starts_lie_in_their_intervals() -> None:
    """160 questions of 27 bursts: the share is known to about 6 %."""
    data_folder("philly")
    cluster = ReplayedCluster(worlds(DATA, CLUSTERS))
    judged = [each for each, _, _ in asked(cluster, QUESTIONS, 5.0, 1)]
    share = statistics.mean(each.covered for each in judged)
    error = standard_error(judged)
    assert 0.75 - error <= share <= 0.85 + error, f"{share:.1%} ± {error:.1%}"


if __name__ == "__main__":
    taken, number, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    results = []
    for one, learnt, futures in asked(ReplayedCluster(worlds(DATA, taken)), number, seconds, 1):
        results.append(one)
        sys.stdout.write(
            f"{one.answer.queue} {one.covered} raw {one.answer.simulated.covers(one.answer.wait)} learnt {learnt} "
            f"futures {futures} wait {one.answer.wait / 3600:.2f} h in {one.interval.low / 3600:.2f} .. "
            f"{one.interval.high / 3600:.2f}\n"
        )
        sys.stdout.flush()
    sys.stdout.write(f"{statistics.mean(each.covered for each in results):.3f} ± {standard_error(results):.3f}\n")
