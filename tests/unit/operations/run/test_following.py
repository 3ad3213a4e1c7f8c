"""Following a job: what a back end shows becomes moves of the table, and never more than was seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.operations.run.following import lost, moves_to
from allotment.ports.backends import EndOfRun, FollowedJob

S = JobState


def history(*states: JobState, attempt: int = 1) -> JobHistory:
    found = JobHistory()
    for state in states:
        found = found.become(Move(5, state, MoveCause.TAKEN, 0 if state in {S.SUBMITTED, S.QUEUED} else attempt))
    return found


def seen(state: JobState, attempt: int = 1, **more: object) -> FollowedJob:
    return FollowedJob("j1", "4711", state, attempt, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "now", "wanted"),
    [
        ((S.SUBMITTED,), seen(S.QUEUED, 0), [(S.QUEUED, MoveCause.TAKEN)]),
        ((S.SUBMITTED,), seen(S.RUNNING), [(S.QUEUED, MoveCause.TAKEN), (S.RUNNING, MoveCause.STARTED)]),
        ((S.SUBMITTED, S.QUEUED), seen(S.SUCCEEDED), [(S.SUCCEEDED, MoveCause.EXIT_CODE)]),
        ((S.SUBMITTED, S.QUEUED, S.RUNNING), seen(S.RUNNING), []),
        ((S.SUBMITTED, S.QUEUED, S.RUNNING), seen(S.QUEUED, 2), [(S.QUEUED, MoveCause.PREEMPTED)]),
        (
            (S.SUBMITTED, S.QUEUED, S.RUNNING),
            seen(S.RUNNING, 2),
            [(S.QUEUED, MoveCause.PREEMPTED), (S.RUNNING, MoveCause.STARTED)],
        ),
        (
            (S.SUBMITTED, S.QUEUED, S.RUNNING),
            seen(S.QUEUED, 2, before=EndOfRun(1)),
            [(S.QUEUED, MoveCause.RETRIED)],
        ),
        ((S.SUBMITTED, S.STAGING), seen(S.QUEUED), [(S.QUEUED, MoveCause.STAGED)]),
        # Its data came, and its first try failed, between two looks.
        (
            (S.SUBMITTED, S.STAGING),
            seen(S.RUNNING, 2, before=EndOfRun(1)),
            [(S.QUEUED, MoveCause.RETRIED), (S.RUNNING, MoveCause.STARTED)],
        ),
        ((S.SUBMITTED, S.QUEUED, S.RUNNING, S.SUCCEEDED), seen(S.RUNNING, 2), []),
        # It was told to stop, and its back end has not noticed yet.
        ((S.SUBMITTED, S.QUEUED, S.RUNNING, S.STOPPING), seen(S.RUNNING), []),
    ],
)
def test_moves(before: tuple[JobState, ...], now: FollowedJob, wanted: list[tuple[JobState, MoveCause]]) -> None:
    assert [(each.state, each.cause) for each in moves_to(history(*before), now, 9)] == wanted


def test_how_it_ended_is_said_on_one_line_and_bounded() -> None:
    end = EndOfRun(137, 1, "killed\n\x1b[31mred " + "x" * 1000)
    (move,) = moves_to(history(S.SUBMITTED, S.QUEUED, S.RUNNING), seen(S.FAILED, end=end, since=7), 9)
    assert move.at == 7
    assert move.said.startswith("exit code 137 of rank 1: killed\\n\\x1b[31mred")
    assert len(move.said) == 500


def test_only_what_a_back_end_had_can_be_lost() -> None:
    assert lost(history(S.SUBMITTED), 9) == ()
    assert [each.state for each in lost(history(S.SUBMITTED, S.QUEUED), 9)] == [S.FAILED]


@given(st.lists(st.tuples(st.sampled_from(JobState), st.integers(0, 3)), max_size=12))
def test_whatever_is_shown_every_move_is_legal_and_leads_there(looks: list[tuple[JobState, int]]) -> None:
    found = history(S.SUBMITTED)
    for at, (state, attempt) in enumerate(looks):
        moves = moves_to(found, seen(state, max(attempt, found.attempt)), at)
        for move in moves:
            found = found.become(move)
        assert not moves or found.state is state
