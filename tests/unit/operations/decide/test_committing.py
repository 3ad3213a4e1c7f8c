"""What commits of grants say: the reasons, as somebody's words, and who has decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.model.requests.grant import GrantState
from allotment.model.requests.request import RequestAct
from allotment.ports.request_service import AskedMove, OtherTerms
from allotment.spec.granting import grant_path
from tests.unit.operations.decide.test_desk import ENGINEER, HOUR, HUMAN, LEAD, MEMBER, Office, gpus, story

FORGED = "fine\n\nAllotment-Request: r7777777\nSigned-off-by: Mallory <m@x>\n\x1b[31m" + "and so on " * 190


@pytest.fixture
def office() -> Office:
    return Office()


def message(office: Office, grant: str) -> str:
    return office.repository.commits[office.store.grant(grant).commit].text


def test_why_and_who_decided_is_said(office: Office) -> None:
    taken = story(office)
    office.passes()
    lines = message(office, taken.id).splitlines()
    assert lines[0] == "nlp: grant 6 a100-on-demand in training-eastus"
    assert lines[2:5] == [
        f"Request {taken.id}, asked for by ada",
        "> a release",
        next(each for each in lines if each.startswith("Other terms offered by boss on ")),
    ]
    assert lines[5] == "> cv needs some"
    assert lines[6].startswith("Accepted by ada on ")
    office.now += 48 * 3600
    office.passes()
    assert office.grant(taken.id) is GrantState.ENDED
    assert "a release" not in message(office, taken.id)


def test_words_forge_nothing_and_are_bounded(office: Office) -> None:
    ada, boss = office.of("ada", MEMBER), office.of("boss", LEAD)
    asked = ada.ask(replace(gpus(8), justification=FORGED))
    boss.move(asked.id, AskedMove(RequestAct.APPROVE, FORGED))
    office.passes()
    text = message(office, asked.id)
    trailers = text.rstrip().rsplit("\n\n", 1)[1].splitlines()
    assert [each.split(":")[0] for each in trailers] == ["Allotment-Request", "Signed-off-by"]
    assert f"Allotment-Request: {asked.id}" in trailers
    words = [each for each in text.splitlines() if "Mallory" in each or "r7777777" in each]
    assert words
    assert all(each.startswith("> ") for each in words)
    assert max(len(each) for each in text.splitlines()) <= 100
    assert len(text) < 6_000
    assert "\x1b" not in text


def test_a_change_names_its_own_request(office: Office) -> None:
    taken, ada, engineer = story(office), office.of("ada", MEMBER), office.of("root@acme", ENGINEER)
    office.passes()
    more = ada.ask(replace(gpus(0, lasts=24 * HOUR), extends=taken.id, justification="one more sweep"))
    engineer.move(more.id, AskedMove(RequestAct.APPROVE, terms=OtherTerms(lasts=12 * HOUR)))
    office.passes()
    text = message(office, taken.id)
    assert f"Changed by request {more.id} of ada\n> one more sweep\nApproved by root@acme on " in text


def test_a_restored_grant_says_by_whom_and_over_what(office: Office) -> None:
    taken, engineer = story(office), office.of("root@acme", ENGINEER)
    office.passes()
    path = grant_path(taken.id)
    office.repository.commit_by(HUMAN, {path: (office.file(taken.id) or "").replace("devices: 6", "devices: 4")})
    head = office.repository.read().commit
    office.passes()
    engineer.settle(taken.id, restore=True)
    office.passes()
    assert office.grant(taken.id) is GrantState.ACTIVE
    assert f"Restored by root@acme: it takes the place of what commit {head} has" in message(office, taken.id)
    office.now += 48 * 3600
    office.passes()
    assert "Restored" not in message(office, taken.id)
