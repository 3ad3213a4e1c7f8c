"""Which level of isolation: the advice, and that the page says what the command says."""

from __future__ import annotations

from pathlib import Path

import pytest

from allotment.model.team import Isolation
from allotment.operations.directory.isolation import LEVELS, Needs, advise


@pytest.mark.parametrize(
    ("needs", "level"),
    [
        (Needs(), Isolation.NAMESPACE),
        (Needs(untrusted_code=True), Isolation.NODE_POOL),
        (Needs(own_hardware=True), Isolation.NODE_POOL),
        (Needs(own_definitions=True, own_hardware=True), Isolation.CLUSTER),
        (Needs(compliance=True), Isolation.CLUSTER),
        (Needs(regulated=True, compliance=True), Isolation.SUBSCRIPTION),
        (Needs(separate_bill=True), Isolation.SUBSCRIPTION),
    ],
    ids=str,
)
def test_the_weakest_level_that_is_enough(needs: Needs, level: Isolation) -> None:
    advice = advise(needs)
    assert advice.level.isolation is level
    assert advice.reasons


def test_every_level_is_explained() -> None:
    assert [level.isolation for level in LEVELS] == list(Isolation)


def test_the_page_compares_them_in_the_same_words() -> None:
    page = (Path(__file__).parents[3] / "docs" / "isolation.md").read_text(encoding="utf-8")
    for level in LEVELS:
        cells = (f"`{level.isolation}`", level.boundary, level.shared, level.cost, level.overhead, level.right_when)
        assert f"| {' | '.join(cells)} |" in page
