"""What nobody decides on: whatever a team asks for, and in whatever pieces, it has no more than it had in one.

"In one" is this: of every number of devices, the hours for which the team has so many or more by grants on which nobody
decided, within the time that a grant may last, would have been given at once to somebody who asks for as many in one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.errors import AllotmentError
from allotment.model.requests.gates import AT_ONCE
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestAct, RequestState
from allotment.model.requests.terms import RequestKind, Terms
from allotment.operations.decide.showing import recounted
from allotment.requests.gates import GivenBeside, given_beside, needs_somebody, nobody_decided, whole_of
from allotment.requests.granting import check_extension, ended, extended, grant_of
from allotment.requests.pricing import price_of
from allotment.requests.transitions import Draft, Shown, moved, submitted
from tests.by_day import by_day
from tests.unit.requests.cases import (
    ADA,
    DAY,
    HOUR,
    MILLION,
    RULES,
    START,
    USUAL,
    approved,
    deed,
    gate,
    grant,
    request,
    share,
    taken,
    terms,
    wish,
)

LONGEST = 30
APPROVALS = replace(
    USUAL,
    gates=(
        gate("small", AT_ONCE, RequestKind.GPUS, most=2),
        gate("cheap", AT_ONCE, RequestKind.GPUS, least=3, most=7, below_price=300 * MILLION, undone_within=600),
        gate("large", "leadership", least=8),
    ),
    budgets=(),
    longest=LONGEST,
)
DECIDERS = replace(RULES, approvals=APPROVALS)
PRICES = {("training", "a100-spot"): 3 * MILLION}


@dataclass(frozen=True)
class Piece:
    """Devices on which nobody decided, for a time."""

    grant: str
    since: int
    until: int
    devices: int


@dataclass
class Team:
    """What a team asks for and has; the pieces are written down when they are given, whatever the grants say later."""

    now: int = START
    grants: dict[str, TeamGrant] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)
    asked: int = 0
    counts: bool = True
    """Whether what was given before counts."""

    @property
    def room(self) -> Any:
        def grants(within: frozenset[str]) -> tuple[TeamGrant, ...]:
            return tuple(each for each in self.grants.values() if each.team in within)

        store = SimpleNamespace(grants=grants, grant=lambda name: self.grants[name])
        return SimpleNamespace(store=store, now=lambda: self.now, spent=lambda _: 0)

    def ask(self, devices: int, hours: int, delay: int, about: int | None, *, human: bool) -> None:
        extends = None if about is None or not self.grants else list(self.grants.values())[about % len(self.grants)]
        since = self.now + delay * HOUR
        if extends is not None and not devices:
            devices, since = extends.terms.devices, max(self.now, extends.terms.until or 0)
        if not devices:
            return
        on = Terms((share(devices),), (), since, since + hours * HOUR, None)
        on = replace(on, price=price_of(on, PRICES))
        name = extends.id if extends else ""
        platform: Any = SimpleNamespace(approvals=APPROVALS)
        shown = recounted(self.room, platform, wish(), on, Shown(undone_in=60), without=name)
        if not self.counts:
            shown = replace(shown, beside=GivenBeside(shown.beside.devices))
        self.asked += 1
        try:
            made = submitted(Draft(f"r{self.asked:07}", wish(), on, "ann", self.now, "test", name, shown), APPROVALS)
            if made.state is RequestState.WAITING and human:
                made = moved(made, RequestAct.APPROVE, deed(ADA, self.now), DECIDERS)
            if made.state is RequestState.APPROVED:
                self._give(made, extends)
        except AllotmentError:
            return

    def end(self, which: int) -> None:
        for each in list(self.grants.values())[which:][:1]:
            try:
                self.grants[each.id] = ended(each, self.now)
            except AllotmentError:
                return
            self._cut(each.id, self.now)

    def wait(self, hours: int) -> None:
        self.now += hours * HOUR
        for each in self.grants.values():
            over = each.terms.until is not None and each.terms.until <= self.now
            if each.state in {GrantState.DUE, GrantState.ACTIVE, GrantState.GIVING}:
                begun = GrantState.ACTIVE if each.terms.since <= self.now else GrantState.DUE
                self.grants[each.id] = replace(each, state=GrantState.ENDED if over else begun)
            elif each.state is GrantState.TAKING_BACK:
                self.grants[each.id] = replace(each, state=GrantState.ENDED)

    def _give(self, made: GrantRequest, extends: TeamGrant | None) -> None:
        if extends is None:
            after = grant_of(made)
        else:
            check_extension(extends, made, LONGEST, self.now)
            after = extended(extends, made, LONGEST, self.now)
        self.grants[after.id] = after
        self._cut(after.id, made.terms.since)
        if any(each.by for each in made.decisions):
            # Somebody has decided on the whole.
            self.pieces = [each for each in self.pieces if each.grant != after.id]
        elif extends is None or not _within(made.terms, extends):
            assert made.terms.until is not None
            self.pieces.append(Piece(after.id, made.terms.since, made.terms.until, made.terms.devices))
        self.wait(0)

    def _cut(self, name: str, at: int) -> None:
        cut = [replace(each, until=min(each.until, at)) if each.grant == name else each for each in self.pieces]
        self.pieces = [each for each in cut if each.since < each.until]

    def check(self) -> None:
        moments = sorted({moment for each in self.pieces for moment in (each.since, each.until)})
        for start in moments:
            end = start + LONGEST * DAY
            inside = [each for each in moments if start <= each < end] + [end]
            hours: dict[int, int] = {}
            for since, until in itertools.pairwise(inside):
                devices = sum(each.devices for each in self.pieces if each.since <= since < each.until)
                for number in range(3, devices + 1):
                    hours[number] = hours.get(number, 0) + until - since
            for number, lasts in hours.items():
                assert number <= 7, "so many are for people to decide on"
                assert number * lasts * 3 < 300 * HOUR, f"{number} devices for {lasts // HOUR} h in pieces"


def _within(on: Terms, extends: TeamGrant) -> bool:
    decided = [each for each, by in zip(extends.approved, extends.decided, strict=True) if by]
    return any(on.within(each) for each in decided)


Script = list[tuple[str, tuple[Any, ...]]]

ASKS = st.tuples(
    st.integers(0, 8),
    st.sampled_from((1, 2, 5, 10, 14, 20, 48, 300)),
    st.sampled_from((0, 0, 0, 1, 5, 30, 100, 700, 900)),
    st.none() | st.integers(0, 4),
    st.booleans(),
)
SCRIPTS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), ASKS),
        st.tuples(st.just("ask"), ASKS),
        st.tuples(st.just("wait"), st.tuples(st.sampled_from((1, 5, 10, 14, 100, 500)))),
        st.tuples(st.just("end"), st.tuples(st.integers(0, 4))),
    ),
    max_size=25,
)


def play(team: Team, script: Script) -> Team:
    for name, args in script:
        if name == "ask":
            team.ask(*args[:4], human=args[4])
        else:
            getattr(team, name)(*args)
        team.check()
    return team


@settings(max_examples=by_day(300), deadline=None)
@given(SCRIPTS)
def test_pieces_give_no_more_than_the_whole(script: Script) -> None:
    play(Team(), script)


@pytest.mark.nightly
@settings(max_examples=3_000, deadline=None)
@given(SCRIPTS)
def test_pieces_give_no_more_at_length(script: Script) -> None:
    play(Team(), script)


@pytest.mark.parametrize(
    ("script", "devices"),
    [
        ([("ask", (7, 14, 2, None, False)), ("ask", (0, 14, 0, 0, False))], 7),
        ([("ask", (7, 14, 0, None, False)), ("wait", (14,)), ("ask", (7, 14, 0, None, False))], 7),
        ([("ask", (7, 10, 0, None, False)), ("wait", (6,)), ("end", (0,)), ("ask", (7, 14, 0, None, False))], 7),
        ([("ask", (7, 14, 700, None, False)), ("ask", (7, 14, 0, None, False))], 7),
        ([("ask", (7, 14, 750, None, False))], 0),
        ([("ask", (7, 1, 2, None, True)), ("ask", (7, 14, 0, None, False)), ("ask", (0, 14, 0, 0, False))], 7),
        ([("ask", (4, 14, 0, None, False)), ("ask", (3, 15, 0, None, False))], 4),
    ],
    ids=["by an extension", "one after the other", "once more after its end", "before another", "in the far future",
         "longer than the first", "beside each other"],
)  # fmt: skip
def test_what_is_asked_for_in_pieces(script: Script, devices: int) -> None:
    team = play(Team(), script)

    assert sum(each.devices for each in team.pieces) == devices


def test_pieces_can_give_more() -> None:
    script: Script = [("ask", (7, 14, 0, None, False)), ("wait", (14,)), ("ask", (7, 14, 0, None, False))]

    with pytest.raises(AssertionError, match="devices for 28 h in pieces"):
        play(Team(counts=False), script)


# What nobody may be given at once, whatever the gates say

DECIDED = grant(6)
"""Somebody has decided on it: six for three days."""
AT_ONCE_GRANT = grant(2)


@pytest.mark.parametrize(
    ("whole", "extends", "may"),
    [
        (terms(2), None, True),
        (terms(2, since=START + 30 * DAY), None, True),
        (terms(2, since=START + 30 * DAY + 1), None, False),
        (terms(2, taking=(taken(1),)), None, False),
        (terms(2, hours=96), AT_ONCE_GRANT, True),
        (terms(6, hours=96), DECIDED, False),
        (terms(2, hours=96), DECIDED, False),
        (terms(2, hours=48), DECIDED, True),
        (terms(6), DECIDED, True),
    ],
    ids=["a little", "in a month", "later", "of others", "more of it", "longer than decided", "less, and longer",
         "less", "the same"],
)  # fmt: skip
def test_what_may_be_given_at_once(whole: Terms, extends: TeamGrant | None, *, may: bool) -> None:
    assert (needs_somebody(wish(), whole, extends, USUAL, START) == "") is may


def test_a_notebook_whose_device_costs_nobody_knows_what_waits_for_somebody() -> None:
    notebook = replace(wish(RequestKind.NOTEBOOK, subject="mine"), accelerator="h300")
    assert "cost more" in needs_somebody(notebook, terms(0), None, USUAL, START)
    assert needs_somebody(notebook, terms(0, price=1_000_000), None, USUAL, START) == ""
    assert needs_somebody(replace(notebook, accelerator=""), terms(0), None, USUAL, START) == "", "of processors alone"


def test_what_takes_of_others_goes_to_whoever_decides() -> None:
    waiting = request(on=terms(2, taking=(taken(1),)))

    assert (waiting.state, waiting.gate, waiting.route) == (RequestState.WAITING, "", "platform-lead")
    assert request(2).state is RequestState.APPROVED


def test_an_extension_of_an_unknown_grant_waits() -> None:
    assert request(2, extends="r0000009").state is RequestState.WAITING
    assert request(2, extends="r0000009", shown=Shown(extends=AT_ONCE_GRANT)).state is RequestState.APPROVED


def test_a_grant_counts_by_who_decided_on_its_present_terms() -> None:
    less = replace(approved(2, extends=DECIDED.id), terms=terms(2, hours=48))
    more = replace(approved(2, extends=DECIDED.id), terms=terms(2, hours=24 * 20))
    assert not nobody_decided(DECIDED)
    assert not nobody_decided(extended(DECIDED, replace(less, decisions=request(2).decisions), 30, START))
    assert nobody_decided(extended(DECIDED, replace(more, decisions=request(2).decisions), 30, START))
    assert nobody_decided(AT_ONCE_GRANT)
    assert nobody_decided(replace(DECIDED, decided=())), "of an older store's nobody knows"
    by_somebody = replace(approved(4, extends=AT_ONCE_GRANT.id), terms=terms(4))
    assert not nobody_decided(extended(replace(AT_ONCE_GRANT, decided=()), by_somebody, 30, START))


@pytest.mark.parametrize(
    ("others", "beside"),
    [
        ([], GivenBeside(0, 0)),
        ([terms(2, price=5), terms(0)], GivenBeside(2, 5)),
        ([terms(2, hours=1, since=START - HOUR, price=5)], GivenBeside(0, 5)),
        ([terms(2, hours=1, since=START - DAY - HOUR, price=5)], GivenBeside(0, 0)),
        ([terms(2, since=START + 96 * HOUR, price=5)], GivenBeside(0, 0)),
        ([terms(2, since=START + 95 * HOUR, price=5)], GivenBeside(0, 5)),
        ([terms(2, price=None), terms(1, price=5)], GivenBeside(3, None)),
    ],
)
def test_what_is_beside(others: list[Terms], beside: GivenBeside) -> None:
    assert given_beside(terms(4), others, DAY) == beside


def test_an_extension_is_judged_by_the_whole() -> None:
    held = replace(AT_ONCE_GRANT, terms=terms(2, price=432 * MILLION))
    more = terms(2, since=START + 72 * HOUR, hours=1, price=6 * MILLION)

    assert whole_of(more, held) == terms(2, hours=73, price=438 * MILLION)
    assert whole_of(more, None) == more
