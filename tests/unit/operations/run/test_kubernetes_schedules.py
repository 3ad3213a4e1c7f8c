"""Runs of a schedule that a cluster starts, look by look: each is an attempt of its own, however few it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from allotment.adapters.kube.fake import FakeKube
from allotment.model.accelerator import CapacityType
from allotment.model.jobs.run import GivenClass, JobHistory, JobState, Move, MoveCause
from allotment.operations.run.kubernetes.seeing import seen_jobs
from allotment.operations.run.kubernetes.standing import followed
from allotment.operations.run.recording import change_of, ended_without
from allotment.ports.backends import EndOfRun, FollowedJob
from allotment.ports.stored_jobs import StoredJob, changed
from tests.unit.jobs.kubernetes.work import job as wanted
from tests.unit.operations.run.test_kubernetes_attempts import DAY, a_pod, at, attempts, moment_of
from tests.unit.operations.run.test_kubernetes_standing import CRON, EVICTED, HOMES, Body, run, said, workload

SPOT = GivenClass("h100", CapacityType.SPOT)
EVERY_MINUTE = {"cron": "* * * * *", "timeZone": "Etc/UTC"}


def a_run(number: int, *, over: str = "", ok: bool = False, **more: Any) -> Body:
    """The one of that minute; it ran from its second 2 on."""
    ends = [at(over, said("Complete" if ok else "Failed", "" if ok else "BackoffLimitExceeded"))] if over else []
    status = {"startTime": f"{DAY}0{number}:01Z", **more.pop("status", {})}
    return run(f"r{number}", *ends, created=f"{DAY}0{number}:00Z", status=status, **more)


def its_pod(number: int, phase: str = "Running", code: int = 3) -> Body:
    ended = {"exitCode": code, "finishedAt": f"{DAY}0{number}:07Z"}
    statuses = [{"name": "main", "state": {} if phase == "Running" else {"terminated": ended}}]
    return a_pod(f"p{number}", phase, f"0{number}:02", of=a_run(number), containerStatuses=statuses)


def shown(bodies: list[Body]) -> FollowedJob:
    kube = FakeKube()
    kube.put(*bodies)
    (seen,) = seen_jobs(kube, (), HOMES).values()
    found = followed(seen)
    assert found is not None
    return found


def kept(looks: Sequence[tuple[str, list[Body]]], found: StoredJob | None = None) -> StoredJob:
    moves = (Move(moment_of("00:00"), JobState.SUBMITTED, MoveCause.SUBMITTED),)
    found = found or StoredJob("k7x2", wanted(schedule=EVERY_MINUTE), "mia", "eu", JobHistory(moves))
    for when, bodies in looks:
        change = change_of(found, shown(bodies).with_class(SPOT), moment_of(when))
        found = found if change is None else changed(found, change)
    return found


def failed(number: int) -> list[Body]:
    return [a_run(number, over=f"0{number}:08", status={"failed": 1}), its_pod(number, "Failed")]


FAILS: list[tuple[str, list[Body]]] = [
    ("00:30", [CRON]),
    ("01:03", [CRON, a_run(1), its_pod(1)]),
    ("01:09", [CRON, *failed(1)]),
    ("02:03", [CRON, *failed(1), a_run(2), its_pod(2)]),
    # One that failed is kept, by default.
    ("02:09", [CRON, *failed(2)]),
    ("03:03", [CRON, *failed(2), a_run(3), its_pod(3)]),
    ("03:09", [CRON, *failed(3)]),
    ("04:03", [CRON, *failed(3), a_run(4), its_pod(4)]),
]


def test_each_run_is_a_row_that_ends_with_its_job() -> None:
    found = kept(FAILS)
    rows = [(1, "01:02", "01:08"), (2, "02:02", "02:08"), (3, "03:02", "03:08")]
    assert attempts(found) == [*rows, (4, "04:02", "")]
    assert [each.end for each in found.attempts[:3]] == [EndOfRun(3, 0, f"work-p{each}") for each in (1, 2, 3)]
    assert [place.node for each in found.attempts for place in each.places] == [f"node-p{each}" for each in range(1, 5)]
    turns = [(each.state.value, each.cause.value) for each in found.history.moves]
    assert turns == [
        ("submitted", "submitted"), ("queued", "taken"), ("running", "started"),
        *[("queued", "ended"), ("running", "started")] * 3,
    ]  # fmt: skip
    # Looked at again and again, nothing is new.
    assert kept([FAILS[-1], ("04:05", FAILS[-1][1])], found) == found


def test_runs_that_nobody_saw_are_rows_all_the_same() -> None:
    there = [each for number in (1, 2, 3) for each in failed(number)]
    found = kept([FAILS[0], ("03:30", [CRON, *there])])
    assert attempts(found) == [(1, "01:02", "01:08"), (2, "02:02", "02:08"), (3, "03:02", "03:08")]
    assert {place.given for each in found.attempts for place in each.places} == {SPOT}
    assert kept([("03:31", [CRON, *there])], found) == found
    # First looked at while the fourth runs, and when the first two are kept no more.
    late = kept([("04:03", [CRON, *there, a_run(4), its_pod(4)])])
    assert attempts(late) == [*attempts(found), (4, "04:02", "")]
    after = kept([("05:30", [CRON, *failed(3), *failed(4), *failed(5)])], late)
    assert attempts(after) == [*attempts(found), (4, "04:02", "04:08"), (5, "05:02", "05:08")]


def test_a_run_that_starts_is_not_where_the_one_before_was() -> None:
    found = shown([CRON, *failed(1), a_run(2)])
    assert (found.state, found.places, found.since) == (JobState.STARTING, (), None)


def test_a_run_whose_job_is_gone_has_ended_when_the_next_is_there() -> None:
    gone = kept([*FAILS[:2], ("01:30", [CRON]), ("02:03", [CRON, a_run(2), its_pod(2)])])
    assert attempts(gone) == [(1, "01:02", "01:30"), (2, "02:02", "")]
    unseen = kept([*FAILS[:2], ("02:03", [CRON, a_run(2), its_pod(2)])])
    assert [each[0] for each in attempts(unseen)] == [1, 2]


def test_a_run_that_its_queue_turns_out_goes_on_as_the_next_row() -> None:
    waits = a_run(1, suspend=True)
    out = workload(a_run(1), at("01:20", EVICTED), evictions=1)
    back = workload(a_run(1), at("01:40", said("Admitted")), {**EVICTED, "status": "False"}, evictions=1, admitted=True)
    again = a_pod("again", "Running", "01:41", of=a_run(1))
    found = kept([
        *FAILS[:2], ("01:21", [CRON, waits, out]), ("01:42", [CRON, a_run(1), back, again]),
        ("02:30", [CRON, a_run(1, over="01:55", ok=True), back]),
    ])  # fmt: skip
    assert attempts(found) == [(1, "01:02", "01:20"), (2, "01:41", "01:55")]
    assert [each.end and each.end.displaced for each in found.attempts] == [True, False]


def test_a_run_whose_node_is_drained_goes_on_as_the_next_row_and_one_that_is_tried_again_does_not() -> None:
    new = a_pod("new", "Running", "01:31", of=a_run(1))
    going = its_pod(1)
    going["metadata"] |= {"deletionTimestamp": f"{DAY}01:20Z", "finalizers": ["batch.kubernetes.io/job-tracking"]}
    going["status"] |= {"conditions": [at("01:20", said("DisruptionTarget", "EvictionByEvictionAPI", "evicting"))]}
    over = a_run(1, over="01:50", ok=True)
    found = kept(
        [*FAILS[:2], ("01:21", [CRON, a_run(1), going]), ("01:32", [CRON, a_run(1), new]), ("01:51", [CRON, over])]
    )
    assert attempts(found) == [(1, "01:02", "01:31"), (2, "01:31", "01:50")]
    tried = a_run(1, status={"failed": 1})
    again = kept([*FAILS[:2], ("01:32", [CRON, tried, its_pod(1, "Failed"), new]), ("01:51", [CRON, over, new])])
    assert attempts(again) == [(1, "01:02", "01:50")]


@pytest.mark.parametrize("index", [4, 5])
def test_a_schedule_that_is_stopped_leaves_no_run_open(index: int) -> None:
    """Between two runs, by nobody but us; within one its back end says when that has ended."""
    found = kept(FAILS[: index + 1])
    last = found.history.attempt
    if found.state.holds:
        found = changed(
            found, ended_without(found, (Move(moment_of("03:05"), JobState.STOPPING, MoveCause.BY_HAND, last),))
        )
        over = FollowedJob("k7x2", "", JobState.STOPPED, 1, end=EndOfRun(None, said="it was stopped"))
        change = change_of(found, over, moment_of("03:06"))
        assert change is not None
    else:
        change = ended_without(found, (Move(moment_of("03:05"), JobState.STOPPED, MoveCause.BY_HAND, last),))
    found = changed(found, change)
    rows = [(1, "01:02", "01:08"), (2, "02:02", "02:08"), (3, "03:02", "03:06")]
    assert attempts(found) == rows[: 2 if index == 4 else 3]
    assert found.use is not None
    assert found.use.run_ms == (12_000 if index == 4 else 16_000)


def test_a_job_that_ends_unseen_ends_its_attempt_and_what_it_used_is_told() -> None:
    found = kept(FAILS[:2])
    move = Move(moment_of("01:30"), JobState.FAILED, MoveCause.LOST, 1, "it was deleted")
    found = changed(found, ended_without(found, (move,)))
    assert attempts(found) == [(1, "01:02", "01:30")]
    assert found.attempts[0].end == EndOfRun(None, said="it was deleted")
    assert found.use is not None
