"""Our twin of published schedulers against their runs on 64 real GPUs; how often estimates hold."""

import statistics

import pytest

from benchmarks.engine import estimates_philly, estimates_runs
from benchmarks.engine.estimates import DATA, QUICK_CLUSTERS, QUICK_QUESTIONS, QUICK_REPEATS
from benchmarks.engine.estimates_runs import ALONE, RUNS, deviations, exact_deviation, expectations
from tests.corpus.kueue.data import data_folder

pytestmark = pytest.mark.corpus

# Largest error of mean completion time and of makespan; the best published simulator is at 1.7 %.
ALLOWED = {
    "SRSF": (0.017, 0.017),
    "SRTF": (0.017, 0.017),
    "tiresias": (0.017, 0.017),
    "themis": (0.017, 0.022),
    "Muri-S": (0.02, 0.02),
    "Muri-L": (0.06, 0.02),
}
# The same with the recorded run times: what is left is how decisions differ.
EXACT = {"SRSF": 0.001, "SRTF": 0.002, "tiresias": 0.00001, "themis": 0.02}


@pytest.mark.parametrize("name", RUNS)
def test_completion_and_makespan_are_those_of_the_record(name: str) -> None:
    data_folder("muri")
    expected, records = expectations(DATA)
    drawn = deviations(RUNS[name], expected[name], records[name], repeats=8, seed=1)
    assert abs(statistics.mean(each.completion for each in drawn)) < ALLOWED[name][0]
    assert abs(statistics.mean(each.makespan for each in drawn)) < ALLOWED[name][1]


@pytest.mark.parametrize("name", ALONE)
def test_with_recorded_run_times_decisions_are_the_recorded_ones(name: str) -> None:
    data_folder("muri")
    expected, records = expectations(DATA)
    exact = exact_deviation(RUNS[name], expected[name], records[name])
    assert abs(exact.completion) < EXACT[name]
    assert abs(exact.makespan) < EXACT[name]
    assert exact.placements == pytest.approx(sum(each.placements for each in records[name]), rel=0.005)


@pytest.mark.nightly
def test_starts_on_philly_lie_in_their_intervals() -> None:
    """Four small virtual clusters, few questions: about 20 bursts, so the share is known to about ±6 %."""
    data_folder("philly")
    table = estimates_philly.measure(
        DATA, questions=QUICK_QUESTIONS, repeats=QUICK_REPEATS, seed=1, smallest=QUICK_CLUSTERS, verbose=False
    )
    assert 0.68 <= table.coverage <= 0.92
    assert table.score < table.peer_score, "narrower where both hold as often"


@pytest.mark.nightly
def test_recorded_starts_lie_in_their_intervals() -> None:
    data_folder("muri")
    table = estimates_runs.measure(DATA, repeats=QUICK_REPEATS, seed=1)
    assert 0.7 <= table.coverage <= 0.88
    assert table.score < table.peer_score
