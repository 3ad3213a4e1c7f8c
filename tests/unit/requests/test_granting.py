"""Grants: how one comes of a request, what people do with it, and what is told of its end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.errors import ConflictError, UsageError
from allotment.model.requests.grant import DeclaredGrant, GrantState, TeamGrant
from allotment.model.requests.request import RequestAct
from allotment.model.requests.terms import RequestKind, Terms
from allotment.requests.granting import (
    MOVES,
    after_end,
    become,
    check_extension,
    ended,
    extended,
    grant_of,
    kept,
    restored,
    text_digest,
)
from allotment.requests.transitions import moved
from tests.unit.requests.cases import (
    DAY,
    HOUR,
    LEA,
    MILLION,
    RULES,
    START,
    approved,
    deed,
    grant,
    request,
    share,
    taken,
    terms,
    wish,
)

PRICES = {("training", "a100-spot"): MILLION}
END = START + 72 * HOUR


def standing(state: GrantState, of: TeamGrant | None = None) -> TeamGrant:
    return replace(of or grant(), state=state, written="digest", trouble="something")


def declared(given: Terms, *, name: str = "r0000001", team: str = "nlp") -> DeclaredGrant:
    return DeclaredGrant(name, team, given.since, given.until, given.shares, given.taken, "")


def test_a_grant_begins_as_its_request_was_approved() -> None:
    part = moved(request(6), RequestAct.APPROVE, deed(LEA, on=terms(3, hours=5)), RULES)
    made = grant_of(part)

    assert (made.id, made.team, made.kind, made.requester) == ("r0000001", "nlp", RequestKind.GPUS, "ann")
    assert (made.state, made.revision, made.written) == (GrantState.DUE, 1, "")
    assert made.terms == terms(3, hours=5)
    assert made.approved == (made.terms,)


def test_nothing_is_granted_that_was_not_approved_or_belongs_to_another() -> None:
    with pytest.raises(ConflictError, match="grants nothing"):
        grant_of(request(6))
    with pytest.raises(UsageError, match="is about grant r0000009"):
        grant_of(approved(4, extends="r0000009"))


def test_devices_that_another_kind_was_approved_with_are_not_given() -> None:
    endpoint = replace(approved(4), wish=wish(RequestKind.ENDPOINT))
    with pytest.raises(UsageError, match="gives no devices"):
        grant_of(endpoint)
    standing_one = replace(grant(), kind=RequestKind.ENDPOINT, terms=terms(0), state=GrantState.ACTIVE)
    with pytest.raises(UsageError, match="gives no devices"):
        extended(standing_one, replace(endpoint, extends=standing_one.id), 30, START)


@pytest.mark.parametrize("to", GrantState)
@pytest.mark.parametrize("state", GrantState)
def test_only_moves_of_the_table_are_made(state: GrantState, to: GrantState) -> None:
    before = standing(state)
    if to in MOVES[state]:
        after = become(before, to)
        assert (after.state, after.revision, after.trouble) == (to, before.revision + 1, "")
    else:
        with pytest.raises(ConflictError) as caught:
            become(before, to)
        assert caught.value.why == f"it is {state.value}"


def test_every_state_is_reached_and_can_end() -> None:
    assert set(MOVES) == set(GrantState)
    assert set().union(*MOVES.values()) | {GrantState.DUE} == set(GrantState)
    assert [each for each in GrantState if not MOVES[each]] == [GrantState.ENDED]


# Ending early


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (GrantState.DUE, GrantState.ENDED),
        (GrantState.GIVING, GrantState.TAKING_BACK),
        (GrantState.ACTIVE, GrantState.TAKING_BACK),
        (GrantState.TAKING_BACK, None),
        (GrantState.CONFLICT, None),
        (GrantState.ENDED, None),
    ],
)
def test_a_grant_is_ended_early_where_it_goes_on(state: GrantState, to: GrantState | None) -> None:
    priced = replace(grant(), terms=terms(4, price=72 * MILLION))
    if to is None:
        with pytest.raises(ConflictError) as caught:
            ended(standing(state), START + HOUR)
        assert caught.value.fix
    else:
        after = ended(standing(state, priced), START + 24 * HOUR)
        assert after.state is to
        assert (after.terms.until, after.terms.price) == (START + 24 * HOUR, 24 * MILLION)
        assert after.approved == priced.approved


# Extending and changing


@pytest.mark.parametrize(
    ("more", "becomes"),
    [
        # Joins on: one with what was there, and priced as both.
        (terms(4, since=END, hours=24, price=24), terms(4, hours=96, price=96)),
        # Overlaps: what was there counts up to where the new begins.
        (terms(4, since=START + 36 * HOUR, hours=60, price=60), terms(4, hours=96, price=96)),
        # From the beginning, or from now on: takes its place.
        (terms(4, hours=96, price=90), terms(4, hours=96, price=90)),
        (terms(6, since=START + HOUR, hours=10, price=20), terms(6, since=START + HOUR, hours=10, price=21)),
        (terms(2, since=START + HOUR, hours=10, price=None), terms(2, since=START + HOUR, hours=10)),
    ],
    ids=["joins", "overlaps", "from the beginning", "another number from now", "price not known"],
)
@pytest.mark.parametrize("state", [GrantState.DUE, GrantState.ACTIVE])
def test_a_grant_goes_on_as_was_approved(state: GrantState, more: Terms, becomes: Terms) -> None:
    before = replace(standing(state, replace(grant(), terms=terms(4, price=72))), told=("hours:80",))
    asked = replace(approved(4, extends=before.id), terms=more)
    now = START + HOUR
    after = extended(before, asked, 30, now)

    assert after.terms == becomes
    assert after.approved == (*before.approved, becomes)
    assert after.state is (GrantState.GIVING if state is GrantState.ACTIVE else state)
    assert (after.revision, after.told, after.written) == (before.revision + 1, (), before.written)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (terms(4, since=END + 1, hours=24), "that begins 2027-01-14T09:00:00Z"),
        (terms(5, since=END, hours=24), "that begins 2027-01-14T09:00:00Z"),
        (terms(4, since=END, hours=24, taking=(taken(1),)), "that begins 2027-01-14T09:00:00Z"),
        (terms(4, since=END, hours=28 * 24), "quota is given for at most 30 days"),
        (terms(4, since=END, hours=None), "quota is given for at most 30 days"),
    ],
    ids=["a gap", "others later", "from others later", "too long from its beginning", "for good"],
)
def test_what_does_not_join_on_is_a_grant_of_its_own(more: Terms, what: str) -> None:
    asked = replace(approved(4, extends="r0000001"), terms=more)

    with pytest.raises(UsageError) as caught:
        extended(standing(GrantState.ACTIVE), asked, 30, START + HOUR)
    assert caught.value.what.startswith(what)


def test_the_longest_time_is_reckoned_from_the_first_beginning() -> None:
    """Change by change it would else be for ever."""
    changed = replace(standing(GrantState.ACTIVE), terms=terms(4, since=START + 20 * DAY, hours=10 * 24))
    more = terms(4, since=START + 30 * DAY, hours=1)

    with pytest.raises(UsageError, match="at most 30 days"):
        extended(changed, replace(approved(4, extends="r0000001"), terms=more), 30, START + 25 * DAY)
    assert extended(changed, replace(approved(4, extends="r0000001"), terms=more), 31, START + 25 * DAY)


@pytest.mark.parametrize("state", [GrantState.GIVING, GrantState.TAKING_BACK, GrantState.CONFLICT, GrantState.ENDED])
def test_a_grant_is_not_changed_while_its_file_is(state: GrantState) -> None:
    asked = replace(approved(4, extends="r0000001"), terms=terms(4, hours=96))

    with pytest.raises(ConflictError) as caught:
        extended(standing(state), asked, 30, START + HOUR)
    assert (caught.value.fix == "try again in a moment") == (state is GrantState.GIVING)


def test_a_grant_is_not_changed_after_its_end_nor_without_approval_nor_by_another() -> None:
    asked = replace(approved(4, extends="r0000001"), terms=terms(4, hours=96))
    active = standing(GrantState.ACTIVE)
    with pytest.raises(ConflictError, match="cannot be changed now"):
        extended(active, asked, 30, END)
    assert extended(active, asked, 30, END - 1)
    with pytest.raises(ConflictError, match="grants nothing"):
        extended(active, request(6, extends="r0000001"), 30, START)
    check_extension(active, request(6, extends="r0000001"), 30, START)  # it may be submitted
    for other in (
        replace(asked, extends=""),
        replace(asked, wish=replace(asked.wish, team="cv")),
        replace(asked, wish=replace(asked.wish, kind=RequestKind.NOTEBOOK)),
    ):
        with pytest.raises(UsageError, match="is not about grant"):
            extended(active, other, 30, START)


# Conflicts


def test_what_was_agreed_is_restored_over_what_people_have_seen() -> None:
    before = standing(GrantState.CONFLICT)

    again = restored(before, "edited", END - 1)
    assert (again.state, again.written, again.trouble) == (GrantState.GIVING, text_digest("edited"), "")
    assert restored(before, None, END - 1).written == ""
    assert restored(before, "edited", END).state is GrantState.TAKING_BACK


@pytest.mark.parametrize(
    ("stands", "goes_on"),
    [
        (declared(terms(3)), True),
        (declared(terms(4, hours=1)), True),
        (declared(terms(4)), True),
        (declared(terms(5)), False),
        (declared(terms(4, hours=73)), False),
        (declared(terms(4, taking=(taken(1),))), False),
        (declared(terms(4), team="cv"), False),
        (declared(terms(4), name="another"), False),
        (None, False),
    ],
)
def test_what_somebody_wrote_is_kept_within_what_was_approved_or_is_his_own(
    stands: DeclaredGrant | None, *, goes_on: bool
) -> None:
    before = standing(GrantState.CONFLICT)
    after = kept(before, "edited", stands, PRICES, START + HOUR)

    if goes_on and stands is not None:
        assert (after.state, after.by_hand) == (GrantState.GIVING, True)
        assert after.written == text_digest("edited")
        assert (after.terms.shares, after.terms.until) == (stands.shares, stands.until)
        hours = ((stands.until or 0) - stands.since) // HOUR
        assert after.terms.price == stands.shares[0].devices * hours * MILLION
    else:
        assert (after.state, after.written, after.by_hand) == (GrantState.TAKING_BACK, "", True)
        assert after.terms.until == START + HOUR
    assert after.approved == before.approved


def test_a_file_that_was_removed_or_whose_time_is_over_ends_its_grant_where_it_is_kept() -> None:
    before = standing(GrantState.CONFLICT)

    assert kept(before, None, None, PRICES, START + HOUR).state is GrantState.TAKING_BACK
    assert kept(before, "edited", declared(terms(4)), PRICES, END).state is GrantState.TAKING_BACK


@pytest.mark.parametrize("state", [each for each in GrantState if each is not GrantState.CONFLICT])
def test_there_is_nothing_to_decide_without_a_conflict(state: GrantState) -> None:
    with pytest.raises(ConflictError, match="in no conflict"):
        restored(standing(state), "edited", START)
    with pytest.raises(ConflictError, match="in no conflict"):
        kept(standing(state), "edited", None, PRICES, START)


# What is told of its end


def test_the_end_of_a_guarantee_is_told() -> None:
    lent = replace(grant(4), terms=terms(4, taking=(taken(3),)))

    assert after_end(lent) == (
        "On 2027-01-14T09:00:00Z the guarantee of team nlp falls by 4 a100-spot in training. Nothing is stopped at that"
        " moment: what runs on it is borrowed from then on, and gives way when its owners want it back. Other grants of"
        " the team go on. Nothing more is charged to this one. What was taken of others goes back to them:"
        " 3 a100-spot in training."
    )
    both = replace(grant(4), terms=terms(shares=(share(4), share(0, flavor="cpu", cpu=8_000))))
    assert "falls by 4 a100-spot in training, CPU and memory of cpu in training." in after_end(both)


def test_the_end_of_what_is_no_quota_is_told() -> None:
    endpoint = replace(grant(4), kind=RequestKind.ENDPOINT, subject="chat", terms=terms(0))

    assert after_end(endpoint) == (
        "On 2027-01-14T09:00:00Z endpoint chat is taken back from team nlp, and what runs there ends."
        " Nothing more is charged to it."
    )
    assert after_end(replace(endpoint, terms=terms(0, hours=None))).startswith("It has no end")
