"""One object that nothing can be reckoned from costs its own line and no other, whichever answer is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from allotment.accounting import series
from allotment.accounting.moment import CountingRules
from allotment.errors import NotFoundError
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.operations.ask import books, devices, quotas, wasting
from allotment.operations.ask.sparing import spared
from tests.unit.accounting.scenes import GPU, moment_of, node, pod

PODS = tuple(pod(f"p{number}", "n1" if number % 2 else "n2", {GPU: "1"}) for number in range(9))
FLEET = moment_of(0, nodes=(node("n1", {GPU: "8"}), node("n2", {GPU: "8"})), pods=PODS)


def names(snapshot: Snapshot) -> list[str]:
    return [each.name for source in snapshot.sources for each in (*source.objects.nodes, *source.objects.pods)]


def fails_with(*together: str) -> Callable[[Snapshot], list[str]]:
    """An answer that fails where all of these are there."""

    def answer(snapshot: Snapshot) -> list[str]:
        if set(together) <= set(names(snapshot)):
            raise OverflowError("too large\x1b")
        return names(snapshot)

    return answer


@pytest.mark.parametrize(
    ("together", "left"),
    [(("p4",), "Pod/team/p4"), (("n1",), "Node/n1"), (("n1", "p6"), "Pod/team/p6"), (("p2", "p7"), "Pod/team/p7")],
    ids=" ".join,
)
def test_the_object_alone_is_left_out_and_named(together: tuple[str, ...], left: str) -> None:
    found, told = spared(FLEET, fails_with(*together))
    assert sorted(found) == sorted(set(names(FLEET)) - {left.rpartition("/")[2]})
    assert told == (f"{left} cannot be reckoned with and is left out (OverflowError: too large\\x1b)",)


def test_several_are_left_out_one_by_one() -> None:
    def answer(snapshot: Snapshot) -> int:
        return sum(1 // (each not in {"p1", "p5", "n2"}) for each in names(snapshot))

    found, told = spared(FLEET, answer)
    assert found == len(names(FLEET)) - 3
    assert [each.split(" ")[0] for each in told] == ["Node/n2", "Pod/team/p1", "Pod/team/p5"]


def test_what_fails_of_no_object_fails_and_what_is_told_goes_through() -> None:
    def broken(_: Snapshot) -> None:
        raise ZeroDivisionError

    def told(_: Snapshot) -> None:
        raise NotFoundError("no such team")

    with pytest.raises(ZeroDivisionError):
        spared(FLEET, broken)
    with pytest.raises(NotFoundError):
        spared(FLEET, told)


ASKED: dict[str, Callable[[Snapshot], Any]] = {
    "who": lambda found: devices.who_holds(found).notes,
    "gpus": lambda found: devices.count_gpus(found).notes,
    "saturation": lambda found: devices.saturated(found).notes,
    "waste": lambda found: wasting.waste_now(found, CountingRules(), "cause").remarks,
    "books": lambda found: books.books_of(found, None).remarks,
    "queues": lambda found: quotas.queues_of(found).remarks,
    "quotas": lambda found: quotas.quotas_of(found, None).remarks,
}


@pytest.mark.parametrize("asked", ASKED)
def test_every_answer_spares_the_rest(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def index(source: Source) -> Index:
        if any(each.name == "p3" for each in source.objects.pods):
            raise ArithmeticError("poison")
        return Index(source)

    for module in (books, devices, quotas, series):
        monkeypatch.setattr(module, "Index", index)
    assert "Pod/team/p3 cannot be reckoned with and is left out (ArithmeticError: poison)" in ASKED[asked](FLEET)
