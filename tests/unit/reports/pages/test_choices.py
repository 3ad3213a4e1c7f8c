"""What hangs on chance, in words."""

from __future__ import annotations

import pytest

from allotment.reports.pages.choices import choice_lines, choice_text
from allotment.scheduling.queueing.choices import ChanceKind
from allotment.simulation.outcome import RandomChoice


def preemption(chosen: tuple[str, ...], others: tuple[str, ...]) -> RandomChoice:
    return RandomChoice(60_000, 0, ChanceKind.PREEMPTED, "c", chosen, others)


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (preemption(("b",), ("a",)), "either b or a is preempted for c"),
        (preemption((), ("a",)), "either nobody or a is preempted for c"),
        (preemption(("b",), ()), "either b or nobody is preempted for c"),
        (
            RandomChoice(0, 0, ChanceKind.FIRST, "", ("a",), ("b", "c", "d", "e")),
            "either a or b, c, d and 1 more comes first, and there is not enough for all",
        ),
    ],
)
def test_a_choice_in_words(choice: RandomChoice, text: str) -> None:
    assert choice_text(choice) == text


def test_many_choices_are_counted() -> None:
    lines = list(choice_lines([preemption(("b",), ("a",))] * 7, of="before"))
    assert lines[0].startswith("before: Kueue chooses at random among equals here, 7 times;")
    assert (len(lines), lines[-1]) == (7, "  and 2 more; -o json has all")
    assert not list(choice_lines(()))
