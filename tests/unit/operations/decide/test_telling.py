"""Notices go out: once each, over passes, and whoever is down holds up nobody."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.notices.fake import FakeSender
from allotment.adapters.store.fake_notices import MemoryNoticeBook
from allotment.model.requests.grant import GrantState
from allotment.model.requests.notice import Notice
from allotment.operations.decide.telling import FORGOTTEN_AFTER, MOST_TRIES, TellingStatus, tell
from allotment.ports.notices import (
    Delivery,
    DeliveryState,
    NoticeRefusedError,
    Receiver,
    ReceiverDownError,
    ReceiverKind,
)
from allotment.requests.notices import TeamQuotaUse, of_grants, of_quotas
from tests.unit.requests.cases import HOUR, START, grant

MINUTE = 60_000
DOWN = ReceiverDownError("it does not answer", why="no route")
REFUSED = NoticeRefusedError("it is refused", why="no such mailbox")


def receiver(name: str) -> Receiver:
    return Receiver(name, ReceiverKind.WEBHOOK, f"https://{name}.example/", "s")


A, B, C = (receiver(name) for name in "abc")


def notices(number: int = 1) -> list[Notice]:
    uses = [TeamQuotaUse(f"team{each}", "training", "a100-spot", 12, 20) for each in range(number)]
    return list(of_quotas(uses, (), START))


class Desk:
    """A book and a sender, and passes at moments."""

    def __init__(self, *receivers: Receiver) -> None:
        self.receivers = receivers
        self.sender = FakeSender()
        self.book = MemoryNoticeBook({})

    def told_in(self, due: list[Notice], minutes: float = 0) -> TellingStatus:
        left = [each for each in due if each.key not in self.book.told()]
        return tell(left, lambda _: self.receivers, self.sender, self.book, START + round(minutes * MINUTE))


def test_everybody_is_told_once() -> None:
    desk, due = Desk(A, B, A), notices(2)

    first = desk.told_in(due)
    second = desk.told_in(due, 1)

    assert sorted(desk.sender.tries) == sorted((each.id, to.name) for each in due for to in (A, B))
    assert (first.told, first.waiting, first.gave_up, first.unheard) == (4, (), (), ())
    assert second.told == 0
    assert desk.book.told() == {each.key for each in due}


def test_one_that_is_down_holds_up_no_other_and_gets_it_later() -> None:
    desk, due = Desk(A, B, C), notices(2)
    desk.sender.failing["a"] = DOWN

    first = desk.told_in(due)

    assert {name for _, name in desk.sender.sent} == {"b", "c"}
    assert [name for _, name in desk.sender.tries].count("a") == 1  # the second waits for it to come back
    assert {each.receiver for each in first.waiting} == {"a"}
    assert len(first.waiting) == 2
    assert desk.book.told() == frozenset()
    desk.sender.failing.clear()
    desk.told_in(due, 2)
    assert sorted(desk.sender.sent) == sorted((each.id, to.name) for each in due for to in (A, B, C))
    assert desk.book.told() == {each.key for each in due}


def test_whoever_was_down_comes_last_in_the_next_pass() -> None:
    desk, due = Desk(A, B), notices(2)
    desk.sender.failing["a"] = DOWN
    desk.told_in(due[:1])
    desk.sender.tries.clear()

    desk.told_in(due, 5)

    assert [name for _, name in desk.sender.tries] == ["b", "a"]


def test_one_that_is_down_is_left_alone_for_a_while() -> None:
    desk, due = Desk(A), notices(3)
    desk.sender.failing["a"] = DOWN
    for seconds in range(0, 60, 10):
        desk.told_in(due, seconds / 60)

    assert len(desk.sender.tries) == 1


def test_a_notice_that_a_receiver_cannot_bear_does_not_stop_the_others() -> None:
    """It fails as if the receiver were down: what was tried less goes first."""
    due = notices(3)

    class Choking(FakeSender):
        def send(self, notice: Notice, to: Receiver) -> None:
            self.tries.append((notice.id, to.name))
            if notice.id == due[0].id:
                raise DOWN
            self.sent.append((notice.id, to.name))

    desk = Desk(A)
    desk.sender = Choking()
    for minutes in (0, 2):
        desk.told_in(due, minutes)

    assert {each for each, _ in desk.sender.sent} == {each.id for each in due[1:]}


def test_tries_are_bounded_and_what_failed_for_good_is_told() -> None:
    desk, due = Desk(A), notices()
    desk.sender.failing["a"] = DOWN
    moments = count(0, 10)
    while not desk.book.told():
        last = desk.told_in(due, next(moments))

    assert len(desk.sender.tries) == MOST_TRIES
    assert 20 * 60 < next(moments) < 26 * 60, "a receiver may be down overnight"
    (lost,) = last.gave_up
    assert lost == Delivery(
        due[0].id, "a", due[0].subject, DeliveryState.GAVE_UP, MOST_TRIES, lost.at, "it does not answer: no route"
    )
    assert desk.told_in(due, 10_000).gave_up == (lost,)


def test_what_is_refused_is_not_tried_again() -> None:
    desk, due = Desk(A, B), notices(2)
    desk.sender.failing["a"] = REFUSED

    status = desk.told_in(due)

    assert [each.trouble for each in status.gave_up] == ["it is refused: no such mailbox"] * 2
    assert desk.book.told() == {each.key for each in due}
    assert len(desk.sender.tries) == 4


def test_what_nobody_hears_is_said_and_done_with() -> None:
    desk, due = Desk(), notices()

    assert desk.told_in(due).unheard == tuple(due)
    assert desk.book.told() == {due[0].key}


def test_what_is_due_no_more_is_not_sent() -> None:
    desk, due = Desk(A), notices()
    desk.sender.failing["a"] = DOWN
    desk.told_in(due)
    desk.sender.failing.clear()

    status = desk.told_in([], 10)

    assert (desk.sender.sent, status.waiting) == ([], ())


def test_a_quota_that_fell_meanwhile_is_not_told_twice_to_whoever_heard() -> None:
    desk, due = Desk(A, B), notices()
    desk.sender.failing["b"] = DOWN
    desk.told_in(due)
    desk.told_in([], 10)
    desk.sender.failing.clear()
    desk.told_in(due, 20)

    assert desk.sender.sent == [(due[0].id, "a"), (due[0].id, "b")]


def test_a_server_that_dies_between_sending_and_keeping_sends_again_under_the_same_id() -> None:
    desk, due = Desk(A), notices()

    class Dying(MemoryNoticeBook):
        def keep(self, delivery: Delivery) -> None:
            raise RuntimeError("killed")

    desk.book = Dying({})
    with pytest.raises(RuntimeError):
        desk.told_in(due)
    desk.book = MemoryNoticeBook({})
    desk.told_in(due, 1)

    assert desk.sender.sent == [(due[0].id, "a")] * 2


def test_a_server_that_dies_before_settling_sends_nothing_twice() -> None:
    class Dying(MemoryNoticeBook):
        dies = True

        def settle(self, notice: Notice, at: int) -> None:
            if self.dies:
                raise RuntimeError("killed")
            super().settle(notice, at)

    desk, due = Desk(A, B), notices()
    desk.book = book = Dying({})
    with pytest.raises(RuntimeError):
        desk.told_in(due)
    book.dies = False
    desk.told_in(due, 1)

    assert len(desk.sender.sent) == 2
    assert desk.book.told() == {due[0].key}


def test_grants_remember_themselves() -> None:
    of = replace(grant(12, hours=48), state=GrantState.ACTIVE)
    grants = {of.id: of}
    book, sender = MemoryNoticeBook(grants), FakeSender()
    for minute in range(3):
        due = of_grants(grants.values(), {of.id: 461 * 3600}, START + HOUR)
        tell(due, lambda _: [A], sender, book, START + HOUR + minute * MINUTE)

    assert len(sender.sent) == 1
    assert grants[of.id].told == ("hours:80/2073600",)
    assert book.told() == frozenset()


def test_what_is_long_ago_is_forgotten() -> None:
    desk, due = Desk(A), notices()
    desk.sender.failing["a"] = REFUSED
    desk.told_in(due)

    assert desk.told_in([], FORGOTTEN_AFTER / MINUTE).gave_up
    assert desk.told_in([], FORGOTTEN_AFTER / MINUTE + 1).gave_up == ()
    assert desk.book.told() == frozenset()


weather = st.lists(st.sets(st.sampled_from(["a", "b", "c"])), max_size=25)
"""Who is down in each pass."""


@given(weather, st.integers(1, 4))
def test_however_they_come_and_go_nobody_is_told_twice_and_all_are_in_the_end(
    downs: list[set[str]], number: int
) -> None:
    desk, due = Desk(A, B, C), notices(number)
    minutes = 0
    for down in downs:
        desk.sender.failing = dict.fromkeys(down, DOWN)
        desk.told_in(due, minutes)
        minutes += 30
    desk.sender.failing = {}
    lost = {(each.notice, each.receiver) for each in desk.book.deliveries() if each.state is DeliveryState.GAVE_UP}
    desk.told_in(due, minutes + 24 * 60)

    assert len(desk.sender.sent) == len(set(desk.sender.sent))
    everything = {(each.id, to.name) for each in due for to in (A, B, C)}
    assert set(desk.sender.sent) == everything - lost
    assert desk.book.told() == {each.key for each in due}
