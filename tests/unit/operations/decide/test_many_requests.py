"""Many requests, and those of others: nobody's hide anybody's, and one store may serve several platforms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.adapters.notices.fake import FakeSender
from allotment.errors import ConflictError, NotFoundError, UsageError
from allotment.model.requests.grant import GrantState
from allotment.model.requests.request import GrantRequest, RequestAct, RequestState
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.operations.decide.desk import MOST_OPEN_OF_PERSON, MOST_OPEN_OF_TEAM
from allotment.operations.decide.notifying import Notifier
from allotment.operations.decide.receivers import configured_notices
from allotment.ports.request_service import (
    MOST_LISTED_AT_ONCE,
    MOST_NAME,
    MOST_SAID_OF_REQUESTS,
    AskedMove,
    AskedRequest,
    every_grant,
    every_request,
)
from allotment.ports.requests import RequestFilter
from tests.unit.adapters.store.jobs import grant as stored_grant
from tests.unit.adapters.store.jobs import request as stored_request
from tests.unit.operations.decide.test_desk import ACME, ENGINEER, MEMBER, Office, gpus, story


@pytest.fixture
def office() -> Office:
    return Office()


def endpoint(team: str = "nlp", **more: str) -> AskedRequest:
    asked = AskedRequest(
        RequestKind.ENDPOINT, team, WorkloadType.SERVING, "launch", subject="chat", environment="production"
    )
    return replace(asked, **more)  # type: ignore[arg-type]


def flooded(office: Office, number: int, *, team: str = "cv", requester: str = "mal") -> None:
    """Requests that wait for a long time, newer than any other."""
    now = round(office.now * 1000)
    for each in range(number):
        made = stored_request(f"f{each:07d}", created=now + each + 1, team=team, requester=requester)
        office.store.keep_requests((replace(made, due=now + 10**9, route="engineering-leadership"),))


def test_a_server_of_another_platform_knows_nothing_of_requests_and_grants_of_the_first(office: Office) -> None:
    taken, waits = story(office), office.of("ada", MEMBER).ask(endpoint())
    files = {**ACME, "platform.yaml": ACME["platform.yaml"].replace("name: acme", "name: other", 1)}
    other = Office(store=office.store, files=files)
    assert other.present.name == "other"
    before = other.repository.read().commit
    other.now += 100 * 24 * 3600
    other.passes()
    assert other.repository.read().commit == before
    engineer, sender = other.of("root@acme", ENGINEER), FakeSender()
    receivers = configured_notices(
        {"receivers": {"all": {"kind": "slack", "url": "https://hooks.example/a", "platform": True}}}
    )
    Notifier(other.room, other.store.notices, sender, receivers, lambda _platform, _grants: {}).tell_due()
    assert (engineer.requests(RequestFilter()).rows, engineer.grants().rows, sender.sent) == ((), (), [])
    for call in (engineer.request, lambda id_: engineer.end_grant(id_, "")):
        with pytest.raises(NotFoundError):
            call(taken.id)
    assert (office.grant(taken.id), office.store.request(waits.id).state) == (GrantState.DUE, RequestState.WAITING)
    office.passes()
    assert office.grant(taken.id) is GrantState.ACTIVE


def test_those_of_before_platforms_were_kept_are_the_present_ones(office: Office) -> None:
    office.store.keep_requests((stored_request("r0000009"),), (stored_grant("r0000009"),))
    engineer = office.of("root@acme", ENGINEER)
    assert [each.id for each in engineer.requests(RequestFilter()).rows] == ["r0000009"]
    assert [each.id for each in engineer.grants().rows] == ["r0000009"]


def test_listings_come_in_pages_and_other_teams_requests_hide_none(office: Office) -> None:
    ada, engineer = office.of("ada", MEMBER), office.of("root@acme", ENGINEER)
    mine = [ada.ask(endpoint(subject=each)).id for each in "abc"]
    flooded(office, 1100)
    first = ada.requests(RequestFilter(), limit=2)
    assert ([each.id for each in first.rows], first.next is None) == (mine[:0:-1], False)
    rest = ada.requests(RequestFilter(), after=first.next, limit=2)
    assert ([each.id for each in rest.rows], rest.next) == (mine[:1], None)
    assert len(engineer.requests(RequestFilter(), limit=10**6).rows) == MOST_LISTED_AT_ONCE
    found = [each.id for each in every_request(engineer, RequestFilter())]
    assert (len(found), found[-3:]) == (1103, mine[::-1])
    for number in range(1, 8):
        office.store.keep_requests((), (stored_grant(f"g{number:07d}"),))
    assert [each.id for each in ada.grants(after="g0000003", limit=2).rows] == ["g0000004", "g0000005"]
    assert (len(list(every_grant(ada))), len(list(every_grant(ada, frozenset({GrantState.DUE}))))) == (7, 0)


def test_what_is_due_is_done_however_many_wait(office: Office) -> None:
    asked = office.of("ada", MEMBER).ask(endpoint())
    flooded(office, 1100)
    office.now += 24 * 3600
    assert office.desk.pass_time()
    assert office.store.request(asked.id).route == "engineering-leadership"


def test_one_that_cannot_be_moved_keeps_no_other_from_its_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (office.of("ada", MEMBER).ask(endpoint(subject=each)) for each in ("a", "b"))
    keep = office.store.keep_requests

    def keeping(requests: tuple[GrantRequest, ...], *more: object) -> None:
        if requests[0].id == first.id:
            raise ConflictError("not this one")
        keep(requests, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(office.store, "keep_requests", keeping)
    office.now += 24 * 3600
    with pytest.raises(ConflictError, match="not this one"):
        office.desk.pass_time()
    assert office.store.request(second.id).route == "engineering-leadership"


@pytest.mark.parametrize(
    ("team", "requester", "number", "whose"),
    [("cv", "ada", MOST_OPEN_OF_PERSON, "you have 50"), ("nlp", "bob", MOST_OPEN_OF_TEAM, "team nlp has 200")],
)
def test_so_many_wait_of_a_person_and_of_a_team(
    office: Office, team: str, requester: str, number: int, whose: str
) -> None:
    ada = office.of("ada", MEMBER)
    flooded(office, number, team=team, requester=requester)
    for act in (ada.ask, ada.preview):
        with pytest.raises(ConflictError, match=whose):
            act(endpoint())
    assert ada.ask(gpus(1)).state is RequestState.APPROVED, "what waits for nobody is no burden"
    first = office.store.request("f0000000")
    office.store.keep_requests((replace(first, state=RequestState.DENIED, revision=2),))
    assert ada.ask(endpoint()).state is RequestState.WAITING


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"justification": "x" * (MOST_SAID_OF_REQUESTS + 1)}, "a justification"),
        ({"subject": "x" * (MOST_NAME + 1)}, "the name"),
        ({"environment": "x" * (MOST_NAME + 1)}, "an environment"),
    ],
)
def test_nobody_says_more_than_others_can_read(office: Office, more: dict[str, str], what: str) -> None:
    ada = office.of("ada", MEMBER)
    for call in (ada.ask, ada.preview):
        with pytest.raises(UsageError, match=what):
            call(endpoint(**more))
    asked = ada.ask(endpoint(justification="x" * MOST_SAID_OF_REQUESTS))
    with pytest.raises(UsageError, match="a reason"):
        ada.move(asked.id, AskedMove(RequestAct.WITHDRAW, "x" * (MOST_SAID_OF_REQUESTS + 1)))
