"""Whoever follows what changes has, whatever happens on the way, what the store has: no gap, nothing twice."""

from __future__ import annotations

import asyncio
import io
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.adapters.server.event_stream import EventStream, RawEvent, raw_events
from allotment.adapters.store.fake import MemoryStore
from allotment.api import events
from allotment.api.event_frames import beat_frame, begin_frame, end_frame, frame_of, reset_frame
from allotment.errors import AllotmentError, NotSignedInError, UnreachableError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.rights import OWN
from allotment.model.jobs.run import MOVES
from allotment.operations.access.admitting import LetIn
from allotment.operations.watch import hub as hubs
from allotment.operations.watch.hub import ChangeHub
from allotment.operations.watch.views import ChangeView
from allotment.ports.event_service import JobTold, StreamBegin, StreamReset, ToldEvent
from allotment.ports.job_service import refusal_of
from allotment.ports.journal import ChangeKind, SubjectKind
from allotment.ports.store import JobFilter
from allotment.ports.stored_jobs import JobRow, row_of
from tests.by_day import by_day
from tests.unit.adapters.store.jobs import moved, submitted
from tests.unit.api.test_service import World, registry

JOBS = frozenset({SubjectKind.JOB})


async def _always() -> bool:
    return True


def job_frame(number: int, id_: str = "j1") -> bytes:
    return frame_of(ToldEvent(number, SubjectKind.JOB, JobTold(id_, ChangeKind.MADE, 5, row_of(submitted(id_)))))


@dataclass
class Answers:
    """A server that gives these answers, one after the other; an error in the place of one is raised."""

    given: list[bytes | AllotmentError]
    asked: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    now: float = 0.0

    def ask(self, path: str) -> io.BytesIO:
        self.asked.append(path)
        found = self.given.pop(0)
        if isinstance(found, AllotmentError):
            raise found
        return io.BytesIO(found)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def told(self, after: int | None = None) -> Iterator[str]:
        for each in EventStream(self.ask, JOBS, "nlp", after, self.sleep, lambda: self.now):
            if each is not None:
                yield f"{each.number} {getattr(each.told, 'id', type(each.told).__name__)}"


AWAY = UnreachableError("the server does not answer")


def test_it_goes_on_where_it_was_cut_and_tells_nothing_twice() -> None:
    cut = job_frame(8, "j8")[:-1]
    server = Answers(
        [
            begin_frame(5) + job_frame(7) + cut,
            begin_frame(7) + job_frame(8, "j8") + beat_frame(None) + beat_frame(12),
            AWAY,
            begin_frame(12) + job_frame(13, "j13") + end_frame(refusal_of(AWAY)),
            begin_frame(13) + job_frame(14, "j14"),
            reset_frame(40) + job_frame(41, "j41"),
            NotSignedInError("no"),
        ]
    )
    found: list[str] = []
    with pytest.raises(NotSignedInError):
        found.extend(server.told())
    assert found == ["5 StreamBegin", "7 j1", "8 j8", "13 j13", "14 j14", "40 StreamReset", "41 j41"]
    asked = [each.rpartition("after=")[2] if "after=" in each else "" for each in server.asked]
    assert asked == ["", "7", "12", "12", "13", "14", "41"]
    assert all("team=nlp" in each and "subjects=job" in each for each in server.asked)


def test_whose_rights_have_changed_reads_anew() -> None:
    gone = end_frame(refusal_of(NotSignedInError("the token is worth nothing any more, or not the same")))
    server = Answers([begin_frame(5) + job_frame(6) + gone, begin_frame(9) + job_frame(10), begin_frame(10)])
    told = server.told()
    assert [next(told) for _ in range(4)] == ["5 StreamBegin", "6 j1", "9 StreamReset", "10 j1"]
    assert ["after" in each for each in server.asked] == [False, False]


def test_who_never_was_there_is_told_at_once_and_who_stays_away_after_a_while() -> None:
    with pytest.raises(UnreachableError):
        next(Answers([AWAY]).told())
    server = Answers([begin_frame(5), *[AWAY] * 50])
    told = server.told(4)
    assert next(told) == "5 StreamBegin"
    with pytest.raises(UnreachableError):
        next(told)
    assert 5 < len(server.asked) < 16
    assert server.slept == sorted(server.slept), "ever longer"
    server = Answers([b"", b"", b"", begin_frame(5), job_frame(6)])
    told = server.told()
    assert [next(told), next(told)] == ["5 StreamBegin", "6 j1"]


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"", []),
        (b"id: 5\nevent: job\ndata: {}", []),
        (b"id: 5\nevent: job\ndata: {}\n", []),
        (b"id: 5\nevent: job\ndata: {}\n\n", [RawEvent(5, "job", "{}")]),
        (b"id:5\r\nevent:job\r\ndata:{}\r\n\r\n", [RawEvent(5, "job", "{}")]),
        (b":\n\n: a word\n\n", [RawEvent(None, "", "")] * 2),
        (b":\nid: 7\n\n", [RawEvent(7, "", "")]),
        (b"event: job\nid: 7\n\n", [RawEvent(7, "", "")]),
        (b"id: x\nevent: job\nother: 1\nretry: 5\ndata: 1\ndata: 2\n\n", [RawEvent(None, "job", "1\n2")]),
        (b"id: \xd9\xa1\nevent: \xff\ndata: \xff\n\n", [RawEvent(None, "\ufffd", "\ufffd")]),
    ],
)
def test_frames_are_read_as_they_were_written(raw: bytes, found: list[RawEvent]) -> None:
    assert list(raw_events(io.BytesIO(raw))) == found


def test_what_a_newer_server_tells_besides_is_left_out() -> None:
    server = Answers([begin_frame(5) + b'id: 6\nevent: weather\ndata: {"version":1}\n\n' + job_frame(7)])
    told = server.told()
    assert [next(told), next(told)] == ["5 StreamBegin", "7 j1"]


class Follower:
    """A client that lists and follows, over lines that break wherever they like; within one event loop."""

    def __init__(self, world: World, team: str) -> None:
        self.world = world
        self.store: MemoryStore = world.machine.store  # type: ignore[assignment]
        self.team = team
        self.rows: dict[str, JobRow] = {}
        self.number: int | None = None
        self.numbers: list[int] = []
        self.seen: dict[str, int] = {}
        self.stream: AsyncIterator[bytes] | None = None
        self.restart()

    def restart(self) -> None:
        """Another server, with the same store."""
        self.hub = ChangeHub(self.store, threading.Event(), beside=lambda _: None)
        self.hub.begin()
        self.stream = None

    def connect(self) -> None:
        admitted = LetIn(Caller("ada", CallerKind.LOCAL, "unix socket"), OWN)
        view = ChangeView(admitted, None, JOBS, self.team)  # type: ignore[arg-type]

        class Asked:
            pass

        asked: Any = Asked()
        asked.admitted, asked.still = admitted, _always
        stream = events._Stream(self.hub, events._Bell(), view, asked, registry(self.world))
        self.stream = stream.frames(self.number)

    async def read(self, parts: int, cut: Callable[[int], int] | None = None) -> None:
        """Some of what is sent, as long as there is something; the last of it may be cut off in the middle."""
        if self.stream is None:
            self.connect()
        assert self.stream is not None
        for number in range(parts):
            part = await anext(self.stream)
            if cut is not None and number == parts - 1:
                self.take(part[: cut(len(part))])
                self.stream = None
                return
            self.take(part)
            if part.startswith(b":"):
                return

    def take(self, part: bytes) -> None:
        stream = EventStream(lambda _: io.BytesIO(part), JOBS, "", self.number)
        stream._begun = True
        for raw in raw_events(io.BytesIO(part)):
            if raw.number is not None:
                # Nothing twice, and in its order.
                assert self.number is None or raw.number >= self.number
                self.number = raw.number
            if raw.name == "begin" and self.numbers == [] and not self.rows:
                self.list()
            if raw.name == "reset":
                self.list()
            if raw.name == "job":
                told = stream._told(raw)
                assert told is not None
                assert isinstance(told.told, JobTold)
                assert told.number not in self.numbers
                self.numbers.append(told.number)
                if told.told.now is None:
                    self.rows.pop(told.told.id, None)
                else:
                    self.rows[told.told.id] = told.told.now

    def list(self) -> None:
        self.rows = self.truth()

    def truth(self) -> dict[str, JobRow]:
        return {each.id: each for each in self.store.page(JobFilter(team=self.team), limit=1000).rows}


ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ("add", "add", "move", "move", "gone", "look", "read", "read", "cut", "leave", "restart", "prune")
        ),
        st.integers(0, 30),
    ),
    max_size=60,
)


@settings(max_examples=by_day(150))
@given(acts=ACTS, team=st.sampled_from(("", "nlp")))
def test_whatever_happens_who_lists_and_follows_has_what_the_store_has(acts: list[tuple[str, int]], team: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hubs, "MOST_HELD", 3)
        patched.setattr(events, "_TOGETHER", 2)
        patched.setattr(events, "_LOOK", 0.0)
        patched.setattr(events, "HEARTBEAT", 0.0)
        asyncio.run(_followed(acts, team))


async def _followed(acts: list[tuple[str, int]], team: str) -> None:
    follower = Follower(World(), team)
    store, ids = follower.store, itertools.count()
    await follower.read(1)
    for act, number in acts:
        if act == "look":
            follower.hub.look()
        elif act == "read":
            await follower.read(1 + number % 4)
        elif act == "cut":
            await follower.read(1 + number % 4, lambda size, at=number: size * at // 30)
        elif act == "leave":
            follower.stream = None
        elif act == "restart":
            follower.restart()
        else:
            _change(store, act, number, ids)
    follower.hub.look()
    for _ in range(1000):
        if follower.number == store.journal_head():
            break
        await follower.read(1)
    assert follower.number == store.journal_head()
    assert follower.rows == follower.truth()
    assert follower.numbers == sorted(set(follower.numbers))


def _change(store: MemoryStore, act: str, number: int, ids: Iterator[int]) -> None:
    if act == "prune":
        store.prune_journal(0, most=1 + number % 5)
    elif act == "add" or not store._jobs:
        store.add(submitted(f"j{next(ids)}", team=("nlp", "cv")[number % 2]))
    elif act == "gone":
        store.discard(sorted(store._jobs)[number % len(store._jobs)])
    else:
        job = store.get(sorted(store._jobs)[number % len(store._jobs)])
        states = sorted(MOVES[job.state], key=lambda each: each.value)
        store.record([moved(job, *(states[number % len(states)],) if states else ())])


def test_a_begin_and_a_reset_say_up_to_where() -> None:
    server = Answers([begin_frame(5), reset_frame(9)])
    found = [
        each.told
        for each in itertools.islice(EventStream(server.ask, JOBS, "", None, server.sleep, lambda: server.now), 3)
        if each is not None
    ]
    assert [type(each) for each in found] == [StreamBegin, StreamReset]
