"""Following a job: what a back end shows becomes moves of the table, and never more than was seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.operations.run.following import PLACE_LOST, as_numbered, lost, moves_to
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
        # It was let in and turned out again between two looks: nobody held it back.
        (
            (S.SUBMITTED, S.QUEUED, S.RUNNING, S.QUEUED),
            seen(S.QUEUED, 2),
            [(S.STARTING, MoveCause.ADMITTED), (S.QUEUED, MoveCause.PREEMPTED)],
        ),
        # It was told to stop, and its back end has not noticed yet.
        ((S.SUBMITTED, S.QUEUED, S.RUNNING, S.STOPPING), seen(S.RUNNING), []),
    ],
)
def test_moves(before: tuple[JobState, ...], now: FollowedJob, wanted: list[tuple[JobState, MoveCause]]) -> None:
    assert [(each.state, each.cause) for each in moves_to(history(*before), now, 9)] == wanted


def let_in_of(*moves: tuple[int, JobState, MoveCause, int]) -> JobHistory:
    found = JobHistory((Move(1000, S.SUBMITTED, MoveCause.SUBMITTED), Move(1000, S.QUEUED, MoveCause.TAKEN, 1)))
    for at, state, cause, attempt in moves:
        found = found.become(Move(at, state, cause, attempt))
    return found


RUNS = ((2000, S.STARTING, MoveCause.ADMITTED, 1), (3000, S.RUNNING, MoveCause.STARTED, 1))
GOES = (4000, S.STOPPING, MoveCause.RECLAIMED, 1)
TURNED_OUT = EndOfRun(None, said="The ClusterQueue is stopped", displaced=True)


@pytest.mark.parametrize(
    ("before", "now", "wanted"),
    [
        # Its pod waits, though it ran: it has lost its node.
        (
            RUNS,
            seen(S.STARTING, uncounted=True, since=5000),
            [
                (5000, S.STOPPING, MoveCause.RECLAIMED, 1),
                (5000, S.QUEUED, MoveCause.RECLAIMED, 2),
                (5000, S.STARTING, MoveCause.ADMITTED, 2),
            ],
        ),
        # The same, seen as it went, and when it is back already.
        (
            (*RUNS, GOES),
            seen(S.RUNNING, uncounted=True, since=6000),
            [(6000, S.QUEUED, MoveCause.RECLAIMED, 2), (6000, S.RUNNING, MoveCause.STARTED, 2)],
        ),
        (
            RUNS,
            seen(S.RUNNING, uncounted=True, since=6000),
            [
                (6000, S.STOPPING, MoveCause.RECLAIMED, 1),
                (6000, S.QUEUED, MoveCause.RECLAIMED, 2),
                (6000, S.RUNNING, MoveCause.STARTED, 2),
            ],
        ),
        # What it was seen to be is no news.
        (RUNS, seen(S.RUNNING, uncounted=True, since=3000), []),
        (RUNS, seen(S.STARTING, since=5000), []),
        ((*RUNS, GOES), seen(S.STOPPING, why=MoveCause.RECLAIMED), []),
        # What its back end has not counted once is counted on.
        (
            (*RUNS, GOES, (5000, S.QUEUED, MoveCause.RECLAIMED, 2), (6000, S.RUNNING, MoveCause.STARTED, 2)),
            seen(S.QUEUED, 2, since=7000, before=TURNED_OUT),
            [(7000, S.QUEUED, MoveCause.PREEMPTED, 3)],
        ),
        # Turned out by its queue while its pod went: counted there, and not twice.
        (
            (*RUNS, GOES),
            seen(S.RUNNING, 2, uncounted=True, since=6000, let_in=5000, before=TURNED_OUT),
            [(6000, S.QUEUED, MoveCause.PREEMPTED, 2), (6000, S.RUNNING, MoveCause.STARTED, 2)],
        ),
        # Told to end by hand meanwhile: it does not come again.
        (
            (*RUNS, (4000, S.STOPPING, MoveCause.BY_HAND, 1)),
            seen(S.STARTING, uncounted=True, since=5000),
            [],
        ),
        # Started anew under the admission that it had: no queue has turned it out.
        (
            RUNS,
            seen(S.STARTING, 2, since=2000, let_in=2000, before=TURNED_OUT),
            [(9000, S.QUEUED, MoveCause.RECLAIMED, 2), (9000, S.STARTING, MoveCause.ADMITTED, 2)],
        ),
        (
            RUNS,
            seen(S.STARTING, 2, since=5000, let_in=2000, before=TURNED_OUT, since_let_in=EndOfRun(1)),
            [(5000, S.QUEUED, MoveCause.RETRIED, 2), (5000, S.STARTING, MoveCause.ADMITTED, 2)],
        ),
    ],
)  # fmt: skip
def test_what_a_back_end_does_not_count_is_an_attempt_all_the_same(
    before: tuple[tuple[int, JobState, MoveCause, int], ...],
    now: FollowedJob,
    wanted: list[tuple[int, JobState, MoveCause, int]],
) -> None:
    known = let_in_of(*before)
    found = moves_to(known, as_numbered(known, now), 9000)
    assert [(each.at, each.state, each.cause, each.attempt) for each in found] == wanted


def test_only_an_eviction_since_it_began_explains_its_end() -> None:
    known = let_in_of(*RUNS)
    for let_in, expected in ((2000, PLACE_LOST), (4000, TURNED_OUT), (None, TURNED_OUT)):
        assert as_numbered(known, seen(S.RUNNING, 2, let_in=let_in, before=TURNED_OUT)).before == expected


def test_who_stopped_it_is_said_where_its_back_end_says_nothing_of_its_end() -> None:
    told = history(S.SUBMITTED, S.QUEUED, S.RUNNING).become(Move(6, S.STOPPING, MoveCause.BY_HAND, 1, "ann stopped it"))
    assert [each.said for each in moves_to(told, seen(S.STOPPED), 9)] == ["ann stopped it"]
    (move,) = moves_to(told, seen(S.STOPPED, end=EndOfRun(143)), 9)
    assert move.said == "exit code 143"


def test_how_it_ended_is_said_on_one_line_and_bounded() -> None:
    end = EndOfRun(137, 1, "killed\n\x1b[31mred " + "x" * 1000)
    (move,) = moves_to(history(S.SUBMITTED, S.QUEUED, S.RUNNING), seen(S.FAILED, end=end, since=7), 9)
    assert move.at == 7
    assert move.said.startswith("exit code 137 of rank 1: killed\\n\\x1b[31mred")
    assert len(move.said) == 500


def test_only_what_a_back_end_had_can_be_lost() -> None:
    assert lost(history(S.SUBMITTED), 9) == ()
    assert [each.state for each in lost(history(S.SUBMITTED, S.QUEUED), 9)] == [S.FAILED]


@pytest.mark.parametrize(
    ("native", "said"),
    [
        ("job/kg-jx@u1", "job/kg-jx was deleted in the cluster, and nobody saw it end"),
        ("4711", "its back end knows nothing of it any more, and nobody saw it end"),
        ("", "its back end knows nothing of it any more, and nobody saw it end"),
    ],
)
def test_what_was_an_object_of_a_cluster_and_is_gone_was_deleted_there(native: str, said: str) -> None:
    assert [each.said for each in lost(history(S.SUBMITTED, S.QUEUED), 9, native)] == [said]


@given(st.lists(st.tuples(st.sampled_from(JobState), st.integers(0, 3)), max_size=12))
def test_whatever_is_shown_every_move_is_legal_and_leads_there(looks: list[tuple[JobState, int]]) -> None:
    found = history(S.SUBMITTED)
    for at, (state, attempt) in enumerate(looks):
        shown = seen(state, max(attempt, found.attempt), since=at - 1, let_in=at - 2, uncounted=attempt == 3)
        moves = moves_to(found, as_numbered(found, shown), at)
        for move in moves:
            found = found.become(move)
        assert not moves or found.state is state
