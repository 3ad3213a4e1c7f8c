"""Every move of a request and of a grant is in the audit trail, with who made it: the tables of moves, row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.errors import NotFoundError
from allotment.model.audit.act import AuditedAct
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestAct, RequestState
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.operations.account.trail import gone_along
from allotment.ports.request_service import AskedMove, AskedRequest, OtherTerms
from allotment.requests import granting, transitions
from allotment.spec.granting import grant_path
from tests.unit.operations.decide.test_desk import (
    CLUSTER,
    ENGINEER,
    HOUR,
    HUMAN,
    LEAD,
    MEMBER,
    Office,
    gpus,
    story,
)
from tests.unit.operations.decide.test_proposing import ForgeOffice
from tests.unit.operations.decide.test_teams_come_and_go import TeamOffice, approved, leaves

DAY = 24 * 3600
Move = tuple[str, str, str]
"""Of a grant: from where, to where, and the verb that is kept with it."""


class WatchedStore(MemoryStore):
    """One that notes how grants move, with what is kept of it in the same transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.moves: list[Move] = []

    def keep_requests(
        self,
        requests: Sequence[GrantRequest],
        grants: Sequence[TeamGrant] = (),
        audited: Sequence[AuditedAct] = (),
    ) -> None:
        moved = [(self._stood(each.id), each) for each in grants]
        super().keep_requests(requests, grants, audited)
        about = {each.subject: each.verb for each in audited}
        for before, grant in moved:
            if before is not None and before is not grant.state:
                verb = about.get(f"grant/{grant.id}") or about.get(f"request/{grant.given_by}", "")
                self.moves.append((before.value, grant.state.value, verb))

    def _stood(self, grant: str) -> GrantState | None:
        try:
            return self.grant(grant).state
        except NotFoundError:
            return None


# Requests


@dataclass
class Asked:
    """A request in an office, and what time and people do with it."""

    office: Office = field(default_factory=Office)

    def brought_to(self, state: RequestState) -> GrantRequest:
        asked = self.office.of("ada", MEMBER).ask(gpus(8))
        if state is RequestState.OFFERED:
            self.move(asked.id, RequestAct.COUNTER, "boss", LEAD)
        found = self.office.store.request(asked.id)
        assert found.state is state
        return found

    def move(self, id_: str, act: RequestAct, name: str, groups: Sequence[str]) -> None:
        terms = OtherTerms(devices=4) if act is RequestAct.COUNTER else None
        self.office.of(name, groups).move(id_, AskedMove(act, "because", terms))

    def time_passes(self, request: GrantRequest) -> None:
        assert request.due is not None
        self.office.now = request.due / 1000
        assert self.office.desk.pass_time()


ADA, BOSS, TIME = "ada", "boss", "allotment"
KEPT: Mapping[tuple[RequestState, RequestAct], tuple[str, Sequence[str]]] = {
    (RequestState.WAITING, RequestAct.APPROVE): ("request.approve", [BOSS]),
    (RequestState.WAITING, RequestAct.COUNTER): ("request.counter", [BOSS]),
    (RequestState.WAITING, RequestAct.DENY): ("request.deny", [BOSS]),
    (RequestState.WAITING, RequestAct.WITHDRAW): ("request.withdraw", [ADA]),
    (RequestState.WAITING, RequestAct.ESCALATE): ("request.escalate", [TIME]),
    (RequestState.WAITING, RequestAct.LAPSE): ("request.lapse", [TIME]),
    (RequestState.OFFERED, RequestAct.ACCEPT): ("request.accept", [ADA]),
    (RequestState.OFFERED, RequestAct.COUNTER): ("request.counter", [BOSS]),
    (RequestState.OFFERED, RequestAct.DENY): ("request.deny", [BOSS]),
    (RequestState.OFFERED, RequestAct.WITHDRAW): ("request.withdraw", [ADA, TIME]),
}
"""What is kept of each move, and who may make it."""
BY: Mapping[transitions.ActsFor, str] = {
    transitions.ActsFor.REQUESTER: ADA,
    transitions.ActsFor.DECIDER: BOSS,
    transitions.ActsFor.TIME: TIME,
}


def test_each_move_of_a_request_has_its_row_with_all_who_make_it() -> None:
    makers = {key: {BY[each] for each in move.by} for key, move in transitions.MOVES.items()}
    assert {key: set(who) for key, (_, who) in KEPT.items()} == makers
    assert {act for _, act in KEPT} == set(RequestAct) - {RequestAct.SUBMIT}


@pytest.mark.parametrize(
    ("state", "act", "who", "verb"),
    [(state, act, who, verb) for (state, act), (verb, makers) in KEPT.items() for who in makers],
    ids=lambda each: getattr(each, "value", each),
)
def test_a_move_of_a_request_is_kept_once_with_who_made_it_and_what_became_of_it(
    state: RequestState, act: RequestAct, who: str, verb: str
) -> None:
    asked = Asked()
    if act is RequestAct.ESCALATE:  # the only route of this platform that hands on
        lead = AskedRequest(
            RequestKind.ENDPOINT, "nlp", WorkloadType.SERVING, "launch", subject="chat", environment="production"
        )
        request = asked.office.of("ada", MEMBER).ask(lead)
    else:
        request = asked.brought_to(state)
    before = asked.office.store.audit_head().number
    if who == TIME:
        asked.time_passes(request)
    else:
        asked.move(request.id, act, who, LEAD if who == BOSS else MEMBER)
    after = asked.office.store.request(request.id)
    kept = list(asked.office.store.whole_audit())
    assert gone_along(kept).sound
    (told,) = (each.act for each in kept[before:])
    assert (told.verb, told.who, told.subject, told.team) == (verb, who, f"request/{request.id}", "nlp")
    assert dict(told.details)["state"] == after.state.value == transitions.MOVES[state, act].to.value
    assert (told.why, told.outcome) == ("" if who == TIME else "because", "done")
    assert told.at == round(asked.office.now * 1000)


@pytest.mark.parametrize(
    ("devices", "verbs"),
    [
        pytest.param(8, [(ADA, "request.submit")], id="that waits"),
        pytest.param(1, [(ADA, "request.submit"), (TIME, "request.approve")], id="that is given at once"),
    ],
)
def test_a_request_is_kept_from_its_beginning(devices: int, verbs: list[tuple[str, str]]) -> None:
    office = Office()
    office.of("ada", MEMBER).ask(gpus(devices))
    assert office.verbs() == verbs


# Grants


def by_hand(office: Office, grant: str, change: Callable[[str], str | None]) -> None:
    """Somebody commits another text in the place of a grant's file, or removes it."""
    office.repository.commit_by(HUMAN, {grant_path(grant): change(office.file(grant) or "")})


def fewer(text: str) -> str:
    return text.replace("devices: 6", "devices: 4")


def later(office: Office, hours: float) -> None:
    office.now += hours * 3600


def in_trouble(office: Office) -> None:
    office.trouble = {CLUSTER: "it does not answer"}


def given(office: Office) -> str:
    """The grant of the story, as its people have it."""
    taken = story(office)
    office.passes()
    assert office.grant(taken.id) is GrantState.ACTIVE
    return taken.id


def its_time(office: Office) -> None:
    given(office)
    later(office, 48)
    office.passes()


def ended_before_it_begins(office: Office) -> None:
    office.of("ada", MEMBER).end_grant(story(office).id, "not needed")


def nobody_came_to_give_it(office: Office) -> None:
    story(office)
    later(office, 49)
    office.passes()


def somebody_s_file_in_its_place(office: Office) -> None:
    by_hand(office, story(office).id, lambda _: "kind: Grant\n")
    office.passes(1)


def being_given(office: Office) -> str:
    taken = story(office)
    in_trouble(office)
    office.passes(1)
    assert office.grant(taken.id) is GrantState.GIVING
    return taken.id


def ended_while_it_is_given(office: Office) -> None:
    office.of("ada", MEMBER).end_grant(being_given(office), "not needed")


def over_while_it_is_given(office: Office) -> None:
    being_given(office)
    later(office, 48)
    office.passes(1)


def edited_while_it_is_given(office: Office) -> None:
    by_hand(office, being_given(office), fewer)
    office.passes(1)


def prolonged(office: Office) -> None:
    grant = given(office)
    more = AskedRequest(RequestKind.GPUS, "nlp", WorkloadType.TRAINING, "more", lasts=24 * HOUR, extends=grant)
    asked = office.of("ada", MEMBER).ask(more)
    office.of("root@acme", ENGINEER).move(asked.id, AskedMove(RequestAct.APPROVE))
    office.passes(1)


def ended_early(office: Office) -> None:
    office.of("ada", MEMBER).end_grant(given(office), "done")
    office.passes(1)


def edited(office: Office) -> str:
    grant = given(office)
    by_hand(office, grant, fewer)
    office.passes(1)
    assert office.grant(grant) is GrantState.CONFLICT
    return grant


def edited_and_restored(office: Office) -> None:
    office.of("root@acme", ENGINEER).settle(edited(office), restore=True)
    office.passes(1)


def removed_and_kept_so(office: Office) -> None:
    grant = given(office)
    by_hand(office, grant, lambda _: None)
    office.passes(1)
    office.of("root@acme", ENGINEER).settle(grant, restore=False)
    office.passes(1)


def edited_and_put_back(office: Office) -> None:
    by_hand(office, edited(office), lambda text: text.replace("devices: 4", "devices: 6"))
    office.passes(1)


def edited_and_removed_once_it_is_over(office: Office) -> None:
    grant = edited(office)
    later(office, 48)
    by_hand(office, grant, lambda _: None)
    office.passes(1)


def edited_while_it_is_taken_back(office: Office) -> None:
    grant = given(office)
    office.of("ada", MEMBER).end_grant(grant, "done")
    by_hand(office, grant, fewer)
    office.passes(1)


def refused_where_it_was_to_be_merged(office: Office) -> None:
    assert isinstance(office, ForgeOffice)
    story(office)
    office.passes(1)
    office.close()
    office.passes(1)


BEGINS: list[Move] = [("due", "giving", "grant.begin")]
IS_GIVEN: list[Move] = [*BEGINS, ("giving", "active", "grant.give")]
IN_CONFLICT: list[Move] = [*IS_GIVEN, ("active", "conflict", "grant.conflict")]
GOES: Move = ("taking-back", "ended", "grant.take-back")
OF_GRANTS: Mapping[Callable[[Office], object], list[Move]] = {
    its_time: [*IS_GIVEN, ("active", "taking-back", "grant.expire"), GOES],
    ended_before_it_begins: [("due", "ended", "grant.end")],
    nobody_came_to_give_it: [("due", "ended", "grant.take-back")],
    somebody_s_file_in_its_place: [("due", "conflict", "grant.conflict")],
    ended_while_it_is_given: [*BEGINS, ("giving", "taking-back", "grant.end")],
    over_while_it_is_given: [*BEGINS, ("giving", "taking-back", "grant.expire")],
    edited_while_it_is_given: [*BEGINS, ("giving", "conflict", "grant.conflict")],
    refused_where_it_was_to_be_merged: [*BEGINS, ("giving", "ended", "grant.take-back")],
    prolonged: [*IS_GIVEN, ("active", "giving", "request.approve"), ("giving", "active", "grant.give")],
    ended_early: [*IS_GIVEN, ("active", "taking-back", "grant.end"), GOES],
    edited_and_restored: [
        *IN_CONFLICT, ("conflict", "giving", "grant.settle"), ("giving", "active", "grant.give"),
    ],
    removed_and_kept_so: [*IN_CONFLICT, ("conflict", "taking-back", "grant.settle"), GOES],
    edited_and_put_back: [*IN_CONFLICT, ("conflict", "giving", "grant.begin"), ("giving", "active", "grant.give")],
    edited_and_removed_once_it_is_over: [*IN_CONFLICT, ("conflict", "taking-back", "grant.expire"), GOES],
    edited_while_it_is_taken_back: [
        *IS_GIVEN, ("active", "taking-back", "grant.end"), ("taking-back", "conflict", "grant.conflict"),
    ],
}  # fmt: skip


def test_each_move_of_a_grant_is_made_in_some_row() -> None:
    every = {(before.value, to.value) for before, all_ in granting.MOVES.items() for to in all_}
    assert {(before, to) for moves in OF_GRANTS.values() for before, to, _ in moves} == every


@pytest.mark.parametrize("happens", OF_GRANTS, ids=lambda each: each.__name__)
def test_a_move_of_a_grant_is_kept_in_the_transaction_that_makes_it(happens: Callable[[Office], object]) -> None:
    store = WatchedStore()
    office = ForgeOffice(store=store) if happens is refused_where_it_was_to_be_merged else Office(store=store)
    happens(office)
    assert store.moves == OF_GRANTS[happens]
    assert gone_along(store.whole_audit()).sound


def test_what_a_team_leaves_behind_goes_move_by_move() -> None:
    store = WatchedStore()
    office = TeamOffice(store=store)
    given(office)
    approved(office, leaves(office))
    store.moves.clear()
    office.passes(12)
    assert store.moves == [
        ("due", "giving", "grant.begin"),  # that it leaves
        ("active", "taking-back", "grant.end"),
        GOES,
        ("giving", "active", "grant.give"),
    ]
    later(office, 31 * 24)
    store.moves.clear()
    office.passes(12)
    assert store.moves == [("active", "taking-back", "grant.expire"), GOES]
