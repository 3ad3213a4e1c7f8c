"""What is asked for in pieces, for when, and as what: a team gets no more than it would get in one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.cli.commands.decide.request_view import grants_listing, request_text, told_text
from allotment.errors import CapacityError, ForbiddenError, NotFoundError, UsageError
from allotment.model.access.person import Person
from allotment.model.access.token import ApiToken
from allotment.model.requests.grant import GrantState
from allotment.model.requests.request import GrantRequest, RequestAct, RequestState
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.ports.request_service import AskedMove, AskedRequest, OtherTerms
from allotment.ports.requests import RequestFilter
from allotment.reports.documents.requests import told_document
from tests.unit.adapters.store.jobs import grant as stored_grant
from tests.unit.adapters.store.jobs import request as stored_request
from tests.unit.operations.decide.test_desk import (
    ACME,
    CLUSTER,
    ENGINEER,
    FLAVOR,
    HOUR,
    HUMAN,
    LEAD,
    MEMBER,
    Office,
    gpus,
    load,
    story,
)


@pytest.fixture
def office() -> Office:
    return Office()


# In pieces


def longer(grant: GrantRequest, hours: int) -> AskedRequest:
    return AskedRequest(
        RequestKind.GPUS, "nlp", WorkloadType.TRAINING, "more", lasts=hours * HOUR, extends=grant.extends or grant.id
    )


def test_time_that_is_asked_for_in_pieces_costs_what_it_costs_together() -> None:
    office = without_budgets()
    ada = office.of("ada", MEMBER)
    first = ada.ask(gpus(5, lasts=19 * HOUR))
    assert (first.state, first.gate) == (RequestState.APPROVED, "some-gpus-cheap")
    office.passes()
    for asked in (longer(first, 14), gpus(2, lasts=3 * HOUR, since=office.room.now() + 2 * HOUR)):
        told = ada.preview(asked)
        assert told.request.state is RequestState.WAITING
        assert "with what the team was given at once lately" in told.warning
    office.now += 20 * 3600
    office.passes()
    assert office.grant(first.id) is GrantState.ENDED
    assert ada.preview(gpus(3, lasts=2 * HOUR)).request.state is RequestState.WAITING, "it stood lately"
    assert ada.preview(gpus(2)).request.state is RequestState.APPROVED
    office.now += 90 * 24 * 3600
    assert ada.preview(gpus(5, lasts=19 * HOUR)).request.state is RequestState.APPROVED


def test_what_somebody_cut_to_an_hour_is_not_prolonged_at_once() -> None:
    office = without_budgets()
    ada, engineer = office.of("ada", MEMBER), office.of("root@acme", ENGINEER)
    asked = ada.ask(gpus(5, lasts=25 * HOUR))
    assert asked.route == "platform-lead"
    engineer.move(asked.id, AskedMove(RequestAct.APPROVE, terms=OtherTerms(lasts=HOUR)))
    office.passes()
    assert ada.preview(longer(asked, 1)).request.route == "platform-lead"
    # Another one is judged by itself: somebody has decided on that hour.
    assert ada.preview(gpus(2, lasts=HOUR)).request.route == ""
    less = replace(longer(asked, 1), devices=2, accelerator=FLAVOR, clusters=(CLUSTER,), lasts=HOUR // 2)
    assert ada.ask(less).state is RequestState.APPROVED, "less than somebody has decided on"
    office.passes()
    many = replace(less, devices=2, lasts=80 * 24 * HOUR)
    assert ada.preview(many).request.state is RequestState.WAITING


def without_budgets() -> Office:
    text = ACME["approvals.yaml"]
    office = Office()
    office.repository.commit_by(HUMAN, {"approvals.yaml": text[: text.index("# What a team may spend")]})
    office.present = load(office.repository.read().tree.files)
    return office


def test_what_begins_in_years_is_decided_by_somebody_and_keeps_nothing_from_others(office: Office) -> None:
    ada, carl = office.of("ada", MEMBER), office.of("carl", ("acme-cv",))
    engineer = office.of("root@acme", ENGINEER)
    now = office.room.now()
    assert ada.preview(gpus(2, lasts=HOUR, since=now + 80 * 24 * HOUR)).request.state is RequestState.APPROVED
    for year in range(5, 9):
        far = ada.ask(gpus(2, lasts=HOUR, since=now + year * 365 * 24 * HOUR))
        assert far.route == "platform-lead"
        assert "it begins later than a grant may last" in ada.request(far.id).warning
        engineer.move(far.id, AskedMove(RequestAct.APPROVE))
    assert carl.ask(gpus(1, team="cv", lasts=HOUR)).state is RequestState.APPROVED
    with pytest.raises(CapacityError):
        carl.ask(gpus(8, team="cv", lasts=HOUR, since=now + 5 * 365 * 24 * HOUR))


def test_a_change_has_the_devices_of_its_grant(office: Office) -> None:
    """Eight are left: without those that it has, a grant of six could neither be made smaller nor larger."""
    taken, ada = story(office), office.of("ada", MEMBER)
    for given in (office.passes, lambda: None):
        for devices in (4, 8):
            told = ada.preview(gpus(devices, lasts=HOUR, extends=taken.id)).request
            assert (told.terms.devices, told.terms.taken) == (devices, ())
        given()
    asked = ada.ask(gpus(8, lasts=HOUR, extends=taken.id))
    assert asked.route == "engineering-leadership"
    boss = office.of("boss", LEAD)
    offered = boss.move(asked.id, AskedMove(RequestAct.COUNTER, terms=OtherTerms(devices=7)))
    assert (offered.terms.devices, offered.terms.taken) == (7, ())
    ada.move(asked.id, AskedMove(RequestAct.ACCEPT))
    before = office.nominal()
    office.passes()
    assert (office.grant(taken.id), office.nominal()) == (GrantState.ACTIVE, before + 1)
    with pytest.raises(CapacityError, match="1 could be"):
        ada.preview(gpus(2))


# When it begins


def test_time_runs_from_the_approval_where_nobody_named_a_beginning(office: Office) -> None:
    ada, boss = office.of("ada", MEMBER), office.of("boss", LEAD)
    asked = ada.ask(gpus(8, lasts=72 * HOUR))
    office.now += 71 * 3600
    assert boss.request(asked.id).warning == ""
    given = boss.move(asked.id, AskedMove(RequestAct.APPROVE))
    assert given.terms.since == office.room.now()
    assert (given.terms.lasts, given.terms.price) == (72 * HOUR, asked.terms.price)
    office.passes()
    assert office.grant(asked.id) is GrantState.ACTIVE


def test_an_offer_begins_when_it_is_accepted_where_nobody_named_a_beginning(office: Office) -> None:
    ada, boss = office.of("ada", MEMBER), office.of("boss", LEAD)
    asked = ada.ask(gpus(8, lasts=HOUR))
    office.now += 10 * 3600
    boss.move(asked.id, AskedMove(RequestAct.COUNTER, terms=OtherTerms(devices=6)))
    office.now += 10 * 3600
    offered = boss.move(asked.id, AskedMove(RequestAct.COUNTER, terms=OtherTerms(devices=7)))
    assert offered.decisions[-1].route == "engineering-leadership"
    office.now += 10 * 3600
    given = ada.move(asked.id, AskedMove(RequestAct.ACCEPT))
    assert (given.terms.since, given.terms.lasts, given.terms.devices) == (office.room.now(), HOUR, 7)
    assert given.decisions[-1].terms == given.terms


def test_of_a_beginning_that_was_named_what_is_left_is_given_and_both_are_warned(office: Office) -> None:
    ada, boss = office.of("ada", MEMBER), office.of("boss", LEAD)
    now = office.room.now()
    asked = ada.ask(gpus(8, lasts=72 * HOUR, since=now + HOUR))
    assert {each.request(asked.id).warning for each in (ada, boss)} == {""}
    office.now += 19 * 3600
    warnings = {each.request(asked.id).warning for each in (ada, boss)}
    assert "what has passed since then is not given any more" in warnings.pop()
    assert warnings == set()
    given = boss.move(asked.id, AskedMove(RequestAct.APPROVE))
    assert (given.terms.since, given.terms.until) == (office.room.now(), asked.terms.until)
    assert asked.terms.price is not None
    assert given.terms.price == asked.terms.price * 54 // 72


# What is no request for devices


@pytest.mark.parametrize(
    "other",
    [OtherTerms(devices=5), OtherTerms(clusters=()), OtherTerms(devices=8, accelerator=FLAVOR, clusters=(CLUSTER,))],
)
@pytest.mark.parametrize("act", [RequestAct.APPROVE, RequestAct.COUNTER])
def test_no_devices_are_given_with_something_else(office: Office, act: RequestAct, other: OtherTerms) -> None:
    endpoint = AskedRequest(
        RequestKind.ENDPOINT, "nlp", WorkloadType.SERVING, "launch", subject="chat", environment="production"
    )
    asked = office.of("ada", MEMBER).ask(endpoint)
    with pytest.raises(UsageError, match="about no devices"):
        office.of("root@acme", ENGINEER).move(asked.id, AskedMove(act, terms=other))


def test_a_deputy_of_somebody_who_is_shut_out_decides_nothing(office: Office) -> None:
    away = (
        "absences:\n  - {user: lea@acme.example, delegate: dee@acme.example, from: 2020-01-01T00:00:00Z,"
        " until: 2030-01-01T00:00:00Z}\n"
    )
    office.repository.commit_by(HUMAN, {"approvals.yaml": ACME["approvals.yaml"] + away})
    office.present = load(office.repository.read().tree.files)
    name = "lea@acme.example"
    lea = Person("p1", "https://id.example", name, name, name, LEAD, 0, 0)
    dee = office.of("dee@acme.example", ())
    asked = office.of("ada", MEMBER).ask(gpus(8))
    session = ApiToken("abcdefgj", "session", frozenset(), "", name, 0, 9, person="p1", session=True)
    office.store.signed_in(lea, session)
    assert dee.request(asked.id).decides
    office.store.shut_out("p1", 1)
    with pytest.raises(NotFoundError):
        dee.move(asked.id, AskedMove(RequestAct.APPROVE))


def test_an_offer_is_for_somebody_who_may_ask_still(office: Office) -> None:
    ada, boss = office.of("ada", MEMBER), office.of("boss", LEAD)
    asked = ada.ask(gpus(8))
    boss.move(asked.id, AskedMove(RequestAct.COUNTER, terms=OtherTerms(devices=6)))
    viewer = office.of("ada", ("acme-product", "acme-cv"))
    with pytest.raises(ForbiddenError, match="may not accept"):
        viewer.move(asked.id, AskedMove(RequestAct.ACCEPT))
    assert viewer.move(asked.id, AskedMove(RequestAct.WITHDRAW)).state is RequestState.WITHDRAWN


def test_a_preview_has_no_id(office: Office) -> None:
    told = office.of("ada", MEMBER).preview(gpus(1))

    assert told.request.id == ""
    assert told_text(told, "USD").splitlines()[0] == (
        "a request of 1 a100-on-demand in training-eastus for team nlp would be approved"
    )
    waiting = office.of("ada", MEMBER).ask(gpus(8))
    assert request_text(waiting, "USD").splitlines()[1].startswith("  3 d from its approval on; ")


# Of whom it is taken


def test_people_of_a_team_see_what_is_taken_of_theirs_and_no_more(office: Office) -> None:
    approved = stored_request("r0000009", state=RequestState.APPROVED)
    office.store.keep_requests((approved,), (stored_grant("r0000009"),))
    carl, lou = office.of("carl", ("acme-cv",)), office.of("lou", ("acme-recsys",))
    (request,), (grant,) = carl.requests(RequestFilter()).rows, carl.grants().rows
    whole = office.store.grant("r0000009").terms
    for terms in (request.terms, request.asked, grant.terms):
        assert [each.team for each in terms.taken] == ["cv"]
        assert (terms.shares, terms.since, terms.until, terms.price) == ((), whole.since, whole.until, None)
    assert (grant.id, grant.state, grant.team, request.wish.team) == (
        "r0000009", GrantState.ACTIVE, "others", "others",
    )  # fmt: skip
    told = f"{request} {grant}"
    for hidden in ("nlp", "ada", office.store.request("r0000009").wish.justification, grant.approved):
        assert not hidden or hidden not in told
    assert carl.requests(RequestFilter(requester="ada")).rows == (), "by what it is found would tell whose it is"
    assert lou.requests(RequestFilter()).rows == ()
    assert lou.grants().rows == ()
    with pytest.raises(NotFoundError):
        carl.end_grant("r0000009", "")
    with pytest.raises(NotFoundError):
        carl.request("r0000009")
    assert grants_listing([grant], "USD").columns[2].of(grant) == "taken: 4 a100 in training of cv"


# What is told once it is decided


def test_of_what_was_decided_is_told_what_was_known_then_and_where_its_grant_stands(office: Office) -> None:
    ada, boss = office.of("ada", MEMBER), office.of("boss", LEAD)
    asked = ada.ask(gpus(8, lasts=HOUR))
    boss.move(asked.id, AskedMove(RequestAct.APPROVE))
    office.trouble = {CLUSTER: "it does not answer: secret-host.example"}
    office.passes()
    told = ada.request(asked.id)
    kept = told.request.decisions[-1]
    assert "nobody looked" in kept.unknown
    assert (told.unknown, told.effects, told.budget_left) == (kept.unknown, kept.effects, kept.budget_left)
    assert told.grant is not None
    assert (told.grant.id, told.grant.state) == (asked.id, GrantState.GIVING)
    assert told.grant.trouble
    assert "secret-host" not in told.grant.trouble, "that is for administrators"
    text = told_text(told, "USD")
    assert f"its grant is giving: {told.grant.trouble}" in text
    assert "nobody waits longer" not in text
    after = text[text.index("approve by boss") :]
    assert f"    not known: {kept.unknown}" in after
    document = told_document(told)
    assert document["grant"]["state"] == "giving"
    assert document["unknown"] == document["decisions"][-1]["unknown"]
    office.trouble = {}
    office.passes()
    assert "its grant is active\n" in told_text(ada.request(asked.id), "USD")


def test_of_what_was_denied_nobody_is_told_that_nobody_waits_for_it(office: Office) -> None:
    ada, boss = office.of("ada", MEMBER), office.of("boss", LEAD)
    asked = ada.ask(gpus(8, lasts=HOUR))
    boss.move(asked.id, AskedMove(RequestAct.DENY, "not now"))
    told = ada.request(asked.id)
    assert told.unknown
    assert told.grant is None
    assert "nobody waits" not in told_text(told, "USD")
