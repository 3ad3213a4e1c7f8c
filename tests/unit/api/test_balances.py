"""Balances over the API: of one's own teams alone, and nothing in place of what is not known."""

from __future__ import annotations

from dataclasses import replace

from allotment.model.requests.grant import GrantState
from tests.unit.adapters.store.jobs import grant as stored_grant
from tests.unit.api.test_people import Hall, hall

__all__ = ["hall"]


def told(hall: Hall, token: str) -> dict[str, dict[str, object]]:
    status, said = hall.asked("GET", "/api/v1/balances", token)
    assert status == 200, said
    return {each["team"]: each for each in said["balances"]}


def test_people_see_the_month_of_their_teams_and_of_no_other(hall: Hall) -> None:
    member = told(hall, hall.session("ada", "nlp-members"))
    assert set(member) == {"nlp"}
    everybody = told(hall, hall.session("eve", "platform-engineers"))
    assert set(everybody) == {"nlp", "cv"}
    assert everybody["nlp"] == member["nlp"]


def test_a_grant_that_stands_has_a_pace_of_which_nothing_is_made_up(hall: Hall) -> None:
    store, now = hall.world.machine.store, round(hall.world.machine.clock.now().timestamp() * 1000)
    grant = stored_grant("gabcdefg")
    terms = replace(grant.terms, since=now - 3_600_000, until=now + 3_600_000)
    standing = replace(grant, team="nlp", terms=terms, state=GrantState.ACTIVE)
    store.keep_requests((), (standing,))
    (pace,) = told(hall, hall.session("ada", "nlp-members"))["nlp"]["grants"]  # type: ignore[misc]
    assert pace["id"] == grant.id
    assert pace["given"] == terms.devices * 3600
    assert pace["used"] is None
