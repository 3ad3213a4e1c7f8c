"""Requests and grants, asked in the process and over the network: one suite for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from allotment.errors import ConflictError, NotFoundError, OutdatedError
from allotment.model.requests.grant import GrantState
from allotment.model.requests.request import RequestAct, RequestState
from allotment.ports.request_service import (
    MOST_LISTED_AT_ONCE,
    AskedMove,
    AskedRequest,
    OtherTerms,
    every_grant,
    every_request,
)
from allotment.ports.requests import RequestFilter
from allotment.spec.granting import grant_path
from tests.unit.adapters.store.jobs import grant as stored_grant
from tests.unit.adapters.store.jobs import request as stored_request
from tests.unit.api.premises import (
    ADMIN,
    DECIDES_HIMSELF,
    NETWORK,
    ODD_NAME,
    OF_PEOPLE,
    WAYS,
    Asking,
    Premises,
    opened,
    refused_by,
)
from tests.unit.operations.decide.test_desk import HOUR, HUMAN, LEAD, MEMBER, gpus

STRANGERS, OWNERS = ("acme-cv",), ("acme-nlp-leads",)


@pytest.fixture
def premises(tmp_path: Path) -> Iterator[Premises]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture(params=OF_PEOPLE)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ada(premises: Premises, way: str) -> Asking:
    """A member of nlp."""
    return premises.person(way, "ada", *MEMBER)


@pytest.fixture
def boss(premises: Premises, way: str) -> Asking:
    """Who decides on much."""
    return premises.person(way, "boss", *LEAD)


def test_from_asking_to_giving_back(premises: Premises, ada: Asking, boss: Asking) -> None:
    wanted = gpus(8, key="once")
    foreseen = ada.requests.preview(wanted)
    assert (foreseen.request.state, foreseen.decides) == (RequestState.WAITING, False)
    assert premises.acts("request") == [], "nothing is kept"
    asked = ada.requests.ask(wanted)
    assert (asked.state, asked.route, asked.requester) == (RequestState.WAITING, "engineering-leadership", ada.name)
    assert ada.requests.ask(wanted).id == asked.id, "the same key"
    with pytest.raises(ConflictError) as reused:
        ada.requests.ask(replace(wanted, devices=4))
    assert reused.value.exit_code == 6
    assert ada.requests.request(asked.id).request == asked
    told = boss.requests.request(asked.id)
    assert (told.decides, told.request.wish, told.deciders != "") == (True, asked.wish, True)

    offer = AskedMove(RequestAct.COUNTER, "cv needs some", OtherTerms(devices=6, lasts=48 * HOUR), asked.revision)
    offered = boss.requests.move(asked.id, offer)
    assert (offered.state, offered.terms.devices, offered.decisions[-1].reason) == (
        RequestState.OFFERED, 6, "cv needs some",
    )  # fmt: skip
    with pytest.raises(ConflictError):
        boss.requests.move(asked.id, offer)
    taken = ada.requests.move(f"{asked.id}", AskedMove(RequestAct.ACCEPT, revision=offered.revision))
    assert taken.state is RequestState.APPROVED
    premises.office.passes()
    grant = ada.requests.grant(taken.id)
    assert (grant.state, grant.team, grant.requester) == (GrantState.ACTIVE, "nlp", ada.name)
    assert grant == premises.office.store.grant(taken.id)
    (balance,) = [each for each in ada.requests.balances() if each.team == "nlp"]
    assert [each.id for each in balance.grants] == [taken.id]

    with pytest.raises(OutdatedError) as outdated:
        ada.requests.end_grant(taken.id, "too early", read=grant.revision + 1)
    assert outdated.value.exit_code == 6
    ended = ada.requests.end_grant(taken.id, "done", read=grant.revision)
    assert ended.revision > grant.revision
    premises.office.passes()
    assert ada.requests.grant(taken.id).state is GrantState.ENDED
    who = {each for each, _ in premises.acts("request", "grant")}
    assert who == {ada.name, boss.name, "allotment"}


def test_a_conflict_is_settled_as_it_was_read(premises: Premises, way: str, ada: Asking) -> None:
    taken = ada.requests.ask(gpus(2, lasts=HOUR))
    premises.office.passes()
    path = grant_path(taken.id)
    text = premises.office.file(taken.id)
    assert text is not None
    premises.office.repository.commit_by(HUMAN, {path: text.replace("devices: 2", "devices: 1")})
    premises.office.passes()
    root = premises.person(way, "root", *ADMIN)
    grant = root.requests.grant(taken.id)
    assert (grant.state, "was changed by" in grant.trouble) == (GrantState.CONFLICT, True)
    with pytest.raises(OutdatedError):
        root.requests.settle(taken.id, restore=True, read=grant.revision + 1)
    root.requests.settle(taken.id, restore=True, read=grant.revision)
    premises.office.passes()
    assert root.requests.grant(taken.id).state is GrantState.ACTIVE
    with pytest.raises(ConflictError, match="conflict"):
        root.requests.settle(taken.id, restore=True)


def test_pages_of_requests_go_on_where_the_one_before_ended(
    premises: Premises, way: str, ada: Asking, boss: Asking
) -> None:
    store = premises.office.store
    store.keep_requests(
        [
            replace(
                stored_request(f"w{number:07d}", state=RequestState.DENIED if number % 9 else RequestState.WAITING),
                # Several were made in the same moment.
                created=number // 3,
                requester=ada.name,
            )
            for number in range(MOST_LISTED_AT_ONCE + 7)
        ],
        (),
    )
    everything = [each.id for each in every_request(ada.requests, RequestFilter())]
    assert len(everything) == len(set(everything)) == MOST_LISTED_AT_ONCE + 7
    first = ada.requests.requests(RequestFilter(), limit=4)
    second = ada.requests.requests(RequestFilter(), after=first.next, limit=4)
    assert [each.id for each in (*first.rows, *second.rows)] == everything[:8]
    assert len(ada.requests.requests(RequestFilter(), limit=10_000).rows) == MOST_LISTED_AT_ONCE
    denied = RequestFilter("nlp", frozenset({RequestState.DENIED, RequestState.LAPSED}), ada.name)
    assert {each.state for each in every_request(ada.requests, denied)} == {RequestState.DENIED}
    for none in (RequestFilter(requester="o'neill & co"), RequestFilter(route="nosuch"), RequestFilter("cv")):
        assert ada.requests.requests(none).rows == ()
    # Another one asks: nobody has so many that wait.
    one = premises.person(way, "bob", *MEMBER).requests.ask(gpus(8))
    page = boss.requests.requests(RequestFilter(states=frozenset({RequestState.WAITING})), limit=3)
    assert (one.id in {each.id for each in page.rows}, one.id in page.decides) == (True, True)
    assert one.id not in ada.requests.requests(RequestFilter(), limit=3).decides


def test_pages_of_grants_go_on_where_the_one_before_ended(premises: Premises, ada: Asking) -> None:
    number = MOST_LISTED_AT_ONCE + 5
    made = [replace(stored_grant(f"g{each:07d}"), state=GrantState.ENDED) for each in range(number)]
    premises.office.store.keep_requests((), made)
    assert [each.id for each in every_grant(ada.requests, frozenset({GrantState.ENDED}))] == [each.id for each in made]
    first = ada.requests.grants(limit=2)
    assert [each.id for each in ada.requests.grants(after=first.next, limit=1).rows] == ["g0000002"]
    assert ada.requests.grants(frozenset({GrantState.CONFLICT})).rows == ()


@pytest.mark.parametrize("way", WAYS)
def test_the_server_s_own_user_asks_and_decides(tmp_path: Path, way: str) -> None:
    with opened(tmp_path, files=DECIDES_HIMSELF) as premises:
        own = premises.own(way)
        asked = own.requests.ask(gpus(8))
        denied = own.requests.move(asked.id, AskedMove(RequestAct.DENY, "not now", revision=asked.revision))
        assert (denied.state, denied.decisions[-1].by) == (RequestState.DENIED, own.name)


# What is refused is the same error, word for word, whichever way it was asked.


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Mapping[str, Asking]]]:
    """Callers by who they are and by which way; with a request that waits, and a grant of each state."""
    with opened(tmp_path_factory.mktemp("server")) as premises:
        groups = {"ada": MEMBER, "bob": MEMBER, "eve": STRANGERS, "olga": OWNERS, "root": ADMIN}
        found = {name: {way: premises.person(way, name, *of) for way in OF_PEOPLE} for name, of in groups.items()}
        name = found["ada"][NETWORK].name
        waits = replace(stored_request("r0000001", state=RequestState.WAITING), requester=name)
        over = replace(stored_request("r0000002", state=RequestState.DENIED), requester=name)
        premises.office.store.keep_requests((waits, over), ())
        states = {"g0000001": GrantState.ACTIVE, "g0000002": GrantState.ENDED}
        grants = [replace(stored_grant(each), state=state, requester=name) for each, state in states.items()]
        premises.office.store.keep_requests((), grants)
        yield found


def move(act: RequestAct, request: str = "r0000001", **more: object) -> Callable[[Asking], object]:
    return lambda asking: asking.requests.move(request, AskedMove(act, **more))  # type: ignore[arg-type]


def ask(asked: AskedRequest) -> Callable[[Asking], object]:
    return lambda asking: asking.requests.ask(asked)


REFUSED: Final[Mapping[str, tuple[str, str, Callable[[Asking], object]]]] = {
    "no such request": ("ada", "NotFoundError", lambda of: of.requests.request("nosuch")),
    "a name that is none": ("ada", "NotFoundError", lambda of: of.requests.request(ODD_NAME)),
    "a request of another team": ("eve", "NotFoundError", lambda of: of.requests.request("r0000001")),
    "no such grant": ("ada", "NotFoundError", lambda of: of.requests.grant("nosuch")),
    "a grant of another team": ("eve", "NotFoundError", lambda of: of.requests.grant("g0000001")),
    "withdrawing what is not there": ("ada", "NotFoundError", move(RequestAct.WITHDRAW, "nosuch")),
    "withdrawing what is over": ("ada", "ConflictError", move(RequestAct.WITHDRAW, "r0000002")),
    "withdrawing what is another's": ("bob", "ForbiddenError", move(RequestAct.WITHDRAW)),
    "accepting what was not offered": ("ada", "ConflictError", move(RequestAct.ACCEPT)),
    "withdrawing as it was not read": ("ada", "OutdatedError", move(RequestAct.WITHDRAW, revision=99)),
    "deciding as it was not read": ("root", "OutdatedError", move(RequestAct.DENY, revision=99)),
    "a reason that is too long": ("root", "UsageError", move(RequestAct.DENY, reason="x" * 2001)),
    "an offer of none": ("root", "UsageError", move(RequestAct.COUNTER, terms=OtherTerms(devices=0))),
    "an offer in no cluster": ("root", "InputError", move(RequestAct.COUNTER, terms=OtherTerms(clusters=("mars",)))),
    "no reason": ("ada", "UsageError", ask(replace(gpus(2), justification=" "))),
    "no such team": ("ada", "NotFoundError", ask(gpus(2, team="nosuch"))),
    "another team": ("ada", "NotFoundError", ask(gpus(2, team="cv"))),
    "no such accelerator": ("ada", "NotFoundError", ask(replace(gpus(2), accelerator="t-800"))),
    "no such cluster": ("ada", "InputError", ask(replace(gpus(2), clusters=("mars",)))),
    "more than there is": ("ada", "CapacityError", ask(gpus(100_000))),
    "fewer than none": ("ada", "UsageError", ask(gpus(-1))),
    "a time of nothing": ("ada", "UsageError", ask(gpus(2, lasts=0))),
    "no such grant to extend": ("ada", "NotFoundError", ask(gpus(2, extends="nosuch"))),
    "ending what is not there": ("ada", "NotFoundError", lambda of: of.requests.end_grant("nosuch", "")),
    "ending what is over": ("ada", "ConflictError", lambda of: of.requests.end_grant("g0000002", "")),
    "ending what is another's": ("bob", "ForbiddenError", lambda of: of.requests.end_grant("g0000001", "")),
    "ending as it was not read": ("ada", "OutdatedError", lambda of: of.requests.end_grant("g0000001", "", read=99)),
    "ending with a long reason": ("ada", "UsageError", lambda of: of.requests.end_grant("g0000001", "é" * 2001)),
    "settling as no administrator": ("olga", "ForbiddenError", lambda of: of.requests.settle("g0000001", restore=True)),
    "settling what is no conflict": ("root", "ConflictError", lambda of: of.requests.settle("g0000001", restore=True)),
    "settling as it was not read": (
        "root", "OutdatedError", lambda of: of.requests.settle("g0000001", restore=False, read=99),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_the_same_error_both_ways(street: Mapping[str, Mapping[str, Asking]], case: str) -> None:
    who, kind, call = REFUSED[case]
    inside, afar = (refused_by(call, street[who][way]) for way in OF_PEOPLE)
    assert inside == afar
    assert inside.kind == kind


@pytest.mark.parametrize("act", [RequestAct.APPROVE, RequestAct.DENY])
def test_who_may_decide_on_nothing_is_refused_at_the_door_with_the_same_exit_code(
    street: Mapping[str, Mapping[str, Asking]], act: RequestAct
) -> None:
    """Whether somebody may at all is the door's to say, and what it says names the permission."""
    inside, afar = (refused_by(move(act), street["ada"][way]) for way in OF_PEOPLE)
    assert (inside.kind, inside.exit_code) == (afar.kind, afar.exit_code) == ("ForbiddenError", 5)


def test_nothing_was_kept_of_what_was_refused(street: Mapping[str, Mapping[str, Asking]]) -> None:
    told = street["root"][NETWORK].requests.request("r0000001").request
    assert (told.state, told.decisions) == (RequestState.WAITING, stored_request("r0000001").decisions)
    with pytest.raises(NotFoundError):
        street["ada"][NETWORK].requests.grant("r0000001")
