"""Who follows what changes is told all of it in its order, and of his teams' alone, as long as he may."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.api import events
from allotment.api.doors import HomeDoor, TokenDoor
from allotment.api.event_frames import beat_frame, begin_frame, end_frame, frame_of, reset_frame
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.errors import NoRoomError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.permission import Permission
from allotment.model.jobs.run import JobState, MoveCause
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.tokens import WantedToken, make_token, revoke_token
from allotment.operations.watch import hub as hubs
from allotment.operations.watch.hub import ChangeHub
from allotment.ports.event_service import JobTold, ToldEvent
from allotment.ports.job_service import RefusedSubmission
from allotment.ports.journal import ChangeKind, DerivedDocument, SubjectKind
from allotment.ports.stored_jobs import JobRow
from tests.unit.adapters.store.jobs import moved, submitted
from tests.unit.api.streams import Following, Frame, frames_of
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_service import World, no_requests, registry

ADA = Caller("ada", CallerKind.LOCAL, "unix socket")
NASTY = 'a\nb\rc\r\nd\x00e\u2028f\u2029g\x85h\x0bi\x1cj\x7fk"l\\m: n\ndata: {}\n\nevent: end'


def run(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scene())


def home(world: World, hub: ChangeHub | None = None) -> Any:
    return job_api(world.desk, registry(world), no_requests, HomeDoor("ada"), changes=hub)


def store_of(world: World) -> MemoryStore:
    store = world.machine.store
    assert isinstance(store, MemoryStore)
    return store


def told(found: list[Frame]) -> list[str]:
    """Events, in words."""
    return [
        f"{each.event} {each.said['id']} {each.said['change']}" if "change" in (each.said or {}) else each.event
        for each in found
    ]


def row(said: str) -> JobRow:
    return JobRow(
        "j1", said, "nlp", said, "ada", "local", "", "", 1, "", JobState.QUEUED, 0, 1, None, None,
        MoveCause.SUBMITTED, said, 1,
    )  # fmt: skip


@pytest.mark.parametrize("text", [NASTY, "", "plain", "\ufeff", "data:", ":", "é" * 1000])
def test_a_frame_is_a_frame_whatever_somebody_wrote(text: str) -> None:
    event = ToldEvent(7, SubjectKind.JOB, JobTold("j1", ChangeKind.CHANGED, 5, row(text)))
    ended = RefusedSubmission("NotSignedInError", text, text, text)
    raw = frame_of(event) + beat_frame(None) + beat_frame(8) + begin_frame(9) + reset_frame(10) + end_frame(ended)
    found = frames_of(raw.decode())
    assert [(each.id, each.event) for each in found] == [
        (7, "job"), (None, ""), (8, ""), (9, "begin"), (10, "reset"), (None, "end"),
    ]  # fmt: skip
    assert (found[0].said["now"]["name"], found[5].said["what"]) == (text, text)
    # Nor does a reader who takes more for the end of a line.
    assert len(raw.decode().splitlines()) == raw.decode().count("\n")
    assert b"\x00" not in raw


def test_who_begins_now_lists_and_misses_nothing() -> None:
    async def scene() -> None:
        world = World()
        store = store_of(world)
        store.add(submitted("j0"))
        hub = ChangeHub(store, world.desk.ending, beside=lambda _: None)
        async with Following(home(world, hub), ()) as ada:
            (begin,) = await ada.until(1)
            assert (ada.status, ada.told[b"content-type"]) == (200, b"text/event-stream; charset=utf-8")
            assert (begin.event, begin.id, begin.said) == ("begin", begin.id, {"number": begin.id})
            first = store.add(submitted("j1"))
            store.record([moved(first, JobState.QUEUED)])
            store.discard("j0")
            hub.look()
            found = await ada.until(3)
            assert told(found)[1:] == ["job j1 changed", "job j0 gone"], "what was not sent yet is sent as one"
            numbers = [each.id for each in found]
            assert numbers == sorted(set(numbers))
            listed = await asyncio.to_thread(answered, home(world), "GET", "/api/v1/jobs")
            assert [found[-2].said["now"]] == json.loads(listed[2])["page"]["rows"]
            assert found[-1].said["now"] is None

    run(scene)


def test_who_comes_back_goes_on_and_who_was_away_too_long_reads_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        world = World()
        store, app = store_of(world), home(world)
        begin = store.journal_head()
        for each in range(5):
            store.add(submitted(f"j{each}"))
        for headers, query in (
            ((), f"after={begin}"),
            (((b"last-event-id", str(begin).encode()),), ""),
            (((b"last-event-id", str(begin).encode()),), "after=999999"),
        ):
            async with Following(app, headers, query) as ada:
                found = await ada.until(6)
                assert told(found) == ["begin", *(f"job j{each} made" for each in range(5))]
                assert found[0].id == begin
                last = found[3].id
        async with Following(app, (), f"after={last}") as ada:
            assert told(await ada.until(3)) == ["begin", "job j3 made", "job j4 made"]
        store.prune_journal(0, most=2)
        for after in (begin, 0, store.journal_head() + 1_000_000):
            async with Following(app, (), f"after={after}") as ada:
                (reset,) = await ada.until(1)
                assert (reset.event, reset.id, reset.said["number"]) == ("reset", *(store.journal_head(),) * 2)
                store.add(submitted(f"k{after}"))
                assert told(await ada.until(2))[1] == f"job k{after} made"
        for wrong in (b"x", b"-1", b"1.5", b"9" * 40, "\u0661".encode(), b"1\n"):
            async with Following(app, ((b"last-event-id", wrong),)) as ada:
                await ada.until(1)
                assert ada.status == 400, wrong
        monkeypatch.setattr(events, "_TOGETHER", 2)
        begin = store.journal_head()
        for each in range(7):
            store.add(submitted(f"p{each}"))
        async with Following(app, (), f"after={begin}") as ada:
            assert told(await ada.until(8))[1:] == [f"job p{each} made" for each in range(7)]

    run(scene)


def test_who_falls_back_further_than_is_held_is_caught_up_from_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "MOST_HELD", 3)

    async def scene() -> None:
        world = World()
        store = store_of(world)
        hub = ChangeHub(store, world.desk.ending, beside=lambda _: None)
        async with Following(home(world, hub), ()) as ada:
            await ada.until(1)
            for each in range(9):
                store.add(submitted(f"j{each}"))
            hub.look()
            assert len(hub.held.changes) == 3
            assert told(await ada.until(10))[1:] == [f"job j{each} made" for each in range(9)]
            for each in range(9):
                store.add(submitted(f"k{each}"))
            store.prune_journal(0, most=1)
            hub.look()
            assert told(await ada.until(11))[10:] == ["reset"]
            store.add(submitted("last"))
            hub.look()
            assert told(await ada.until(12))[11:] == ["job last made"]

    run(scene)


def test_only_what_is_asked_for_is_told() -> None:
    async def scene() -> None:
        world = World()
        store, app = store_of(world), home(world)
        async with Following(app, (), "subjects=queue&team=nlp") as ada, Following(app, (), "team=cv") as bob:
            await ada.until(1)
            await bob.until(1)
            store.add(submitted("j1"))
            store.add(submitted("j2", team="cv"))
            store.keep_derived(
                [DerivedDocument(SubjectKind.QUEUE, f"c/{team}", team, "1", '{"a": [1]}') for team in ("cv", "nlp", "")]
            )
            store.keep_derived([], [(SubjectKind.QUEUE, "c/nlp")])
            found = await bob.until(3)
            await ada.until(2)
            assert set(told(ada.frames)[1:]) <= {"queue c/nlp made", "queue c/nlp gone"}
            assert told(found)[1:] == ["job j2 made", "queue c/cv made"]
            assert found[2].said["now"] == {"a": [1]}
        for wrong, status in (("subjects=nothing", 400), ("subjects=access", 400), ("after=-1", 400)):
            async with Following(app, (), wrong) as ada:
                await ada.until(1)
                assert ada.status == status, wrong

    run(scene)


def test_heartbeats_show_the_server_and_carry_what_was_nothing_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT", 0.05)
    monkeypatch.setattr(events, "_LOOK", 0.02)

    async def scene() -> None:
        world = World()
        store = store_of(world)
        async with Following(home(world), (), "team=cv") as ada:
            await ada.until(1)
            await asyncio.sleep(0.2)
            assert len(ada.frames) > 2
            assert {each.id for each in ada.frames[1:]} == {None}
            store.add(submitted("j1"))
            await asyncio.sleep(0.3)
            ids = [each.id for each in ada.frames[1:] if each.id is not None]
            assert ids == [store.journal_head()], "once, and without a word of what it was"
            assert b"j1" not in ada.body

    run(scene)


def test_a_revoked_token_ends_the_stream_before_anything_else_is_told() -> None:
    async def scene() -> None:
        world = World()
        store = store_of(world)
        door = TokenDoor(Doorkeeper(store, world.machine.clock))
        app = Hardened(job_api(world.desk, registry(world), no_requests, door), ("127.0.0.1",), lambda: "r" * 8)
        now = round(world.machine.clock.now().timestamp() * 1000)
        texts = [
            make_token(store, WantedToken(name, frozenset({Permission.READ}), 3_600_000), ADA, now, world_random).text
            for name in ("one", "other")
        ]
        async with Following(app, (HOST, bearer(texts[0]))) as ada, Following(app, (HOST, bearer(texts[1]))) as bob:
            await ada.until(1)
            await bob.until(1)
            revoke_token(store, "one", ADA, now)
            store.add(submitted("j1"))
            found = await ada.until(2)
            assert (told(found), found[1].said["error"]) == (["begin", "end"], "NotSignedInError")
            await asyncio.wait_for(ada._task, 2)
            assert b"j1" not in ada.body
            assert told(await bob.until(2)) == ["begin", "job j1 made"]
            world.machine.clock.sleep(3601)
            assert told(await bob.until(3))[2:] == ["end"], "its time is over"
        async with Following(app, (HOST, bearer(texts[0]))) as ada:
            await ada.until(1)
            assert ada.status == 401

    run(scene)


_RANDOM = iter(range(1, 1000))


def world_random(number: int) -> bytes:
    return next(_RANDOM).to_bytes(number, "big")


def test_a_store_that_falls_silent_and_a_server_that_ends_are_told() -> None:
    async def scene() -> None:
        world = World()
        passed = [0.0]
        hub = ChangeHub(store_of(world), world.desk.ending, lambda: passed[0], beside=lambda _: None)
        app = home(world, hub)
        async with Following(app, ()) as ada:
            await ada.until(1)
            passed[0] = hubs.SILENT_AFTER + 1
            found = await ada.until(2)
            assert (found[1].event, found[1].said["what"]) == ("end", "the store does not answer")
        hub.look()
        async with Following(app, ()) as ada:
            await ada.until(1)
            world.desk.end()
            found = await ada.until(2)
            assert (found[1].event, found[1].said["error"]) == ("end", "UnreachableError")

    run(scene)


def test_so_many_follow_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_WATCHERS", 2)

    async def scene() -> None:
        world = World()
        hub = ChangeHub(store_of(world), world.desk.ending)
        app = home(world, hub)
        async with Following(app, ()) as one, Following(app, ()) as two:
            await one.until(1)
            await two.until(1)
            async with Following(app, ()) as three:
                await three.until(1)
                assert (three.status, json.loads(three.body)["error"]) == (507, "NoRoomError")
        async with Following(app, ()) as one:
            await one.until(1)
            assert one.status == 200
        assert hub._of.total() == 0
        for caller in range(hubs.MOST_WATCHERS // hubs.MOST_OF_ONE + 1):
            for _ in range(hubs.MOST_OF_ONE):
                try:
                    hub.enter(f"c{caller}")
                except NoRoomError:
                    assert hub._of.total() == hubs.MOST_WATCHERS
        assert hub._of.total() == hubs.MOST_WATCHERS

    run(scene)


def test_who_does_not_read_is_cut_off_and_goes_on_where_he_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "UNREAD_FOR", 0.1)

    async def scene() -> None:
        world = World()
        store = store_of(world)
        hub = ChangeHub(store, world.desk.ending)
        app = home(world, hub)
        async with Following(app, ()) as ada:
            (begin,) = await ada.until(1)
            ada.stop_reading()
            store.add(submitted("j1"))
            await asyncio.wait_for(ada._task, 5)
            assert told(ada.frames) == ["begin"]
            assert hub._of.total() == 0
        async with Following(app, (), f"after={begin.id}") as ada:
            assert told(await ada.until(2)) == ["begin", "job j1 made"]

    run(scene)
