"""Everyday manifests by everyday people: each runs, or is refused at once with everything that is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import pytest

from tests.live.books.following import follow
from tests.live.books.test_books import batches
from tests.live.everyday.judging import complaint, smallest, told
from tests.live.everyday.oddities import Manifest, generate
from tests.live.training import Training

pytestmark = pytest.mark.live

SEEDS = "ALLOTMENT_EVERYDAY_SEEDS"
"""Environment variable: the seeds to play instead, such as `17` or `17,204`."""

EVERY_RUN, NIGHTLY = range(40), range(1000, 1300)
EVERY_RUN_WITHOUT, NIGHTLY_WITHOUT = range(40, 56), range(1300, 1400)
SIDE_BY_SIDE = 24
MOST_SHRUNK = 3


def seeds_of(usual: Iterable[int]) -> list[int]:
    said = os.environ.get(SEEDS, "")
    return [int(seed) for seed in said.split(",")] if said else list(usual)


def expect_no_complaint(training: Training, seeds: Iterable[int]) -> None:
    def play(manifests: Sequence[Manifest]) -> list[str]:
        outcomes = follow(training.kube, [each.draft.submission() for each in manifests])
        return [
            complaint(each, outcome, mutating=training.mutating)
            for each, outcome in zip(manifests, outcomes, strict=True)
        ]

    found: list[tuple[Manifest, str]] = []
    for batch in batches((generate(seed, mutating=training.mutating) for seed in seeds), SIDE_BY_SIDE):
        found += [pair for pair in zip(batch, play(batch), strict=True) if pair[1]]
    small = [smallest(*pair, play, mutating=training.mutating) for pair in found[:MOST_SHRUNK]]
    words = [told(*pair) for pair in (*small, *found[MOST_SHRUNK:])]
    assert not found, f"{len(found)} complaints; again with {SEEDS}=SEED,…\n" + "\n".join(words)


def test_forty_manifests(training: Training) -> None:
    expect_no_complaint(training, seeds_of(EVERY_RUN))


@pytest.mark.nightly  # by day the same manifests are sent where the rest is filled in
def test_where_nothing_is_filled_in(training_without: Training) -> None:
    expect_no_complaint(training_without, seeds_of(EVERY_RUN_WITHOUT))


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_three_hundred_manifests(training: Training) -> None:
    expect_no_complaint(training, seeds_of(NIGHTLY))


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_a_hundred_where_nothing_is_filled_in(training_without: Training) -> None:
    expect_no_complaint(training_without, seeds_of(NIGHTLY_WITHOUT))
