"""Schedulers that decide in rounds: worked examples, and what must hold for every set of jobs."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.engine.rounds import RoundCluster, RoundJob, RoundPolicy, RoundSimulation
from tests.by_day import by_day

RESTART = 10.0


def starting_up(*jobs: RoundJob) -> list[RoundJob]:
    return [replace(job, restart=RESTART) for job in jobs]


def played(policy: RoundPolicy, *jobs: RoundJob, nodes: int = 1, sharing: int = 1) -> RoundSimulation:
    simulation = RoundSimulation(RoundCluster(nodes, policy, sharing=sharing), starting_up(*jobs))
    simulation.run()
    return simulation


def test_a_job_waits_for_the_next_round_and_for_its_start_up() -> None:
    done = played(RoundPolicy.SHORTEST_TIME, RoundJob(100.0, 8, 50.0))
    assert (done.started, done.ended) == ([360.0], [420.0])


def test_the_shorter_job_displaces_the_longer_one() -> None:
    done = played(RoundPolicy.SHORTEST_TIME, RoundJob(0.0, 8, 1_000.0), RoundJob(300.0, 8, 100.0))
    # 350 s done by 360; the short one runs in the next round; the rest starts up again at 720.
    assert done.started == [0.0, 360.0]
    assert done.ended == [720.0 + RESTART + 650.0, 470.0]
    assert done.restarts == 3


def test_service_counts_gpus_and_time_does_not() -> None:
    jobs = (RoundJob(0.0, 8, 500.0), RoundJob(0.0, 1, 1_000.0))
    assert played(RoundPolicy.SHORTEST_TIME, *jobs).started == [0.0, 720.0]
    assert played(RoundPolicy.SHORTEST_SERVICE, *jobs).started == [1_080.0, 0.0]


def test_who_attained_much_service_makes_room() -> None:
    done = played(RoundPolicy.ATTAINED_SERVICE, RoundJob(0.0, 8, 5_000.0), RoundJob(4_000.0, 8, 100.0))
    assert done.started == [0.0, 4_320.0]
    assert done.ended[1] == 4_430.0


def test_jobs_up_to_a_node_stay_on_one_and_larger_ones_take_whole_nodes() -> None:
    jobs = (RoundJob(0.0, 5, 100.0), RoundJob(0.0, 5, 200.0), RoundJob(0.0, 5, 300.0), RoundJob(0.0, 16, 400.0))
    done = played(RoundPolicy.SHORTEST_TIME, *jobs, nodes=2)
    assert done.started == [0.0, 0.0, 360.0, 720.0], "6 GPUs are free at first, but 3 on each node"


def test_a_fork_goes_its_own_way() -> None:
    base = RoundSimulation(
        RoundCluster(1, RoundPolicy.SHORTEST_TIME), starting_up(RoundJob(0.0, 8, 500.0), RoundJob(2_000.0, 8, 5.0))
    )
    base.run(until=360.0)
    fork = base.fork()
    assert len(fork.jobs) == 1, "what is still to come is not known"
    fork.scale_remaining(0, 3.0)
    fork.run()
    base.run()
    assert base.ended[0] == 510.0
    assert fork.ended[0] == 360.0 + 3 * 150.0


def test_a_twin_is_set_right_by_what_was_seen() -> None:
    twin = RoundSimulation(
        RoundCluster(1, RoundPolicy.SHORTEST_TIME), starting_up(RoundJob(0.0, 8, 100.0), RoundJob(0.0, 8, 900.0))
    )
    twin.run(until=720.0)
    twin.correct(0, started=True, ended=False)
    twin.correct(1, started=False, ended=False)
    twin.run()
    assert twin.started == [0.0, 1_440.0], "the first runs one round longer than thought, and starts up in it"
    assert twin.ended[0] == 720.0 + RESTART + 360.0


def test_who_was_seen_not_to_be_placed_is_placed_a_round_later() -> None:
    for policy in RoundPolicy:
        twin = RoundSimulation(RoundCluster(1, policy), starting_up(RoundJob(0.0, 4, 900.0), RoundJob(0.0, 4, 900.0)))
        twin.decide()
        future = twin.fork()
        future.correct(0, started=False, ended=False)
        future.hold_back(0)
        future.run()
        assert future.started == [360.0, 0.0]


def test_least_service_takes_turns() -> None:
    done = played(
        RoundPolicy.LEAST_SERVICE, RoundJob(0.0, 8, 700.0), RoundJob(300.0, 8, 700.0), RoundJob(700.0, 8, 5.0)
    )
    assert done.started == [0.0, 360.0, 720.0]


def test_finish_time_fairness_lets_newcomers_in_first() -> None:
    done = played(RoundPolicy.FINISH_TIME_FAIRNESS, RoundJob(0.0, 8, 5_000.0), RoundJob(300.0, 8, 900.0))
    assert done.started == [0.0, 360.0]
    assert done.ended == [1_440.0 + RESTART + 4_650.0, 360.0 + RESTART + 900.0], "350 of 5,000 s were done by 360"


def test_jobs_of_one_size_share_gpus_and_run_slower_for_it() -> None:
    """A job busy with storage and one busy with GPUs get in each other's way little."""
    reads = RoundJob(0.0, 8, 1_000.0, step=1.0, stages=(0.9, 0.1))
    computes = RoundJob(0.0, 8, 1_000.0, step=1.0, stages=(0.3, 0.9))
    done = played(RoundPolicy.SHORTEST_SERVICE, reads, computes, nodes=2, sharing=4)
    assert done.ended == [1_010.0, 1_010.0], "two nodes need not be shared"
    done = played(RoundPolicy.SHORTEST_SERVICE, reads, computes, sharing=4)
    assert done.started == [0.0, 0.0]
    assert done.ended[0] == pytest.approx(10.0 + 1_000.0 * (0.9 + 0.3))


JOBS = st.lists(
    st.builds(RoundJob, st.integers(0, 20_000).map(float), st.sampled_from([1, 2, 4, 8, 16]), st.integers(1, 9_000)),
    min_size=1,
    max_size=15,
).map(lambda jobs: sorted(jobs, key=lambda job: job.submitted))


@settings(max_examples=by_day(50))
@given(jobs=JOBS, policy=st.sampled_from(RoundPolicy), sharing=st.sampled_from([1, 3]))
def test_everybody_ends_and_nobody_before_its_time(jobs: list[RoundJob], policy: RoundPolicy, sharing: int) -> None:
    done = played(policy, *jobs, nodes=2, sharing=sharing)
    for job, started, ended in zip(jobs, done.started, done.ended, strict=True):
        assert started is not None
        assert ended is not None
        assert job.submitted <= started
        assert ended >= started + RESTART + job.runtime - 1e-6
    if sharing == 1:
        assert_not_more_than_there_is(done, jobs)


def assert_not_more_than_there_is(done: RoundSimulation, jobs: list[RoundJob]) -> None:
    work = sum(job.gpus * job.runtime for job in jobs)
    last = max(ended for ended in done.ended if ended is not None)
    assert work <= 16 * (last - jobs[0].submitted) + 1e-6


@settings(max_examples=by_day(50))
@given(jobs=JOBS, policy=st.sampled_from(RoundPolicy), cut=st.integers(0, 60))
def test_stopping_in_between_changes_nothing(jobs: list[RoundJob], policy: RoundPolicy, cut: int) -> None:
    whole = played(policy, *jobs, nodes=2)
    halves = RoundSimulation(RoundCluster(2, policy), starting_up(*jobs))
    halves.run(until=cut * 360.0)
    halves.decide()
    halves.run()
    assert halves.started == whole.started
    ends = zip(halves.ended, whole.ended, strict=True)
    assert all(one is not None and two is not None and abs(one - two) < 1e-6 for one, two in ends)
