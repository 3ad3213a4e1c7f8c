"""The performance generator's shapes: byte-identical logs where recorded, identical counts elsewhere."""

import gzip

import pytest

from allotment.simulation.environment import Admitted, Evicted, RunOutcome, simulate
from benchmarks.engine.golden import (
    BASELINE,
    BASELINE_FAIR,
    LARGE_SCALE,
    SMALL_2CQ,
    Shape,
    golden_lines,
    golden_scenario,
)
from tests.corpus.kueue.data import data_folder

pytestmark = pytest.mark.corpus


def run(shape: Shape) -> RunOutcome:
    return simulate(golden_scenario(shape), messages=False)


def counts(outcome: RunOutcome) -> tuple[int, int, int]:
    admitted = sum(isinstance(each, Admitted) for each in outcome.decisions)
    evicted = sum(isinstance(each, Evicted) for each in outcome.decisions)
    return admitted, evicted, outcome.cycles


def test_small_shape_is_byte_identical() -> None:
    recorded = (data_folder("kueue_golden") / "small_2cq_classic_decisions.csv").read_text()
    assert "".join(f"{line}\n" for line in golden_lines(run(SMALL_2CQ).decisions)) == recorded


def test_baseline_is_byte_identical() -> None:
    with gzip.open(data_folder("kueue_golden") / "baseline_classic_decisions.csv.gz", "rt") as file:
        recorded = file.read()
    outcome = run(BASELINE)
    assert "".join(f"{line}\n" for line in golden_lines(outcome.decisions)) == recorded
    assert counts(outcome) == (15_095, 95, 2_569)


def test_baseline_with_fair_sharing_has_the_recorded_counts() -> None:
    assert counts(run(BASELINE_FAIR)) == (15_565, 565, 3_225)


@pytest.mark.nightly
def test_large_scale_has_the_recorded_counts() -> None:
    assert counts(run(LARGE_SCALE)) == (53_300, 3_300, 18_245)
