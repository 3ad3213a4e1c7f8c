"""Attempts of a job as a cluster shows it, look by look: drained, displaced, let in again, its node gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from allotment.adapters.kube.fake import FakeKube
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.model.moments import moment
from allotment.operations.run.kubernetes.seeing import seen_jobs
from allotment.operations.run.kubernetes.standing import followed
from allotment.operations.run.recording import change_of
from allotment.ports.backends import EndOfRun
from allotment.ports.stored_jobs import StoredJob, changed
from tests.unit.jobs.kubernetes.work import job as wanted
from tests.unit.operations.run.test_kubernetes_standing import (
    DRAINED,
    EVICTED,
    HOMES,
    OF_SET,
    SET,
    Body,
    job,
    pod,
    said,
    workload,
)

C = MoveCause
DAY = "2026-11-28T02:"


def at(when: str, condition: Body) -> Body:
    return {**condition, "lastTransitionTime": f"{DAY}{when}Z"}


def a_pod(uid: str, phase: str, made: str, *, of: Body | None = None, going: bool = False, **status: Any) -> Body:
    began = {} if phase == "Pending" else {"startTime": f"{DAY}{made}Z"}
    body = pod(uid, phase, owner=of, status={"startTime": "", **began, **status})
    body["metadata"]["creationTimestamp"] = f"{DAY}{made}Z"
    if going:
        body["metadata"] |= {"deletionTimestamp": f"{DAY}59:00Z", "finalizers": ["batch.kubernetes.io/job-tracking"]}
    return body


def moment_of(when: str) -> int:
    found = moment(f"{DAY}{when}Z")
    assert found is not None
    return found


def kept(looks: Sequence[tuple[str, list[Body]]]) -> StoredJob:
    moves = (Move(moment_of("00:00"), JobState.SUBMITTED, C.SUBMITTED),)
    found = StoredJob("k7x2", wanted(), "mia", "eu", JobHistory(moves))
    for when, bodies in looks:
        kube = FakeKube()
        kube.put(*bodies)
        (seen,) = seen_jobs(kube, (), HOMES).values()
        shown = followed(seen)
        assert shown is not None
        change = change_of(found, shown, moment_of(when))
        found = found if change is None else changed(found, change)
    return found


def attempts(found: StoredJob) -> list[tuple[int, str, str]]:
    def clock(ms: int | None) -> str:
        second = 0 if ms is None else (ms - moment_of("00:00")) // 1000
        return "" if ms is None else f"{second // 60:02}:{second % 60:02}"

    return [(each.number, clock(each.started), clock(each.ended)) for each in found.attempts]


LET_IN = at("01:00", said("Admitted"))
AGAIN = at("30:00", said("Admitted"))
OUT = at("25:00", EVICTED)
BEFORE = at("30:00", {**EVICTED, "status": "False", "message": f"Previously: {EVICTED['message']}"})
TAINTED = [said("PodScheduled", "", "0/30 nodes are available", "False")]


def test_drained_then_displaced_then_done() -> None:
    first = workload(job(), LET_IN, admitted=True)
    gone = a_pod("a", "Running", "01:10", going=True, **DRAINED)
    out = workload(job(), OUT, said("Admitted", status="False"), evictions=1)
    again = workload(job(), AGAIN, BEFORE, evictions=1, admitted=True)
    looks: list[tuple[str, list[Body]]] = [
        ("00:30", [job(suspend=True), workload(job())]),
        ("01:01", [job(), first]),
        ("01:20", [job(), first, a_pod("a", "Running", "01:10")]),
        ("10:00", [job(), first, gone]),
        ("10:01", [job(), first]),
        ("10:02", [job(), first, a_pod("b", "Pending", "10:02", conditions=TAINTED)]),
        ("19:00", [job(), first, a_pod("b", "Pending", "10:02", conditions=TAINTED)]),
        ("20:00", [job(), first, a_pod("b", "Running", "20:00")]),
        # Counted as displaced, and not suspended yet; then suspended, while its pod still ends.
        ("25:01", [job(), workload(job(), OUT, LET_IN, evictions=1, admitted=True), a_pod("b", "Running", "20:00")]),
        ("25:02", [job(suspend=True), out, a_pod("b", "Running", "20:00", going=True)]),
        ("25:05", [job(suspend=True), out]),
        ("30:01", [job(), again]),
        ("30:03", [job(), again, a_pod("c", "Running", "30:02")]),
        ("40:00", [job(at("40:00", said("Complete"))), again]),
    ]
    found = kept(looks)
    assert attempts(found) == [(1, "01:10", "10:02"), (2, "20:00", "25:00"), (3, "30:02", "40:00")]
    assert [(each.state.value, each.cause.value) for each in found.history.moves[4:]] == [
        ("stopping", "reclaimed"), ("queued", "reclaimed"), ("starting", "admitted"), ("running", "started"),
        ("stopping", "preempted"), ("queued", "preempted"), ("starting", "admitted"), ("running", "started"),
        ("succeeded", "exit-code"),
    ]  # fmt: skip
    assert found.use is not None
    assert (found.use.displaced, found.use.run_ms) == (2, (8 * 60 + 52 + 5 * 60 + 9 * 60 + 58) * 1000)
    # Whoever looks less often sees the same attempts, and no time that nobody ran.
    rarely = kept([looks[index] for index in (2, 7, 12, 13)])
    assert attempts(rarely) == [(1, "01:10", "20:00"), (2, "20:00", "30:02"), (3, "30:02", "40:00")]


def test_a_gang_whose_node_goes_was_not_turned_out_by_its_queue() -> None:
    """What its Workload says of an eviction minutes ago explains nothing."""
    once = {**SET, "status": {"restarts": 0, "conditions": []}}
    again = workload(SET, AGAIN, BEFORE, evictions=1, admitted=True)
    found = kept([
        ("01:20", [once, OF_SET, workload(SET, LET_IN, admitted=True), a_pod("a", "Running", "01:10", of=OF_SET)]),
        ("30:10", [once, OF_SET, again, a_pod("b", "Running", "30:05", of=OF_SET)]),
        ("35:00", [SET, again]),
        ("35:10", [SET, OF_SET, again, a_pod("c", "Running", "35:05", of=OF_SET)]),
    ])  # fmt: skip
    assert attempts(found) == [(1, "01:10", "30:05"), (2, "30:05", "35:00"), (3, "35:05", "")]
    turns = [each.cause for each in found.history.moves if each.state is JobState.QUEUED]
    assert turns == [C.TAKEN, C.PREEMPTED, C.RECLAIMED]
    ends = [each.end.said for each in found.attempts if each.end is not None]
    assert ends == [EVICTED["message"], "what it ran on is gone: its pod, or the node of that"]


def failed(uid: str, began: str, over: str, code: int = 1) -> Body:
    terminated = {"exitCode": code, "reason": "Error", "finishedAt": f"{DAY}{over}Z"}
    statuses = [{"name": "main", "state": {"terminated": terminated}}]
    return a_pod(uid, "Failed", began, containerStatuses=statuses)


def counted(*conditions: Body, failures: int) -> Body:
    return job(*conditions, status={"failed": failures}, spec={"backoffLimit": 1})


FIRST = workload(job(), LET_IN, admitted=True)
NO_MORE = at("02:20", said("Failed", "BackoffLimitExceeded"))
ONE, TWO = failed("a", "01:00", "01:20"), failed("b", "01:40", "02:19", 2)
FAILS: list[tuple[str, list[Body]]] = [
    ("01:01", [job(), FIRST, a_pod("a", "Running", "01:00")]),
    ("01:21", [counted(failures=1), FIRST, ONE]),
    ("01:41", [counted(failures=1), FIRST, ONE, a_pod("b", "Running", "01:40")]),
    ("02:21", [counted(NO_MORE, failures=2), FIRST, ONE, TWO]),
]


@pytest.mark.parametrize("looks", [(0, 1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 3)])
def test_an_attempt_that_fails_ends_with_its_pod_and_the_next_starts_with_its_own(looks: tuple[int, ...]) -> None:
    found = kept([FAILS[each] for each in looks])
    assert attempts(found) == [(1, "01:00", "01:20"), (2, "01:40", "02:20")]
    assert [each.end and each.end.said for each in found.attempts] == ["work-a", "work-b"]
    assert C.RETRIED in {each.cause for each in found.history.moves}
    assert found.use is not None
    assert found.use.run_ms == 60_000


def test_an_attempt_of_which_no_pod_is_left_had_ended_when_the_next_began() -> None:
    found = kept([FAILS[0], ("02:21", [counted(NO_MORE, failures=2), FIRST, TWO])])
    assert attempts(found) == [(1, "01:00", "01:40"), (2, "01:40", "02:20")]


def test_while_a_job_waits_to_try_again_the_next_attempt_has_not_started() -> None:
    found = kept(FAILS[:2])
    assert attempts(found) == [(1, "01:00", "01:20"), (2, "", "")]
    assert found.history.moves[-1].at == moment_of("01:20")


def test_a_gang_that_starts_anew_has_ended_when_that_is_seen() -> None:
    """Its pods and Jobs are gone by then, and its queue let it in long before."""
    once = {**SET, "status": {"restarts": 0, "conditions": []}}
    let_in = workload(SET, LET_IN, admitted=True)
    found = kept([
        ("01:01", [once, OF_SET, let_in, a_pod("a", "Running", "01:00", of=OF_SET)]),
        ("01:30", [SET, let_in]),
    ])  # fmt: skip
    assert attempts(found) == [(1, "01:00", "01:30"), (2, "", "")]


def test_a_pod_that_somebody_deletes_costs_a_retry_and_is_not_displaced() -> None:
    found = kept([
        ("01:01", [job(), FIRST, a_pod("a", "Running", "01:00")]),
        ("01:30", [counted(failures=1), FIRST]),
        ("01:45", [counted(failures=1), FIRST, a_pod("b", "Running", "01:44")]),
        ("02:21", [counted(NO_MORE, failures=2), FIRST]),
    ])  # fmt: skip
    assert attempts(found) == [(1, "01:00", "01:30"), (2, "01:44", "02:20")]
    first, second = (each.end for each in found.attempts)
    assert first == EndOfRun(None, said="its pod is gone, as if deleted by somebody: that cost a retry")
    assert second is not None
    assert second.said.startswith("its pod is gone, as if deleted by somebody, and its one retry is used (run it ")
    assert C.RETRIED in {each.cause for each in found.history.moves}
    assert found.use is not None
    assert found.use.displaced == 0


def test_displaced_while_nobody_looked_it_ended_when_its_queue_turned_it_out() -> None:
    """As Kueue keeps that moment only of the first time, it counts where it can be of the attempt that was on."""
    back = workload(job(), AGAIN, BEFORE, at("25:00", said("Requeued", "Preempted")), evictions=1, admitted=True)
    looks: list[tuple[str, list[Body]]] = [
        ("01:20", [job(), FIRST, a_pod("a", "Running", "01:10")]),
        ("31:00", [job(), back, a_pod("b", "Running", "30:02")]),
    ]
    assert attempts(kept(looks)) == [(1, "01:10", "25:00"), (2, "30:02", "")]
    moves = [(each.state.value, each.at) for each in kept(looks).history.moves[-2:]]
    assert moves == [("queued", moment_of("25:00")), ("running", moment_of("30:02"))]
    later = at("50:00", said("Admitted"))
    twice = workload(job(), later, BEFORE, at("25:00", said("Requeued", "Preempted")), evictions=2, admitted=True)
    found = kept([*looks, ("50:10", [job(), twice, a_pod("c", "Running", "50:02")])])
    assert attempts(found) == [(1, "01:10", "25:00"), (2, "30:02", "50:02"), (3, "50:02", "")]
