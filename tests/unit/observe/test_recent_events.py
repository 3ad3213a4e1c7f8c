"""Events are bounded: one object that floods hides nobody else's, and what is left out is said."""

from __future__ import annotations

from allotment.model.observed.base import ObjectMeta, Reference
from allotment.model.observed.namespaced import Event
from allotment.observe import recent_events
from allotment.observe.recent_events import MOST_OF_ONE, RecentEvents


def event(about: str, second: int, namespace: str = "nlp") -> Event:
    return Event(
        metadata=ObjectMeta(name=f"{about}.{second}"),
        involved_object=Reference(kind="Pod", namespace=namespace, name=about),
        last_timestamp=f"2026-11-27T12:{second // 60:02d}:{second % 60:02d}Z",
    )


def test_of_each_object_the_newest_are_kept() -> None:
    recent = RecentEvents()
    for second in range(500):
        recent.add(event("flood", second * 7 % 500))
    recent.add(event("quiet", 1))
    events, gaps = recent.kept()
    flood = [each for each in events if each.involved_object.name == "flood"]
    assert len(flood) == MOST_OF_ONE
    assert flood[-1].at == max(each.at for each in events)
    assert "quiet" in {each.involved_object.name for each in events}
    assert [each.at for each in events] == sorted(each.at for each in events)
    assert [gap.detail for gap in gaps] == [f"{500 - MOST_OF_ONE} older ones of Pod/nlp/flood are left out"]
    assert recent.kept() == (events, gaps)


def test_in_all_the_newest_are_kept(monkeypatch) -> None:
    monkeypatch.setattr(recent_events, "MOST", 3)
    recent = RecentEvents()
    for number in range(5):
        recent.add(event(f"pod-{number}", number))
    events, gaps = recent.kept()
    assert [each.metadata.name for each in events] == ["pod-2.2", "pod-3.3", "pod-4.4"]
    assert [gap.detail for gap in gaps] == ["the 2 oldest of the namespace are left out"]


def test_one_namespace_takes_no_room_from_another(monkeypatch) -> None:
    monkeypatch.setattr(recent_events, "MOST", 10)
    recent = RecentEvents()
    for number in range(30):
        recent.add(event(f"flood-{number}", 1000 + number, "loud"))
    for number in range(3):
        recent.add(event(f"pod-{number}", number))
    recent.add(event("only", 5, "other"))
    events, gaps = recent.kept()
    kept = {each.involved_object.name for each in events}
    assert {"pod-0", "pod-1", "pod-2", "only", "flood-29"} <= kept
    assert len(events) == 10
    assert [(gap.namespace, gap.detail) for gap in gaps] == [("loud", "the 24 oldest of the namespace are left out")]
