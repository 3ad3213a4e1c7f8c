"""Which trials fall behind."""

from __future__ import annotations

import math

import pytest

from allotment.jobs.early_stopping import behind, reported
from allotment.model.jobs.job import EarlyStop

LOSS = EarlyStop("loss", maximise=False, after=1)


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (b"loss=0.5", 0.5), (b"  loss=-1e-3\r", -0.001), (b"loss=.5", 0.5), (b"loss=inf", math.inf), (b"loss=7", 7),
        (b"loss=", None), (b"loss = 1", None), (b"val_loss=1", None), (b"loss=1 2", None), (b"loss=0x1", None),
        (b"step 3 loss=1", None), (b"loss=1_0", None), (b"loss=\xff", None), (b"loss=\xd9\xa1", None),
        (b"loss=" + b"1" * 5000, None),
    ],
)  # fmt: skip
def test_a_line_that_reports(line: bytes, number: float | None) -> None:
    assert reported(line, "loss") == number


def test_no_number_is_reported_as_that() -> None:
    found = reported(b"loss=NaN", "loss")
    assert found is not None
    assert math.isnan(found)


@pytest.mark.parametrize(
    ("reports", "rule", "running", "fallen"),
    [
        ({0: [9, 9], 1: [9, 1], 2: [9, 2]}, LOSS, (0, 1, 2), (0,)),
        ({0: [9, 1], 1: [9, 1], 2: [9, 1]}, LOSS, (0, 1, 2), ()),
        # Not before each has had its reports, nor beside one other alone, nor where it does not run.
        ({0: [9], 1: [1], 2: [1]}, LOSS, (0, 1, 2), ()),
        ({0: [9, 9], 1: [9, 1]}, LOSS, (0, 1), ()),
        ({0: [9, 9], 1: [9, 1], 2: [9, 1]}, LOSS, (1, 2), ()),
        # Compared at the same report: what others reported later does not count.
        ({0: [5, 5], 1: [5, 6, 1], 2: [5, 6, 1]}, LOSS, (0, 1, 2), ()),
        ({0: [5, 5], 1: [5, 6, 1], 2: [5, 4, 1], 3: [5, 4]}, LOSS, (0, 1, 2, 3), (0,)),
        # Whoever came farther while nobody listened is compared where the others are, by its best since then.
        ({0: [9, 9, 9, 9, 8], 1: [5, 1], 2: [5, 1]}, LOSS, (0,), (0,)),
        ({0: [9, 9, 9, 9, 1], 1: [5, 1], 2: [5, 1]}, LOSS, (0,), ()),
        ({0: [9, 9, 9, 9, 8], 1: [5, 1], 2: [5]}, LOSS, (0,), ()),
        ({0: [5, math.nan], 1: [5, 6], 2: [5, 6]}, LOSS, (0, 1, 2), (0,)),
        ({0: [0, 1], 1: [0, 9], 2: [0, 9]}, EarlyStop("acc", maximise=True, after=1), (0, 1, 2), (0,)),
        ({}, LOSS, (0, 1), ()),
    ],
)  # fmt: skip
def test_who_is_worse_than_the_median_of_the_others(
    reports: dict[int, list[float]], rule: EarlyStop, running: tuple[int, ...], fallen: tuple[int, ...]
) -> None:
    assert behind(reports, rule, running) == fallen
