"""The steps of a team that comes or leaves: which is next, and that none is passed over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.errors import ConflictError
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import RequestState
from allotment.model.requests.terms import RequestKind
from allotment.model.requests.timeline import StepOutcome
from allotment.requests.granting import refused
from allotment.requests.team_steps import (
    COMING,
    GONE,
    LEAVING,
    TeamStep,
    begun,
    ended_with_team,
    next_step,
    noted,
    over_with_team,
)
from tests.unit.requests.cases import terms
from tests.unit.requests.test_granting import approved
from tests.unit.requests.test_granting import grant as granted

NOW = 2_000_000_000_000


def of(kind: RequestKind, state: GrantState = GrantState.DUE, until: int | None = None) -> TeamGrant:
    given = replace(terms(0), since=0, until=until)
    return replace(granted(), kind=kind, state=state, terms=given, approved=(given,), timeline=())


@pytest.mark.parametrize(
    ("kind", "state", "until", "to", "first"),
    [
        (RequestKind.TEAM, GrantState.DUE, None, GrantState.GIVING, TeamStep.COMMIT),
        (RequestKind.TEAM, GrantState.ACTIVE, None, GrantState.ACTIVE, None),
        (RequestKind.TEAM, GrantState.ENDED, None, GrantState.ENDED, None),
        (RequestKind.LEAVE, GrantState.DUE, NOW + 1, GrantState.GIVING, TeamStep.COMMIT),
        (RequestKind.LEAVE, GrantState.GIVING, NOW, GrantState.GIVING, TeamStep.COMMIT),
        (RequestKind.LEAVE, GrantState.ACTIVE, NOW + 1, GrantState.ACTIVE, None),
        (RequestKind.LEAVE, GrantState.ACTIVE, NOW, GrantState.TAKING_BACK, TeamStep.TAKE_OUT),
    ],
)
def test_what_is_to_be_done_now(
    kind: RequestKind, state: GrantState, until: int | None, to: GrantState, first: TeamStep | None
) -> None:
    after = begun(of(kind, state, until), NOW)
    assert (after.state, next_step(after)) == (to, first)


@given(
    st.sampled_from([(RequestKind.TEAM, COMING, None), (RequestKind.LEAVE, (*LEAVING, *GONE), NOW)]),
    st.lists(st.sampled_from(list(StepOutcome)), max_size=40),
)
def test_every_step_is_done_once_and_in_its_turn(
    which: tuple[RequestKind, tuple[TeamStep, ...], int | None], outcomes: list[StepOutcome]
) -> None:
    kind, every, until = which
    grant = of(kind, until=until)
    for outcome in outcomes:
        grant = begun(grant, NOW)
        step = next_step(grant)
        if step is None:
            break
        for other in set(TeamStep) - {step}:
            with pytest.raises(ValueError, match="not the turn"):
                noted(grant, other, NOW, "", outcome)
        before = grant.revision
        grant = noted(grant, step, NOW, "said", outcome)
        assert grant.revision == before + 1
    done = [each.name for each in grant.timeline if each.outcome is StepOutcome.DONE]
    assert done == [each.value for each in every[: len(done)]]
    names = [each.name for each in grant.timeline]
    assert len(set(names)) == len(names)
    assert sum(each.tries for each in grant.timeline) <= len(outcomes)
    if grant.state is GrantState.ACTIVE:
        assert done[: len(COMING if kind is RequestKind.TEAM else LEAVING)] == [
            each.value for each in (COMING if kind is RequestKind.TEAM else LEAVING)
        ]


@pytest.mark.parametrize(
    ("kind", "state", "to"),
    [
        (RequestKind.GPUS, GrantState.DUE, [GrantState.ENDED]),
        (RequestKind.GPUS, GrantState.GIVING, [GrantState.TAKING_BACK]),
        (RequestKind.GPUS, GrantState.ACTIVE, [GrantState.TAKING_BACK]),
        (RequestKind.GPUS, GrantState.CONFLICT, [GrantState.TAKING_BACK]),
        (RequestKind.VOLUME, GrantState.TAKING_BACK, []),
        (RequestKind.GPUS, GrantState.ENDED, []),
        (RequestKind.TEAM, GrantState.ACTIVE, [GrantState.TAKING_BACK, GrantState.ENDED]),
        (RequestKind.LEAVE, GrantState.GIVING, []),
    ],
)
def test_what_becomes_of_a_grant_of_a_team_that_leaves(
    kind: RequestKind, state: GrantState, to: list[GrantState]
) -> None:
    found = ended_with_team(replace(granted(), kind=kind, state=state), NOW)
    assert [each.state for each in found] == to
    assert [each.revision for each in found] == list(range(granted().revision + 1, granted().revision + 1 + len(to)))


def test_an_open_request_is_over_with_its_team() -> None:
    waiting = replace(approved(4), state=RequestState.WAITING, due=5, route="platform-lead")
    over = over_with_team(waiting)
    assert (over.state, over.due, over.route, over.revision) == (
        RequestState.WITHDRAWN,
        None,
        "",
        waiting.revision + 1,
    )
    with pytest.raises(ConflictError):
        over_with_team(over)


@pytest.mark.parametrize(
    ("state", "written", "to"),
    [
        (GrantState.GIVING, "", GrantState.ENDED),
        (GrantState.GIVING, "d1", GrantState.CONFLICT),
        (GrantState.TAKING_BACK, "d1", GrantState.CONFLICT),
    ],
)
def test_what_becomes_of_a_grant_whose_change_a_person_refuses(state: GrantState, written: str, to: GrantState) -> None:
    after = refused(replace(granted(), state=state, written=written), "closed", NOW)
    assert (after.state, after.trouble) == (to, "closed")
    if to is GrantState.ENDED:
        assert after.terms.lasts == 0, "nothing is charged"
