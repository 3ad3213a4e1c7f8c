"""What is kept of a job's attempts, whatever of them was looked at, and what they used."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from allotment.model.accelerator import CapacityType
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import GivenClass, JobHistory, JobState, Move, MoveCause, RunningPlace
from allotment.model.jobs.use import UseSummary
from allotment.operations.run.following import PLACE_LOST
from allotment.operations.run.recording import UNSEEN, change_of
from allotment.ports.backends import EndOfRun, FollowedJob
from allotment.ports.stored_jobs import StoredJob, changed
from tests.unit.jobs.kubernetes.work import job

S = JobState
EVICTED = EndOfRun(None, said="it made room", displaced=True)
START = 1_000_000


def kept(wanted: Job, looks: list[tuple[int, FollowedJob]]) -> StoredJob:
    """A job after what was seen of it, each at its second."""
    moves = (Move(START, S.SUBMITTED, MoveCause.SUBMITTED), Move(START, S.QUEUED, MoveCause.TAKEN, 1))
    found = StoredJob("j1", wanted, "mia", "eu", JobHistory(moves))
    for at, look in looks:
        change = change_of(found, look, START + at * 1000)
        found = found if change is None else changed(found, change)
    return found


def seen(state: JobState, attempt: int = 1, since: int | None = None, **more: object) -> FollowedJob:
    at = None if since is None else START + since * 1000
    return FollowedJob("j1", "job/j1", state, attempt, since=at, **more)  # type: ignore[arg-type]


def table(found: StoredJob) -> list[tuple[int, int | None, int | None, EndOfRun | None]]:
    def second(at: int | None) -> int | None:
        return None if at is None else (at - START) // 1000

    return [(each.number, second(each.started), second(each.ended), each.end) for each in found.attempts]


def used(found: StoredJob) -> UseSummary:
    assert found.use is not None
    return found.use


def test_a_drained_pod_ends_its_attempt_and_the_time_it_waits_is_not_run() -> None:
    looks = [
        (1, seen(S.STARTING, since=1, uncounted=True)),
        (2, seen(S.RUNNING, since=2, uncounted=True)),
        (100, seen(S.STARTING, since=100, uncounted=True, reason="0/30 nodes are available")),
        (101, seen(S.STARTING, since=100, uncounted=True, reason="0/30 nodes are available")),
        (400, seen(S.RUNNING, since=400, uncounted=True)),
        (500, seen(S.SUCCEEDED, since=500, end=EndOfRun(0))),
    ]
    found = kept(job(), looks)
    assert table(found) == [(1, 2, 100, PLACE_LOST), (2, 400, 500, EndOfRun(0))]
    assert [each.said for each in found.waits] == ["0/30 nodes are available"]
    use, devices = used(found), found.job.devices
    assert (use.run_ms, use.displaced) == (198_000, 1)
    assert use.staging_ms == devices * 301_000
    assert use.held_ms == devices * 499_000


def test_no_attempt_starts_when_it_ends_or_is_left_out() -> None:
    looks = [
        (2, seen(S.RUNNING, since=2)),
        # Counted already, with the time from which the attempt before ran.
        (60, seen(S.STARTING, 2, since=1, before=EVICTED)),
        (62, seen(S.RUNNING, 2, since=61, before=EVICTED)),
        (90, seen(S.RUNNING, 5, since=80, before=EVICTED)),
        (99, seen(S.SUCCEEDED, 5, since=99, end=EndOfRun(0))),
    ]
    found = kept(job(), looks)
    assert table(found) == [
        (1, 2, 60, EVICTED), (2, 61, 80, None), (3, None, 80, UNSEEN), (4, None, 80, EVICTED), (5, 80, 99, EndOfRun(0)),
    ]  # fmt: skip
    assert used(found).run_ms == 96_000
    assert used(found).held_ms == found.job.devices * 97_000


def test_turned_out_and_let_in_while_nobody_looked_waits_for_no_other_job() -> None:
    looks = [(9, seen(S.QUEUED, 4, before=EVICTED)), (20, seen(S.QUEUED, 5, before=EVICTED))]
    found = kept(job(), looks)
    assert {each.cause for each in found.history.moves} & {MoveCause.DEPENDENCY} == set()
    assert [number for number, *_ in table(found)] == [1, 2, 3, 4]
    thousands = kept(job(), [(9, seen(S.QUEUED, 4000, before=EVICTED))])
    assert len(thousands.attempts) <= 21


def test_a_reason_whose_count_has_grown_is_told_anew_after_a_turn() -> None:
    said = "no room; displaced {} times so far"
    looks = [
        (1, seen(S.QUEUED, 3, reason=said.format(2))),
        (2, seen(S.QUEUED, 3, reason=said.format(2).replace("no", "no"))),
        (9, seen(S.QUEUED, 4, reason=said.format(3), before=EVICTED)),
    ]
    assert [each.said for each in kept(job(), looks).waits] == [said.format(2), said.format(3)]
    still = replace(seen(S.QUEUED, 3), reason="2 more needed")
    assert len(kept(job(), [(1, still), (2, replace(still, reason="3 more needed"))]).waits) == 1


@dataclass
class Cluster:
    """What truly becomes of a job of one pod whose back end counts only what its queue turns out."""

    state: JobState = S.QUEUED
    since: int = 0
    let_in: int | None = None
    evictions: int = 0
    attempt: int = 1
    runs: list[tuple[int, int, int | None]] = field(default_factory=list)

    def go_on(self, at: int, *, lost: bool) -> None:
        self.since = at
        if self.state is S.QUEUED:
            self.state, self.let_in = S.STARTING, START + at * 1000
        elif self.state is S.STARTING and not lost:
            self.state = S.RUNNING
            self.runs.append((self.attempt, at, None))
        else:
            if self.state is S.RUNNING:
                number, began, _ = self.runs.pop()
                self.runs.append((number, began, at))
            self.attempt += 1
            if self.state is S.RUNNING and lost:
                self.state = S.STARTING
            else:
                self.state, self.let_in, self.evictions = S.QUEUED, None, self.evictions + 1

    def shown(self) -> FollowedJob:
        before = EVICTED if self.evictions else None
        number = self.evictions + 1
        return seen(self.state, number, self.since, let_in=self.let_in, before=before, uncounted=True)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
def test_who_looks_each_time_sees_every_attempt_and_who_looks_rarely_none_too_many(
    steps: list[tuple[bool, bool]],
) -> None:
    cluster, looks, few = Cluster(), [], []
    for at, (lost, looked) in enumerate(steps, start=1):
        cluster.go_on(at, lost=lost)
        looks.append((at, cluster.shown()))
        if looked:
            few.append(looks[-1])
    always, rarely = kept(job(), looks), kept(job(), few)
    assert [(number, began, ended) for number, began, ended, _ in table(always) if began is not None] == cluster.runs
    assert always.history.attempt == cluster.attempt
    assert rarely.history.attempt <= cluster.attempt
    numbers = [number for number, *_ in table(rarely)]
    assert numbers == list(range(min(numbers, default=1), rarely.history.attempt + 1))[: len(numbers)]
    assert all(ended is None or ended > began for _, began, ended, _ in table(rarely) if began is not None)


def test_what_was_known_of_an_attempts_places_stays_when_it_is_told_no_more() -> None:
    """Its books are gone before its pods are, and of a gang that ends one pod after the other."""
    spot = GivenClass("h100", CapacityType.SPOT)
    both = tuple(RunningPlace(rank, f"n{rank}", given=spot) for rank in (0, 1))
    failed = RunningPlace(0, "", over=S.FAILED)
    looks = [
        (2, seen(S.RUNNING, since=2, places=both)),
        (9, seen(S.STOPPING, since=9, places=(RunningPlace(1, "n1"),))),
        (10, seen(S.STOPPED, since=10, places=(failed,), end=EndOfRun(None))),
    ]
    (attempt,) = kept(job(), looks).attempts
    assert attempt.places == (replace(both[0], over=S.FAILED), both[1])
    # One that is told of first by then has the class of all others.
    late = seen(S.STOPPING, since=9, places=(RunningPlace(2, "n2"),))
    (attempt,) = kept(job(), [looks[0], (9, late)]).attempts
    assert attempt.places == (*both, RunningPlace(2, "n2", given=spot))
    # In the next attempt it is another matter.
    assert [each.places for each in kept(job(), [looks[0], (5, seen(S.STARTING, 2, since=5))]).attempts] == [both, ()]
