"""Clusters are acted on one beside the other, and one that hangs is waited for once."""

from __future__ import annotations

import threading
import time

import pytest

from allotment.operations.decide import beside
from allotment.operations.decide.beside import ClusterActs


def test_one_that_hangs_holds_up_no_other_and_is_hardly_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "_PATIENCE", 1.0)
    monkeypatch.setattr(beside, "_HUNG", 0.1)
    let_go, done = threading.Event(), list[str]()

    def act(name: str) -> str:
        if name == "north":
            assert let_go.wait(60)
            return "it does not answer"
        done.append(name)
        return ""

    acts, began = ClusterActs(), time.monotonic()
    (why,) = acts.trouble(("north", "east", "west"), act).values()
    assert "goes on" in why
    assert sorted(done) == ["east", "west"]
    assert 1.0 <= time.monotonic() - began < 5
    # Nothing newer is begun while it goes on, and nobody waits for that.
    began = time.monotonic()
    assert list(acts.trouble(("north", "east"), act)) == ["north"]
    assert time.monotonic() - began < 0.9
    let_go.set()
    until_ended(acts)
    let_go.clear()
    # It came to nothing: whether it answers now is seen, and if not it is waited for no more than a moment.
    began = time.monotonic()
    assert "goes on" in acts.trouble(("north",), act)["north"]
    assert time.monotonic() - began < 0.9
    let_go.set()
    until_ended(acts)
    assert acts.trouble(("north",), lambda _: "") == {}


def test_what_takes_long_and_comes_to_something_is_waited_for_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "_PATIENCE", 0.1)

    def act(_: str) -> str:
        time.sleep(0.4)
        return ""

    acts = ClusterActs()
    assert "goes on" in acts.trouble(("east",), act)["east"]
    until_ended(acts)
    assert acts.trouble(("east",), act) == {}


def test_what_fails_in_a_way_of_its_own_is_raised_where_it_is_waited_for() -> None:
    def act(_: str) -> str:
        raise ZeroDivisionError

    acts = ClusterActs()
    with pytest.raises(ZeroDivisionError):
        acts.trouble(("east",), act)
    assert acts.trouble(("east",), lambda _: "") == {}


def until_ended(acts: ClusterActs) -> None:
    end = time.monotonic() + 60
    while any(not each.ended.done() for each in acts._acts.values()):
        assert time.monotonic() < end
        time.sleep(0.01)
