"""The cluster for courses of several steps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.books.following import clear
from tests.live.training import TEAMS, Training


@pytest.fixture
def arena(training: Training) -> Iterator[Training]:
    clear(training.kube, TEAMS)
    yield training
    clear(training.kube, TEAMS)
