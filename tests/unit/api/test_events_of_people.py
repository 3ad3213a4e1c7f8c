"""Of what changes each person is told what is his teams', whatever he asks for, and nothing after his rights change."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.api import events
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.requests.gates import ApproverAbsence
from allotment.model.requests.request import RequestState
from allotment.operations.access.signing_in import shut_out
from allotment.operations.watch import hub as hubs
from allotment.ports.journal import DerivedDocument, SubjectKind
from tests.unit.adapters.store.jobs import grant, request, submitted
from tests.unit.api.streams import Following, Frame
from tests.unit.api.test_doors import HOST, bearer
from tests.unit.api.test_people import Hall, hall

__all__ = ["hall"]
ADA = Caller("ada", CallerKind.LOCAL, "unix socket")


def run(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scene())


def store_of(hall: Hall) -> MemoryStore:
    store = hall.world.machine.store
    assert isinstance(store, MemoryStore)
    return store


def following(hall: Hall, text: str, query: str = "") -> Following:
    return Following(hall.app, (HOST, bearer(text)), query)


def told(found: list[Frame]) -> list[str]:
    return [f"{each.event} {each.said['id']} {each.said['change']}" for each in found if "change" in (each.said or {})]


def change_everything(store: MemoryStore) -> None:
    """Of both teams a job, a request, a grant and a queue; of the one nothing is named in what is the other's."""
    for number, team in enumerate(("nlp", "cv")):
        store.add(submitted(f"k{number}", team=team, name=f"secret-of-{team}"))
        asked = request(f"r000000{number}", team=team)
        bare = replace(asked.terms, taken=())
        asked = replace(asked, terms=bare, asked=bare, wish=replace(asked.wish, justification=f"secret-of-{team}"))
        given = replace(grant(asked.id), team=team, terms=bare, approved=(bare,), subject=f"secret-of-{team}")
        store.keep_requests([asked], [given])
        store.keep_derived([DerivedDocument(SubjectKind.QUEUE, f"c/{team}", team, "1", f'"secret-of-{team}"')])
    store.keep_derived([DerivedDocument(SubjectKind.FINDING, "of-all", "", "1", '"secret-of-all"')])
    store.add(submitted("last", team="nlp", name="last"))


OWN = ["job k0 made", "request r0000000 made", "grant r0000000 made", "queue c/nlp made", "job last made"]
OTHERS = ["job k1 made", "request r0000001 made", "grant r0000001 made", "queue c/cv made", "finding of-all made"]


@pytest.mark.parametrize("query", ["", "team=nlp", "team=cv", "subjects=job,request,grant,queue,finding", "team="])
@pytest.mark.parametrize("role", ["nlp-viewers", "nlp-members", "nlp-owners"])
def test_other_teams_changes_are_in_no_frame(hall: Hall, role: str, query: str) -> None:
    async def scene() -> None:
        async with following(hall, hall.session("ada", role), query) as ada:
            await ada.until(1)
            change_everything(store_of(hall))
            own = [] if query == "team=cv" else OWN
            await ada.until(1 + len(own))
            await asyncio.sleep(0.05)
            assert told(ada.frames) == own
            for hidden in (b"secret-of-cv", b"k1", b"r0000001", b"c/cv", b"secret-of-all", b"of-all"):
                assert hidden not in ada.body, hidden

    run(scene)


def test_administrators_see_all_and_team_narrows_it(hall: Hall) -> None:
    async def scene() -> None:
        text = hall.session("eve", "platform-engineers")
        async with following(hall, text) as eve, following(hall, text, "team=cv&subjects=job,request") as narrow:
            await eve.until(1)
            await narrow.until(1)
            change_everything(store_of(hall))
            # Queues are told to her as they are worked out for who sees everything.
            every = [each for each in OWN + OTHERS if not each.startswith("queue")]
            assert sorted(told(await eve.until(1 + len(every)))) == sorted(every)
            assert told(await narrow.until(3)) == ["job k1 made", "request r0000001 made"]

    run(scene)


def test_of_another_team_that_is_given_of_theirs_they_are_told_that_alone(hall: Hall) -> None:
    """As in listings: that something is taken, until when, and no more; and that it is no more."""

    async def scene() -> None:
        store = store_of(hall)
        async with following(hall, hall.session("carl", "cv-members")) as carl:
            await carl.until(1)
            asked = request("r0000007")  # of nlp, taken of cv
            store.keep_requests([asked])
            approved = replace(asked, revision=2, state=RequestState.APPROVED)
            store.keep_requests([approved], [grant("r0000007")])
            found = await carl.until(3)
            assert told(found) == ["request r0000007 changed", "grant r0000007 made"]
            assert found[1].said["now"]["wish"]["team"] == "others"
            assert found[2].said["now"]["team"] == "others"
            for hidden in (b"nlp", b"ada"):
                assert hidden not in carl.body
            less = replace(approved.terms, taken=())
            store.keep_requests([], [replace(grant("r0000007", 2), terms=less)])
            found = await carl.until(4)
            assert (told(found)[2:], found[3].said["now"]) == (["grant r0000007 gone"], None)

    run(scene)


@pytest.mark.parametrize("what", ["shut out", "other groups", "a group of a route", "signs out", "team leaves"])
def test_whose_rights_change_is_told_nothing_from_then_on(hall: Hall, what: str) -> None:
    async def scene() -> None:
        store = store_of(hall)
        text = hall.session("ada", "nlp-members", "acme-finance")
        async with following(hall, text) as ada, following(hall, hall.session("carl", "cv-members")) as carl:
            await ada.until(1)
            await carl.until(1)
            if what == "shut out":
                (person,) = (each for each in store.people() if "ada" in each.name)
                shut_out(store, person.id, ADA, hall.now, out=True)
            elif what == "other groups":
                hall.session("ada", "cv-members")
            elif what == "a group of a route":
                # His rights are the same; on which requests he decides, and so which he is told of, is not.
                hall.session("ada", "nlp-members")
            elif what == "signs out":
                assert hall_signs_out(hall, text) == 204
            else:
                teams = tuple(each for each in hall.world.platform.teams if each.name != "nlp")
                hall.world.platform = replace(hall.world.platform, teams=teams)
            if what == "team leaves":
                await asyncio.sleep(0)
            else:
                store.add(submitted("k0"))
            found = await ada.until(2, within=5)
            assert [each.event for each in found] == ["begin", "end"]
            assert found[1].said["error"] == "NotSignedInError"
            store.add(submitted("k1", team="cv"))
            assert told(await carl.until(2)) == ["job k1 made"]
            assert b"k0" not in ada.body + carl.body

    run(scene)


def test_what_came_before_he_was_shut_out_is_not_sent_afterwards_however_much_there_is(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_TOGETHER", 1)

    async def scene() -> None:
        store = store_of(hall)
        async with (
            following(hall, hall.session("ada", "nlp-members")) as ada,
            following(hall, hall.session("carl", "nlp-members")) as carl,
        ):
            await ada.until(1)
            await carl.until(1)
            ada.stop_reading()
            for number in range(5):
                store.add(submitted(f"k{number}"))
                if not number:
                    await carl.until(2)
                    await asyncio.sleep(0.05)  # what ada is sent waits for her from now on
            (person,) = (each for each in store.people() if "ada" in each.name)
            shut_out(store, person.id, ADA, hall.now, out=True)
            store.add(submitted("last"))
            await carl.until(7)
            ada.read_on()
            assert told(await ada.until(3, within=5)) == ["job k0 made"], "that was under way"
            assert ada.frames[2].event == "end"

    run(scene)


def hall_signs_out(hall: Hall, text: str) -> int:
    """In another event loop, as another request."""
    found: list[int] = []
    asking = threading.Thread(target=lambda: found.append(hall.asked("DELETE", "/api/v1/session", text)[0]))
    asking.start()
    asking.join()
    return found[0]


def test_tokens_of_a_team_are_one_place_and_a_team_has_a_share(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_OF_ONE", 2)
    monkeypatch.setattr(hubs, "MOST_OF_TEAM", 3)
    owner, other = hall.session("olga", "nlp-owners"), hall.session("vic", "cv-members")
    texts = []
    for each in range(3):
        wanted = {"name": f"ci{each}", "permissions": ["read"], "lasts": 9_999_999, "team": "nlp"}
        status, said = hall.asked("POST", "/api/v1/tokens", owner, {"version": 1, "wanted": wanted})
        assert status == 200, said
        texts.append(said["given"]["text"])

    async def scene() -> None:
        async with AsyncExitStack() as held:

            async def status(text: str) -> int:
                one = await held.enter_async_context(following(hall, text))
                await one.until(1)
                return one.status

            assert [await status(each) for each in texts] == [200, 200, 507]
            assert [await status(owner) for _ in range(2)] == [200, 507]
            assert await status(other) == 200
            both = hall.session("bo", "nlp-members", "cv-members")
            assert await status(both) == 200

    run(scene)


async def began(hall: Hall, text: str, after: int) -> tuple[str, int]:
    """What somebody is told first who comes with a number, and the number that is told with it."""
    async with following(hall, text, f"after={after}") as one:
        (first, *_) = await one.until(1)
        assert first.id is not None
        return first.event, first.id


def test_no_number_tells_whether_and_when_something_of_others_changed(hall: Hall) -> None:
    store = store_of(hall)
    ada, eve = hall.session("ada", "nlp-members"), hall.session("eve", "platform-engineers")
    shown = hall.session("bo", "cv-members")

    async def scene() -> None:
        async with following(hall, ada) as one:
            (begin,) = await one.until(1)
        assert begin.id is not None
        own = store.add(submitted("k0", team="nlp")) and store.journal_head()
        others = store.add(submitted("k1", team="cv")) and store.journal_head()
        lent = store.keep_requests([request("r0000007", team="nlp")]) or store.journal_head()
        theirs = store.keep_requests([request("r0000008", team="cv")]) or store.journal_head()
        store.revoke_token(shown.split("_")[1], 1)
        access = store.journal_head()
        assert len({begin.id, own, others, lent, theirs, access}) == 6
        for known in (begin.id, own, lent):
            assert await began(hall, ada, known) == ("begin", known)
        reset = {await began(hall, ada, each) for each in (others, theirs, access, others + 10**9, begin.id - 1, 0)}
        (answer,) = reset  # all of them are the same to her
        assert answer[0] == "reset"
        assert answer[1] not in (others, theirs, access)
        for every in (own, others, theirs):
            assert await began(hall, eve, every) == ("begin", every)

    run(scene)


def test_whose_number_of_anothers_request_was_told_him_goes_on_from_it(hall: Hall) -> None:
    async def scene() -> None:
        carl = hall.session("carl", "cv-members")
        async with following(hall, carl) as one:
            await one.until(1)
            asked = request("r0000007")  # of nlp, taken of cv
            store_of(hall).keep_requests([asked])
            store_of(hall).keep_requests([replace(asked, revision=2, state=RequestState.APPROVED)])
            given = (await one.until(2))[1].id
        assert given is not None
        assert await began(hall, carl, given) == ("begin", given)

    run(scene)


def test_heartbeats_of_others_changes_carry_marks_by_the_clock(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT", 0.02)
    monkeypatch.setattr(events, "_LOOK", 0.01)
    store = store_of(hall)
    given: list[int] = []
    mark = store.mark_journal

    def marked() -> int:
        given.append(mark())
        return given[-1]

    monkeypatch.setattr(store, "mark_journal", marked)

    async def ids(each: float) -> list[int]:
        monkeypatch.setattr(hubs, "MARKED_EACH", each)
        async with following(hall, hall.session("ada", "nlp-members")) as ada:
            await ada.until(1)
            for number in range(20):
                store.add(submitted(f"k{each}-{number}", team="cv"))
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            return [one.id for one in ada.frames if one.id is not None]

    async def scene() -> None:
        assert await ids(60.0) == given[:1], "however much of others changes"
        found = await ids(0.05)
        assert found == sorted(set(found))
        assert len(found) > 2
        assert set(found) <= set(given)

    run(scene)


@pytest.mark.parametrize(("delegate", "reads"), [("vic", 0), ("ada", 1)])
def test_people_are_looked_up_once_for_many_requests_and_in_no_event_loop(
    hall: Hall, delegate: str, reads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, world = store_of(hall), hall.world
    platform = world.platform
    away = ApproverAbsence("boss", f"{delegate}@acme.example", 0, 1 << 60)
    world.platform = replace(platform, approvals=replace(platform.approvals, absences=(away,)))
    ada = hall.session("ada", "nlp-members", email="ada@acme.example")
    begin = store.mark_journal()
    asked = [request(f"r00000{each:02}", team="nlp" if each % 2 else "cv") for each in range(20)]
    bare = [replace(each, terms=replace(each.terms, taken=())) for each in asked]
    store.keep_requests(bare, [])
    found: list[str] = []
    people = store.people

    def noted() -> Any:
        found.append(threading.current_thread().name)
        return people()

    monkeypatch.setattr(store, "people", noted)

    async def scene() -> None:
        async with following(hall, ada, f"subjects=request&after={begin}") as one:
            assert "request r0000019 made" in told(await one.until(11))

    run(scene)
    assert len(found) == reads
    assert threading.current_thread().name not in found
