"""A job's states: every one is reached, every one ends, and what is not in the table is refused with the history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.model.jobs.run import MOVES, IllegalMoveError, JobHistory, JobState, Move, MoveCause


def reached(start: JobState) -> set[JobState]:
    found, left = {start}, [start]
    while left:
        for each in MOVES[left.pop()] - found:
            found.add(each)
            left.append(each)
    return found


def test_every_state_has_a_row_and_is_reached() -> None:
    assert set(MOVES) == set(JobState) == reached(JobState.SUBMITTED)


@pytest.mark.parametrize("state", JobState)
def test_a_state_is_over_or_comes_to_an_end(state: JobState) -> None:
    assert state.over == (not MOVES[state])
    assert any(each.over for each in reached(state))
    assert not (state.over and state.holds)


def test_an_illegal_move_is_told_with_its_history() -> None:
    history = JobHistory()
    for state in (JobState.SUBMITTED, JobState.QUEUED, JobState.SUCCEEDED):
        history = history.become(Move(1, state, MoveCause.TAKEN))
    with pytest.raises(IllegalMoveError) as caught:
        history.become(Move(2, JobState.RUNNING, MoveCause.STARTED))
    assert caught.value.why == "so far it was submitted → queued → succeeded"


@given(st.lists(st.tuples(st.integers(0, 10**13), st.sampled_from(JobState)), max_size=30))
def test_time_never_runs_backwards_and_only_moves_of_the_table_are_made(steps: list[tuple[int, JobState]]) -> None:
    history = JobHistory()
    for at, state in steps:
        before = history
        try:
            history = history.become(Move(at, state, MoveCause.TAKEN))
        except IllegalMoveError:
            assert history is before
            assert not history.may(state)
    times = [each.at for each in history.moves]
    assert times == sorted(times)
    assert all(
        after.state in MOVES[first.state] for first, after in zip(history.moves, history.moves[1:], strict=False)
    )
