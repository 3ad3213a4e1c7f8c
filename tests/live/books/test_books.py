"""The books are what pods take: in whatever form work is written, Kueue charges what its pods request, or refuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import TypeVar

import pytest

from tests.live.books.following import End, follow
from tests.live.books.forms import Form, all_forms, everyday_forms
from tests.live.training import Training

pytestmark = pytest.mark.live

FURTHER, SEED = 40, 20261126
SIDE_BY_SIDE = 28

Item = TypeVar("Item")


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def faults_of(training: Training, forms: Iterable[Form], prefix: str) -> tuple[list[str], int]:
    """What does not hold, and how many forms were admitted."""
    faults, admitted, numbers = [], 0, count()
    for batch in batches(forms, SIDE_BY_SIDE):
        outcomes = follow(training.kube, [form.submission(f"{prefix}{next(numbers)}") for form in batch])
        for form, outcome in zip(batch, outcomes, strict=True):
            admitted += outcome.end in (End.RAN, End.READY)
            if outcome.end is End.HANGS:
                faults.append(f"{form.id} {form.resources()}: {outcome}")
            if outcome.miscounted:
                faults.append(f"{form.id} {form.resources()}: (charged, requested) differ: {outcome.miscounted}")
    return faults, admitted


@pytest.mark.nightly
def test_forms_that_people_write(training: Training) -> None:
    faults, admitted = faults_of(training, everyday_forms(FURTHER, SEED), "form")
    assert faults == []
    assert admitted >= 10, "nearly everything was refused: nothing was counted"


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_every_form(training: Training) -> None:
    faults, admitted = faults_of(training, all_forms(), "form")
    assert not faults, "\n".join(faults)
    assert admitted >= 100
