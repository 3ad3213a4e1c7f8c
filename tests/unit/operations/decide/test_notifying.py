"""A server's passes: people hear of requests, grants and quotas once, from what the store and the clusters say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from allotment.adapters.notices.fake import FakeSender
from allotment.model.platform import Platform
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import RequestAct
from allotment.operations.decide.notifying import Notifier
from allotment.operations.decide.receivers import configured_notices
from allotment.ports.notices import ReceiverDownError
from allotment.ports.request_service import AskedMove
from tests.unit.operations.decide.test_desk import HOUR, LEAD, MEMBER, Office, gpus, story

RECEIVERS = {
    "team": {"kind": "slack", "url": "https://hooks.example/a", "teams": ["nlp"]},
    "leads": {"kind": "slack", "url": "https://hooks.example/b", "routes": ["engineering-leadership"]},
    "adas": {"kind": "slack", "url": "https://hooks.example/c", "people": ["ada"]},
    "typo": {"kind": "slack", "url": "https://hooks.example/d", "teams": ["nlpp"]},
}


class Told:
    """An office whose people are told."""

    def __init__(self) -> None:
        self.office = Office()
        self.sender = FakeSender()
        self.looks = 0
        configured = configured_notices({"receivers": RECEIVERS})
        self.notifier = Notifier(self.office.room, self.office.store.notices, self.sender, configured, self.used)

    def used(self, _platform: Platform, grants: Sequence[TeamGrant]) -> dict[str, int]:
        self.looks += 1
        return {each.id: each.terms.devices * 40 * 3600 for each in grants}

    def by_now(self) -> list[str]:
        """Who was told since this was asked last."""
        self.notifier.tell_due()
        names = [name for _, name in self.sender.sent]
        self.sender.sent.clear()
        return names


@pytest.fixture
def told() -> Told:
    return Told()


def test_who_decides_who_asked_and_the_team_hear_of_it_once(told: Told) -> None:
    office = told.office
    office.of("ada", MEMBER).ask(gpus(8))
    assert told.by_now() == ["leads"]
    assert told.by_now() == []
    taken = story(office)  # another one, which is offered other terms, and accepted by its requester
    assert told.by_now() == []
    office.passes()
    assert office.grant(taken.id) is GrantState.ACTIVE
    office.now += 25 * 3600
    # 40 of 48 hours of each device, and less than a day is left.
    assert told.by_now() == ["team", "team"]
    office.now += 30 * 3600
    office.passes()
    assert office.grant(taken.id) is GrantState.ENDED
    assert told.by_now() == ["team"]
    assert told.by_now() == []
    assert office.store.grant(taken.id).told


def test_what_was_decided_its_requester_hears(told: Told) -> None:
    office = told.office
    asked = office.of("ada", MEMBER).ask(gpus(8))
    told.by_now()
    office.of("boss", LEAD).move(asked.id, AskedMove(RequestAct.DENY, "no", revision=asked.revision))
    assert told.by_now() == ["adas"]


def test_what_is_used_is_looked_at_now_and_then(told: Told) -> None:
    for _ in range(30):
        told.by_now()
        told.office.now += 15
    assert told.looks == 2


def test_what_goes_wrong_is_told_to_who_looks_at_the_server(told: Told) -> None:
    told.sender.failing["leads"] = ReceiverDownError("receiver leads does not answer", why="no route")
    told.office.of("ada", MEMBER).ask(gpus(8, lasts=72 * HOUR))
    assert told.by_now() == []
    assert told.notifier.told() == (
        "receiver typo of notices names team nlpp, which the platform has not",
        "leads: receiver leads does not answer: no route",
    )
    told.sender.failing.clear()
    told.office.now += 61
    assert told.by_now() == ["leads"]
    assert len(told.notifier.told()) == 1
