"""A cluster that is followed: what a fresh reading would show, whatever comes, ends, is forgotten or is poison."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import NotSignedInError, UnreachableError
from allotment.model.manifest import ObjectKey
from allotment.model.observed.snapshot import Source
from allotment.observe import current
from allotment.observe.current import CurrentKind
from allotment.observe.kinds import BY_KIND
from allotment.operations.ask import watching
from allotment.operations.ask.observing import observe
from allotment.operations.ask.watching import WatchedCluster, usual_wait
from allotment.ports.kube import AccessRefusedError, VersionGoneError, WatchEvent, WatchStream, WatchWord
from tests.unit.observe.objects import OURS, pod, raw, two_teams

SOON = 20.0
CLOCK = FixedClock(dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC))


def cluster() -> FakeKube:
    kube = FakeKube()
    kube.put(*two_teams())
    return kube


def following(kube: FakeKube, *namespaces: str) -> WatchedCluster:
    return WatchedCluster(kube, CLOCK, namespaces, waits=lambda _failures: 0.001)


def shown(source: Source) -> set[tuple[str, str]]:
    objects = source.objects
    return {
        (field, f"{each.metadata.namespace}/{each.metadata.name}")
        for field in objects.__struct_fields__
        for each in getattr(objects, field)
    }


def until(watched: WatchedCluster, holds: Callable[[Source], bool]) -> Source:
    """The source, once something holds of it."""
    for _ in range(200):
        source = watched.snapshot().sources[0]
        if holds(source):
            return source
        watched.wait(0.05)
    raise AssertionError("it never holds")


def test_what_is_followed_is_what_a_fresh_reading_shows() -> None:
    kube = cluster()
    with following(kube) as watched:
        assert until(watched, lambda _: True).objects == observe(kube, CLOCK).sources[0].objects
        kube.put(*(pod(f"late-{number}", OURS, 300 + number) for number in range(5)))
        kube.delete("v1", ObjectKey("", "Pod", OURS, "late-0"))
        kube.delete("v1", ObjectKey("", "Pod", OURS, "tune-0"))
        kube.merge_patch("v1", ObjectKey("", "Node", "", "a100-0"), {"spec": {"unschedulable": True}})
        fresh = observe(kube, CLOCK).sources[0]
        found = until(watched, lambda source: source.objects == fresh.objects)
        assert found == fresh
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("allotment-watch")]


def test_one_list_a_kind_is_all_that_is_listed() -> None:
    kube = cluster()
    with following(kube) as watched:
        watched.snapshot()
        kube.put(pod("late", OURS, 300))
        assert watched.wait(SOON)
        kube.log.end_streams()
        kube.put(pod("later", OURS, 301))
        until(watched, lambda source: ("pods", f"{OURS}/later") in shown(source))
    lists = [call.key.kind for call in kube.calls if call.verb == "list"]
    assert len(lists) == len(set(lists))


def test_where_history_is_forgotten_the_kind_is_listed_again_and_what_went_meanwhile_leaves() -> None:
    kube = cluster()
    held = threading.Event()

    def hook(call: Call) -> None:
        if call.verb == "watch" and held.is_set() and not call.done:
            raise UnreachableError("no answer")

    kube.hook = hook
    with following(kube) as watched:
        watched.snapshot()
        held.set()
        kube.log.end_streams()
        until(watched, lambda source: {gap.reason for gap in source.gaps if gap.what == "pods"} == {"failed"})
        kube.delete("v1", ObjectKey("", "Pod", OURS, "tune-0"))
        kube.log.forget()
        held.clear()
        source = until(watched, lambda source: ("pods", f"{OURS}/tune-0") not in shown(source) and not source.gaps[1:])
        assert [gap.what for gap in source.gaps] == ["the order of those that wait"]
    assert [call.key.kind for call in kube.calls if call.verb == "list"].count("Pod") == 2


def refusing(verb: str, kind: str, message: str, *, except_in: str = "") -> Callable[[Call], None]:
    def hook(call: Call) -> None:
        if not call.done and (call.verb, call.key.kind) == (verb, kind) and call.key.namespace != (except_in or None):
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message=message)

    return hook


def test_what_may_not_be_listed_is_a_gap_as_in_a_fresh_reading_and_followed_where_it_may() -> None:
    kube = cluster()
    kube.hook = refusing("list", "Pod", "mia cannot", except_in=OURS)
    with following(kube, OURS) as watched:
        assert watched.snapshot() == observe(kube, CLOCK, (OURS,))
        kube.put(pod("late", OURS, 300))
        source = until(watched, lambda source: ("pods", f"{OURS}/late") in shown(source))
        assert source.namespaces == (OURS,)
        assert ("pods", "", "forbidden", "mia cannot") in {
            (g.what, g.namespace, g.reason, g.detail) for g in source.gaps
        }


def test_what_may_be_listed_and_not_watched_is_listed_for_each_snapshot() -> None:
    kube = cluster()
    kube.hook = refusing("watch", "Job", "mia cannot watch")
    with following(kube) as watched:
        assert until(watched, lambda source: bool(source.objects.jobs)) == observe(kube, CLOCK).sources[0]
        job = raw("Job", "batch/v1", "late", OURS, number=77)
        kube.put(job)
        assert ("jobs", f"{OURS}/late") in shown(watched.snapshot().sources[0])
        assert "jobs" not in {gap.what for gap in watched.snapshot().sources[0].gaps}


class Scripted(FakeKube):
    """Tells of pods what the test says."""

    def watch(self, api_version: str, kind: str, *, namespace: str = "", since: str = "") -> WatchStream:
        if kind != "Pod" or since:
            return super().watch(api_version, kind, namespace=namespace, since=since)
        return Stream([
            WatchEvent(WatchWord.THERE, pod("whole", OURS, 1)),
            WatchEvent(WatchWord.THERE, {**pod("poison", OURS, 2), "spec": "nothing of a pod"}),
            WatchEvent(WatchWord.THERE, {"metadata": None}),
            WatchEvent(WatchWord.CURRENT, {}, "1"),
            WatchEvent(WatchWord.UNREADABLE, {}),
        ])  # fmt: skip


class Stream:
    def __init__(self, events: list[WatchEvent]) -> None:
        self.events = events

    def __iter__(self) -> Iterator[WatchEvent]:
        return iter(self.events)

    def close(self) -> None:
        pass


def test_poison_is_a_gap_of_its_own_and_stops_nothing() -> None:
    kube = Scripted()
    kube.put(*two_teams())
    with following(kube) as watched:
        source = watched.snapshot().sources[0]
        names = {each.name for each in source.objects.pods}
        assert "whole" in names
        assert source.objects.nodes
        assert {gap.reason for gap in source.gaps if gap.what.startswith(f"Pod/{OURS}/poison")} == {"damaged"}


class Turning(FakeKube):
    """Follows pods by what the test makes of each try; other kinds as ever."""

    def __init__(self, *tries: Callable[[], Iterator[WatchEvent]]) -> None:
        super().__init__()
        self.tries = list(tries)
        self.put(*two_teams())

    def watch(self, api_version: str, kind: str, *, namespace: str = "", since: str = "") -> WatchStream:
        if kind != "Pod" or not self.tries:
            return super().watch(api_version, kind, namespace=namespace, since=since)
        turn = self.tries.pop(0) if len(self.tries) > 1 else self.tries[0]
        return Stream(turn())


def listed() -> Iterator[WatchEvent]:
    yield WatchEvent(WatchWord.THERE, pod("whole", OURS, 1))
    yield WatchEvent(WatchWord.CURRENT, {}, "1")


def broken() -> Iterator[WatchEvent]:
    yield WatchEvent(WatchWord.THERE, pod("half", OURS, 1))
    raise MemoryError


def forgotten() -> Iterator[WatchEvent]:
    yield from listed()
    raise VersionGoneError("gone")


def test_whatever_ends_a_follower_is_a_gap_and_it_goes_on() -> None:
    kube = Turning(broken, lambda: iter(()))
    with following(kube) as watched:
        source = until(watched, lambda source: {"failed"} == {gap.reason for gap in source.gaps if gap.what == "pods"})
        assert "MemoryError" in next(gap.detail for gap in source.gaps if gap.what == "pods")
        kube.tries = []
        until(watched, lambda source: "pods" not in {gap.what for gap in source.gaps} and bool(source.objects.pods))


@pytest.mark.parametrize("turn", [listed, forgotten], ids=["ends at once", "410 each time"])
def test_a_stream_that_never_stands_is_opened_ever_more_seldom(turn: Callable[[], Iterator[WatchEvent]]) -> None:
    waited: list[int] = []

    def waits(failures: int) -> float:
        waited.append(failures)
        return 0.001

    with WatchedCluster(Turning(turn), CLOCK, (), waits=waits) as watched:
        until(watched, lambda _: max(waited, default=0) > 6)


def test_more_objects_than_memory_is_for_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_OBJECTS", 100)

    def endless() -> Iterator[WatchEvent]:
        yield from (WatchEvent(WatchWord.THERE, pod(f"p-{number}", OURS, number)) for number in range(10**6))

    with following(Turning(endless)) as watched:
        source = until(watched, lambda source: "pods" in {gap.what for gap in source.gaps})
        assert not source.objects.pods
        assert source.objects.nodes


def test_a_server_that_is_gone_has_no_snapshot_and_comes_back() -> None:
    kube = cluster()
    gone = threading.Event()

    class Going(FakeKube):
        def server(self) -> Any:
            if gone.is_set():
                raise UnreachableError("no answer")
            return super().server()

    going = Going()
    going.hold(kube)
    with following(going) as watched:
        watched.snapshot()
        gone.set()
        with pytest.raises(UnreachableError):
            watched.snapshot()
        gone.clear()
        assert watched.snapshot().sources[0].objects.pods


def test_credentials_that_expire_are_an_error() -> None:
    kube = cluster()

    def hook(call: Call) -> None:
        if call.verb == "list" and call.key.kind == "Workload":
            raise NotSignedInError("expired")

    kube.hook = hook
    with following(kube) as watched, pytest.raises(NotSignedInError):
        watched.snapshot()


def test_a_kind_that_comes_later_is_followed() -> None:
    kube = cluster()
    kube.unserved = frozenset({"Job"})
    with following(kube) as watched:
        assert not watched.snapshot().sources[0].objects.jobs
        kube.unserved = frozenset()
        assert watched.snapshot().sources[0].objects.jobs


def test_waits_grow_to_a_bound() -> None:
    assert [usual_wait(failures) for failures in (1, 2, 3, 8, 1000)] == [0.2, 0.4, 0.8, 25.6, 30.0]


def test_events_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "_MOST_EVENTS", 100)
    events = CurrentKind(BY_KIND["", "Event"], "v1")
    about = {"kind": "Pod", "namespace": OURS, "name": "p"}
    for number in range(1_000):
        events.take(
            raw(
                "Event",
                "v1",
                f"e-{number}",
                OURS,
                involvedObject=about,
                lastTimestamp=f"2026-11-27T12:{number // 60:02}:{number % 60:02}Z",
            )
        )
    assert len(events.parts) <= 100
    assert max(part.at for part in events.parts)[11:19] == "12:16:39"  # type: ignore[attr-defined]


def test_a_list_drops_what_is_not_in_it() -> None:
    pods = CurrentKind(BY_KIND["", "Pod"], "v1")
    pods.take(pod("a", OURS, 1))
    pods.take({**pod("b", OURS, 2), "spec": "broken"})
    pods.list_begins()
    pods.take(pod("c", OURS, 3))
    assert len(pods.parts) >= 2
    pods.list_ends()
    assert [each.name for each in pods.parts] == ["c"]  # type: ignore[attr-defined]
    assert pods.damaged == ()
