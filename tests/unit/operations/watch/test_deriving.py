"""Of what is worked out of clusters only what is another is told, and to each team what it may see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from allotment.api.deriving import derive
from allotment.errors import UnreachableError
from allotment.operations.watch.deriving import DerivedView, derived_changes, document_id, document_of
from allotment.ports.journal import DerivedDocument, SubjectKind
from tests.unit.api.streams import Following
from tests.unit.api.test_events import home, store_of, told
from tests.unit.api.test_service import World, submitted

QUEUE = SubjectKind.QUEUE


def queue(cluster: str, name: str, team: str = "", pending: int = 0) -> DerivedDocument:
    return document_of(QUEUE, document_id(cluster, name, team), team, {"pending": pending})


def view(cluster: str, *documents: DerivedDocument, team: str = "") -> DerivedView:
    return DerivedView(QUEUE, cluster, team, documents)


NLP, CV = queue("a", "nlp"), queue("a", "cv")
OF_NLP = queue("a", "nlp", "nlp")


@pytest.mark.parametrize(
    ("before", "now", "news", "gone"),
    [
        ([], [], [], []),
        ([], [view("a", NLP, CV)], ["a/nlp", "a/cv"], []),
        ([NLP, CV], [view("a", CV, NLP)], [], []),
        ([NLP], [view("a", queue("a", "nlp", pending=1))], ["a/nlp"], []),
        ([NLP, CV], [view("a", NLP)], [], ["a/cv"]),
        ([NLP, CV], [view("a")], [], ["a/nlp", "a/cv"]),
        # What was not worked out now stays: its cluster does not answer, or nobody of that team follows.
        ([NLP, queue("b", "nlp")], [view("a")], [], ["a/nlp"]),
        ([NLP, OF_NLP], [view("a", NLP)], [], []),
        ([NLP, OF_NLP], [view("a", team="nlp")], [], ["a/nlp@nlp"]),
        ([NLP], [view("a", OF_NLP, team="nlp")], ["a/nlp@nlp"], []),
        ([replace(NLP, kind=SubjectKind.FINDING)], [view("a")], [], []),
        ([replace(NLP, team="cv")], [view("a", NLP)], ["a/nlp"], []),
    ],
)
def test_what_has_become_another(
    before: Sequence[DerivedDocument], now: Sequence[DerivedView], news: list[str], gone: list[str]
) -> None:
    found = derived_changes(before, now)
    assert [each.id for each in found.documents] == news
    assert [each for _, each in found.gone] == gone


def test_the_same_value_has_the_same_digest_however_it_is_ordered() -> None:
    one, other = (document_of(QUEUE, "a/b", "", each) for each in ({"a": 1, "b": "\u2028é"}, {"b": "\u2028é", "a": 1}))
    assert one == other
    assert one != document_of(QUEUE, "a/b", "", {"a": 1, "b": ""})


def test_queues_of_this_machine_are_told_when_they_are_another() -> None:
    async def scene() -> None:
        world = World()
        store, failed = store_of(world), list[str]()
        async with Following(home(world), (), "subjects=queue") as ada, Following(home(world), (), "team=nlp") as nlp:
            await ada.until(1)
            await nlp.until(1)
            derive(world.desk, store, ("", "nlp"), failed.append)
            first = await ada.until(2)
            assert "queue local/nlp made" in told(ada.frames), first
            head = store.journal_head()
            derive(world.desk, store, ("", "nlp"), failed.append)
            assert store.journal_head() == head
            submitted(world.desk, name="secret")
            world.run()
            derive(world.desk, store, ("", "nlp"), failed.append)
            assert "queue local/nlp changed" in [
                f"{each.entry.kind.value} {each.entry.id} {each.entry.change.value}"
                for each in store.changes(head).changes
            ]
            await nlp.until(3)
            ids = {each.said["id"] for each in nlp.frames if each.event == "queue"}
            assert "local/nlp@nlp" in ids
            assert all(each.startswith(("local/nlp@", "local/hidden-")) for each in ids), "as its view has others"
            assert "cv" not in json.dumps([each.said for each in nlp.frames if each.event == "queue"])
        assert failed == []

    asyncio.run(scene())


def test_what_does_not_answer_is_said_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    store, failed = store_of(world), list[str]()
    derive(world.desk, store, ("",), failed.append)
    kept = store.derived(QUEUE)
    assert kept

    def away(_name: str) -> None:
        raise UnreachableError("it does not answer")

    monkeypatch.setattr(world.desk, "snapshot", away)
    derive(world.desk, store, ("",), failed.append)
    assert (failed, store.derived(QUEUE)) == (["local: it does not answer"], kept)
