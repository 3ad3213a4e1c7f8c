"""Clusters that are followed: what was seen last is there at once, and one that is away holds up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import InputError, NotFoundError, NotSignedInError, UnreachableError
from allotment.operations.fleet import followed
from allotment.operations.fleet.followed import HeardCluster, LookPace
from allotment.operations.fleet.hub import ClusterHub
from allotment.ports.kube import KubePort, ServerInfo
from tests.unit.observe.objects import OURS, pod, two_teams

CANARY = "https://canary-7.example:6443"
AWAY = UnreachableError(f"{CANARY} does not answer", why=f"no route to {CANARY}")
PACE = LookPace(asked=0.01, usual=0.05, lately=600, idle=0.05)
SOON = 20.0


class AbsentKube(FakeKube):
    """A cluster that can be asked for its version in vain."""

    meet: Callable[[], None] = staticmethod(lambda: None)

    def server(self) -> ServerInfo:
        self.meet()
        return super().server()


class Fleet:
    """Clusters in memory, each of which can be away, or hang."""

    def __init__(self, *names: str) -> None:
        self.ways = {name: f"context-{name}" for name in names}
        self.kubes = {name: AbsentKube() for name in names}
        self.wrong: dict[str, Exception] = {}
        self.hanging: set[str] = set()
        self.let_go = threading.Event()
        self.opened: list[str] = []
        for name, kube in self.kubes.items():
            kube.put(*two_teams())
            kube.hook = self._hook(name)
            kube.meet = partial(self.meet, name)
        self.hub = ClusterHub(lambda: self.ways, self._connect, SystemClock(), PACE)

    def _hook(self, name: str) -> Callable[[Call], None]:
        def called(call: Call) -> None:
            if not call.done:
                self.meet(name)

        return called

    def meet(self, name: str) -> None:
        if name in self.hanging:
            self.let_go.wait(60)
            raise AWAY
        if name in self.wrong:
            raise self.wrong[name]

    @contextmanager
    def _connect(self, name: str) -> Iterator[KubePort]:
        self.opened.append(name)
        self.meet(name)
        yield self.kubes[name]

    def until(self, name: str, holds: Callable[[HeardCluster], bool]) -> HeardCluster:
        ends = time.monotonic() + SOON
        while time.monotonic() < ends:
            heard = self.hub.heard(name, patience=1)
            if holds(heard):
                return heard
            time.sleep(0.01)
        raise AssertionError("it never holds")


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    monkeypatch.setattr(followed, "usual_wait", lambda _failures: 0.01)
    made = Fleet("training", "dev", "edge")
    with ExitStack() as ending:
        ending.enter_context(made.hub)
        ending.callback(made.let_go.set)
        yield made


def pods(heard: HeardCluster) -> set[str]:
    return set() if heard.snapshot is None else {each.name for each in heard.snapshot.sources[0].objects.pods}


def test_nothing_is_opened_before_somebody_needs_it(fleet: Fleet) -> None:
    assert fleet.hub.names == ("training", "dev", "edge")
    assert fleet.opened == []
    fleet.hub.heard("dev")
    assert fleet.opened == ["dev"]


def test_a_cluster_is_told_under_its_own_name_and_by_nobody(fleet: Fleet) -> None:
    (source,) = fleet.hub.snapshot("training").sources
    assert (source.name, source.stale, source.unreached) == ("training", "", "")
    assert source.objects.pods
    heard = fleet.hub.heard("training")
    assert heard.snapshot is not None
    assert (heard.snapshot.asker.user, heard.away) == ("", "")


def test_what_changes_is_seen_without_another_reading(fleet: Fleet) -> None:
    fleet.hub.heard("training")
    fleet.kubes["training"].put(pod("late", OURS, 300))
    assert "late" in pods(fleet.until("training", lambda heard: "late" in pods(heard)))


def test_what_was_changed_is_seen_by_who_asks_after_it(fleet: Fleet) -> None:
    for number in range(5):
        fleet.hub.heard("training")
        fleet.kubes["training"].put(pod(f"made-{number}", OURS, 300 + number))
        fleet.hub.forget()
        assert f"made-{number}" in pods(fleet.hub.heard("training"))


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (AWAY, "it has not answered since 20"),
        (NotSignedInError(f"{CANARY} does not accept"), "it has not accepted the server's credentials since 20"),
        (NotFoundError(f"no context {CANARY}"), "the server has had no way to it since 20"),
        (InputError(f"the kubeconfig of {CANARY}"), "it could not be read since 20"),
        (ValueError(CANARY), "it has not answered since 20"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_one_that_is_away_is_told_as_it_was_and_comes_back(fleet: Fleet, error: Exception, word: str) -> None:
    before = fleet.hub.heard("training")
    fleet.wrong["training"] = error
    fleet.kubes["training"].log.end_streams()
    lost = fleet.until("training", lambda heard: bool(heard.away))
    assert lost.away.startswith(word)
    assert pods(lost) == pods(before)
    (source,) = fleet.hub.joined(["training"])
    assert source.stale == lost.away
    assert CANARY not in f"{source.stale} {source.unreached}"
    since = lost.since
    assert fleet.until("training", lambda heard: heard.away != "").since == since, "since it was first away"
    del fleet.wrong["training"]
    fleet.kubes["training"].put(pod("after", OURS, 400))
    back = fleet.until("training", lambda heard: not heard.away and "after" in pods(heard))
    assert back.since is None


def test_one_that_never_answered_is_a_source_of_which_nothing_was_seen(fleet: Fleet) -> None:
    fleet.wrong["edge"] = AWAY
    with pytest.raises(UnreachableError):
        fleet.hub.snapshot("edge")
    (source,) = fleet.hub.joined(["edge"])
    assert source.unreached.startswith("it has not answered since")
    assert source.gaps
    assert CANARY not in str(source)


def test_one_that_hangs_changes_nothing_of_the_others(fleet: Fleet) -> None:
    """Every other answer is as fast with it as without it, and its age is told."""
    fleet.hub.joined(["training", "dev", "edge"])
    fleet.hanging.add("edge")
    fleet.kubes["edge"].log.end_streams()
    time.sleep(0.2)
    for _ in range(20):
        began = time.monotonic()
        found = {each.name: each for each in fleet.hub.joined(within=5)}
        assert time.monotonic() - began < 1
        assert {name for name, each in found.items() if each.objects.pods} == {"training", "dev", "edge"}
        assert not found["training"].stale
        assert not found["dev"].stale


def test_one_that_hangs_from_the_beginning_is_waited_for_once_and_together(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed, "ANSWERS_IN", 0.5)
    fleet.hanging |= {"edge", "dev"}
    began = time.monotonic()
    found = {each.name: each for each in fleet.hub.joined(patience=1.0)}
    assert 0.9 <= time.monotonic() - began < 2.5, "both together"
    assert found["training"].objects.pods
    assert found["edge"].unreached.startswith("it has not answered since 20")
    began = time.monotonic()
    for _ in range(100):
        fleet.hub.joined(patience=1.0)
    assert time.monotonic() - began < 1, "what is known to hang is waited for no more"
    assert sorted(fleet.opened) == ["dev", "edge", "training"]


def test_the_end_waits_for_none_that_hangs() -> None:
    fleet = Fleet("training", "edge")
    fleet.hanging.add("edge")
    with fleet.hub:
        fleet.hub.joined(patience=0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 3
    fleet.let_go.set()


def test_one_that_is_reached_otherwise_is_opened_anew_and_one_that_is_not_declared_is_none(fleet: Fleet) -> None:
    fleet.hub.heard("training")
    fleet.ways["training"] = "context-new"
    fleet.hub.heard("training")
    assert fleet.opened == ["training", "training"]
    fleet.hub.reopen("training")
    fleet.hub.heard("training")
    assert len(fleet.opened) == 3
    del fleet.ways["training"]
    with pytest.raises(NotFoundError, match="there is no cluster training"):
        fleet.hub.heard("training")


def test_no_thread_stays_where_nothing_hangs() -> None:
    fleet = Fleet("training", "dev")
    with fleet.hub:
        fleet.hub.joined()
    ends = time.monotonic() + SOON
    left: list[str] = ["?"]
    while left and time.monotonic() < ends:
        left = [each.name for each in threading.enumerate() if each.name.startswith(("follows ", "allotment-watch"))]
        with suppress(RuntimeError):
            time.sleep(0.01)
    assert left == []
